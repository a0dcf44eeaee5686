// SPDX-License-Identifier: MIT
// From the start entry to the library OS's main: thread pointer, entry points, frames, stack guards, arguments.
#include "libos/core/start.h"
#include "libos/core/arguments.h"
#include "libos/core/frames.h"
#include "libos/core/print.h"
#include "libos/core/space.h"
#include "libos/core/upcall.h"
#include <locale.h>

struct start_info *start = (struct start_info *)MAP_START_INFO;
static struct arguments arguments;

// musl finds errno and the locale at fixed places behind the address in the FS base, whose first word must be that
// address (its struct pthread). Only these two are used by what is linked from it.
constexpr size_t THREAD_BLOCK = 512;
alignas(64) static struct {
    void *self;
    uint8_t rest[THREAD_BLOCK - sizeof(void *)];
} thread;

static void thread_init(void) {
    thread.self = &thread;
    __asm__ volatile("wrfsbase %0" ::"r"(&thread));
    uselocale(LC_GLOBAL_LOCALE);
}

extern char stack_main_guard[], stack_fault_guard[], stack_syscall_guard[], stack_double_fault_guard[],
    stack_interrupt_guard[];

// The pages below the stacks become holes. Their frames go to the pool, if there is one.
static void guards_init(void) {
    char *const guards[] = {stack_main_guard, stack_fault_guard, stack_syscall_guard, stack_double_fault_guard,
                            stack_interrupt_guard};
    for (unsigned i = 0; i < sizeof(guards) / sizeof(guards[0]); i++) {
        const uint64_t entry = space_unmap((exo_vaddr){(uint64_t)guards[i]});
        if ((entry & EXO_ENTRY_PRESENT) && start->frames_count != 0) frames_give(exo_entry_frame((exo_entry){entry}));
    }
}

// What makes `start` valid. libos/init, which nobody has told anything, brings its own.
[[gnu::weak]] void start_prepare(void) {
    if (start->magic != START_MAGIC) __builtin_trap();
}

int main(int argc, char **argv);
[[noreturn]] void start_main(uint64_t argument);

void start_main(uint64_t) {
    thread_init();
    upcalls_init();
    start_prepare();
    frames_init();
    guards_init();
    if (!arguments_split(&arguments, start->arguments)) pe_fail("more than %u arguments", ARGUMENT_WORDS);
    pe_end((uint32_t)libos_main(arguments.argc, arguments.argv));
}

const char *start_argument(const char *name) {
    return arguments_find(&arguments, name);
}

uint64_t start_number(const char *name, uint64_t otherwise) {
    const char *text = start_argument(name);
    if (text == nullptr) return otherwise;
    uint64_t number;
    if (!arguments_number(text, &number)) pe_fail("argument %s=%s: a number was expected", name, text);
    return number;
}

int start_argc(void) {
    return arguments.argc;
}
char **start_argv(void) {
    return arguments.argv;
}

[[gnu::weak, noreturn]] void pe_end(uint32_t status) {
    (void)exo_pe_exit(status);
    __builtin_unreachable();
}

// Makes a text one that can stand in quotation marks in JSON.
static void make_quotable(char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '"') *text = '\'';
        if (*text < ' ' || *text > '~' || *text == '\\') *text = '?';
    }
}

void pe_fail(const char *format, ...) {
    char line[PRINT_LINE / 2];
    va_list list;
    va_start(list, format);
    format_list(line, sizeof(line), format, list);
    va_end(list);
    if (start->job == START_INIT) {
        print("init: %s\n", line);
    } else {
        print("job %lu: %s\n", start->job, line);
        make_quotable(line);
        report("{\"event\":\"failed\",\"job\":%lu,\"why\":\"%s\"}", start->job, line);
    }
    pe_end(PE_FAILED);
}
