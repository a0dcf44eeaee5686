// SPDX-License-Identifier: MIT
// From the instance's start to its first process.
#include "libos/core/arguments.h"
#include "libos/core/files.h"
#include "libos/core/heap.h"
#include "libos/core/start.h"
#include "libos/unix/files/file.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/process/clock.h"
#include "libos/unix/process/dispatch.h"
#include "libos/unix/process/exec.h"
#include "libos/unix/process/limits.h"
#include "libos/unix/process/random.h"
#include "libos/unix/process/rewrite.h"
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include "libos/unix/process/trace.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

constexpr uint32_t CANNOT_RUN = 126, NOT_FOUND = 127; // as a shell's exit status

static struct program program;
void first_entry(void), first_enter(void);

// Reads the file `command` of the disk: strings that end each with a zero byte (libos/unix/README.md).
static char *command_read(uint64_t *bytes) {
    enum files_error error;
    const struct disk_file *file = files_find("command", &error);
    if (file == nullptr) pe_fail("the disk has no file `command`, which says what is to be run");
    char *text = heap_allocate(file->bytes + 1);
    if (text == nullptr) pe_fail("the command of %lu bytes is longer than the memory that there is", file->bytes);
    if (files_read((struct disk_file *)file, 0, text, file->bytes, &error) != file->bytes)
        pe_fail("the file `command` cannot be read from the disk");
    if (file->bytes == 0 || text[file->bytes - 1] != 0) pe_fail("the file `command` ends inside a string");
    *bytes = file->bytes;
    return text;
}

// The next string, or null at the end.
static const char *next_string(const char **at, const char *end) {
    const char *text = *at;
    if (text == end) return nullptr;
    *at = text + strlen(text) + 1;
    return text;
}

static void change_directory(struct process *process, const char *path) {
    struct inode *directory;
    const int error = path_find(path, true, &directory);
    if (error != 0) pe_fail("the directory %s is not there (error %d)", path, -error);
    inode_release(process->directory);
    process->directory = directory;
}

static void take_command(struct process *process) {
    uint64_t bytes, count = 0;
    char *text = command_read(&bytes);
    const char *at = text, *const end = text + bytes;
    const char *directory = next_string(&at, end), *path = next_string(&at, end), *number = next_string(&at, end);
    if (number == nullptr || !arguments_number(number, &count) || strlen(path) >= sizeof(program.path))
        pe_fail("the file `command` lacks a directory, a path or the number of arguments");
    change_directory(process, directory);
    memcpy(program.path, path, strlen(path) + 1);
    for (uint64_t i = 0; at != end; i++)
        if (strings_add(i < count ? &program.arguments : &program.environment, next_string(&at, end)) != 0)
            pe_fail("the command is longer than the memory that there is");
    if (program.arguments.count != count || count == 0) pe_fail("the file `command` has fewer arguments than it says");
    heap_release(text);
}

static struct process *first_process(void) {
    struct process *process = process_new(nullptr);
    struct thread *thread = process != nullptr ? thread_new(process) : nullptr;
    if (thread == nullptr) pe_fail("too little memory for a process");
    process->pid = process->group = process->session = thread->tid;
    process->umask = 022;
    limits_start(process);
    process->signals = signals_copy(nullptr);
    process->directory = inode_hold(files_root());
    process->root = inode_hold(files_root());
    if (process->signals == nullptr || descriptors_new(&process->descriptors) != 0)
        pe_fail("too little memory for a process");
    memcpy(process->name, "unix", 5);
    return process;
}

static void refuse(int error) {
    const char *why = program.why != nullptr ? program.why
                      : error == -ENOENT     ? "there is no such file"
                      : error == -EACCES     ? "it is not executable"
                      : error == -ENOEXEC    ? elf_reason()
                      : error == -ENOMEM     ? "no memory is left, or it wants addresses that it cannot have"
                      : error == -E2BIG      ? "arguments and environment are too long"
                      : error == -EIO        ? "the disk cannot be read"
                                             : "";
    notice("%s: cannot be run (error %d): %s", program.path, -error, why);
    process_end((error == -ENOENT ? NOT_FOUND : CANNOT_RUN) << 8);
}

// The first thread runs this in place of a program, until there is one.
void first_enter(void) {
    struct thread *self = thread_current();
    take_command(self->process);
    const int error = program_exec(self, &program);
    if (error != 0) refuse(error);
    program_release(&program);
}

// Mistakes of the library OS itself, found by its heap and by the file system's library.
void heap_broken(const void *block) {
    pe_fail("the library OS has released %p, which is no block of its heap in use", block);
}

void abort(void) {
    pe_fail("the library OS has found its own state to be wrong, and ends (called from %p)",
            __builtin_return_address(0));
}

int libos_main(int, char **) {
    clock_start();
    random_start();
    dispatch_start();
    rewrite_start();
    memory_start();
    if (files_start() != 0) pe_end(PE_FAILED); // it has said why
    struct thread *thread = first_process()->threads;
    ((uint64_t *)thread->user)[-1] = (uint64_t)first_entry; // where switch_stacks goes
    vector_clear(thread);
    threads_run(thread);
}
