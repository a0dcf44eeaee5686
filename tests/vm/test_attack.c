// SPDX-License-Identifier: MIT
// Random calls of several PEs at once (attacker.h), and what their neighbours notice of it: nothing.
//
//   position 0: the test    1: the neighbour    2, 3, 4: attackers    5: a server    8 to 19: the attackers' to give
//
// The attackers share frames, tables of their own, positions, blocks of the disk, gates into each other and into the
// server, and may destroy each other. The neighbour checks its registers all the time and counts. P1, P2, P4 to P7.
#include "tests/vm/attacker.h"
#include "tests/vm/gate.h"

constexpr unsigned ROUNDS = 80;
constexpr uint64_t REGION = 48; // frames

// Fills every register from its seed and checks them, over and over; then yields, and begins again. In the page at
// 0x100000: when to stop, how often it has checked, and how often it will before it yields. Ends with 1 if not so.
extern const char minds_its_registers[];
#define IN_EACH ".irp r, rax,rbx,rcx,rdx,rsi,rbp,r8,r9,r10,r11,r12,r13,r14\n "
#define CHECK_OTHERS /* which a call keeps, too */                                                                     \
    ".irp x, xmm0,xmm7,xmm15\n movq %\\x, %r15\n cmpq %rdi, %r15\n jne 9f\n .endr\n"                                   \
    "rdfsbase %r15\n cmpq %rdi, %r15\n jne 9f\n rdgsbase %r15\n cmpq %rdi, %r15\n jne 9f\n"                            \
    ".irp s, ds,es,fs,gs\n movl %\\s, %r15d\n cmpl $0x23, %r15d\n jne 9f\n .endr\n"                                    \
    "fld %st(0)\n fistpq -16(%rsp)\n cmpq %rdi, -16(%rsp)\n jne 9f\n"
__asm__(".text\nminds_its_registers:\n"
        "1: " IN_EACH "movq %rdi, %\\r\n .endr\n"
        "movq %rdi, %xmm0\n movq %rdi, %xmm7\n movq %rdi, %xmm15\n wrfsbase %rdi\n wrgsbase %rdi\n"
        "pushq %rdi\n fninit\n fildq (%rsp)\n movq $100, 0x100010\n"
        "2: " IN_EACH "cmpq %rdi, %\\r\n jne 9f\n .endr\n"
        "cmpq %rdi, (%rsp)\n jne 9f\n" CHECK_OTHERS "incq 0x100008\n decq 0x100010\n jne 2b\n"
        "movq $~20, %rax\n xorl %edi, %edi\n syscall\n movq (%rsp), %rdi\n"
        ".irp r, rbx,rbp,r12,r13,r14\n cmpq %rdi, %\\r\n jne 9f\n .endr\n" CHECK_OTHERS
        "popq %rdi\n cmpq $0, 0x100000\n je 1b\n xorl %edi, %edi\n jmp child_exit\n"
        "9: movl $1, %edi\n jmp child_exit\n"
        // A server's gate entry: the registers go back as they are.
        "replies:\n movq $~29, %rax\n syscall\n ud2\n");
static_assert(EXO_CALL_pe_yield == 20 && EXO_CALL_gate_reply == 29);
extern const char replies[];

struct neighbour {
    struct child child;
    exo_frame data;
    volatile uint64_t *words;      // of `data`
    const volatile uint64_t *live; // of its tables
    uint64_t tables[2560];
};
static struct neighbour neighbour;
static struct server server;
static struct child attackers[ATTACKERS];
static exo_frame region, rings, orders;
constexpr uint64_t WORDS = RIG_WINDOW, TABLES = RIG_WINDOW + 0x1000, PAGES = RIG_WINDOW + 0x10000;
constexpr uint64_t SET_BY_MMU = EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY;

static void neighbour_begin(void) {
    neighbour.child = child_new_at(CHILD_ISOLATED, minds_its_registers);
    neighbour.data = rig_frames(1, EXO_FRAME_DATA);
    neighbour.words = rig_map(WORDS, neighbour.data, EXO_READ | EXO_WRITE);
    for (uint64_t i = 3; i < 512; i++) neighbour.words[i] = i * 0x1'0001'0001;
    child_map(&neighbour.child, 0x10'0000, neighbour.data, EXO_READ | EXO_WRITE);
    for (unsigned i = 0; i < 5; i++)
        rig_map(TABLES + i * EXO_PAGE_SIZE, (exo_frame){neighbour.child.tables.raw + i}, EXO_READ);
    neighbour.live = (const volatile uint64_t *)TABLES;
    for (unsigned i = 0; i < 2560; i++) neighbour.tables[i] = neighbour.live[i] & ~SET_BY_MMU;
    rig_need(exo_slice_set(SLICES, 1, neighbour.child.pe).error == EXO_OK, "a slice can't be set");
    child_start(&neighbour.child, 0x1234'5678'9abc);
}

// Returns the number of the first thing that is not as it was, or 0.
static unsigned neighbour_harmed(void) {
    for (uint64_t i = 3; i < 512; i++)
        if (neighbour.words[i] != i * 0x1'0001'0001) return 1;
    for (unsigned i = 0; i < 2560; i++)
        if ((neighbour.live[i] & ~SET_BY_MMU) != neighbour.tables[i]) return 2;
    if (rig_frame_info(neighbour.child.tables)->maps != 2) return 3;
    if (rig_frame_info(neighbour.data)->maps != 2 || rig_frame_info(neighbour.data)->pins != 0) return 4;
    const volatile struct exo_pe_page *page = neighbour.child.page;
    if (page->excess != 0 || page->posted != 0) return 5;
    if (page->pending & ~(1ull << EXO_EVENT_slice_begin)) return 6;
    if (exo_pe_read(neighbour.child.pe).error != EXO_OK) return 7;
    if (((volatile struct exo_pe_state *)rig_page()->args)->state != EXO_PE_READY) return 8;
    return 0;
}

// Three attackers, with all that they are given.
static void attackers_begin(uint64_t seed) {
    exo_handle gates[ATTACKERS];
    rig_need(exo_frame_retype(FRAMES, region, REGION / 3, EXO_FRAME_DATA).error == EXO_OK, "frames can't be retyped");
    for (unsigned i = 0; i < ATTACKERS; i++) {
        struct child *child = &attackers[i];
        *child = child_new(CHILD_ISOLATED, attacks);
        const exo_vaddr entry = {(uint64_t)replies}, stack = {child_stack(child, EXO_UPCALL_gate)};
        rig_need(exo_pe_set_entry(child->pe, EXO_UPCALL_gate, entry, stack).error == EXO_OK, "an entry can't be set");
        const struct exo_result gate = exo_gate_make(child->pe, i, 4);
        rig_need(gate.error == EXO_OK, "a gate can't be made");
        gates[i] = (exo_handle){gate.value};
        child_map(child, ATTACKER_ORDER, (exo_frame){orders.raw + i}, EXO_READ);
        child_map(child, ATTACKER_RING, (exo_frame){rings.raw + i}, EXO_READ | EXO_WRITE);
    }
    for (unsigned i = 0; i < ATTACKERS; i++) {
        const struct child *child = &attackers[i];
        const exo_frame ring = {rings.raw + i}, tables = child->tables;
        const unsigned next = (i + 1) % ATTACKERS;
        *(volatile struct attacker_order *)(PAGES + i * EXO_PAGE_SIZE) = (struct attacker_order){
            .seed = seed * ATTACKERS + i,
            .handles = {child_grant(child, FRAMES, region.raw, REGION, EXO_ALL),
                        child_grant(child, FRAMES, tables.raw, 5, EXO_READ | EXO_WRITE | EXO_GRANT),
                        child_grant(child, FRAMES, ring.raw, 1, EXO_READ | EXO_WRITE),
                        child_grant(child, DISK, 0, 8, EXO_ALL), child_grant(child, SLICES, 8, 12, EXO_ALL),
                        child_grant(child, attackers[0].pe, attackers[0].frames.raw, 1, EXO_ALL),
                        child_grant(child, attackers[1].pe, attackers[1].frames.raw, 1, EXO_ALL),
                        child_grant(child, attackers[2].pe, attackers[2].frames.raw, 1, EXO_ALL),
                        child_grant(child, server.gate, 7, 1, EXO_EXECUTE | EXO_WRITE | EXO_GRANT),
                        child_grant(child, gates[next], next, 4, EXO_EXECUTE | EXO_WRITE | EXO_GRANT),
                        child_grant(child, CONSOLE, EXO_CONSOLE, 1, EXO_READ)},
            .frames = {1 << 16 | 1},
            .tables = {1 << 16 | 2},
            .rings = {1 << 16 | 3},
            .blocks = {1 << 16 | 4},
            .slices = {1 << 16 | 5},
            .pes = {{1 << 16 | 6}, {1 << 16 | 7}, {1 << 16 | 8}},
            .region = region,
            .region_count = REGION,
            .root = tables,
            .ring = ring,
            .aims = {neighbour.data,
                     neighbour.child.frames,
                     neighbour.child.tables,
                     {neighbour.child.tables.raw + 3},
                     child->frames,
                     {child->frames.raw + 1},
                     rig.table4,
                     {0x110}},
        };
    }
    for (unsigned i = 0; i < ATTACKERS; i++) {
        rig_need(exo_slice_set(SLICES, 2 + i, attackers[i].pe).error == EXO_OK, "a slice can't be set");
        child_start(&attackers[i], ATTACKER_ORDER);
    }
}

// Some may have been destroyed by others. Returns the numbers of the calls that have succeeded.
static uint64_t attackers_end(void) {
    uint64_t succeeded = 0;
    for (unsigned i = 0; i < ATTACKERS; i++) {
        struct exo_result result;
        unsigned busy = 0; // transfers have to end first
        if (rig_reads((const void *)attackers[i].page)) succeeded |= attacker_succeeded(&attackers[i]);
        do {
            result = exo_pe_destroy(attackers[i].pe);
            if (result.error == EXO_BUSY)
                rig_need(exo_pe_yield(EXO_NO_HANDLE).error == EXO_OK && ++busy < 1'000'000, "an attacker stays busy");
        } while (result.error == EXO_AGAIN || result.error == EXO_BUSY);
        rig_need(result.error == EXO_OK || result.error == EXO_HANDLE, "an attacker can't be destroyed");
    }
    for (unsigned i = 0; i < ATTACKERS; i++) child_forget(&attackers[i]);
    return succeeded;
}

// A call to the server that the attackers call, too, once it has had the time to come to the end of theirs.
static bool server_replies(void) {
    struct message message = message_of(77);
    return call_through(server.gate, &message) == EXO_OK && message_is(&message, 77);
}

TEST(neighbours_of_pes_that_call_at_random_notice_nothing) {
    region = rig_frames(REGION, EXO_FRAME_FREE);
    rings = rig_frames(ATTACKERS, EXO_FRAME_RING);
    orders = rig_frames(ATTACKERS, EXO_FRAME_DATA);
    for (unsigned i = 0; i < ATTACKERS; i++)
        rig_map(PAGES + i * EXO_PAGE_SIZE, (exo_frame){orders.raw + i}, EXO_READ | EXO_WRITE);
    neighbour_begin();
    server = server_new(CHILD_ISOLATED, replies, 7);
    server.child.page->mask = ~0ull;
    OK(exo_slice_set(SLICES, 5, server.child.pe));
    uint64_t succeeded = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        rig_context("round", round);
        attackers_begin(round);
        for (unsigned i = 0; i < 3; i++) {
            const uint64_t slices = neighbour.child.page->slices, checks = neighbour.words[1];
            OK(exo_pe_yield(EXO_NO_HANDLE));
            CHECK_EQUAL(neighbour.child.page->slices, slices + 1);
            CHECK_EQUAL(neighbour.words[1], checks + 100);
            CHECK_EQUAL(neighbour_harmed(), 0);
        }
        succeeded |= attackers_end();
        OK(exo_pe_yield(EXO_NO_HANDLE));
        CHECK_EQUAL(neighbour_harmed(), 0);
        CHECK(server_replies());
        for (uint64_t i = 0; i < REGION; i++)
            CHECK_EQUAL(rig_frame_info((exo_frame){region.raw + i})->type, EXO_FRAME_FREE);
    }
    // All that can succeed has: else the calls are not as random as they should be.
    constexpr uint64_t cannot = 1ull << EXO_CALL_pe_exit | 1ull << EXO_CALL_console_write
                                | 1ull << EXO_CALL_console_read | 1ull << EXO_CALL_machine_off
                                | 1ull << EXO_CALL_gate_reply;
    constexpr uint64_t all = (1ull << (EXO_CALL_gate_reply + 1)) - 1 | 1ull << EXO_CALL_gate_call;
    CHECK_EQUAL(succeeded | cannot, all);
    neighbour.words[0] = 1;
    CHECK(child_go(&neighbour.child, 5));
    CHECK_EQUAL(neighbour.child.state.status, 0);
    for (unsigned i = 0; i < 5; i++) rig_unmap(TABLES + i * EXO_PAGE_SIZE);
    rig_unmap(WORDS);
    child_release(&neighbour.child);
    server_release(&server);
    for (unsigned i = 0; i < ATTACKERS; i++) rig_unmap(PAGES + i * EXO_PAGE_SIZE);
    rig_release(neighbour.data, 1);
    rig_release(rings, ATTACKERS);
    rig_release(orders, ATTACKERS);
}
