// SPDX-License-Identifier: MIT
// execve: another program in the same process.
//
//   the file  →  a program, or a script's interpreter, and so on  →  a new address space, with the program's segments,
//   its dynamic linker's if it asks for one, and a stack  →  the point of no return: the process takes it
//
// Everything that can fail is done before that point, but that other threads have ended by then. The kernel has no
// part in it.
#include "libos/unix/process/exec.h"
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/disk/filesystem.h"
#include "libos/unix/files/file.h"
#include "libos/unix/map.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/posix_timers.h"
#include "libos/unix/process/rewrite.h"
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include "libos/unix/process/trace.h"
#include <errno.h>
#include <string.h>

constexpr unsigned SCRIPTS_MOST = 5; // interpreters that are scripts themselves
constexpr size_t SCRIPT_LINE = 256;  // bytes of the first line that are looked at
constexpr uint64_t PROGRAM_BASE = 0x55'5555'4000, INTERPRETER_BASE = 0x7f'c000'0000;

// Reads all of what is asked for, or gives -ENOEXEC.
static int read_all(struct inode *file, uint64_t offset, void *to, size_t bytes) {
    const int64_t done = cache_read(file, offset, to, bytes);
    return done < 0 ? (int)done : (size_t)done == bytes ? 0 : -ENOEXEC;
}

// *why: of an ELF file that is refused. That a file is none at all is nothing to be told: shells try it and go on.
static int image_read(struct inode *file, const void *first_bytes, size_t count, struct elf_image *image,
                      const char **why) {
    struct elf_header header;
    uint8_t table[ELF_TABLE_MOST * ELF_ENTRY_BYTES];
    int error = elf_header(first_bytes, count, file->size, &header);
    if (error != 0) {
        if (elf_begins(first_bytes, count)) *why = elf_reason();
        return error;
    }
    error = read_all(file, header.table_offset, table, (size_t)header.table_count * ELF_ENTRY_BYTES);
    if (error != 0) return error;
    error = elf_image(&header, table, file->size, image);
    if (error != 0) *why = elf_reason();
    return error;
}

// Maps a segment: the pages of the file, then zeros. What follows the file's bytes in the last page of them is zeroed
// by the caller, when the address space is entered.
static int segment_map(struct vm *vm, struct inode *file, const struct elf_segment *segment) {
    constexpr uint64_t in_page = EXO_PAGE_SIZE - 1;
    const uint64_t first = segment->first & ~in_page;
    const uint64_t file_end = segment->file_end == segment->first ? first : (segment->file_end + in_page) & ~in_page;
    const uint64_t end = (segment->end + in_page) & ~in_page;
    if (file_end != first) {
        const int64_t at = vm_map(vm, &(struct vm_map){
                                          .first = first,
                                          .bytes = file_end - first,
                                          .rights = segment->rights,
                                          .fixed = true,
                                          .file = file,
                                          .offset = segment->offset & ~in_page,
                                      });
        if (at < 0) return (int)at;
    }
    if (end == file_end) return 0;
    const struct vm_map zeros = {.first = file_end, .bytes = end - file_end, .rights = segment->rights, .fixed = true};
    const int64_t at = vm_map(vm, &zeros);
    return at < 0 ? (int)at : 0;
}

static int image_map(struct vm *vm, struct inode *file, const struct elf_image *image) {
    for (unsigned i = 0; i < image->segment_count; i++) {
        const int error = segment_map(vm, file, &image->segments[i]);
        if (error != 0) return error;
    }
    return 0;
}

static int image_zero(const struct elf_image *image) {
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];
        const uint64_t rest = -segment->file_end % EXO_PAGE_SIZE;
        const uint64_t zeros = segment->end - segment->file_end;
        if (zeros == 0 || rest == 0 || segment->file_end == segment->first || !(segment->rights & VM_WRITE)) continue;
        const int error = user_zero(segment->file_end, zeros < rest ? zeros : rest);
        if (error != 0) return error;
    }
    return 0;
}

static int interpreter_open(struct program *program) {
    char path[ELF_INTERPRETER_MOST + 1], first[ELF_HEADER_BYTES];
    int error = read_all(program->file, program->image.interpreter, path, program->image.interpreter_bytes);
    if (error != 0) return error;
    path[program->image.interpreter_bytes - 1] = 0;
    program->why = "the dynamic linker that it asks for is not there, or is none";
    error = path_program(path, &program->interpreter_file);
    if (error == 0) error = read_all(program->interpreter_file, 0, first, sizeof(first));
    if (error == 0)
        error = image_read(program->interpreter_file, first, sizeof(first), &program->interpreter, &program->why);
    if (error == 0) elf_move(&program->interpreter, INTERPRETER_BASE);
    return error == -ENOEXEC ? -ELIBBAD : error;
}

static bool is_blank(char letter) {
    return letter == ' ' || letter == '\t';
}

// The first line of a script: `#!`, spaces, a path, and the rest as one argument.
static int script_line(char *line, size_t count, char **path, char **argument) {
    line[count] = 0;
    char *end = strchr(line, '\n');
    if (end == nullptr && count == SCRIPT_LINE) return -ENOEXEC;
    if (end == nullptr) end = line + count;
    while (end > line + 2 && is_blank(end[-1])) end--;
    *end = 0;
    char *at = line + 2;
    while (is_blank(*at)) at++;
    *path = at;
    if (*at == 0) return -ENOEXEC;
    while (*at != 0 && !is_blank(*at)) at++;
    if (*at != 0) *at++ = 0;
    while (is_blank(*at)) at++;
    *argument = *at != 0 ? at : nullptr;
    return 0;
}

// The script's path comes in the place of its first argument, and before it what its first line says.
static int script_arguments(struct strings *arguments, const char *script, const char *path, const char *argument) {
    strings_drop_first(arguments);
    int error = strings_add_first(arguments, script);
    if (error == 0 && argument != nullptr) error = strings_add_first(arguments, argument);
    return error == 0 ? strings_add_first(arguments, path) : error;
}

// Finds the file and reads what is in it.
static int program_open(struct program *program) {
    char line[SCRIPT_LINE + 1];
    for (unsigned scripts = 0; scripts <= SCRIPTS_MOST; scripts++) {
        int error = path_program(program->path, &program->file);
        if (error != 0) return error;
        program_located(program);
        const int64_t count = cache_read(program->file, 0, line, SCRIPT_LINE);
        if (count < 0) return (int)count;
        if (count < 2 || line[0] != '#' || line[1] != '!') {
            error = image_read(program->file, line, (size_t)count, &program->image, &program->why);
            if (error != 0) return error;
            elf_move(&program->image, PROGRAM_BASE);
            return program->image.interpreter_bytes != 0 ? interpreter_open(program) : 0;
        }
        char *path, *argument;
        error = script_line(line, (size_t)count, &path, &argument);
        if (error == 0) error = script_arguments(&program->arguments, program->path, path, argument);
        if (error != 0) return error;
        inode_release(program->file);
        program->file = nullptr;
        memcpy(program->path, path, strlen(path) + 1);
    }
    return -ELOOP;
}

void program_release(struct program *program) {
    inode_release(program->file);
    inode_release(program->interpreter_file);
    if (program->memory != nullptr) vm_release(program->memory);
    strings_release(&program->arguments);
    strings_release(&program->environment);
}

static int memory_build(struct program *program) {
    int error = vm_new(&program->memory);
    if (error == 0) error = image_map(program->memory, program->file, &program->image);
    if (error == 0 && program->interpreter_file != nullptr)
        error = image_map(program->memory, program->interpreter_file, &program->interpreter);
    if (error != 0) return error;
    vm_break_at(program->memory, (program->image.end + EXO_PAGE_SIZE - 1) & ~(EXO_PAGE_SIZE - 1));
    return start_stack_map(program);
}

// The new memory takes the old one's place, so that it can be written; if that fails, the old one comes back.
static int memory_fill(struct thread *self, struct program *program) {
    struct process *process = self->process;
    struct vm *old = process->memory;
    process->memory = program->memory;
    memory_enter(process->memory);
    int error = image_zero(&program->image);
    if (error == 0 && program->interpreter_file != nullptr) error = image_zero(&program->interpreter);
    if (error == 0) error = start_stack_write(program);
    if (error != 0) {
        process->memory = old;
        memory_enter(old);
        return error == -EFAULT ? -ENOMEM : error;
    }
    rewrite_program(program);
    program->memory = old; // to be released
    return 0;
}

static void become(struct thread *self, struct program *program) {
    struct process *process = self->process;
    const struct elf_image *begins = program->interpreter_file != nullptr ? &program->interpreter : &program->image;
    *self->user = (struct exo_context){.rip = begins->entry, .rsp = program->stack, .rflags = 0x202};
    self->call = NO_CALL;
    self->clear_tid = self->robust_list = self->rseq = 0;
    self->signal_stack = self->signal_stack_bytes = self->signal_stack_flags = 0;
    vector_clear(self);
    __asm__ volatile("wrfsbase %0; wrgsbase %0" ::"r"(0ull));
    signals_exec(process->signals);
    posix_timers_release(process);
    descriptors_exec(process->descriptors);
    struct inode *old = process->program;
    process->program = program->file;
    program->file = old;
    process->ran_program = true;
    process->stack = program->stack;
    process->arguments = program->arguments_at, process->arguments_end = program->environment_at;
    process->environment = program->environment_at, process->environment_end = program->strings_end;
    program_name(process, program);
    vfork_done(self);
}

int program_exec(struct thread *self, struct program *program) {
    int error = program_open(program);
    if (error == 0) error = memory_build(program);
    if (error == 0) error = process_alone();
    if (error == 0 && self->process->signals->references > 1) {
        struct signals *own = signals_copy(self->process->signals);
        if (own == nullptr) return -ENOMEM;
        signals_release(self->process->signals);
        self->process->signals = own;
    }
    if (error == 0) error = memory_fill(self, program);
    if (error != 0) return error;
    become(self, program);
    return 0;
}

int64_t sys_execve(struct thread *self, const uint64_t argument[6]) {
    struct program *program = heap_allocate_zeroed(sizeof(*program)); // too large for a stack
    if (program == nullptr) return -ENOMEM;
    int64_t error = user_string(program->path, argument[0], sizeof(program->path));
    if (error == 0) error = -ENOENT;
    uint64_t left = strings_limit(self->process) - (error > 0 ? (uint64_t)error + 1 : 0);
    if (error > 0) error = strings_read(&program->arguments, argument[1], left);
    const uint64_t pointers = program->arguments.count == 0 ? 1 : program->arguments.count;
    left -= program->arguments.bytes + pointers * sizeof(uint64_t);
    if (error == 0) error = strings_read(&program->environment, argument[2], left);
    if (error == 0 && program->arguments.count == 0) error = strings_add(&program->arguments, "");
    if (error == 0) error = program_exec(self, program);
    if (error != 0 && program->why != nullptr) notice("%s: cannot be run: %s", program->path, program->why);
    program_release(program);
    heap_release(program);
    return error;
}
