// SPDX-License-Identifier: MIT
// A program on its way into a process.
#pragma once
#include "libos/unix/process/elf.h"
#include "libos/unix/process/process.h"
#include "libos/unix/process/strings.h"

constexpr size_t PATH_BYTES = 4096; // PATH_MAX, with the zero byte

struct program {
    char path[PATH_BYTES];
    char absolute[256]; // for /proc/PID/exe; cut
    struct strings arguments, environment;
    struct inode *file, *interpreter_file; // references; the second is null for a static program
    struct elf_image image, interpreter;
    struct vm *memory;
    const char *why; // an ELF file is refused, for people; null: it is none, or not refused
    // Filled in by start_stack_*.
    uint64_t stack;                                     // stack pointer at the first instruction
    uint64_t arguments_at, environment_at, strings_end; // of /proc/PID/cmdline and environ
};

// Runs `path` with the strings in the running thread. Errors as execve's; then nothing has changed, but that the other
// threads may have ended. The caller releases the program in any case.
int program_exec(struct thread *self, struct program *program);
void program_release(struct program *program);

// Makes the path absolute, in which the program's file has been found.
void program_located(struct program *program);

// Remembers what a process runs.
void program_name(struct process *process, const struct program *program);

// How many bytes path, arguments and environment may take together, with a pointer to each string.
uint64_t strings_limit(const struct process *process);

// The stack of a new program: makes room for it in program->memory, and, once that is entered, writes it.
int start_stack_map(struct program *program);
int start_stack_write(struct program *program); // -E2BIG, -EFAULT

// The vector registers as a program finds them.
void vector_clear(struct thread *self);
