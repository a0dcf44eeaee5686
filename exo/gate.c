// SPDX-License-Identifier: MIT
// Gates: protected control transfer from one PE into another.
//
// A gate is a binding whose `tag` is the PE that it leads into, and whose `first` is a number that this PE is told. It
// is made by whoever may configure the PE, as a descendant of the binding that says so; from then on it is derived,
// granted and revoked like every other binding, and gone before the PE is.
//
//   caller  READY ──gate_call──▶ CALLING ───────────────reply──▶ READY, or with an error
//   callee  RESTING ───────────▶ READY, caller set ──gate_reply──▶ RESTING
//
// A one-way call gives the callee the rest of the slice, and no right to reply: `caller` stays null. Its caller stays
// READY, and goes on behind the call when its next slice begins.
//
// Call and reply are the architecture's short path (arch/x86_64/gate.S): registers are the message. This file holds
// what is uncommon: making gates, refusals, posting, resting, and the ends of calls that get no reply. A PE serves one
// call at a time and makes one, so the right to reply is a field of it, which nobody can copy, keep or use twice. Links
// are mutual: pe->caller is in state CALLING, by a gate that leads to pe, and the other way round.
#include "exo/call.h"

constexpr unsigned CHAIN_MAX = 64; // calls in calls: behind so many the holder's slices reach no further

struct pe *gate_callee(const struct sb_binding *gate) {
    return (struct pe *)gate->tag;
}

// The gate by which a PE in state CALLING calls.
static struct sb_binding *gate_used(const struct pe *caller) {
    return &caller->bindings.bindings[caller->calling / sizeof(struct sb_binding)];
}

// A caller goes on without an answer. Its registers were the message; what its context holds is older and its own.
static void break_off(struct pe *caller, enum exo_error error) {
    gate_callee(gate_used(caller))->caller = nullptr;
    caller->context.rax = error;
    caller->context.rflags = 0x202;
    caller->state = EXO_PE_READY;
}

bool gate_late(struct pe *pe, bool *awaited) {
    if (pe->state != EXO_PE_CALLING) return false;
    const uint64_t deadline = __atomic_load_n(&pe_page(pe)->call_deadline, __ATOMIC_RELAXED);
    if (deadline == 0) return false;
    if (arch_ticks() < deadline) {
        *awaited = true;
        return false;
    }
    break_off(pe, EXO_LATE);
    return true;
}

struct pe *gate_runner(struct pe *pe, bool *awaited) {
    for (unsigned i = 0; i < CHAIN_MAX && pe->state == EXO_PE_CALLING && !gate_late(pe, awaited); i++)
        pe = gate_callee(gate_used(pe));
    return pe->state == EXO_PE_READY ? pe : nullptr;
}

struct sb_found gate_find(exo_handle gate) {
    gate.raw |= EXO_ONE_WAY;
    struct sb_found found = sb_find(&arch_current()->bindings, gate, EXO_KIND_GATE, EXO_EXECUTE);
    if (found.error != EXO_OK) return found;
    const enum exo_pe_status state = gate_callee(found.binding)->state;
    if (state != EXO_PE_RESTING) found.error = state == EXO_PE_ENDED ? EXO_STATE : EXO_BUSY;
    return found;
}

void gate_wake(struct pe *pe) {
    const struct pe_entry entry = pe->entry[EXO_UPCALL_gate];
    pe->context = (struct exo_context){.rip = entry.address, .rsp = entry.stack, .rflags = 0x202};
}

void gate_end(struct pe *pe) {
    if (pe->caller != nullptr) break_off(pe->caller, EXO_BROKEN);
    if (pe->state == EXO_PE_CALLING) break_off(pe, EXO_BROKEN);
}

void gate_close(struct sb_binding *gate) {
    struct pe *holder = gate->table->owner;
    if (holder->state == EXO_PE_CALLING && gate_used(holder) == gate) break_off(holder, EXO_BROKEN);
}

struct exo_result call_gate_make(exo_handle pe, uint64_t first, uint64_t count) {
    constexpr uint64_t useful = EXO_EXECUTE | EXO_WRITE | EXO_GRANT;
    struct pe *maker = arch_current(), *target = maker;
    struct sb_binding *source = maker->binding != nullptr ? maker->binding : &derivations;
    uint64_t rights = useful;
    if (pe.raw != 0) {
        FIND(named, pe, PE, EXO_WRITE);
        source = named;
        target = pe_of(named);
        rights &= named->rights;
    }
    CHECK(count != 0 && first + (count - 1) >= first, VALUE);
    const struct sb_made made = sb_gate(source, &maker->bindings, first, count, rights, (uint64_t)target);
    return (struct exo_result){made.error, made.error == EXO_OK ? made.handle.raw : 0};
}

struct exo_result call_gate_post(exo_handle gate, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    FIND(binding, gate, GATE, EXO_WRITE);
    struct pe *to = gate_callee(binding);
    struct exo_pe_page *page = pe_page(to);
    CHECK(to->state != EXO_PE_ENDED, STATE);
    CHECK(to->posted - __atomic_load_n(&page->taken, __ATOMIC_ACQUIRE) < EXO_MESSAGES, FULL);
    page->messages[to->posted % EXO_MESSAGES] =
        (struct exo_message){.caller = arch_current()->id, .number = binding->first, .words = {a, b, c, d}};
    __atomic_store_n(&page->posted, ++to->posted, __ATOMIC_RELEASE);
    upcall_post(to, EXO_EVENT_message);
    return done(0);
}

// For a PE that serves no call: the others reply on the architecture's path.
struct exo_result call_gate_reply(void) {
    struct pe *pe = arch_current();
    const struct exo_pe_page *page = pe_page(pe);
    CHECK(pe->entry[EXO_UPCALL_gate].address != 0, STATE);
    gate_wake(pe);
    if ((page->pending & ~page->mask) == 0) pe->state = EXO_PE_RESTING;
    return done(0);
}
