// SPDX-License-Identifier: MIT
// Upcalls: what the library OS is told of a fault, an exception, a foreign system call; and the nesting rules.
#include "tests/vm/child.h"

// Fills every register with its own pattern, and then does what the test is about.
#define FILL_REGISTERS                                                                                                 \
    "movabsq $0x1111111111111100, %rax\n"                                                                              \
    "movabsq $0x1111111111111101, %rbx\n"                                                                              \
    "movabsq $0x1111111111111102, %rcx\n"                                                                              \
    "movabsq $0x1111111111111103, %rdx\n"                                                                              \
    "movabsq $0x1111111111111104, %rsi\n"                                                                              \
    "movabsq $0x1111111111111105, %rdi\n"                                                                              \
    "movabsq $0x1111111111111106, %rbp\n"                                                                              \
    "movabsq $0x1111111111111108, %r8\n"                                                                               \
    "movabsq $0x1111111111111109, %r9\n"                                                                               \
    "movabsq $0x111111111111110a, %r10\n"                                                                              \
    "movabsq $0x111111111111110b, %r11\n"                                                                              \
    "movabsq $0x111111111111110c, %r12\n"                                                                              \
    "movabsq $0x111111111111110d, %r13\n"                                                                              \
    "movabsq $0x111111111111110e, %r14\n"                                                                              \
    "movabsq $0x111111111111110f, %r15\n"

#define CODE(name, ...)                                                                                                \
    extern const char name[];                                                                                          \
    __asm__(".text\n" #name ":\n" __VA_ARGS__)

CODE(fill_and_fault, FILL_REGISTERS ".globl fault_at\nfault_at: movq 0x30000008, %rax\nud2\n");
CODE(fill_and_trap, FILL_REGISTERS ".globl trap_at\ntrap_at: ud2\n");
CODE(fill_and_call, FILL_REGISTERS "syscall\n.globl called_at\ncalled_at: ud2\n");
CODE(call_with_number, "movq %rdi, %rax\nsyscall\n.globl numbered_at\nnumbered_at: ud2\n");
extern const char fault_at[], trap_at[], called_at[], numbered_at[];

constexpr uint64_t PATTERN = 0x1111'1111'1111'1100;

// Whether a handler found the registers that FILL_REGISTERS set, but for those that the save area has.
static bool kept(const struct child_registers *r) {
    return r->rbx == PATTERN + 1 && r->rdx == PATTERN + 3 && r->rsi == PATTERN + 4 && r->rdi == PATTERN + 5
           && r->rbp == PATTERN + 6 && r->r8 == PATTERN + 8 && r->r9 == PATTERN + 9 && r->r10 == PATTERN + 10
           && r->r12 == PATTERN + 12 && r->r13 == PATTERN + 13 && r->r14 == PATTERN + 14 && r->r15 == PATTERN + 15;
}

// Flags and the registers that the kernel used up hold nothing of the kernel's.
static bool clean(const struct child_registers *r) {
    constexpr uint64_t kernel = 0xffff'8000'0000'0000;
    return (r->rflags & ~0x202ull) == 0 && r->rax < kernel && r->rcx < kernel && r->r11 < kernel;
}

TEST(a_fault_is_told_with_its_whole_context) {
    struct child child = child_new_at(CHILD_SHARED, fill_and_fault);
    child_run(&child, 0);
    CHECK_EQUAL(child.state.status, CHILD_BY(fault));
    const volatile struct exo_exception *save = &child.page->exception;
    CHECK_EQUAL(save->cr2, 0x3000'0008);
    CHECK_EQUAL(save->error, 4);
    CHECK_EQUAL(save->rip, (uint64_t)fault_at);
    CHECK_EQUAL(save->rsp, child_stack(&child, EXO_UPCALL_start) - 8);
    CHECK_EQUAL(save->rax, PATTERN);
    CHECK_EQUAL(save->rcx, PATTERN + 2);
    CHECK_EQUAL(save->r11, PATTERN + 11);
    CHECK_EQUAL(save->busy, 1);
    CHECK(kept(child_registers(&child, EXO_UPCALL_fault)));
    CHECK(clean(child_registers(&child, EXO_UPCALL_fault)));
    child_release(&child);
}

TEST(an_exception_is_told_with_its_whole_context) {
    struct child child = child_new_at(CHILD_SHARED, fill_and_trap);
    child_run(&child, 0);
    CHECK_EQUAL(child.state.status, CHILD_BY(exception));
    const volatile struct exo_exception *save = &child.page->exception;
    CHECK_EQUAL(save->vector, 6);
    CHECK_EQUAL(save->rip, (uint64_t)trap_at);
    CHECK_EQUAL(save->rsp, child_stack(&child, EXO_UPCALL_start) - 8);
    CHECK_EQUAL(save->rax, PATTERN);
    CHECK_EQUAL(save->rcx, PATTERN + 2);
    CHECK_EQUAL(save->r11, PATTERN + 11);
    CHECK_EQUAL(save->busy, 1);
    CHECK(kept(child_registers(&child, EXO_UPCALL_exception)));
    child_release(&child);
}

TEST(a_foreign_system_call_arrives_with_every_register) {
    struct child child = child_new_at(CHILD_SHARED, fill_and_call);
    child_run(&child, 0);
    CHECK_EQUAL(child.state.status, CHILD_BY(syscall));
    const volatile struct exo_exception *save = &child.page->exception;
    CHECK_EQUAL(save->rax, PATTERN);
    CHECK_EQUAL(save->rip, (uint64_t)called_at);
    CHECK_EQUAL(save->rsp, child_stack(&child, EXO_UPCALL_start) - 8);
    CHECK_EQUAL(save->rflags & ~0x8d5ull, 0x202); // but for the six arithmetic flags
    CHECK_EQUAL(save->busy, 1);
    CHECK(kept(child_registers(&child, EXO_UPCALL_syscall)));
    CHECK(clean(child_registers(&child, EXO_UPCALL_syscall)));
    child_release(&child);
}

TEST(every_number_that_is_no_call_goes_to_the_syscall_entry) {
    const uint64_t numbers[] = {0,
                                1,
                                2,
                                EXO_CALLS,
                                60,
                                231,
                                511,
                                0x7fff'ffff,
                                0xffff'ffff,
                                0xffff'ffef,
                                1ull << 32,
                                1ull << 63,
                                ~(uint64_t)EXO_CALLS,
                                ~(uint64_t)EXO_CALLS - 1,
                                ~(1ull << 32),
                                ~(1ull << 63)};
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        rig_context("number", numbers[i]);
        struct child child = child_new_at(CHILD_SHARED, call_with_number);
        child_run(&child, numbers[i]);
        CHECK_EQUAL(child.state.status, CHILD_BY(syscall));
        CHECK_EQUAL(child.page->exception.rax, numbers[i]);
        CHECK_EQUAL(child.page->exception.rip, (uint64_t)numbered_at);
        child_release(&child);
    }
}

// Sets AC, DF, TF-free odd flags, and faults.
CODE(flags_and_fault, "pushfq\norq $0x40400, (%rsp)\npopfq\nmovq 0x30000008, %rax\nud2\n");
CODE(flags_and_call, "pushfq\norq $0x44400, (%rsp)\npopfq\nmovl $60, %eax\nsyscall\nud2\n");

TEST(flags_of_the_interrupted_code_do_not_reach_the_handler) {
    constexpr uint64_t AC = 1 << 18, NT = 1 << 14, DF = 1 << 10;
    struct child fault = child_new_at(CHILD_SHARED, flags_and_fault);
    child_run(&fault, 0);
    CHECK_EQUAL(fault.state.status, CHILD_BY(fault));
    CHECK_EQUAL(fault.page->exception.rflags & (AC | DF), AC | DF);
    CHECK_EQUAL(child_registers(&fault, EXO_UPCALL_fault)->rflags & ~0x202ull, 0);
    child_release(&fault);
    struct child call = child_new_at(CHILD_SHARED, flags_and_call);
    child_run(&call, 0);
    CHECK_EQUAL(call.state.status, CHILD_BY(syscall));
    CHECK_EQUAL(call.page->exception.rflags & (AC | DF | NT), AC | DF | NT);
    CHECK_EQUAL(child_registers(&call, EXO_UPCALL_syscall)->rflags & ~0x202ull, 0);
    child_release(&call);
}

// Handlers that fault themselves.
CODE(faults_again, "movq 0x20000010, %rax\nud2\n");
CODE(traps_again, "ud2\n");
CODE(calls_again, "movl $77, %eax\nsyscall\nud2\n");

// A handler that frees its save area first; its own fault is an ordinary one, and the second time it gives up.
CODE(frees_and_faults, "incl frees_count(%rip)\n cmpl $3, frees_count(%rip)\n je child_on_fault\n"
                       "movq 72(%rbx), %rcx\n movq $0, 72(%rbx)\n movq 0x20000010, %rax\nud2\n"
                       ".bss\nfrees_count: .skip 4\n.text\n");
CODE(fault_with_page_in_rbx, "movq %rdi, %rbx\nmovq 0x30000008, %rax\nud2\n");

static void set_entry(const struct child *child, enum exo_upcall upcall, const void *code) {
    const exo_vaddr stack = {child_stack(child, upcall)};
    rig_need(exo_pe_set_entry(child->pe, upcall, (exo_vaddr){(uint64_t)code}, stack).error == EXO_OK, "no entry set");
}

TEST(a_fault_in_a_handler_goes_to_double_fault) {
    const void *const handlers[] = {faults_again, traps_again, calls_again};
    constexpr uint64_t vectors[] = {14, 6, 256};
    for (unsigned i = 0; i < 3; i++) {
        rig_context("handler", i);
        struct child child = child_new_at(CHILD_SHARED, fill_and_fault);
        set_entry(&child, EXO_UPCALL_fault, handlers[i]);
        child_run(&child, 0);
        CHECK_EQUAL(child.state.status, CHILD_BY(double_fault));
        CHECK_EQUAL(child.page->exception.busy, 3);
        CHECK_EQUAL(child.page->exception.vector, vectors[i]);
        if (i == 0) CHECK_EQUAL(child.page->exception.cr2, 0x2000'0010);
        if (i == 0) CHECK_EQUAL(child.page->exception.rip, (uint64_t)faults_again);
        child_release(&child);
    }
}

TEST(a_third_fault_ends_the_pe_alone) {
    const void *const handlers[] = {faults_again, traps_again, calls_again};
    constexpr uint64_t vectors[] = {14, 6, 256};
    for (unsigned i = 0; i < 9; i++) {
        rig_context("handlers", i);
        struct child child = child_new_at(CHILD_SHARED, fill_and_trap);
        set_entry(&child, EXO_UPCALL_exception, handlers[i / 3]);
        set_entry(&child, EXO_UPCALL_double_fault, handlers[i % 3]);
        child_run(&child, 0);
        CHECK_EQUAL(child.state.end, EXO_END_TRIPLE_FAULT);
        CHECK_EQUAL(child.state.status, vectors[i % 3]);
        if (i % 3 == 0) CHECK_EQUAL(child.state.address, (uint64_t)faults_again);
        if (i % 3 == 1) CHECK_EQUAL(child.state.address, (uint64_t)traps_again);
        child_release(&child);
    }
}

TEST(a_handler_that_has_freed_its_save_area_may_fault) {
    struct child child = child_new_at(CHILD_SHARED, fault_with_page_in_rbx);
    set_entry(&child, EXO_UPCALL_fault, frees_and_faults);
    child_run(&child, (uint64_t)child.page);
    CHECK_EQUAL(child.state.status, CHILD_BY(fault));
    CHECK_EQUAL(child.page->exception.cr2, 0x2000'0010);
    child_release(&child);
}

TEST(a_handler_whose_stack_is_not_mapped_ends_its_pe_only) {
    struct child child = child_new_at(CHILD_SHARED, fill_and_fault);
    for (uint64_t upcall = 1; upcall < EXO_UPCALLS; upcall++)
        OK(exo_pe_set_entry(child.pe, upcall, (exo_vaddr){(uint64_t)child_on_fault}, (exo_vaddr){0x2000'0000}));
    child_run(&child, 0);
    CHECK_EQUAL(child.state.end, EXO_END_TRIPLE_FAULT);
    CHECK_EQUAL(child.state.status, 14);
    CHECK_EQUAL(child.state.address, (uint64_t)child_on_fault);
    child_release(&child);
}

TEST(a_busy_flag_that_was_never_earned_harms_only_its_pe) {
    struct child child = child_new_at(CHILD_SHARED, fill_and_fault);
    child.page->exception.busy = ~0ull;
    child_run(&child, 0);
    CHECK_EQUAL(child.state.end, EXO_END_TRIPLE_FAULT);
    child_release(&child);
}

// Faults on a page that its handler maps; then compares every register with what it was.
static struct {
    exo_handle tables, frames;
    exo_frame frame, table;
    volatile struct exo_pe_page *page;
    uint64_t faults;
} order;

extern const char resume_on_fault[], faults_and_goes_on[];
__asm__(".text\n"
        "resume_on_fault:\n" // keeps everything, maps the page, and resumes without the kernel
        "pushq %rax\npushq %rcx\npushq %rdx\npushq %rsi\npushq %rdi\npushq %r8\npushq %r9\npushq %r10\npushq %r11\n"
        "subq $8, %rsp\ncall map_the_page\naddq $8, %rsp\n"
        "popq %r11\npopq %r10\npopq %r9\npopq %r8\npopq %rdi\npopq %rsi\npopq %rdx\npopq %rcx\npopq %rax\n"
        "movq resume_page(%rip), %rcx\n"
        "movq 88(%rcx), %rax\n movq %rax, 128(%rcx)\n" // rip to resume_rip
        "pushq 104(%rcx)\n popfq\n"
        "movq 32(%rcx), %rax\n movq 48(%rcx), %r11\n"
        "movq 112(%rcx), %rsp\n"
        "movq $0, 72(%rcx)\n"
        "pushq 128(%rcx)\n movq 40(%rcx), %rcx\n ret\n" // a test may use the interrupted stack
        "faults_and_goes_on:\n"
        "subq $128, %rsp\n" FILL_REGISTERS "movq %rax, 0x1400000\n"
        "cmpq %rax, 0x1400000\n jne 1f\n"
        "pushfq\n popq %rax\n testq $0x400, %rax\n jne 1f\n"
        "leaq 1(%rbx), %rax\n cmpq %rcx, %rax\n jne 1f\n" // rcx, r11 and the rest are a row of numbers
        "leaq 2(%rbx), %rax\n cmpq %rdx, %rax\n jne 1f\n"
        "leaq 3(%rbx), %rax\n cmpq %rsi, %rax\n jne 1f\n"
        "leaq 4(%rbx), %rax\n cmpq %rdi, %rax\n jne 1f\n"
        "leaq 5(%rbx), %rax\n cmpq %rbp, %rax\n jne 1f\n"
        "leaq 7(%rbx), %rax\n cmpq %r8, %rax\n jne 1f\n"
        "leaq 8(%rbx), %rax\n cmpq %r9, %rax\n jne 1f\n"
        "leaq 9(%rbx), %rax\n cmpq %r10, %rax\n jne 1f\n"
        "leaq 10(%rbx), %rax\n cmpq %r11, %rax\n jne 1f\n"
        "leaq 11(%rbx), %rax\n cmpq %r12, %rax\n jne 1f\n"
        "leaq 12(%rbx), %rax\n cmpq %r13, %rax\n jne 1f\n"
        "leaq 13(%rbx), %rax\n cmpq %r14, %rax\n jne 1f\n"
        "leaq 14(%rbx), %rax\n cmpq %r15, %rax\n jne 1f\n"
        "xorl %edi, %edi\n call child_exit\n"
        "1: movl $1, %edi\n call child_exit\n");

volatile struct exo_pe_page *resume_page;

[[gnu::used]] void map_the_page(void) {
    if (order.page->exception.cr2 != RIG_ELSEWHERE) return;
    order.faults++;
    (void)exo_tlb_set(order.tables, (exo_paddr){order.table.raw << EXO_PAGE_SHIFT}, order.frames,
                      exo_entry_for(order.frame, EXO_READ | EXO_WRITE), (exo_vaddr){0});
}

TEST(a_fault_can_be_resumed_without_the_kernel) {
    struct child child = child_new_at(CHILD_SHARED, faults_and_goes_on);
    order.frame = rig_frames(1, EXO_FRAME_DATA);
    const exo_handle frame = rig_derive(FRAMES, order.frame.raw, 1, EXO_READ | EXO_WRITE | EXO_GRANT);
    order.frames = child_grant(&child, frame, order.frame.raw, 1, EXO_READ | EXO_WRITE);
    order.table = rig_elsewhere();
    order.tables = child_grant(&child, FRAMES, order.table.raw, 1, EXO_WRITE);
    order.page = resume_page = child.page;
    order.faults = 0;
    set_entry(&child, EXO_UPCALL_fault, resume_on_fault);
    child_run(&child, 0);
    CHECK_EQUAL(child.state.status, 0);
    CHECK_EQUAL(order.faults, 1);
    child_release(&child);
    rig_drop(frame);
    rig_elsewhere_end(order.table);
    rig_release(order.frame, 1);
}
