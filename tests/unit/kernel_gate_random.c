// SPDX-License-Identifier: MIT
// Gates: random calls, replies, posts, waits, yields, deadlines and ends of PEs, each step compared with a model of who
// runs and who waits for whom.
//
// No PE here has an `interrupt` entry, so a slice ends without grace; three hold a position of the slice vector.
#include "exo/arch/host/machine.h"
#include "tests/unit/kernel_gate.h"
#include "pe/gate.h"

TestSuite(kernel_gate_random, .init = world_begin, .fini = world_end);

constexpr int MEMBERS = 6, NOBODY = -1; // member 0 is the first PE
constexpr unsigned ROUNDS = 400, STEPS = 300, HOLDERS = 3;
constexpr uint64_t SLICE = 5'000'000;

static struct member {
    struct pe *pe;                         // null: destroyed
    exo_handle gate[MEMBERS], of[MEMBERS]; // what it holds: gates into the others, and the others
    // The model:
    enum exo_pe_status state;
    enum exo_error result; // of its call, once that has ended
    int callee, caller;
    uint64_t pending, mask;
    unsigned unread;
} members[MEMBERS];
static int current; // NOBODY: idle
static unsigned position;
static bool armed; // the timer

static uint64_t drawn;
static unsigned draw(unsigned below) {
    drawn = drawn * 6364136223846793005 + 1442695040888963407;
    return (unsigned)(drawn >> 33) % below;
}

// --- The model

static void post(int to, enum exo_event event) {
    struct member *member = &members[to];
    member->pending |= 1ull << event;
    if ((member->state == EXO_PE_WAITING || member->state == EXO_PE_RESTING) && (member->pending & ~member->mask))
        member->state = EXO_PE_READY;
}

static void break_off(int caller, enum exo_error error) {
    members[members[caller].callee].caller = NOBODY;
    members[caller].state = EXO_PE_READY;
    members[caller].result = error;
}

static bool late(int who, bool *awaited) {
    const uint64_t deadline = pe_page(members[who].pe)->call_deadline;
    if (members[who].state != EXO_PE_CALLING || deadline == 0) return false;
    if (arch_ticks() < deadline) {
        *awaited = true;
        return false;
    }
    break_off(who, EXO_LATE);
    return true;
}

static void pick(void) {
    bool awaited = false;
    for (unsigned i = 1; i <= HOLDERS; i++) {
        const unsigned next = (position + i) % HOLDERS; // position n is member n's
        int who = (int)next;
        if (members[who].pe == nullptr) continue;
        while (members[who].state == EXO_PE_CALLING && !late(who, &awaited)) who = members[who].callee;
        if (members[who].state != EXO_PE_READY) continue;
        position = next;
        current = who;
        armed = true;
        post(who, EXO_EVENT_slice_begin);
        return;
    }
    current = NOBODY;
    armed = awaited;
}

static void ends(int who) {
    if (members[who].state == EXO_PE_ENDED) return;
    if (members[who].caller != NOBODY) break_off(members[who].caller, EXO_BROKEN);
    if (members[who].state == EXO_PE_CALLING) break_off(who, EXO_BROKEN);
    members[who].caller = NOBODY;
    members[who].state = EXO_PE_ENDED;
    post(0, EXO_EVENT_ended);
}

// --- Steps: each changes the model, makes the call, and compares its error

static void step_call(int me, int other, bool one_way) {
    const enum exo_pe_status state = members[other].state;
    enum exo_error wanted = state == EXO_PE_RESTING ? EXO_OK : state == EXO_PE_ENDED ? EXO_STATE : EXO_BUSY;
    if (members[other].pe == nullptr) wanted = EXO_HANDLE;
    if (wanted == EXO_OK) {
        members[other].state = EXO_PE_READY;
        current = other;
    }
    if (wanted == EXO_OK && one_way) members[me].result = EXO_OK;
    if (wanted == EXO_OK && !one_way) {
        members[me].state = EXO_PE_CALLING;
        members[me].callee = other;
        members[other].caller = me;
    }
    const exo_handle gate = members[me].gate[other];
    cr_expect_eq(host_gate_call(members[me].pe, one_way ? exo_one_way(gate) : gate).error, wanted);
}

static void step_reply(int me) {
    const int caller = members[me].caller;
    if (me == 0) {
        EXPECT(STATE, host_gate_reply(members[me].pe)); // it has no gate entry
        return;
    }
    const bool due = members[me].pending & ~members[me].mask;
    if (!due) members[me].state = EXO_PE_RESTING;
    members[me].caller = NOBODY;
    if (caller != NOBODY) {
        members[caller].state = EXO_PE_READY;
        members[caller].result = EXO_OK;
        current = caller;
    } else if (!due) {
        pick();
    }
    EXPECT(OK, host_gate_reply(members[me].pe));
}

static void step_post(int me, int other) {
    enum exo_error wanted = members[other].unread == EXO_MESSAGES ? EXO_FULL : EXO_OK;
    if (members[other].state == EXO_PE_ENDED) wanted = EXO_STATE;
    if (members[other].pe == nullptr) wanted = EXO_HANDLE;
    if (wanted == EXO_OK) {
        members[other].unread++;
        post(other, EXO_EVENT_message);
    }
    cr_expect_eq(host_gate_post(members[me].pe, members[me].gate[other], 1, 2, 3, 4).error, wanted);
}

static void step_wait(int me) {
    if ((members[me].pending & ~members[me].mask) == 0) {
        members[me].state = EXO_PE_WAITING;
        pick();
    }
    EXPECT(OK, host_pe_wait(members[me].pe));
}

static void step_yield(int me, int other) {
    if (other == 0) { // nobody holds the first PE
        pick();
        EXPECT(OK, host_pe_yield(members[me].pe, EXO_NO_HANDLE));
        return;
    }
    bool awaited;
    enum exo_error wanted = EXO_HANDLE;
    if (members[other].pe != nullptr)
        wanted = members[other].state == EXO_PE_READY || late(other, &awaited) ? EXO_OK : EXO_STATE;
    if (wanted == EXO_OK) current = other;
    cr_expect_eq(host_pe_yield(members[me].pe, members[me].of[other]).error, wanted);
}

static void step_destroy(int me, int other) {
    if (me == other || other == 0 || members[other].pe == nullptr) return;
    ends(other);
    members[other].pe = nullptr;
    EXPECT(OK, REPEAT(host_pe_destroy(members[me].pe, members[me].of[other])));
}

static void step_exit(int me) {
    if (me == 0) return;
    ends(me);
    pick();
    EXPECT(OK, host_pe_exit(members[me].pe, 0));
}

// What a PE does to its own page: takes its events and messages, and says what it wants to hear, and by when.
static void step_page(int me) {
    static const uint64_t masks[] = {EVERY_EVENT, 0, ~(1ull << EXO_EVENT_message), 1ull << EXO_EVENT_slice_begin};
    struct exo_pe_page *page = pe_page(members[me].pe);
    page->mask = members[me].mask = masks[draw(4)];
    page->pending = members[me].pending = 0;
    page->taken = page->posted;
    members[me].unread = 0;
    page->call_deadline = draw(2) ? 0 : arch_ticks() + draw(6) * SLICE;
}

static void step_tick(void) {
    const bool passes = armed;
    armed = false;
    if (passes) host_ticks += SLICE; // for the model; host_tick lets it pass itself
    if (passes) pick();
    if (passes) host_ticks -= SLICE;
    host_tick();
}

// With the CPU idle: time passes, and an event comes to somebody who wants to hear of it.
static void step_idle(void) {
    int who = (int)draw(MEMBERS);
    while (members[who].pe == nullptr || members[who].state == EXO_PE_ENDED) who = (who + 1) % MEMBERS;
    if (draw(2)) {
        step_tick();
        return;
    }
    members[who].mask &= ~(1ull << EXO_EVENT_disk);
    pe_page(members[who].pe)->mask = members[who].mask;
    post(who, EXO_EVENT_disk);
    upcall_post(members[who].pe, EXO_EVENT_disk);
    pick();
    cpu_leave_kernel();
}

static void compare(unsigned round, unsigned step) {
    const struct pe *runs = host_current();
    cr_assert_eq(runs, current == NOBODY ? nullptr : members[current].pe, "round %u, step %u", round, step);
    if (current != NOBODY) cr_expect_eq(arch_cpu()->position, position);
    for (int i = 0; i < MEMBERS; i++) {
        const struct member *member = &members[i];
        if (member->pe == nullptr) continue;
        cr_assert_eq(member->pe->state, member->state, "round %u, step %u: member %d", round, step, i);
        cr_assert_eq(member->pe->caller, member->caller == NOBODY ? nullptr : members[member->caller].pe);
        if (member->state == EXO_PE_READY && member->result != EXO_CALL && member->caller == NOBODY)
            cr_expect_eq(member->pe->context.rax, member->result, "round %u, step %u: member %d", round, step, i);
    }
    if (step % 8 == 0) EXPECT_BOOKS();
}

static void members_make(void) {
    world_begin();
    struct other others[MEMBERS];
    for (int i = 0; i < MEMBERS; i++) {
        if (i != 0) others[i] = server();
        members[i] = (struct member){.pe = i == 0 ? first : others[i].pe,
                                     .state = EXO_PE_READY,
                                     .result = EXO_CALL,
                                     .callee = NOBODY,
                                     .caller = NOBODY,
                                     .mask = EVERY_EVENT};
        pe_page(members[i].pe)->mask = EVERY_EVENT;
        if (i != 0 && (unsigned)i < HOLDERS) MUST(host_slice_set(first, SLICES, (uint64_t)i, others[i].handle));
    }
    for (int from = 0; from < MEMBERS; from++)
        for (int to = 1; to < MEMBERS; to++) {
            const exo_handle gate = {MUST(host_gate_make(first, others[to].handle, (uint64_t)to, 1))};
            members[from].gate[to] = gate;
            members[from].of[to] = others[to].handle;
            if (from == 0) continue;
            members[from].gate[to].raw =
                MUST(host_binding_grant(first, gate, others[from].handle, (uint64_t)to, 1, EXO_EXECUTE | EXO_WRITE));
            members[from].of[to].raw = MUST(
                host_binding_grant(first, others[to].handle, others[from].handle, others[to].frames.raw, 1, EXO_ALL));
        }
    for (int i = 1; i < MEMBERS; i++) {
        pe_page(members[i].pe)->pending = 0;
        if ((unsigned)i < HOLDERS) continue;
        rest(&others[i]);
        members[i].state = EXO_PE_RESTING;
    }
    host_run(first);
    current = 0;
    position = arch_cpu()->position;
    armed = host_deadline() != 0;
    for (int i = 0; i < MEMBERS; i++) members[i].pending = pe_page(members[i].pe)->pending;
}

Test(kernel_gate_random, whatever_happens_who_runs_and_who_waits_is_as_the_model_says) {
    unsigned long ended[EXO_LATE + 1] = {};
    for (unsigned round = 0; round < ROUNDS; round++) {
        drawn = round;
        members_make();
        for (unsigned step = 0; step < STEPS; step++) {
            const int me = current, other = 1 + (int)draw(MEMBERS - 1);
            if (me == NOBODY) {
                step_idle();
                compare(round, step);
                continue;
            }
            const unsigned which = draw(64);
            members[me].result = EXO_CALL; // seen
            if (which < 20)
                step_call(me, other, which < 5);
            else if (which < 32)
                step_reply(me);
            else if (which < 38)
                step_post(me, other);
            else if (which < 42)
                step_wait(me);
            else if (which < 48)
                step_yield(me, (int)draw(MEMBERS));
            else if (which < 56)
                step_page(me);
            else if (which < 62 || step < STEPS / 3)
                step_tick();
            else if (which < 63)
                step_destroy(me, other);
            else
                step_exit(me);
            compare(round, step);
            for (int i = 0; i < MEMBERS; i++)
                if (members[i].state == EXO_PE_READY) ended[members[i].result]++;
        }
    }
    cr_expect(ended[EXO_OK] > 100 && ended[EXO_BROKEN] > 10 && ended[EXO_LATE] > 10); // none is left out
}
