// SPDX-License-Identifier: MIT
// What hostile or broken user code can execute: each instruction ends in the documented upcall of its own PE, and the
// kernel goes on (that the next line of the table runs at all is the proof).
#include "tests/vm/child.h"

// A line is a name, the code, and what comes of it: the upcall that ends the child, and the processor's vector, or
// both where makers of processors differ.
// Code that returns ends the child by itself, with rax as its status.
#define LINES                                                                                                          \
    LINE(undefined, "ud2", exception, V(6))                                                                            \
    LINE(divide_by_zero, "xorl %ecx, %ecx\n movl $1, %eax\n cltd\n idivl %ecx", exception, V(0))                       \
    LINE(breakpoint, "int3", exception, V(3))                                                                          \
    LINE(single_step, "pushfq\n orq $0x100, (%rsp)\n popfq\n nop\n nop", exception, V(1))                              \
    LINE(halt, "hlt", exception, V(13))                                                                                \
    LINE(interrupts_off, "cli", exception, V(13))                                                                      \
    LINE(interrupts_on, "sti", exception, V(13))                                                                       \
    LINE(port_in, "inb $0x64, %al", exception, V(13))                                                                  \
    LINE(port_out, "movb $0xfe, %al\n outb %al, $0x64", exception, V(13))                                              \
    LINE(power_port, "movw $0xf4, %dx\n outl %eax, %dx", exception, V(13))                                             \
    LINE(string_out, "movw $0xe9, %dx\n leaq child_exit(%rip), %rsi\n outsb", exception, V(13))                        \
    LINE(read_cr0, "movq %cr0, %rax", exception, V(13))                                                                \
    LINE(write_cr0, "movq %rax, %cr0", exception, V(13))                                                               \
    LINE(write_cr3, "xorl %eax, %eax\n movq %rax, %cr3", exception, V(13))                                             \
    LINE(write_cr4, "xorl %eax, %eax\n movq %rax, %cr4", exception, V(13))                                             \
    LINE(write_cr8, "xorl %eax, %eax\n movq %rax, %cr8", exception, V(13))                                             \
    LINE(write_dr0, "movq %rax, %dr0", exception, V(13))                                                               \
    LINE(write_dr7, "movq %rax, %dr7", exception, V(13))                                                               \
    LINE(clts, "clts", exception, V(13))                                                                               \
    LINE(invalidate_page, "invlpg (%rsp)", exception, V(13))                                                           \
    LINE(invalidate_caches, "wbinvd", exception, V(13))                                                                \
    LINE(read_msr, "movl $0xc0000080, %ecx\n rdmsr", exception, V(13))                                                 \
    LINE(write_msr, "movl $0xc0000082, %ecx\n wrmsr", exception, V(13))                                                \
    LINE(load_gdt, "lgdt (%rsp)", exception, V(13))                                                                    \
    LINE(load_idt, "lidt (%rsp)", exception, V(13))                                                                    \
    LINE(load_ldt, "xorl %eax, %eax\n lldt %ax", exception, V(13))                                                     \
    LINE(load_task, "movl $0x30, %eax\n ltr %ax", exception, V(13))                                                    \
    LINE(load_machine_status, "lmsw %ax", exception, V(13))                                                            \
    LINE(store_gdt, "sgdt -16(%rsp)", exception, V(13))                                                                \
    LINE(store_idt, "sidt -16(%rsp)", exception, V(13))                                                                \
    LINE(store_ldt, "sldt %eax", exception, V(13))                                                                     \
    LINE(store_task, "str %eax", exception, V(13))                                                                     \
    LINE(store_machine_status, "smsw %eax", exception, V(13))                                                          \
    LINE(swap_gs, "swapgs", exception, V(13))                                                                          \
    LINE(system_return, "sysretq", exception, V(13))                                                                   \
    LINE(system_enter, "sysenter", exception, V(6) | V(13))                                                            \
    LINE(system_exit, "sysexit", exception, V(6) | V(13))                                                              \
    LINE(smap_off, "stac", exception, V(6))                                                                            \
    LINE(smap_on, "clac", exception, V(6))                                                                             \
    LINE(monitor, "monitor", exception, V(6))                                                                          \
    LINE(extended_control, "xorl %ecx, %ecx\n xgetbv", exception, V(6))                                                \
    LINE(vector_256, "vpxor %ymm0, %ymm0, %ymm0", exception, V(6))                                                     \
    LINE(hypercall_intel, "vmcall", exception, V(6))                                                                   \
    LINE(hypercall_amd, "vmmcall", exception, V(6))                                                                    \
    LINE(hypervisor_run, "vmrun %rax", exception, V(6))                                                                \
    LINE(management_resume, "rsm", exception, V(6))                                                                    \
    LINE(interrupt_divide, "int $0", exception, V(13))                                                                 \
    LINE(interrupt_nmi, "int $2", exception, V(13))                                                                    \
    LINE(interrupt_double_fault, "int $8", exception, V(13))                                                           \
    LINE(interrupt_page_fault, "int $14", exception, V(13))                                                            \
    LINE(interrupt_timer, "int $32", exception, V(13))                                                                 \
    LINE(interrupt_disk, "int $33", exception, V(13))                                                                  \
    LINE(interrupt_linux, "int $0x80", exception, V(13))                                                               \
    LINE(interrupt_last, "int $255", exception, V(13))                                                                 \
    LINE(jump_not_canonical, "movabsq $0x800000000000, %rax\n jmp *%rax", exception, V(13))                            \
    LINE(call_not_canonical, "movabsq $0xdead000000000000, %rax\n call *%rax", exception, V(13))                       \
    LINE(read_not_canonical, "movabsq $0x800000000000, %rax\n movq (%rax), %rax", exception, V(13))                    \
    LINE(stack_not_canonical, "movabsq $0x800000000010, %rsp\n pushq %rax", exception, V(12) | V(13))                  \
    LINE(return_not_canonical, "movabsq $0x800000000000, %rax\n pushq %rax\n retq", exception, V(13))                  \
    LINE(jump_to_kernel, "movabsq $0xffff808000100000, %rax\n jmp *%rax", fault, V(14))                                \
    LINE(stack_in_kernel, "movabsq $0xffff800000100000, %rsp\n pushq %rax", fault, V(14))                              \
    LINE(stack_at_zero, "xorl %esp, %esp\n pushq %rax", fault, V(14))                                                  \
    LINE(jump_to_zero, "xorl %eax, %eax\n jmp *%rax", fault, V(14))                                                    \
    LINE(kernel_code_segment, "pushq $0x08\n leaq 1f(%rip), %rax\n pushq %rax\n ljmpq *(%rsp)\n 1: nop", exception,    \
         V(13))                                                                                                        \
    LINE(task_gate, "pushq $0x33\n pushq $0\n ljmpq *(%rsp)", exception, V(13))                                        \
    LINE(kernel_data_in_ds, "movl $0x10, %eax\n movl %eax, %ds", exception, V(13))                                     \
    LINE(kernel_data_in_ss, "movl $0x10, %eax\n movl %eax, %ss", exception, V(13))                                     \
    LINE(kernel_code_in_es, "movl $0x0b, %eax\n movl %eax, %es", exception, V(13))                                     \
    LINE(null_in_ss, "xorl %eax, %eax\n movl %eax, %ss", exception, V(13))                                             \
    LINE(local_table_in_fs, "movl $0x07, %eax\n movl %eax, %fs", exception, V(13))                                     \
    LINE(past_the_table_in_gs, "movl $0x103, %eax\n movl %eax, %gs", exception, V(13))                                 \
    LINE(x87_error, "fninit\n pushq $0x360\n fldcw (%rsp)\n fld1\n fldz\n fdivrp\n fwait", exception, V(16))

#define LINE(name, code, ...)                                                                                          \
    extern const char code_##name[];                                                                                   \
    __asm__(".text\ncode_" #name ":\n" code "\n"                                                                       \
            "movl $0x77, %eax\n ret\n");
LINES
#undef LINE

static const struct {
    const char *name;
    const void *code;
    enum exo_upcall upcall;
    uint64_t vectors; // a set
} lines[] = {
#define V(number) (1ull << (number))
#define LINE(name, code, upcall, vectors) {#name, code_##name, EXO_UPCALL_##upcall, vectors},
    LINES
#undef LINE
};
constexpr unsigned LINES_COUNT = sizeof lines / sizeof *lines;

TEST(each_hostile_instruction_ends_in_its_own_upcall) {
    for (unsigned i = 0; i < LINES_COUNT; i++) {
        rig_context(lines[i].name, lines[i].vectors);
        struct child child = child_new_at(CHILD_SHARED, lines[i].code);
        child_run(&child, 0);
        CHECK_EQUAL(child.state.end, EXO_END_EXIT);
        CHECK_EQUAL(child.state.status, CHILD_UPCALL + lines[i].upcall);
        if (lines[i].upcall == EXO_UPCALL_exception)
            CHECK_EQUAL(V(child.page->exception.vector) & ~lines[i].vectors, 0);
        child_release(&child);
    }
    rig_note("instructions", LINES_COUNT);
}

// The same with every entry unset, or with a handler that cannot run: the worst that a PE can do to itself.
TEST(each_hostile_instruction_without_entries_ends_its_pe_only) {
    for (unsigned i = 0; i < LINES_COUNT; i++) {
        rig_context(lines[i].name, lines[i].vectors);
        struct child child = child_new_at(CHILD_SHARED, lines[i].code);
        for (uint64_t upcall = 1; upcall < EXO_UPCALLS; upcall++)
            OK(exo_pe_set_entry(child.pe, upcall, (exo_vaddr){0}, (exo_vaddr){0}));
        child_run(&child, 0);
        CHECK_EQUAL(child.state.end, EXO_END_NO_ENTRY);
        child_release(&child);
    }
}

// Every selector that the descriptor table might hold: none leads anywhere but to 64-bit user code. (By a far jump:
// QEMU's TCG, up to 7.2 at least, lets far returns and iretq of user code fail on SMAP before they look at a selector.)
extern const char far_jump[];
__asm__(".text\nfar_jump:\n pushq %rdi\n leaq 1f(%rip), %rax\n pushq %rax\n ljmpq *(%rsp)\n"
        "1: movl $0x55, %eax\n"    // in 32-bit code these bytes would be the same, and what follows would not
        ".byte 0x48, 0x31, 0xff\n" // 64-bit: xor %rdi, %rdi; 32-bit: dec %eax; xor %edi, %edi
        "movl %eax, %edi\n jmp child_exit\n");

TEST(no_code_segment_but_the_users_own_can_be_entered) {
    unsigned entered = 0;
    for (uint64_t selector = 0; selector < 0x100; selector++) {
        rig_context("selector", selector);
        struct child child = child_new_at(CHILD_SHARED, far_jump);
        child_run(&child, selector);
        if (child.state.status == 0x55)
            entered++;
        else
            CHECK_EQUAL(child.state.status, CHILD_BY(exception));
        child_release(&child);
    }
    CHECK_EQUAL(entered, 4); // one descriptor, in each of the four ways to ask for it
}

// Flags that user code may set, then a system call: none may change what the kernel does.
extern const char odd_flags[];
__asm__(".text\nodd_flags:\n pushfq\n orq %rdi, (%rsp)\n popfq\n"
        "movq $~0, %rax\n syscall\n movq $~0, %rax\n syscall\n" // null
        "cld\n movq %rax, %rdi\n jmp child_exit\n");

TEST(flags_do_not_confuse_system_calls) {
    const uint64_t flags[] = {1 << 0,  1 << 10, 1 << 11, 1 << 12, 1 << 13,
                              3 << 12, 1 << 14, 1 << 18, 1 << 21, 0x2'7fd5 & ~0x100};
    for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
        rig_context("flags", flags[i]);
        struct child child = child_new_at(CHILD_SHARED, odd_flags);
        child_run(&child, flags[i]);
        CHECK_EQUAL(child.state.status, EXO_OK);
        child_release(&child);
    }
}

TEST(the_direction_flag_does_not_turn_the_kernels_loops_round) {
    const exo_frame frames = rig_frames(3, EXO_FRAME_DATA);
    for (unsigned i = 0; i < 3; i++) {
        volatile uint64_t *words = rig_map(RIG_WINDOW, (exo_frame){frames.raw + i}, EXO_READ | EXO_WRITE);
        for (unsigned word = 0; word < 512; word++) words[word] = 7;
        rig_unmap(RIG_WINDOW);
    }
    __asm__ volatile("std" ::: "memory");
    const struct exo_result result = exo_frame_retype(FRAMES, (exo_frame){frames.raw + 1}, 1, EXO_FRAME_DATA);
    __asm__ volatile("cld" ::: "memory");
    CHECK_EQUAL(result.error, EXO_OK);
    for (unsigned i = 0; i < 3; i++) {
        const volatile uint64_t *words = rig_map(RIG_WINDOW, (exo_frame){frames.raw + i}, EXO_READ);
        for (unsigned word = 0; word < 512; word++) CHECK_EQUAL(words[word], i == 1 ? 0 : 7);
        rig_unmap(RIG_WINDOW);
    }
    rig_release(frames, 3);
}

// A single step over a system call, which would trap in the kernel if the flag came with it.
extern const char steps_into_a_call[];
__asm__(".text\nsteps_into_a_call:\n movq $~0, %rax\n pushfq\n orq $0x100, (%rsp)\n popfq\n syscall\n nop\n nop\n"
        "xorl %edi, %edi\n jmp child_exit\n");

TEST(a_single_step_never_stops_in_the_kernel) {
    struct child child = child_new_at(CHILD_SHARED, steps_into_a_call);
    child_run(&child, 0);
    if (child.state.status != 0) { // it may be told of the step after the call, never of one in the kernel
        CHECK_EQUAL(child.state.status, CHILD_BY(exception));
        CHECK_EQUAL(child.page->exception.vector, 1);
        CHECK(child.page->exception.rip < EXO_USER_END);
    }
    child_release(&child);
}

// Privilege can't be had by flags: IOPL stays 0 and interrupts stay on.
extern const char wants_privilege[];
__asm__(".text\nwants_privilege:\n pushfq\n orq $0x3000, (%rsp)\n andq $~0x200, (%rsp)\n popfq\n pushfq\n popq %rdi\n"
        "andl $0x3200, %edi\n jmp child_exit\n");

TEST(flags_give_no_privilege) {
    struct child child = child_new_at(CHILD_SHARED, wants_privilege);
    child_run(&child, 0);
    CHECK_EQUAL(child.state.status, 0x200);
    child_release(&child);
}

// Stack pointers that are nobody's, at each way into the kernel.
extern const char odd_stack_calls[], odd_stack_faults[], odd_stack_traps[], odd_stack_foreign[];
__asm__(".text\n"
        "odd_stack_calls:\n movq %rdi, %rsp\n movq $~0, %rax\n syscall\n xorl %edi, %edi\n jmp child_exit\n"
        "odd_stack_faults:\n movq %rdi, %rsp\n movq 0x30000000, %rax\n"
        "odd_stack_traps:\n movq %rdi, %rsp\n ud2\n"
        "odd_stack_foreign:\n movq %rdi, %rsp\n movl $7, %eax\n syscall\n");

TEST(the_users_stack_pointer_is_never_used_by_the_kernel) {
    const void *const codes[] = {odd_stack_calls, odd_stack_faults, odd_stack_traps, odd_stack_foreign};
    constexpr uint64_t wanted[] = {0, CHILD_BY(fault), CHILD_BY(exception), CHILD_BY(syscall)};
    const uint64_t stacks[] = {
        0, 1, 7, 0x30000001, 0x8000'0000'0000, ~0ull, 0xffff'8000'0010'0000, 0xffff'8080'0010'0000, EXO_FRAME_TABLE};
    for (unsigned i = 0; i < 4; i++)
        for (unsigned j = 0; j < sizeof stacks / sizeof *stacks; j++) {
            rig_context("stack", i << 8 | j);
            struct child child = child_new_at(CHILD_SHARED, codes[i]);
            child_run(&child, stacks[j]);
            CHECK_EQUAL(child.state.status, wanted[i]);
            if (i != 0) CHECK_EQUAL(child.page->exception.rsp, stacks[j]);
            child_release(&child);
        }
}

// The segment bases are user code's to set; the kernel's own use of GS must not see them.
extern const char odd_bases[];
__asm__(".text\nodd_bases:\n wrgsbase %rdi\n wrfsbase %rdi\n movq $~0, %rax\n syscall\n"
        "rdgsbase %rax\n cmpq %rax, %rdi\n jne 1f\n rdfsbase %rax\n cmpq %rax, %rdi\n jne 1f\n"
        "ud2\n 1: movl $1, %edi\n jmp child_exit\n");

TEST(segment_bases_are_the_users_own) {
    const uint64_t bases[] = {0, 1, 0x7fff'ffff'ffff, 0xffff'8000'0000'0000, 0xffff'8080'0010'0000, ~0ull};
    for (unsigned i = 0; i < sizeof bases / sizeof *bases; i++) {
        rig_context("base", bases[i]);
        struct child child = child_new_at(CHILD_SHARED, odd_bases);
        child_run(&child, bases[i]);
        CHECK_EQUAL(child.state.status, CHILD_BY(exception));
        child_release(&child);
    }
}
