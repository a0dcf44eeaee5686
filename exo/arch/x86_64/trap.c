// SPDX-License-Identifier: MIT
// Descriptor tables, system-call registers and processor features; and what becomes of interrupts once entry.S has
// saved the registers.
#include "exo/arch/arch.h"
#include "exo/arch/x86_64/machine.h"
#include "exo/arch/x86_64/offsets.h"
#include "exo/dev/disk.h"
#include "exo/frame.h"
#include "exo/pe.h"

struct gate {
    uint16_t offset0, selector;
    uint8_t stack, type;
    uint16_t offset1;
    uint32_t offset2, reserved;
};

// What an interrupt leaves on its stack behind the registers.
struct interrupt_frame {
    uint64_t vector, rip, cs, rflags, rsp, ss;
};

enum { STACK_INTERRUPT = 1, STACK_FATAL, STACK_NMI, STACK_DEBUG, STACKS };

extern const uint64_t vector_stubs[ARCH_VECTORS];
void page_fault_traced(void);
void system_call(void);

static struct gate gates[ARCH_VECTORS];
static uint64_t descriptors[8];
alignas(16) static uint8_t stacks[STACKS][8192];

static unsigned stack_of(unsigned vector) {
    switch (vector) {
    case 1: return STACK_DEBUG;
    case 2: return STACK_NMI;
    case 8:
    case 18: return STACK_FATAL;
    default: return vector >= 32 ? STACK_INTERRUPT : 0;
    }
}

static void gates_make(bool tracing) {
    for (unsigned vector = 0; vector < ARCH_VECTORS; vector++) {
        uint64_t stub = vector_stubs[vector];
        if (vector == 14 && tracing) stub = (uint64_t)page_fault_traced;
        if (stub == 0) continue;
        const bool for_users = vector == 3 || vector == 4; // int3 and into are instructions of user code
        gates[vector] = (struct gate){
            .offset0 = (uint16_t)stub,
            .offset1 = (uint16_t)(stub >> 16),
            .offset2 = (uint32_t)(stub >> 32),
            .selector = SELECTOR_KERNEL_CODE,
            .stack = (uint8_t)stack_of(vector),
            .type = for_users ? 0xee : 0x8e, // interrupt gate: interrupts off
        };
    }
}

static void descriptors_load(void) {
    struct task_state *task = &boot_cpu.task;
    const uint64_t base = (uint64_t)task;
    task->io_map = sizeof *task;
    for (unsigned i = 1; i < STACKS; i++) task->interrupt_stack[i - 1] = (uint64_t)stacks[i] + sizeof stacks[i];
    descriptors[1] = 0x00af'9b00'0000'ffff; // kernel code
    descriptors[2] = 0x00cf'9300'0000'ffff; // kernel data
    descriptors[4] = 0x00cf'f300'0000'ffff; // user data
    descriptors[5] = 0x00af'fb00'0000'ffff; // user code
    descriptors[6] = (sizeof *task - 1) | (base & 0xff'ffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    descriptors[7] = base >> 32;
    const struct [[gnu::packed]] {
        uint16_t limit;
        uint64_t base;
    } gdt = {sizeof descriptors - 1, (uint64_t)descriptors}, idt = {sizeof gates - 1, (uint64_t)gates};
    __asm__ volatile("lgdt %0; lidt %1; ltr %w2; lldt %w3" ::"m"(gdt), "m"(idt), "r"(SELECTOR_TSS), "r"(0) : "memory");
    __asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:" ::"i"(SELECTOR_KERNEL_CODE)
                     : "rax", "memory");
    __asm__ volatile(
        "movl %0, %%ss; movl %1, %%ds; movl %1, %%es; movl %1, %%fs; movl %1, %%gs" ::"r"(SELECTOR_KERNEL_DATA),
        "r"(SELECTOR_USER_DATA));
}

static void cpuid(uint32_t leaf, uint32_t out[4]) {
    __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(0));
}

// Turns on what the processor offers of what the kernel uses. FSGSBASE is needed, the protections are wanted.
static void features_enable(void) {
    uint32_t leaf[4];
    cpuid(7, leaf);
    uint64_t cr4 = 1 << 5 | 1 << 7 | 1 << 9 | 1 << 10; // PAE, PGE, OSFXSR, OSXMMEXCPT
    if (!(leaf[1] & 1 << 0)) arch_panic("The processor lacks FSGSBASE: use QEMU's -cpu max.");
    if (!(leaf[1] & 1 << 20)) arch_panic("The processor lacks SMAP: use QEMU's -cpu max.");
    cr4 |= 1 << 16 | 1 << 21;             // FSGSBASE, SMAP
    if (leaf[1] & 1 << 7) cr4 |= 1 << 20; // SMEP
    if (leaf[2] & 1 << 2) cr4 |= 1 << 11; // UMIP
    __asm__ volatile("movq %0, %%cr4" ::"r"(cr4));
    __asm__ volatile("movq %0, %%cr0" ::"r"(0x80010033ull)); // PG WP NE ET MP PE; no EM, no TS
}

void trap_init(bool tracing) {
    gates_make(tracing);
    descriptors_load();
    features_enable();
    arch_msr_write(0xc0000101, (uint64_t)&boot_cpu.cpu); // GS now; the user's is exchanged for it by swapgs
    arch_msr_write(0xc0000102, 0);
    arch_msr_write(0xc0000081, (uint64_t)0x18 << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32); // STAR
    arch_msr_write(0xc0000082, (uint64_t)system_call);                                       // LSTAR
    arch_msr_write(0xc0000083, 0);                                                           // CSTAR
    arch_msr_write(0xc0000084, 0x257fd5);                                                    // SFMASK: every flag
}

// A PE's fault with the double_fault entry active: it ends.
[[noreturn]] void trap_third_fault(uint64_t vector, uint64_t rip) {
    struct pe *pe = arch_current();
    const bool no_entry = pe->entry[EXO_UPCALL_double_fault].address == 0;
    pe_end(pe, no_entry ? EXO_END_NO_ENTRY : EXO_END_TRIPLE_FAULT, vector & UINT32_MAX, rip);
    leave_kernel();
}

static void interrupt_handle(uint64_t vector) {
    if (vector == ARCH_VECTOR_TIMER && apic_timer_passed()) slice_timer();
    if (vector == ARCH_VECTOR_DISK) disk_interrupt();
    if (vector == ARCH_VECTOR_TIMER || vector == ARCH_VECTOR_DISK) apic_end_of_interrupt();
}

// The debug exception may come on top of anything, so it has a stack of its own, and its context is put into the
// save area here instead of by the processor.
static void debug_exception(struct pe *pe) {
    struct exo_exception *save = &pe_page(pe)->exception;
    const bool busy = save->busy & 1;
    if (save->busy & 2) {
        pe_end(pe, EXO_END_TRIPLE_FAULT, 1, pe->context.rip);
        return;
    }
    const struct exo_context *context = &pe->context;
    *save = (struct exo_exception){
        .rax = context->rax,
        .rcx = context->rcx,
        .r11 = context->r11,
        .vector = 1,
        .busy = busy ? 3 : 1,
        .rip = context->rip,
        .cs = SELECTOR_USER_CODE,
        .rflags = context->rflags,
        .rsp = context->rsp,
        .ss = SELECTOR_USER_DATA,
    };
    const struct pe_entry entry = pe->entry[busy ? EXO_UPCALL_double_fault : EXO_UPCALL_exception];
    pe->context.rip = entry.address;
    pe->context.rsp = entry.stack;
    pe->context.rflags = USER_RFLAGS;
}

[[noreturn]] void trap_from_user(const struct exo_context *registers, const struct interrupt_frame *frame) {
    struct pe *pe = arch_current();
    pe->context = *registers;
    pe->context.rip = frame->rip;
    pe->context.rsp = frame->rsp;
    pe->context.rflags = frame->rflags;
    if (frame->vector == 1)
        debug_exception(pe);
    else
        interrupt_handle(frame->vector);
    leave_kernel();
}

// An interrupt of the idle loop, which looks for work when this returns. The processor can't raise 1 there; an NMI is
// nobody's.
void trap_from_idle(const struct exo_context *registers, const struct interrupt_frame *frame) {
    (void)registers;
    interrupt_handle(frame->vector);
}
