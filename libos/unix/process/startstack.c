// SPDX-License-Identifier: MIT
// The stack with which a program starts (System V ABI for AMD64, 3.4.1), from its top down:
//
//   8 zero bytes │ path │ environment's strings │ arguments' strings │ "x86_64" │ 16 random bytes │ alignment
//   │ auxiliary vector │ environment's pointers, 0 │ arguments' pointers, 0 │ argument count  ← stack pointer
#include "libos/core/heap.h"
#include "libos/unix/map.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/exec.h"
#include "libos/unix/process/process.h"
#include "libos/unix/process/random.h"
#include <elf.h>
#include <errno.h>
#include <string.h>

constexpr uint64_t STACK_TOP = UNIX_USER_END - 0x10'0000;
constexpr uint64_t STACK_ROOM = 32 * EXO_PAGE_SIZE; // that is mapped from the beginning, besides what is on it
constexpr uint64_t STRINGS_LEAST = 0x2'0000;        // bytes that are allowed however small the stack is (ARG_MAX)
constexpr uint64_t STRINGS_MOST = 0x60'0000;
constexpr unsigned LIMIT_STACK = 3;
constexpr unsigned AUXILIARY = 21; // pairs at most
constexpr uint64_t TICKS_PER_SECOND = 100;
constexpr uint64_t FEATURE_FSGSBASE = 2;
constexpr uint64_t SIGNAL_STACK_LEAST = 2048;
void entry_procedure(void); // entry.S
static const char platform[] = "x86_64";

uint64_t strings_limit(const struct process *process) {
    const uint64_t quarter = process->limits[LIMIT_STACK].now / 4;
    return quarter < STRINGS_LEAST ? STRINGS_LEAST : quarter > STRINGS_MOST ? STRINGS_MOST : quarter;
}

static uint64_t bytes_needed(const struct program *program) {
    return program->arguments.bytes + program->environment.bytes + strlen(program->path) + 1 + sizeof(platform)
           + (program->arguments.count + program->environment.count + 3 + 2 * AUXILIARY) * sizeof(uint64_t) + 64;
}

int start_stack_map(struct program *program) {
    const uint64_t bytes = (bytes_needed(program) + STACK_ROOM + EXO_PAGE_SIZE - 1) & ~(EXO_PAGE_SIZE - 1);
    const struct vm_map what = {
        .first = STACK_TOP - bytes, .bytes = bytes, .rights = VM_READ | VM_WRITE, .fixed = true, .stack = true};
    vm_stack_limit(program->memory, process_current()->limits[LIMIT_STACK].now);
    const int64_t at = vm_map(program->memory, &what);
    return at < 0 ? (int)at : 0;
}

static int put(uint64_t *at, const void *bytes, size_t count) {
    *at -= count;
    return user_write(*at, bytes, count);
}

// Strings in their order, the last one highest. `pointers` are given from the last one on.
static int put_strings(uint64_t *at, const struct strings *strings, uint64_t *pointers) {
    for (unsigned i = strings->count; i-- > 0;) {
        const int error = put(at, strings->at[i], strlen(strings->at[i]) + 1);
        if (error != 0) return error;
        pointers[i] = *at;
    }
    pointers[strings->count] = 0;
    return 0;
}

static uint32_t processor_features(void) {
    uint32_t a = 1, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return d;
}

static unsigned auxiliary(const struct program *program, const uint64_t path, uint64_t random, uint64_t name,
                          uint64_t words[2 * AUXILIARY]) {
    const struct process *process = process_current();
    const uint64_t pairs[][2] = {
        {AT_HWCAP, processor_features()},
        {AT_PAGESZ, EXO_PAGE_SIZE},
        {AT_CLKTCK, TICKS_PER_SECOND},
        {AT_PHDR, program->image.table_address},
        {AT_PHENT, ELF_ENTRY_BYTES},
        {AT_PHNUM, program->image.table_count},
        {AT_BASE, program->interpreter_file != nullptr ? program->interpreter.first : 0},
        {AT_FLAGS, 0},
        {AT_ENTRY, program->image.entry},
        {AT_UID, process->uid},
        {AT_EUID, process->euid},
        {AT_GID, process->gid},
        {AT_EGID, process->egid},
        {AT_SECURE, 0},
        {AT_RANDOM, random},
        {AT_HWCAP2, FEATURE_FSGSBASE},
        {AT_MINSIGSTKSZ, SIGNAL_STACK_LEAST},
        {AT_EXECFN, path},
        {AT_PLATFORM, name},
        {AT_SYSINFO, (uint64_t)entry_procedure},
        {AT_NULL, 0},
    };
    static_assert(sizeof(pairs) / sizeof(pairs[0]) <= AUXILIARY);
    memcpy(words, pairs, sizeof(pairs));
    return sizeof(pairs) / sizeof(uint64_t);
}

int start_stack_write(struct program *program) {
    const struct strings *arguments = &program->arguments, *environment = &program->environment;
    const unsigned count = arguments->count + environment->count;
    uint64_t *words = heap_allocate((count + 3 + 2 * AUXILIARY) * sizeof(uint64_t));
    if (words == nullptr) return -ENOMEM;
    words[0] = arguments->count;
    uint64_t *const argument_words = words + 1, *const environment_words = argument_words + arguments->count + 1;

    const uint64_t zero = 0;
    uint64_t random[2];
    random_bytes(random, sizeof(random));
    uint64_t at = STACK_TOP;
    int error = put(&at, &zero, sizeof(zero));
    if (error == 0) error = put(&at, program->path, strlen(program->path) + 1);
    const uint64_t path = at;
    program->strings_end = at;
    if (error == 0) error = put_strings(&at, environment, environment_words);
    program->environment_at = at;
    if (error == 0) error = put_strings(&at, arguments, argument_words);
    program->arguments_at = at;
    if (error == 0) error = put(&at, platform, sizeof(platform));
    const uint64_t name = at;
    at &= ~15ull;
    if (error == 0) error = put(&at, random, sizeof(random));
    const unsigned pairs = auxiliary(program, path, at, name, environment_words + environment->count + 1);
    const size_t bytes = (count + 3 + pairs) * sizeof(uint64_t);
    at = ((at - bytes) & ~15ull) + bytes;
    if (error == 0) error = put(&at, words, bytes);
    program->stack = at;
    heap_release(words);
    return error;
}
