// SPDX-License-Identifier: MIT
// Fuzz target: random calls and accesses of several PEs on the simulated machine, the kernel's books audited after each
// (promise P5: no sequence of calls panics, hangs or exhausts the kernel; P1 and P4 as far as the audit sees them).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pe/package.h"
#include "tests/fuzz/calls_draw.h"

static void learn(struct pe *pe, uint64_t number, const uint64_t words[5], struct exo_result result) {
    struct known *self = known_of(pe);
    if (result.error != EXO_OK || self == nullptr) return;
    if (number == EXO_CALL_tlb_set && (words[3] & EXO_ENTRY_PRESENT)) last_slot = words[1], last_entry = words[3];
    if (number == EXO_CALL_binding_derive || number == EXO_CALL_pe_create || number == EXO_CALL_gate_make)
        learn_handle(self, result.value);
    if (number == EXO_CALL_pe_create) learn_pe(words[1]);
    if (number != EXO_CALL_binding_grant) return;
    const struct sb_found target = sb_find(&pe->bindings, (exo_handle){words[1]}, EXO_KIND_PE, EXO_WRITE);
    struct known *receiver = target.error == EXO_OK ? known_of(pe_of(target.binding)) : nullptr;
    if (receiver != nullptr) learn_handle(receiver, result.value);
}

// Whether a call may return an error, by calls.def. (A number that is no call has one.)
static bool documented(uint64_t number, enum exo_error error) {
    static const char *const errors[EXO_CALLS] = {
#define CALL(number, name, arguments, errors, sentence) [number] = errors,
#include "pe/calls.def"
#undef CALL
    };
    static const char *const names[] = {
#define ERROR(number, name, sentence) [number] = #name,
#include "pe/errors.def"
#undef ERROR
    };
    if (errors[number] == nullptr) return error == EXO_CALL;
    return error == EXO_OK || (error < sizeof names / sizeof *names && strstr(errors[number], names[error]) != nullptr);
}

static void stop(const char *what, uint64_t number, const uint64_t words[5]) {
    fprintf(stderr, "after call %lu (%#lx, %#lx, %#lx, %#lx, %#lx): %s\n", number, words[0], words[1], words[2],
            words[3], words[4], what);
    abort();
}

static struct pe *draw_pe(void) {
    const unsigned start = byte() % PES;
    for (unsigned i = 0; i < PES; i++) {
        struct pe *pe = pe_at(&known[(start + i) % PES]);
        if (pe != nullptr && pe->state == EXO_PE_READY) return pe;
    }
    return nullptr;
}

// The first PE's end is the machine's, by design, and so no finding.
static bool ends_the_machine(const struct pe *pe, uint64_t number) {
    return number == EXO_CALL_machine_off || (number == EXO_CALL_pe_exit && pe->binding == nullptr);
}

static void one_call(struct pe *pe) {
    static const uint8_t often[] = {
        EXO_CALL_binding_derive, EXO_CALL_binding_grant, EXO_CALL_frame_retype, EXO_CALL_tlb_set,   EXO_CALL_tlb_set,
        EXO_CALL_pe_create,      EXO_CALL_pe_set_root,   EXO_CALL_pe_start,     EXO_CALL_ring_bind, EXO_CALL_ring_kick,
        EXO_CALL_gate_call,      EXO_CALL_gate_call,     EXO_CALL_gate_reply,   EXO_CALL_gate_post, EXO_CALL_gate_make};
    const uint8_t b = byte();
    const uint64_t number = b < 128 ? often[b % sizeof often] : (uint64_t)(b % EXO_CALLS);
    uint64_t words[5] = {};
    if (ends_the_machine(pe, number) || (ends_much(number) && byte() % 4 != 0)) return;
    host_run(pe); // before anything is drawn into its page
    draw_arguments(number, known_of(pe), words);
    make_sensible(number, known_of(pe), words);
    draw_page(pe, number);
    const struct exo_result result = host_call(pe, number, words);
    learn(pe, number, words, result);
    if (!documented(number, result.error)) stop("an error that calls.def does not name", number, words);
    const char *wrong = host_audit();
    if (wrong != nullptr) stop(wrong, number, words);
}

static void one_access(struct pe *pe) {
    const exo_vaddr address = {draw_address().raw & ~7ull};
    switch (byte() % 3) {
    case 0: host_load(pe, address); break;
    case 1: host_store(pe, address, word()); break;
    default: host_execute(pe, address); break;
    }
}

// Everything can be taken back in the end: the first PE revokes its frames, which ends all other PEs, and has all it
// had, but for what its own PE and address space stand on.
static void take_all_back(struct pe *first) {
    static const uint64_t nothing[5] = {};
    host_disk_run(64);
    for (unsigned i = 1; i < first->bindings.size; i++) {
        const struct sb_binding *binding = &first->bindings.bindings[i];
        for (unsigned round = 0; binding->kind != EXO_KIND_NONE && !binding->dying; round++) {
            const exo_handle handle = sb_handle(binding);
            const bool made = binding->kind == EXO_KIND_PE && pe_of(binding)->binding == binding;
            const struct exo_result result = made ? host_pe_destroy(first, handle) : host_binding_revoke(first, handle);
            if (result.error == EXO_OK || result.error == EXO_BUSY) break;
            if (round == 5000) stop("no end to taking everything back", i, nothing);
        }
    }
    const char *wrong = host_audit();
    if (wrong != nullptr) stop(wrong, EXO_CALL_binding_revoke, nothing);
}

// A call of the scenery, which must succeed.
static uint64_t must(struct exo_result result) {
    if (result.error != EXO_OK) abort();
    return result.value;
}

// So that inputs need not find it out: two more PEs, made by the first, each with an address space, a ring, frames of
// its own and some that it shares, blocks of the disk, and gates into both; the second rests.
static void furnish(struct pe *first) {
    constexpr exo_handle frames = {1 << 16 | EXO_FIRST_FRAMES}, disk = {1 << 16 | EXO_FIRST_DISK};
    constexpr uint64_t all = EXO_READ | EXO_WRITE | EXO_EXECUTE;
    uint64_t at = host_free_first().raw;
    exo_handle made[2];
    for (unsigned i = 0; i < 2; i++, at += 16) {
        const exo_handle handle = {must(host_pe_create(first, frames, (exo_frame){at}, 3))};
        for (unsigned level = 4; level >= 1; level--)
            must(host_frame_retype(first, frames, (exo_frame){at + 7 - level}, 1, EXO_FRAME_TABLE1 + level - 1));
        for (unsigned level = 4; level >= 2; level--)
            must(host_tlb_set(first, frames, (exo_paddr){(at + 7 - level) << EXO_PAGE_SHIFT}, frames,
                              exo_entry_for((exo_frame){at + 8 - level}, all), (exo_vaddr){0}));
        must(host_frame_retype(first, frames, (exo_frame){at + 7}, 1, EXO_FRAME_RING));
        must(host_frame_retype(first, frames, (exo_frame){at + 8}, 8, EXO_FRAME_DATA));
        must(host_pe_set_root(first, handle, frames, (exo_frame){at + 3}));
        const exo_handle own = {must(host_binding_grant(first, frames, handle, at + 3, 13, EXO_ALL))};
        must(host_binding_grant(first, frames, handle, run_first.raw, MACHINE_FRAMES - run_first.raw,
                                i ? EXO_READ : all));
        must(host_binding_grant(first, disk, handle, i * 4, 8, EXO_ALL));
        must(host_binding_grant(first, handle, handle, at, 1, EXO_ALL));
        must(host_pe_start(first, handle, 0));
        learn_pe(at);
        learn_handle(&known[0], handle.raw);
        must(host_ring_bind(host_pe(first, handle), own, (exo_frame){at + 7}));
        must(host_pe_set_entry(first, handle, EXO_UPCALL_gate, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
        const exo_handle gate = {must(host_gate_make(first, handle, 0, 20))};
        learn_handle(&known[0], gate.raw);
        made[i] = handle;
        learn_handle(&known[1], must(host_binding_grant(first, gate, made[0], 0, 10, EXO_ALL & ~(EXO_OWN | EXO_READ))));
        if (i == 0) continue;
        learn_handle(&known[2], must(host_binding_grant(first, gate, handle, 0, 10, EXO_EXECUTE)));
        pe_page(host_pe(first, handle))->mask = ~0ull;
        must(host_gate_reply(host_pe(first, handle)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input = data;
    input_end = data + size;
    state = 0xcbf2'9ce4'8422'2325;
    host_boot(MACHINE_FRAMES, BLOCKS);
    struct pe *first = host_current();
    run_first = ((struct exo_first *)pe_page(first)->args)->frames_first;
    memset(known, 0, sizeof known);
    learn_pe(run_first.raw);
    furnish(first);
    for (unsigned step = 0; step < STEPS || input < input_end; step++) {
        struct pe *pe = draw_pe();
        if (pe == nullptr) {
            host_disk_run(64);
            upcall_post(first, EXO_EVENT_disk); // someone wakes the first PE
            pe_page(first)->mask = 0;
            if (first->state == EXO_PE_WAITING) first->state = EXO_PE_READY;
            continue;
        }
        switch (byte() % 16) {
        case 0: host_tick(); break;
        case 1:
            if (byte() % 4 == 0) host_disk_fail(EXO_DEVICE);
            host_disk_run(1 + byte() % 4);
            break;
        case 2:
        case 3: one_access(pe); break;
        default: one_call(pe); break;
        }
    }
    if (first->state == EXO_PE_READY) take_all_back(first);
    return 0;
}
