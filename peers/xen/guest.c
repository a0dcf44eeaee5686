// SPDX-License-Identifier: MIT
// The guest's main program: what Xen's paravirtual interface costs in instructions, row by row, in two modes.
//
//   xen            the application in guest user mode, its library OS in guest kernel mode: protected from each other
//   xen-unikernel  both in guest kernel mode, as unikernels do: a fault needs no hypercall to return, and the
//   application
//                  makes hypercalls itself
//
// Samples and reports: peers/bench.h. The report goes to port 0xe9, which Xen lets its first domain use.
#include "peers/xen/guest.h"
#include "peers/xen/space.h"

constexpr uint16_t PORT_REPORT = 0xe9, PORT_END = 0xf4;
constexpr uint8_t VECTOR_PAGE_FAULT = 14, VECTORS = 20;

const struct mode *mode;
uint32_t stamped, user_before, user_after;
struct process *process_current;

static void port_write(uint16_t port, uint8_t byte) {
    __asm__ volatile("outb %0, %1" ::"a"(byte), "Nd"(port));
}

void peer_put(const char *line) {
    while (*line != 0) port_write(PORT_REPORT, (uint8_t)*line++);
}

static void console_put(const char *text) {
    uint64_t length = 0;
    while (text[length] != 0) length++;
    (void)xen_hypercall3(XEN_CONSOLE_IO, XEN_CONSOLE_WRITE, length, (uint64_t)text);
}

[[noreturn]] static void end_with(const char *reason, const char *object) {
    const char *const lines[2][4] = {
        {"bindery peer: ", reason, object, "\n"},
        {"{\"event\":\"failed\",\"part\":\"guest\",\"reason\":\"", reason, object, "\"}\n"},
    };
    for (unsigned i = 0; i < 4; i++) console_put(lines[0][i]);
    for (unsigned i = 0; i < 4; i++) peer_put(lines[1][i]);
    port_write(PORT_END, 1);
    while (true) __asm__ volatile("ud2");
}

void fail(const char *reason) {
    end_with(reason, "");
}

void refused(const char *purpose) {
    end_with("Xen refused a hypercall for ", purpose);
}

// Any exception but a page fault, and a page fault that nobody awaits. Xen calls the first in place of a routine of
// entry.S, with a stack.
static void unexpected(void) {
    fail("an exception in the guest that it has no handler for");
}
static void unexpected_fault(uint64_t address, struct fault_frame *frame) {
    (void)address, (void)frame;
    fail("a page fault in the guest where it expects none");
}
void (*fault_handler)(uint64_t, struct fault_frame *) = unexpected_fault;
void expect_no_fault(void) {
    fault_handler = unexpected_fault;
}

void run_user(const uint8_t *routine, uint64_t first, uint64_t second) {
    enter_user(USER_CODE + (uint64_t)(routine - user_code), first, second);
}

void enter_faults_at(void (*routine)(void)) {
    struct xen_trap traps[VECTORS + 1] = {}; // the last, all 0, ends the list
    for (uint8_t i = 0; i < VECTORS; i++)
        traps[i] = (struct xen_trap){i, 0, XEN_CS, (uint64_t)(i == VECTOR_PAGE_FAULT ? routine : unexpected)};
    must(xen_hypercall2(XEN_SET_TRAP_TABLE, (uint64_t)traps, 0), "the trap table");
}

void enter_syscalls_at(void (*routine)(void)) {
    const struct xen_callback callback = {XEN_CALLBACK_SYSCALL, 0, (uint64_t)routine};
    must(xen_hypercall2(XEN_CALLBACK_OP, XEN_CALLBACK_REGISTER, (uint64_t)&callback), "the entry of system calls");
}

static struct bench_touch user_stamps(void) {
    return (struct bench_touch){user_before, user_after};
}
static struct bench_touch touch_in_user(uintptr_t page) {
    run_user(user_touch, page, 0);
    return user_stamps();
}
static struct bench_touch walk_in_user(const uint64_t *order, uint64_t count) {
    (void)order; // seen at another address there
    run_user(user_walk, USER_ORDER, count);
    return user_stamps();
}
static struct bench_touch touch_in_kernel(uintptr_t page) {
    return bench_touch(page);
}
// The same instructions as user_walk.
static struct bench_touch walk_in_kernel(const uint64_t *order, uint64_t count) {
    struct bench_touch stamps;
    __asm__ volatile("rdtsc; movl %%eax, %0; 1: movq (%2), %%rcx; movb $1, (%%rcx); addq $8, %2; decq %3; jnz 1b;"
                     "rdtsc; movl %%eax, %1"
                     : "=&r"(stamps.before), "=&r"(stamps.after), "+r"(order), "+r"(count)
                     :
                     : "rax", "rcx", "rdx", "memory");
    return stamps;
}

static const struct mode modes[] = {
    {"xen", touch_in_user, walk_in_user, fault_of_user, stamped_fault_of_user},
    {"xen-unikernel", touch_in_kernel, walk_in_kernel, fault_of_kernel, stamped_fault_of_kernel},
};

void measure(const char *op, const char *how, uint32_t (*once)(void), uint32_t empty) {
    bench_row(mode->system, op, how, once, empty, 0);
}

void measure_cheapest(const char *op, const char *also, const struct way *ways, unsigned count, uint32_t empty) {
    struct bench rows[MOST_WAYS];
    for (unsigned i = 0; i < count; i++)
        rows[i] = (struct bench){
            .system = mode->system,
            .op = op,
            .also = also,
            .how = ways[i].how,
            .once = ways[i].once,
            .events = ways[i].events,
            .empty = empty,
        };
    (void)bench_best(rows, count);
}

uint32_t touched(void) {
    const struct bench_touch stamps = mode->touch(space_page(0));
    return stamps.after - stamps.before;
}

static void prepare(const struct xen_start *start) {
    const uint32_t io_level = 1; // guest kernel mode may use ports
    must(xen_hypercall2(XEN_PHYSDEV_OP, XEN_SET_IOPL, (uint64_t)&io_level), "the use of ports");
    must(xen_hypercall3(XEN_VCPU_OP, XEN_STOP_PERIODIC_TIMER, 0, 0), "stopping the periodic timer");
    must(xen_hypercall2(XEN_STACK_SWITCH, XEN_SS, (uint64_t)trap_stack_top), "the stack for traps");
    enter_syscalls_at(syscall_of_user);
    space_make(start);
}

[[noreturn]] void guest_main(const struct xen_start *start);
void guest_main(const struct xen_start *start) {
    prepare(start);
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
        mode = &modes[i];
        expect_no_fault();
        enter_faults_at(mode->entry);
        measure_calls();
        measure_faults();
        measure_protection();
        measure_appel_li();
        measure_yields();
    }
    peer_put("{\"event\":\"done\"}\n");
    port_write(PORT_END, 0);
    fail("the machine did not end");
}
