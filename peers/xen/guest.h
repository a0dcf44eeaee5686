// SPDX-License-Identifier: MIT
// What the guest's parts know of each other.
#pragma once
#include "peers/bench.h"
#include "peers/xen/process.h"

// A page fault's frame, as Xen pushed it.
struct fault_frame {
    uint64_t rcx, r11, error, rip, cs, flags, rsp, ss;
};

// entry.S and user.S.
extern void (*fault_handler)(uint64_t address, struct fault_frame *frame);
extern uint32_t stamped, user_before, user_after;
extern const uint8_t trap_stack_top[], user_code[];
void enter_user(uint64_t code, uint64_t first, uint64_t second);
void kernel_switch(struct process *from, struct process *to);
void fault_of_user(void);
void fault_of_kernel(void);
void stamped_fault_of_user(void);
void stamped_fault_of_kernel(void);
void syscall_of_user(void);
void stamped_syscall_of_user(void);
extern const uint8_t user_touch[], user_walk[], user_syscall[], user_yield[], user_partner[];

// Ends the machine. Says what failed on Xen's console and by the event "failed".
[[noreturn]] void fail(const char *reason);
[[noreturn]] void refused(const char *purpose); // Xen did not do what a hypercall was for

static inline void must(int64_t result, const char *purpose) {
    if (result != 0) refused(purpose);
}

// Runs a routine of user.S in guest user mode.
void run_user(const uint8_t *routine, uint64_t first, uint64_t second);

// From now on a page fault ends the machine.
void expect_no_fault(void);

// Where page faults and system calls of user mode enter the guest kernel from now on.
void enter_faults_at(void (*routine)(void));
void enter_syscalls_at(void (*routine)(void));

// Where the application runs. Its library OS is the guest kernel in both.
struct mode {
    const char *system;
    struct bench_touch (*touch)(uintptr_t page);                       // a store between two stamps
    struct bench_touch (*walk)(const uint64_t *order, uint64_t count); // one to each page in an order
    void (*entry)(void);                                               // of its page faults
    void (*stamped_entry)(void);
};
extern const struct mode *mode; // in which to measure

// A row of this mode, less what the measurement itself costs: `empty`.
void measure(const char *op, const char *how, uint32_t (*once)(void), uint32_t empty);

// The cheapest of some ways becomes the row, and that of the op `also`, if this is not null.
struct way {
    const char *how;
    uint32_t (*once)(void);
    uint32_t events; // in one sample; the row is for one of them. 0: 1
};
enum { MOST_WAYS = 4 };
void measure_cheapest(const char *op, const char *also, const struct way *ways, unsigned count, uint32_t empty);
#define MEASURE_CHEAPEST(op, also, empty, ...)                                                                         \
    measure_cheapest(op, also, (const struct way[]){__VA_ARGS__},                                                      \
                     sizeof((const struct way[]){__VA_ARGS__}) / sizeof(struct way), empty)

uint32_t touched(void); // the empty measurement of a touch: the same store, to a page that is mapped

// The rows, by subject. Each is to be called in each mode.
void measure_calls(void);
void measure_faults(void);
void measure_protection(void);
void measure_appel_li(void);
void measure_yields(void);
