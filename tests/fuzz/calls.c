// SPDX-License-Identifier: MIT
// Fuzz target: random calls and accesses of several PEs on the simulated machine, the kernel's books audited after each
// (promise P5: no sequence of calls panics, hangs or exhausts the kernel; P1 and P4 as far as the audit sees them).
//
// Each call's number and number of arguments come from calls.def. Arguments are drawn mostly from what makes sense
// for their type (handles that were handed out, frames near those in use, slots of tables) and partly at random, else
// hardly a call would get past its first check.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "exo/arch/arch.h"
#include "exo/arch/host/host.h"
#include "exo/frame.h"
#include "pe/package.h"
#include "pe/tlb.h"

constexpr uint64_t MACHINE_FRAMES = 120, BLOCKS = 16;
constexpr unsigned PES = 6, HANDLES = 24;

// What the fuzzer knows of a PE: handles that it was given, stale ones among them.
struct known {
    uint64_t frame; // its private frame; 0: none
    uint64_t id;
    exo_handle handles[HANDLES];
    unsigned count;
};

static struct known known[PES];
static const uint8_t *input, *input_end;
static exo_frame run_first; // of the free frames

static uint8_t byte(void) {
    return input < input_end ? *input++ : 0;
}

static uint64_t word(void) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++) value = value << 8 | byte();
    return value;
}

static uint64_t any(void) {
    const uint8_t b = byte();
    switch (b % 8) {
    case 0: return word();
    case 1: return UINT64_MAX - b / 8;
    case 2: return 1ull << b / 4;
    default: return b / 8;
    }
}

// The PE that stands on a frame, if it is still the one that the fuzzer got to know.
static struct pe *pe_at(const struct known *which) {
    if (which->frame == 0 || frame_table[which->frame].type != EXO_FRAME_PE) return nullptr;
    struct pe *pe = arch_frame((exo_frame){which->frame});
    return pe->id == which->id ? pe : nullptr;
}

static struct known *known_of(const struct pe *pe) {
    for (unsigned i = 0; i < PES; i++)
        if (pe_at(&known[i]) == pe) return &known[i];
    return nullptr;
}

static void learn_handle(struct known *which, uint64_t raw) {
    which->handles[which->count++ % HANDLES].raw = raw;
}

static void learn_pe(uint64_t frame) {
    for (unsigned i = 0; i < PES; i++) {
        if (pe_at(&known[i]) != nullptr) continue;
        known[i] = (struct known){.frame = frame, .id = ((struct pe *)arch_frame((exo_frame){frame}))->id};
        return;
    }
}

static exo_handle draw_handle(const struct known *self) {
    const uint8_t b = byte();
    if (b < 8 || self == nullptr) return (exo_handle){any()};
    if (b < 48) return (exo_handle){1 << 16 | b % 8};
    if (b < 112) return (exo_handle){1 << 16 | 1}; // frames with all rights, for all but PEs made by inputs
    if (self->count == 0) return EXO_NO_HANDLE;
    return self->handles[b % (self->count < HANDLES ? self->count : HANDLES)];
}

static exo_frame draw_frame(void) {
    const uint8_t b = byte();
    if (b < 8) return (exo_frame){any()};
    return (exo_frame){run_first.raw + b % (MACHINE_FRAMES - run_first.raw + 1)};
}

// A slot of a table more likely than another.
static exo_paddr draw_slot(void) {
    const uint8_t b = byte();
    uint64_t frame = draw_frame().raw;
    for (unsigned i = 0; b >= 16 && i < MACHINE_FRAMES; i++, frame++)
        if (frame < MACHINE_FRAMES && frame_level(frame_table[frame].type) != 0)
            break;
        else if (frame >= MACHINE_FRAMES)
            frame = 0;
    return (exo_paddr){(frame << EXO_PAGE_SHIFT) + b % 8 * 8 + (b == 0)};
}

static exo_entry draw_entry(void) {
    const uint8_t b = byte();
    if (b < 8) return (exo_entry){any()};
    if (b < 64) return (exo_entry){0};
    exo_frame frame = draw_frame();
    for (unsigned i = 0; b >= 96 && i < MACHINE_FRAMES && frame.raw < MACHINE_FRAMES; i++, frame.raw++)
        if (frame_table[frame.raw].type == EXO_FRAME_DATA) break; // more likely than another
    return (exo_entry){exo_entry_for(frame, b & 7).raw | (b & 8 ? EXO_ENTRY_USER : 0)};
}

static exo_vaddr draw_address(void) {
    const uint8_t b = byte();
    if (b < 8) return (exo_vaddr){any()};
    // Eight pages in each of the first slots of every level, so that PEs meet.
    return (exo_vaddr){((uint64_t)(b % 8) << 12) + ((uint64_t)(b / 8 % 4) << 21)};
}

static exo_protect draw_change(void) {
    return exo_protect_for(draw_address(), byte() % 9);
}

static uint64_t draw_number(void) {
    const uint8_t b = byte();
    if (b < 16) return any();
    if (b < 128) return b % 20;
    return draw_frame().raw; // ranges and PEs are named by frame numbers
}

#define WORD(T, self)                                                                                                  \
    _Generic((T){0},                                                                                                   \
        exo_handle: draw_handle(self).raw,                                                                             \
        exo_frame: draw_frame().raw,                                                                                   \
        exo_paddr: draw_slot().raw,                                                                                    \
        exo_entry: draw_entry().raw,                                                                                   \
        exo_vaddr: draw_address().raw,                                                                                 \
        exo_protect: draw_change().raw,                                                                                \
        uint64_t: draw_number())

static void draw_arguments(uint64_t number, const struct known *self, uint64_t words[5]) {
#define ARGS0()
#define ARGS1(A, a) words[0] = WORD(A, self);
#define ARGS2(A, a, B, b) ARGS1(A, a) words[1] = WORD(B, self);
#define ARGS3(A, a, B, b, C, c) ARGS2(A, a, B, b) words[2] = WORD(C, self);
#define ARGS4(A, a, B, b, C, c, D, d) ARGS3(A, a, B, b, C, c) words[3] = WORD(D, self);
#define ARGS5(A, a, B, b, C, c, D, d, E, e) ARGS4(A, a, B, b, C, c, D, d) words[4] = WORD(E, self);
    switch (number) {
#define CALL(number, name, arguments, ...)                                                                             \
    case number: arguments break;
#include "pe/calls.def"
#undef CALL
    default: break;
    }
}

// Most times, arguments for which the type says too little are made such that the call can succeed.
static void make_sensible(uint64_t number, uint64_t words[5]) {
    if (byte() < 32) return;
    switch (number) {
    case EXO_CALL_frame_retype: words[2] = 1 + byte() % 4, words[3] = byte() % 7; break;
    case EXO_CALL_tlb_protect: words[2] = 1 + byte() % 64, words[4] |= EXO_READ; break;
    case EXO_CALL_tlb_harvest: words[2] = 1 + byte() % 64, words[3] = (1 + byte() % 3) * EXO_ENTRY_ACCESSED; break;
    case EXO_CALL_tlb_set_batch: words[2] = byte() % 5; break;
    case EXO_CALL_pe_create: words[2] = 3 + byte() % 3; break;
    default: break;
    }
}

// Calls that take so much away that little can happen after them.
static bool ends_much(uint64_t number) {
    return number == EXO_CALL_binding_revoke || number == EXO_CALL_binding_drop || number == EXO_CALL_pe_destroy
           || number == EXO_CALL_pe_exit || number == EXO_CALL_pe_wait;
}

// What calls read beyond their registers.
static void draw_page(struct pe *pe, uint64_t number) {
    struct exo_pe_page *page = pe_page(pe);
    if (number == EXO_CALL_tlb_set_batch)
        for (unsigned i = 0; i < 4; i++)
            ((struct exo_tlb_update *)page->args)[i] = (struct exo_tlb_update){draw_slot(), draw_entry()};
    if (number == EXO_CALL_pe_wait || number == EXO_CALL_pe_yield) {
        page->mask = any();
        page->pending = any();
        page->interrupt_busy = byte() % 2;
    }
    if (number != EXO_CALL_ring_kick || pe->ring == nullptr) return;
    const uint8_t b = byte();
    for (unsigned i = 0; i < b % 4; i++)
        pe->ring->requests[pe->ring->submitted++ % EXO_RING_SIZE] = (struct exo_ring_request){
            {1 << 16 | 3}, draw_handle(known_of(pe)), draw_frame(), draw_number(), byte() % 4, i};
    if (b < 8) pe->ring->submitted = (uint32_t)any();
    pe->ring->taken = b < 16 ? (uint32_t)any() : pe->ring->completed;
}

static void learn(struct pe *pe, uint64_t number, const uint64_t words[5], struct exo_result result) {
    struct known *self = known_of(pe);
    if (result.error != EXO_OK || self == nullptr) return;
    if (number == EXO_CALL_binding_derive || number == EXO_CALL_pe_create) learn_handle(self, result.value);
    if (number == EXO_CALL_pe_create) learn_pe(words[1]);
    if (number != EXO_CALL_binding_grant) return;
    const struct sb_found target = sb_find(&pe->bindings, (exo_handle){words[1]}, EXO_KIND_PE, EXO_WRITE);
    struct known *receiver = target.error == EXO_OK ? known_of(pe_of(target.binding)) : nullptr;
    if (receiver != nullptr) learn_handle(receiver, result.value);
}

// Whether a call may return an error, by calls.def.
static bool documented(uint64_t number, enum exo_error error) {
    static const char *const errors[] = {
#define CALL(number, name, arguments, errors, sentence) [number] = errors,
#include "pe/calls.def"
#undef CALL
    };
    static const char *const names[] = {
#define ERROR(number, name, sentence) [number] = #name,
#include "pe/errors.def"
#undef ERROR
    };
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

// The frames that end with the descendants of a binding, or with the binding itself; false if some were ending before,
// so that the call is not the first of its kind.
static bool mark_ending(const struct sb_binding *source, bool itself, bool ending[]) {
    memset(ending, false, MACHINE_FRAMES);
    if (source->dying) return false;
    for (const struct sb_binding *each = itself ? source : source->next; each == source || each->depth > source->depth;
         each = each->next) {
        if (each->dying) return false;
        for (uint64_t i = 0; each->kind == EXO_KIND_FRAMES && i < each->count; i++) ending[each->first + i] = true;
    }
    return true;
}

// P3: when revoke or drop has returned OK, no table names what has ended.
static bool still_mapped(const bool ending[]) {
    for (uint64_t i = 0; i < MACHINE_FRAMES; i++) {
        const uint64_t *entries = arch_frame((exo_frame){i});
        const unsigned level = frame_level(frame_table[i].type);
        for (unsigned k = 0; level != 0 && k < (level == 4 ? 256 : 512); k++)
            if ((entries[k] & EXO_ENTRY_PRESENT) && ending[exo_entry_frame((exo_entry){entries[k]}).raw]) return true;
    }
    return false;
}

static void one_call(struct pe *pe) {
    static const uint8_t often[] = {
        EXO_CALL_binding_derive, EXO_CALL_binding_grant, EXO_CALL_frame_retype, EXO_CALL_tlb_set,   EXO_CALL_tlb_set,
        EXO_CALL_pe_create,      EXO_CALL_pe_set_root,   EXO_CALL_pe_start,     EXO_CALL_ring_bind, EXO_CALL_ring_kick};
    const uint8_t b = byte();
    const uint64_t number = b < 128 ? often[b % sizeof often] : (uint64_t)(b % EXO_CALLS);
    uint64_t words[5] = {};
    if (ends_the_machine(pe, number) || (ends_much(number) && byte() % 4 != 0)) return;
    host_run(pe); // before anything is drawn into its page
    draw_arguments(number, known_of(pe), words);
    make_sensible(number, words);
    draw_page(pe, number);
    static bool ending[MACHINE_FRAMES];
    const bool revokes = number == EXO_CALL_binding_revoke, drops = number == EXO_CALL_binding_drop;
    const struct sb_found source = sb_find_any(&pe->bindings, (exo_handle){words[0]});
    const bool check = (revokes || drops) && source.error == EXO_OK && mark_ending(source.binding, drops, ending);
    const struct exo_result result = host_call(pe, number, words);
    learn(pe, number, words, result);
    if (check && result.error == EXO_OK && still_mapped(ending)) stop("revoked frames are still mapped", number, words);
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
// its own and some that it shares, and blocks of the disk.
static void furnish(struct pe *first) {
    constexpr exo_handle frames = {1 << 16 | EXO_FIRST_FRAMES}, disk = {1 << 16 | EXO_FIRST_DISK};
    constexpr uint64_t all = EXO_READ | EXO_WRITE | EXO_EXECUTE;
    uint64_t at = host_free_first().raw;
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
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input = data;
    input_end = data + size;
    host_boot(MACHINE_FRAMES, BLOCKS);
    struct pe *first = host_current();
    run_first = ((struct exo_first *)pe_page(first)->args)->frames_first;
    memset(known, 0, sizeof known);
    learn_pe(run_first.raw);
    furnish(first);
    while (input < input_end) {
        struct pe *pe = draw_pe();
        if (pe == nullptr) {
            host_disk_run(64);
            upcall_post(first, EXO_EVENT_disk); // someone wakes the first PE
            pe_page(first)->mask = 0;
            if (first->state == EXO_PE_WAITING) first->state = EXO_PE_READY;
            (void)byte();
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
