// SPDX-License-Identifier: MIT
// The CPU as a linear vector of time slices, each position given to a PE by whoever holds it.
//
//   position:  0    1    2    3   …  63        a PE may hold several; empty ones and PEs that wait are passed over
//
// At the end of a slice a PE that has unmasked `slice_end` is told, and has the grace time to save what it wants and
// yield. One that doesn't has overrun: it is stopped, and forfeits its next slice. A PE that wants no such event is
// stopped at once, and charged nothing. A directed yield gives the rest of the slice away, never more than the rest. A
// call through a gate gives the next slices, too, until the reply or the caller's deadline; the debt of an overrun
// stays the holder's.
#include "exo/call.h"

constexpr uint64_t SLICE_NANOSECONDS = 5'000'000;
constexpr uint64_t GRACE_NANOSECONDS = 100'000;

void slice_describe(struct exo_machine *machine) {
    machine->slice_nanoseconds = SLICE_NANOSECONDS;
    machine->grace_nanoseconds = GRACE_NANOSECONDS;
    machine->ticks_per_second = arch_ticks_per_second();
}

static bool hears_slice_end(struct pe *pe) {
    return pe->entry[EXO_UPCALL_interrupt].address != 0 && (pe_page(pe)->mask & 1ull << EXO_EVENT_slice_end) == 0;
}

// An overrun is charged to who held the slice when it began, also when it gave the rest to somebody else, and when its
// position was given away meanwhile: else whoever may do so could make another pay.
static void charge(struct pe *holder) {
    if (holder == nullptr) return;
    holder->excess++;
    pe_page(holder)->excess++;
}

void slice_timer(void) {
    struct cpu *cpu = arch_cpu();
    struct pe *pe = cpu->current;
    if (cpu->idle || pe == nullptr) return;
    if (pe->state == EXO_PE_READY && !cpu->grace && hears_slice_end(pe)) {
        cpu->grace = true;
        upcall_post(pe, EXO_EVENT_slice_end);
        arch_timer_set(GRACE_NANOSECONDS);
        return;
    }
    if (cpu->grace) charge(cpu->holder);
    cpu->expired = true;
}

// Begins the slice at a position, for its holder or whom that has called.
static struct pe *slice_begin(struct cpu *cpu, unsigned position, struct pe *pe) {
    cpu->position = position;
    cpu->current = pe;
    cpu->holder = cpu->vector[position];
    cpu->grace = cpu->expired = cpu->idle = false;
    pe_page(cpu->holder)->slices++;
    upcall_post(pe, EXO_EVENT_slice_begin);
    arch_timer_set(SLICE_NANOSECONDS);
    return pe;
}

// A ready PE that owes a slice pays with this one, unless nobody else could use it: time that would be idle is free.
static bool forfeits(struct pe *pe) {
    if (pe->excess == 0) return false;
    pe->excess--;
    return true;
}

// Begins the next slice that somebody can use. Not inline, so that a directed yield saves no registers for it.
[[gnu::noinline]] static struct pe *slice_next(struct cpu *cpu) {
    bool forfeited = false, awaited = false;
    for (unsigned round = 0; round == 0 || (round == 1 && forfeited); round++) {
        const unsigned next = cpu->position + 1;
        uint64_t after = __builtin_rotateright64(cpu->held, next);
        for (; after != 0; after &= after - 1) {
            const unsigned position = (next + (unsigned)__builtin_ctzll(after)) % EXO_SLICE_POSITIONS;
            struct pe *pe = gate_runner(cpu->vector[position], &awaited);
            if (pe == nullptr) continue;
            if (round == 0 && forfeits(cpu->vector[position]))
                forfeited = true;
            else
                return slice_begin(cpu, position, pe);
        }
    }
    cpu->idle = true;
    if (awaited) arch_timer_set(SLICE_NANOSECONDS);
    return nullptr;
}

struct pe *slice_pick(void) {
    struct cpu *cpu = arch_cpu();
    if (!cpu->expired && !cpu->idle && cpu->current != nullptr && cpu->current->state == EXO_PE_READY)
        return cpu->current;
    return slice_next(cpu);
}

void slice_assign(unsigned position, struct pe *pe) {
    static_assert(EXO_SLICE_POSITIONS == 64);
    struct cpu *cpu = arch_cpu();
    cpu->vector[position] = pe;
    cpu->held &= ~(1ull << position);
    if (pe != nullptr) cpu->held |= 1ull << position;
}

void slice_release(uint64_t first, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) slice_assign((unsigned)(first + i), nullptr);
}

void slice_forget(struct pe *pe) {
    for (unsigned i = 0; i < EXO_SLICE_POSITIONS; i++)
        if (arch_cpu()->vector[i] == pe) slice_assign(i, nullptr);
    if (arch_cpu()->holder == pe) arch_cpu()->holder = nullptr;
}

struct exo_result call_slice_set(exo_handle slices, uint64_t position, exo_handle pe) {
    FIND(binding, slices, SLICES, EXO_WRITE);
    CHECK(sb_covers(binding, position, 1), RANGE);
    struct pe *holder = nullptr;
    if (pe.raw != 0) {
        FIND(target, pe, PE, EXO_WRITE);
        holder = pe_of(target);
    }
    slice_assign((unsigned)position, holder);
    return done(0);
}

struct exo_result call_pe_yield(exo_handle pe) {
    if (pe.raw == 0) {
        arch_cpu()->expired = true;
        return done(0);
    }
    FIND(target, pe, PE, EXO_EXECUTE);
    bool awaited;
    CHECK(pe_of(target)->state == EXO_PE_READY || gate_late(pe_of(target), &awaited), STATE);
    arch_cpu()->current = pe_of(target);
    return done(0);
}

struct exo_result call_pe_wait(void) {
    struct pe *pe = arch_current();
    const struct exo_pe_page *page = pe_page(pe);
    if ((page->pending & ~page->mask) == 0) pe->state = EXO_PE_WAITING;
    return done(0);
}
