// SPDX-License-Identifier: MIT
// The slice vector: preemption, positions, directed yield, and that nobody's slices can be stolen.
#include "tests/vm/child.h"

// What children share with the test.
static volatile struct {
    uint64_t count[CHILDREN];
    uint64_t stop;
    exo_handle frames;
    exo_frame first;
} shared;

// Counts for ever; a library OS that never yields.
static uint64_t counts(uint64_t number) {
    while (!shared.stop) shared.count[number]++;
    return 0;
}

// Yields all the time.
static uint64_t yields(uint64_t number) {
    while (!shared.stop) {
        shared.count[number]++;
        (void)exo_pe_yield(EXO_NO_HANDLE);
    }
    return 0;
}

static void begin(struct child *child, child_code *code, unsigned number, uint64_t position) {
    *child = child_new(CHILD_SHARED, code);
    shared.count[number] = 0;
    shared.stop = 0;
    if (position != 0) rig_need(exo_slice_set(SLICES, position, child->pe).error == EXO_OK, "a slice can't be set");
    child_start(child, number);
}

static void end(struct child *child) {
    shared.stop = 1;
    rig_need(child_go(child, 10), "a child does not stop");
    child_release(child);
}

static uint64_t slices(const struct child *child) {
    return child->page->slices;
}

// The test's own yields, each of which takes a round of the vector.
static void rounds(unsigned count) {
    while (count--) rig_need(exo_pe_yield(EXO_NO_HANDLE).error == EXO_OK, "the test can't yield");
}

TEST(a_pe_that_never_yields_is_preempted) {
    struct child child;
    begin(&child, counts, 0, 1);
    rounds(3); // it comes back at all
    CHECK(shared.count[0] > 1000);
    CHECK_EQUAL(slices(&child), 3);
    end(&child);
}

// Spends nearly all of its time in the kernel, in a call that zeroes frames.
static uint64_t calls(uint64_t number) {
    while (!shared.stop) {
        (void)exo_frame_retype(shared.frames, shared.first, 16, EXO_FRAME_DATA);
        shared.count[number]++;
    }
    return 0;
}

TEST(a_pe_that_is_always_in_a_call_is_preempted) {
    // A timer interrupt that was taken in the middle of a call would be lost, and with it the end of the slice.
    struct child child;
    shared.first = rig_frames(16, EXO_FRAME_FREE);
    begin(&child, calls, 0, 1);
    shared.frames = child_grant(&child, FRAMES, shared.first.raw, 16, EXO_OWN);
    rounds(20);
    CHECK(shared.count[0] > 20);
    CHECK_EQUAL(slices(&child), 20);
    end(&child);
    rig_release(shared.first, 16);
}

TEST(its_neighbour_makes_progress) {
    struct child spinner, polite;
    begin(&spinner, counts, 0, 1);
    begin(&polite, yields, 1, 2);
    rounds(5);
    CHECK_EQUAL(shared.count[1], 5);
    CHECK_EQUAL(slices(&spinner), 5);
    end(&spinner);
    end(&polite);
}

TEST(who_holds_more_positions_runs_more_often) {
    struct child one, three;
    begin(&one, yields, 0, 1);
    begin(&three, yields, 1, 2);
    OK(exo_slice_set(SLICES, 3, three.pe));
    OK(exo_slice_set(SLICES, 63, three.pe));
    rounds(10);
    CHECK_EQUAL(shared.count[0], 10);
    CHECK_EQUAL(shared.count[1], 30);
    end(&one);
    end(&three);
}

TEST(an_emptied_position_runs_nobody) {
    struct child child;
    begin(&child, yields, 0, 1);
    rounds(2);
    OK(exo_slice_set(SLICES, 1, EXO_NO_HANDLE));
    rounds(5);
    CHECK_EQUAL(shared.count[0], 2);
    end(&child);
}

TEST(positions_end_with_the_binding_that_gave_them) {
    struct child child;
    begin(&child, yields, 0, 0);
    const exo_handle mine = rig_derive(SLICES, 8, 4, EXO_ALL);
    OK(exo_slice_set(mine, 9, child.pe));
    rounds(2);
    CHECK_EQUAL(shared.count[0], 2);
    rig_drop(mine);
    rounds(2);
    CHECK_EQUAL(shared.count[0], 2);
    end(&child);
}

TEST(positions_outside_the_binding_are_not_given) {
    struct child child;
    begin(&child, yields, 0, 0);
    const exo_handle mine = rig_derive(SLICES, 8, 4, EXO_ALL);
    CHECK_ERROR(exo_slice_set(mine, 7, child.pe), RANGE);
    CHECK_ERROR(exo_slice_set(mine, 12, child.pe), RANGE);
    CHECK_ERROR(exo_slice_set(SLICES, 64, child.pe), RANGE);
    CHECK_ERROR(exo_slice_set(SLICES, ~0ull, child.pe), RANGE);
    rig_drop(mine);
    end(&child);
}

TEST(a_directed_yield_gives_no_more_than_the_rest_of_the_slice) {
    struct child child;
    begin(&child, counts, 0, 0);
    const uint64_t before = rig_page()->slices;
    OK(exo_pe_yield(child.pe)); // it never yields, and holds no position
    CHECK_EQUAL(rig_page()->slices, before + 1);
    CHECK(shared.count[0] > 0);
    CHECK_EQUAL(slices(&child), 0);
    end(&child);
}

// Told of the end of its slice by a handler that counts and goes on as before, or yields.
static volatile uint64_t told;
extern const char ignores_the_end[], heeds_the_end[];
__asm__(".text\n"
        "ignores_the_end:\n lock incq told(%rip)\n movq handler_page(%rip), %rbx\n movq $0, 144(%rbx)\n"
        "pushq 336(%rbx)\n popfq\n movq 256(%rbx), %rsp\n movq 328(%rbx), %rcx\n movq 240(%rbx), %rdi\n movq $0, "
        "160(%rbx)\n jmp *%rcx\n"
        "heeds_the_end:\n lock incq told(%rip)\n movq handler_page(%rip), %rbx\n movq $0, 144(%rbx)\n"
        "movq $~20, %rax\n xorl %edi, %edi\n syscall\n"
        "pushq 336(%rbx)\n popfq\n movq 256(%rbx), %rsp\n movq 328(%rbx), %rcx\n movq 240(%rbx), %rdi\n movq $0, "
        "160(%rbx)\n jmp *%rcx\n");
static_assert(offsetof(struct exo_pe_page, pending) == 144 && offsetof(struct exo_pe_page, interrupt_busy) == 160);
static_assert(offsetof(struct exo_pe_page, interrupt.rsp) == 256 && offsetof(struct exo_pe_page, interrupt.rip) == 328);
static_assert(offsetof(struct exo_pe_page, interrupt.rdi) == 240 && EXO_CALL_pe_yield == 20);
volatile struct exo_pe_page *handler_page;

// Code whose whole state is rip, rdi and the flags, so that the handlers above can resume it.
extern const char spins_bare[];
__asm__(".text\nspins_bare:\n1: cmpl $0, bare_stop(%rip)\n je 1b\n xorl %edi, %edi\n jmp child_exit\n"
        ".bss\nbare_stop: .skip 4\n.text\n");
extern volatile uint32_t bare_stop;

static struct child with_handler(const char *handler) {
    struct child child = child_new_at(CHILD_SHARED, spins_bare);
    const exo_vaddr entry = {(uint64_t)handler}, stack = {child_stack(&child, EXO_UPCALL_interrupt)};
    rig_need(exo_pe_set_entry(child.pe, EXO_UPCALL_interrupt, entry, stack).error == EXO_OK, "no entry set");
    child.page->mask = ~(1ull << EXO_EVENT_slice_end);
    handler_page = child.page;
    bare_stop = 0;
    told = 0;
    rig_need(exo_slice_set(SLICES, 1, child.pe).error == EXO_OK, "a slice can't be set");
    child_start(&child, 0);
    return child;
}

TEST(who_overruns_the_end_of_a_slice_is_charged_the_excess) {
    struct child child = with_handler(ignores_the_end), neighbour;
    begin(&neighbour, yields, 0, 2);
    rounds(12);
    CHECK(told > 0);
    CHECK_EQUAL(child.page->excess, told);
    CHECK_EQUAL(shared.count[0], 12);
    CHECK_EQUAL(slices(&child), 6); // every other slice is forfeited
    bare_stop = 1;
    end(&neighbour);
    child.page->mask = ~0ull;
    CHECK(child_go(&child, 5));
    CHECK_EQUAL(child.state.status, 0);
    child_release(&child);
}

TEST(who_yields_in_time_is_not_charged) {
    struct child child = with_handler(heeds_the_end);
    rounds(6);
    CHECK_EQUAL(told, 6);
    CHECK_EQUAL(child.page->excess, 0);
    CHECK_EQUAL(slices(&child), 6);
    bare_stop = 1;
    child.page->mask = ~0ull;
    CHECK(child_go(&child, 5));
    CHECK_EQUAL(child.state.status, 0);
    child_release(&child);
}

TEST(a_pe_that_does_not_listen_is_stopped_and_not_charged) {
    struct child child = with_handler(ignores_the_end);
    child.page->mask = ~0ull;
    rounds(6);
    CHECK_EQUAL(told, 0);
    CHECK_EQUAL(child.page->excess, 0);
    CHECK_EQUAL(slices(&child), 6);
    bare_stop = 1;
    CHECK(child_go(&child, 5));
    child_release(&child);
}

// Two that note when their slices begin and how far they come, and yield after a given time.
static volatile struct {
    uint64_t begun[2], last[2]; // time stamps, of the slice that runs or ran last
    uint64_t until[2];          // how long it keeps the CPU
    volatile struct exo_pe_page *page[2];
} times;

static uint64_t keeps_time(uint64_t number) {
    for (uint64_t seen = 0; !shared.stop;) {
        const uint64_t now = __builtin_ia32_rdtsc();
        if (times.page[number]->slices != seen) {
            seen = times.page[number]->slices;
            times.begun[number] = now;
        }
        times.last[number] = now;
        if (now - times.begun[number] >= times.until[number]) (void)exo_pe_yield(EXO_NO_HANDLE);
    }
    return 0;
}

// The timer's interrupt may come while the kernel is in the call that gives the CPU up. It must not end the slice that
// begins there: so whoever is next could be robbed of its time.
TEST(a_slice_that_ends_while_its_pe_yields_takes_nothing_from_the_next) {
    struct child children[2];
    for (unsigned i = 0; i < 2; i++) {
        begin(&children[i], keeps_time, i, 1 + i);
        times.page[i] = children[i].page;
        times.until[i] = ~0ull;
    }
    rounds(1);
    const uint64_t whole = times.last[0] - times.begun[0], fifth = (times.last[1] - times.begun[1]) / 5;
    times.until[1] = fifth;
    for (uint64_t early = 0; early < 400; early += 10) {
        rig_context("so long before the end", early);
        times.until[0] = whole - early;
        times.begun[1] = times.last[1] = 0;
        rounds(1);
        CHECK(times.last[1] - times.begun[1] >= fifth);
    }
    for (unsigned i = 0; i < 2; i++) end(&children[i]);
}

// Code that enters the kernel again as soon as it has left it, or puts interrupts off as far as user code can. Each is
// its own handler: what it has raised begins it anew. None needs a stack but the one that steps.
#define AGAIN(name, code)                                                                                              \
    __asm__(".text\n" #name ":\n movq handler_page(%rip), %rbx\n movq $0, 72(%rbx)\n cmpl $0, bare_stop(%rip)\n"       \
            "jne stops_bare\n" code "\n jmp " #name "\n")
static_assert(offsetof(struct exo_pe_page, exception.busy) == 72);
__asm__(".text\nstops_bare:\n xorl %edi, %edi\n jmp child_exit\n");
AGAIN(traps_bare, "ud2");
AGAIN(breaks_bare, "int3");
AGAIN(debugs_bare, ".byte 0xf1");
AGAIN(faults_bare, "movb %al, 0");
AGAIN(asks_bare, "xorl %eax, %eax\n syscall");
AGAIN(calls_bare, "movq $~0, %rax\n syscall");
AGAIN(shadows_bare, "movl %ss, %eax\n movl %eax, %ss\n movl %eax, %ss\n movl %eax, %ss");
AGAIN(steps_bare, "pushfq\n orq $0x100, (%rsp)\n popfq\n nop");
extern const char traps_bare[], breaks_bare[], debugs_bare[], faults_bare[], asks_bare[], calls_bare[], shadows_bare[],
    steps_bare[];

TEST(nothing_that_a_pe_does_puts_the_end_of_its_slice_off) {
    const char *const codes[] = {traps_bare, breaks_bare, debugs_bare,  faults_bare,
                                 asks_bare,  calls_bare,  shadows_bare, steps_bare};
    for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++) {
        rig_context("code", i);
        struct child child = child_new_at(CHILD_SHARED, codes[i]);
        for (uint64_t upcall = EXO_UPCALL_fault; upcall <= EXO_UPCALL_syscall; upcall++)
            OK(exo_pe_set_entry(child.pe, upcall, (exo_vaddr){(uint64_t)codes[i]},
                                (exo_vaddr){child_stack(&child, (enum exo_upcall)upcall)}));
        handler_page = child.page;
        bare_stop = 0;
        OK(exo_slice_set(SLICES, 1, child.pe));
        child_start(&child, 0);
        const uint64_t begun = __builtin_ia32_rdtsc();
        rounds(2); // it comes back at all,
        const uint64_t nanoseconds = (__builtin_ia32_rdtsc() - begun) * 1'000'000'000 / rig_machine()->ticks_per_second;
        CHECK(nanoseconds < 2 * rig_machine()->slice_nanoseconds + 100'000); // and in time
        CHECK_EQUAL(slices(&child), 2);
        bare_stop = 1;
        CHECK(child_go(&child, 5));
        CHECK_EQUAL(child.state.status, 0);
        child_release(&child);
    }
}
