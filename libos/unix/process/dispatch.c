// SPDX-License-Identifier: MIT
// From a system call's number to the function that serves it.
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/unix/calls.h"
#include "libos/unix/process/dispatch.h"
#include "libos/unix/process/process.h"
#include "libos/unix/process/trace.h"
#include <errno.h>
#include <sys/syscall.h>

#define CALL(number, name, shapes, sentence) [number] = sys_##name,
static unix_call *const calls[] = {
#include "libos/unix/files/calls.def"
#include "libos/unix/memory/calls.def"
#include "libos/unix/process/calls.def"
};
#undef CALL
constexpr uint64_t CALLS = sizeof(calls) / sizeof(calls[0]);

// The numbers in the tables are Linux's.
#define CALL(number, name, shapes, sentence) static_assert(number == SYS_##name);
#include "libos/unix/files/calls.def"
#include "libos/unix/memory/calls.def"
#include "libos/unix/process/calls.def"
#undef CALL

bool tracing;
extern const uint64_t calls_trapped, calls_direct; // entry.S

void dispatch_start(void) {
    tracing = start_number("strace", 0) != 0;
}

static int64_t serve(struct thread *self, uint64_t number, const uint64_t argument[6]) {
    if (number < CALLS && calls[number] != nullptr) return calls[number](self, argument);
    call_missing(self->process, number);
    return -ENOSYS;
}

static bool ends(uint64_t number) {
    return number == SYS_exit || number == SYS_exit_group;
}

// Apart, so that its line takes no room on the stack of a call that is not traced.
[[gnu::noinline]] static int64_t serve_traced(struct thread *self, uint64_t number, const uint64_t argument[6]) {
    char line[TRACE_LINE];
    trace_call(line, number, argument);
    if (ends(number))
        trace_result(line, 0); // there is no result, and nobody to tell it
    else
        self->traced = line;
    const int64_t result = serve(self, number, argument);
    self->traced = nullptr;
    if (!ends(number)) trace_result(line, result);
    return result;
}

void syscall_enter(struct exo_context *user) {
    struct thread *self = thread_running;
    const uint64_t argument[6] = {user->rdi, user->rsi, user->rdx, user->r10, user->r8, user->r9};
    const uint64_t number = user->rax;
    self->call = (int64_t)number;
    const int64_t result = tracing ? serve_traced(self, number, argument) : serve(self, number, argument);
    user->rax = (uint64_t)result;
}

void calls_report(void) {
    report("{\"event\":\"calls\",\"job\":%lu,\"trapped\":%lu,\"direct\":%lu}", start->job, calls_trapped, calls_direct);
    if (tracing)
        notice("%lu system calls: %lu trapped into the kernel, %lu came by a procedure call or a rewritten call site",
               calls_trapped + calls_direct, calls_trapped, calls_direct);
}
