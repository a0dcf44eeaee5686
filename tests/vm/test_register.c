// SPDX-License-Identifier: MIT
// Registers: kept over preemption, faults of others and switches; and nothing of the kernel's left in them by a call.
#include "tests/vm/child.h"

constexpr uint64_t KERNEL = 0xffff'8000'0000'0000;

// What a call leaves in the registers that it does not keep.
struct left {
    uint64_t rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11, rflags;
};

// left_by(number, arguments[5], left): makes a call with rcx, r9 and r11 of its own choice.
void left_by(uint64_t number, const uint64_t arguments[5], struct left *left);
__asm__(".text\nleft_by:\n pushq %rbx\n pushq %rdx\n movq %rdi, %rax\n notq %rax\n movq %rsi, %rbx\n"
        "movq (%rbx), %rdi\n movq 8(%rbx), %rsi\n movq 16(%rbx), %rdx\n movq 24(%rbx), %r10\n movq 32(%rbx), %r8\n"
        "xorl %r9d, %r9d\n syscall\n"
        "pushfq\n popq %rbx\n xchgq %rbx, (%rsp)\n"
        "movq %rax, (%rbx)\n movq %rcx, 8(%rbx)\n movq %rdx, 16(%rbx)\n movq %rsi, 24(%rbx)\n movq %rdi, 32(%rbx)\n"
        "movq %r8, 40(%rbx)\n movq %r9, 48(%rbx)\n movq %r10, 56(%rbx)\n movq %r11, 64(%rbx)\n"
        "popq %rax\n movq %rax, 72(%rbx)\n popq %rbx\n ret\n");

static const char *const names[EXO_CALLS] = {
#define CALL(number, name, ...) [number] = #name,
#include "pe/calls.def"
#undef CALL
};

static uint64_t nothing(uint64_t argument) {
    return argument;
}

TEST(no_call_leaves_anything_of_the_kernels_in_a_register) {
    struct child child = child_new(CHILD_SHARED, nothing);
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA), ring = rig_frames(1, EXO_FRAME_FREE);
    const exo_handle mine = rig_derive(FRAMES, frame.raw, 1, EXO_ALL);
    const exo_handle gate = {OK(exo_gate_make(child.pe, 0, 1))}; // goes with the child
    const uint64_t f = FRAMES.raw, slot = rig_slot(RIG_WINDOW).raw;
    const struct {
        enum exo_call call;
        uint64_t arguments[5];
    } calls[] = {
        {EXO_CALL_null, {0, 0, 0, 0, 0}},
        {EXO_CALL_binding_derive, {POWER.raw, EXO_POWER, 1, EXO_READ, 0}},
        {EXO_CALL_binding_derive, {1, 2, 3, 4, 5}},
        {EXO_CALL_binding_grant, {POWER.raw, child.pe.raw, EXO_POWER, 1, EXO_READ}},
        {EXO_CALL_binding_grant, {POWER.raw, 5, EXO_POWER, 1, EXO_READ}},
        {EXO_CALL_binding_revoke, {POWER.raw, 0, 0, 0, 0}},
        {EXO_CALL_binding_revoke, {77, 0, 0, 0, 0}},
        {EXO_CALL_binding_drop, {77, 0, 0, 0, 0}},
        {EXO_CALL_binding_read, {f, 0, 0, 0, 0}},
        {EXO_CALL_frame_retype, {f, ring.raw, 1, EXO_FRAME_RING, 0}},
        {EXO_CALL_frame_retype, {f, ring.raw, 1, EXO_FRAME_FREE, 0}},
        {EXO_CALL_frame_retype, {f, 0, 1, EXO_FRAME_FREE, 0}},
        {EXO_CALL_tlb_set, {f, slot, f, exo_entry_for(frame, EXO_READ).raw, RIG_WINDOW}},
        {EXO_CALL_tlb_set, {f, slot, f, exo_entry_for(frame, EXO_READ).raw, RIG_WINDOW}}, // and again, from the cache
        {EXO_CALL_tlb_set, {f, slot, f, exo_entry_for(rig.table1, EXO_WRITE).raw, RIG_WINDOW}},
        {EXO_CALL_tlb_set_batch, {f, f, 0, RIG_WINDOW, 0}},
        {EXO_CALL_tlb_set_batch, {f, f, 1000, RIG_WINDOW, 0}},
        {EXO_CALL_tlb_protect, {f, slot, 512, f, RIG_WINDOW | EXO_READ}},
        {EXO_CALL_tlb_protect, {f, slot, 1, f, RIG_WINDOW | EXO_READ}},
        {EXO_CALL_tlb_protect, {f, slot, 513, f, RIG_WINDOW | EXO_READ}},
        {EXO_CALL_tlb_harvest, {f, slot, 512, EXO_ENTRY_ACCESSED, RIG_WINDOW}},
        {EXO_CALL_tlb_harvest, {f, slot, 3, EXO_ENTRY_ACCESSED, RIG_WINDOW}},
        {EXO_CALL_tlb_harvest, {f, 1, 1, 1, 1}},
        {EXO_CALL_tlb_set, {f, slot, 0, 0, RIG_WINDOW}},
        {EXO_CALL_tlb_flush, {0, 0, 0, 0, 0}},
        {EXO_CALL_tlb_flush, {RIG_WINDOW, 3, 0, 0, 0}},
        {EXO_CALL_tlb_flush, {~0ull, 0, 0, 0, 0}},
        {EXO_CALL_pe_create, {f, 0, 3, 0, 0}},
        {EXO_CALL_pe_create, {f, frame.raw, 2, 0, 0}},
        {EXO_CALL_pe_set_root, {child.pe.raw, f, rig.table4.raw, 0, 0}},
        {EXO_CALL_pe_set_entry, {child.pe.raw, EXO_UPCALL_interrupt, 0x1000, 0x2000, 0}},
        {EXO_CALL_pe_start, {child.pe.raw, 0, 0, 0, 0}},
        {EXO_CALL_pe_read, {child.pe.raw, 0, 0, 0, 0}},
        {EXO_CALL_pe_yield, {child.pe.raw, 0, 0, 0, 0}},
        {EXO_CALL_pe_yield, {0, 0, 0, 0, 0}},
        {EXO_CALL_pe_yield, {77, 0, 0, 0, 0}},
        {EXO_CALL_pe_destroy, {77, 0, 0, 0, 0}},
        {EXO_CALL_slice_set, {SLICES.raw, 63, child.pe.raw, 0, 0}},
        {EXO_CALL_slice_set, {SLICES.raw, 63, 0, 0, 0}},
        {EXO_CALL_slice_set, {SLICES.raw, 64, 0, 0, 0}},
        {EXO_CALL_ring_bind, {f, 0, 0, 0, 0}},
        {EXO_CALL_ring_kick, {0, 0, 0, 0, 0}},
        {EXO_CALL_console_write, {REPORT.raw, 0, 0, 0, 0}},
        {EXO_CALL_console_read, {CONSOLE.raw, 0, 0, 0, 0}},
        {EXO_CALL_machine_off, {CONSOLE.raw, 64, 0, 0, 0}},
        {EXO_CALL_gate_make, {0, 1, 0, 0, 0}},
        {EXO_CALL_gate_make, {77, 1, 1, 0, 0}},
        {EXO_CALL_gate_post, {gate.raw, 1, 2, 3, 4}},
        {EXO_CALL_gate_post, {77, 1, 2, 3, 4}},
        {EXO_CALL_gate_call, {gate.raw, 0, 0, 0, 0}}, // BUSY, as every call below is refused
        {EXO_CALL_gate_call, {gate.raw & 0xffff, 0, 0, 0, 0}},
        {EXO_CALL_gate_call, {gate.raw + (1 << 16), 0, 0, 0, 0}},
        {EXO_CALL_gate_call, {~0ull, 0, 0, 0, 0}},
        {EXO_CALL_gate_call, {FRAMES.raw, 0, 0, 0, 0}},
        {EXO_CALL_gate_reply, {0, 0, 0, 0, 0}},
        {EXO_CALL_gate_call - 1, {0, 0, 0, 0, 0}}, // no call yet
    };
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct left left;
        left_by(calls[i].call, calls[i].arguments, &left);
        rig_context(names[calls[i].call] != nullptr ? names[calls[i].call] : "none", i);
        CHECK(left.rax < KERNEL && left.rcx < KERNEL && left.rdx < KERNEL && left.rsi < KERNEL && left.rdi < KERNEL);
        CHECK(left.r8 < KERNEL && left.r9 < KERNEL && left.r10 < KERNEL && left.r11 < KERNEL);
        CHECK(left.rax <= EXO_DEVICE);
        CHECK_EQUAL(left.rflags & ~0x8d5ull, 0x202); // interrupts on, nothing else but arithmetic flags
        if (calls[i].call == EXO_CALL_binding_derive && left.rax == EXO_OK) rig_drop((exo_handle){left.rdx});
    }
    rig_drop(mine);
    child_release(&child);
}

// spin(page, until): fills every register from its seed (in rdi's low byte), and checks them all, over and over, until
// the PE has begun `until` slices. Returns 0, or the number of the check that failed.
extern const char keeps_registers[];
__asm__(
    ".text\nkeeps_registers:\n"
    "movq %rdi, %rax\n movq %rdi, %rbx\n movq %rdi, %rcx\n movq %rdi, %rdx\n movq %rdi, %rsi\n movq %rdi, %rbp\n"
    "movq %rdi, %r8\n movq %rdi, %r9\n movq %rdi, %r10\n movq %rdi, %r11\n movq %rdi, %r12\n movq %rdi, %r13\n"
    "movq %rdi, %r14\n"
    "movq %rdi, %xmm0\n movq %rdi, %xmm1\n movq %rdi, %xmm7\n movq %rdi, %xmm8\n movq %rdi, %xmm15\n"
    "wrfsbase %rdi\n wrgsbase %rdi\n"
    "pushq %rdi\n fninit\n fildq (%rsp)\n"
    "1:\n cmpq %rdi, %rax\n jne 9f\n cmpq %rdi, %rbx\n jne 9f\n cmpq %rdi, %rcx\n jne 9f\n cmpq %rdi, %rdx\n jne 9f\n"
    "cmpq %rdi, %rsi\n jne 9f\n cmpq %rdi, %rbp\n jne 9f\n cmpq %rdi, %r8\n jne 9f\n cmpq %rdi, %r9\n jne 9f\n"
    "cmpq %rdi, %r10\n jne 9f\n cmpq %rdi, %r11\n jne 9f\n cmpq %rdi, %r12\n jne 9f\n cmpq %rdi, %r13\n jne 9f\n"
    "cmpq %rdi, %r14\n jne 9f\n cmpq %rdi, (%rsp)\n jne 9f\n"
    "movq %xmm0, %r15\n cmpq %rdi, %r15\n jne 9f\n movq %xmm1, %r15\n cmpq %rdi, %r15\n jne 9f\n"
    "movq %xmm7, %r15\n cmpq %rdi, %r15\n jne 9f\n movq %xmm8, %r15\n cmpq %rdi, %r15\n jne 9f\n"
    "movq %xmm15, %r15\n cmpq %rdi, %r15\n jne 9f\n"
    "rdfsbase %r15\n cmpq %rdi, %r15\n jne 9f\n rdgsbase %r15\n cmpq %rdi, %r15\n jne 9f\n"
    "fld %st(0)\n fistpq -16(%rsp)\n cmpq %rdi, -16(%rsp)\n jne 9f\n"
    "cmpl $0, registers_stop(%rip)\n je 1b\n"
    "xorl %edi, %edi\n jmp child_exit\n"
    "9: movl $1, %edi\n jmp child_exit\n"
    ".bss\n.globl registers_stop\nregisters_stop: .skip 4\n.text\n");
extern volatile uint32_t registers_stop;

TEST(preemption_keeps_every_register) {
    struct child children[3];
    registers_stop = 0;
    for (unsigned i = 0; i < 3; i++) {
        children[i] = child_new_at(CHILD_SHARED, keeps_registers);
        OK(exo_slice_set(SLICES, 1 + i, children[i].pe));
        child_start(&children[i], 0x11'2233'4455 * (i + 1));
    }
    for (unsigned i = 0; i < 15; i++) OK(exo_pe_yield(EXO_NO_HANDLE));
    registers_stop = 1;
    for (unsigned i = 0; i < 3; i++) {
        rig_context("child", i);
        CHECK(children[i].page->slices >= 10);
        CHECK(child_go(&children[i], 5));
        CHECK_EQUAL(children[i].state.end, EXO_END_EXIT);
        CHECK_EQUAL(children[i].state.status, 0);
        child_release(&children[i]);
    }
}

// A new PE begins with nothing in any register but its argument.
extern const char shows_registers[];
__asm__(".text\nshows_registers:\n"
        "orq %rbx, %rax\n orq %rcx, %rax\n orq %rdx, %rax\n orq %rsi, %rax\n orq %rbp, %rax\n orq %r8, %rax\n"
        "orq %r9, %rax\n orq %r10, %rax\n orq %r11, %rax\n orq %r12, %rax\n orq %r13, %rax\n orq %r14, %rax\n"
        "orq %r15, %rax\n movq %xmm0, %rcx\n orq %rcx, %rax\n movq %xmm15, %rcx\n orq %rcx, %rax\n"
        "rdfsbase %rcx\n orq %rcx, %rax\n rdgsbase %rcx\n orq %rcx, %rax\n"
        "testq %rax, %rax\n je 1f\n movl $1, %eax\n 1: movq %rax, %rdi\n jmp child_exit\n");

TEST(a_new_pe_begins_with_empty_registers) {
    __asm__ volatile("movq %0, %%xmm0\n movq %0, %%xmm15" ::"r"(~0ull));
    struct child child = child_new_at(CHILD_SHARED, shows_registers);
    child_run(&child, 0xabcd);
    CHECK_EQUAL(child.state.status, 0);
    child_release(&child);
}

// Puts its argument into the four segment registers that can be written, or shows what is in them.
extern const char sets_selectors[], shows_selectors[];
__asm__(".text\nsets_selectors:\n movl %edi, %ds\n movl %edi, %es\n movl %edi, %fs\n movl %edi, %gs\n"
        "1: cmpl $0, registers_stop(%rip)\n je 1b\n xorl %edi, %edi\n jmp child_exit\n"
        "shows_selectors:\n xorl %edi, %edi\n movw %ds, %di\n shlq $16, %rdi\n movw %es, %di\n shlq $16, %rdi\n"
        "movw %fs, %cx\n movw %gs, %ax\n cmpw %ax, %cx\n jne 1f\n movw %cx, %di\n 1: jmp child_exit\n");

TEST(what_one_pe_puts_into_segment_registers_no_other_finds_there) {
    registers_stop = 0;
    struct child writer = child_new_at(CHILD_SHARED, sets_selectors);
    OK(exo_slice_set(SLICES, 1, writer.pe));
    child_start(&writer, 0);
    OK(exo_pe_yield(EXO_NO_HANDLE));
    struct child reader = child_new_at(CHILD_SHARED, shows_selectors);
    OK(exo_slice_set(SLICES, 2, reader.pe));
    child_start(&reader, 0);
    OK(exo_pe_yield(EXO_NO_HANDLE)); // first the one, then the other
    CHECK(child_go(&reader, 0));
    constexpr uint64_t data = 0x23;
    CHECK_EQUAL(reader.state.status, data << 16 | data); // the upper half of rdi is no part of a status
    registers_stop = 1;
    CHECK(child_go(&writer, 5));
    child_release(&reader);
    child_release(&writer);
}
