// SPDX-License-Identifier: MIT
// The simulated CPU: who runs, the calls they make, the timer, and the end of the machine.
//
// A call goes the way it goes on the real machine: its handler runs on behalf of the current PE, and if it is one that
// may switch, or after an interrupt, whoever slice_pick names goes on.
#include <setjmp.h>
#include <string.h>
#include "exo/arch/host/machine.h"
#include "exo/call.h"

struct cpu host_cpu;
struct pe *host_loaded; // whose address space is in the MMU

uint64_t host_ticks;
static uint64_t deadline;
static bool off;
static uint64_t off_status;
static jmp_buf power_switch; // from arch_off back to the call that led there

void cpu_reset(void) {
    host_cpu = (struct cpu){};
    host_loaded = nullptr;
    deadline = host_ticks = 0;
    off = false;
    arch_flush_all();
}

void arch_switch(struct pe *from, struct pe *to) {
    (void)from;
    mmu_load(to);
    arch_flush_all();
    host_loaded = to;
}

void arch_fpu_init(uint8_t state[512]) {
    memset(state, 0, 512);
}

void cpu_leave_kernel(void) {
    struct pe *pe = slice_pick();
    if (pe == nullptr) return; // idle, in the address space of whoever ran last
    if (pe != host_loaded) arch_switch(host_loaded, pe);
    upcall_deliver(pe);
}

struct pe *host_current(void) {
    return host_cpu.idle ? nullptr : host_cpu.current;
}

void host_run(struct pe *pe) {
    HOST_REQUIRE(!off && pe->state == EXO_PE_READY);
    if (host_current() == pe) return;
    host_cpu.current = pe;
    host_cpu.idle = host_cpu.grace = host_cpu.expired = false;
    if (pe != host_loaded) arch_switch(host_loaded, pe);
    upcall_deliver(pe);
}

struct pe *host_pe(struct pe *holder, exo_handle handle) {
    const struct sb_found found = sb_find(&holder->bindings, handle, EXO_KIND_PE, 0);
    HOST_REQUIRE(found.error == EXO_OK);
    return pe_of(found.binding);
}

#define ARGS0() ()
#define ARGS1(A, a) ((A){words[0]})
#define ARGS2(A, a, B, b) ((A){words[0]}, (B){words[1]})
#define ARGS3(A, a, B, b, C, c) ((A){words[0]}, (B){words[1]}, (C){words[2]})
#define ARGS4(A, a, B, b, C, c, D, d) ((A){words[0]}, (B){words[1]}, (C){words[2]}, (D){words[3]})
#define ARGS5(A, a, B, b, C, c, D, d, E, e) ((A){words[0]}, (B){words[1]}, (C){words[2]}, (D){words[3]}, (E){words[4]})

static struct exo_result dispatch(uint64_t number, const uint64_t words[5]) {
    switch (number) {
#define CALL(number, name, arguments, ...)                                                                             \
    case number: return call_##name arguments;
#define CALL_MESSAGE(number, name, arguments, ...)                                                                     \
    case number: return short_path_##name arguments;
#include "pe/calls.def"
#undef CALL
    default: return (struct exo_result){EXO_CALL, 0};
    }
}

static bool may_switch(uint64_t number) {
#define CALL(...)
#define CALL_SWITCHING(number_, ...)                                                                                   \
    if (number == number_) return true;
#include "pe/calls.def"
#undef CALL
    return false;
}

struct exo_result host_call(struct pe *pe, uint64_t number, const uint64_t words[5]) {
    host_run(pe);
    if (setjmp(power_switch) != 0) return (struct exo_result){EXO_OK, 0};
    const struct exo_result result = dispatch(number, words);
    if (may_switch(number)) cpu_leave_kernel();
    return result;
}

uint64_t arch_ticks_per_second(void) {
    return 1'000'000'000;
}

void arch_timer_set(uint64_t nanoseconds_from_now) {
    deadline = nanoseconds_from_now;
}

uint64_t host_deadline(void) {
    return deadline;
}

void host_tick(void) {
    HOST_REQUIRE(!off);
    if (deadline == 0) return;
    host_ticks += deadline;
    deadline = 0;
    slice_timer();
    cpu_leave_kernel();
}

[[noreturn]] void arch_off(uint64_t status) {
    off = true;
    off_status = status;
    longjmp(power_switch, 1);
}

bool host_is_off(uint64_t *status) {
    if (off) *status = off_status;
    return off;
}

[[noreturn]] void arch_panic(const char *sentence) {
    fprintf(stderr, "kernel: %s\n", sentence);
    abort();
}
