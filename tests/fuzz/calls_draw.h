// SPDX-License-Identifier: MIT
// Drawing calls from an input: who makes them, and with what arguments.
//
// The number and the types of a call's arguments come from calls.def. They are drawn mostly from what makes sense for
// their type (handles that were handed out, frames in use, slots of tables) and partly at random, else hardly a call
// would get past its first check.
#pragma once
#include "exo/arch/arch.h"
#include "exo/arch/host/host.h"
#include "exo/frame.h"
#include "pe/tlb.h"

constexpr uint64_t MACHINE_FRAMES = 120, BLOCKS = 16;
constexpr unsigned PES = 6, HANDLES = 24, STEPS = 200; // steps of each run, as far as the input does not make more

// What the fuzzer knows of a PE: handles that it was given, stale ones among them.
struct known {
    uint64_t frame; // its private frame; 0: none
    uint64_t id;
    exo_handle handles[HANDLES];
    unsigned count;
};

static struct known known[PES];
static const uint8_t *input, *input_end;
static uint64_t state;
static exo_frame run_first;            // of the free frames
static uint64_t last_slot, last_entry; // of tlb_set

// The input's next byte; behind its end, what a generator (xorshift) makes of what was read.
static uint8_t byte(void) {
    if (input < input_end) {
        state = (state ^ *input) * 0x100'0000'01b3 | 1;
        return *input++;
    }
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint8_t)(state >> 32);
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

// One of the handles that name a gate, more likely than another.
static exo_handle draw_gate(const struct known *self) {
    const unsigned start = byte();
    for (unsigned i = 0; self != nullptr && i < HANDLES; i++) {
        const exo_handle handle = self->handles[(start + i) % HANDLES];
        const struct sb_found found = sb_find_any(&pe_at(self)->bindings, handle);
        if (found.error == EXO_OK && found.binding->kind == EXO_KIND_GATE) return handle;
    }
    return draw_handle(self);
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
static void make_sensible(uint64_t number, const struct known *self, uint64_t words[5]) {
    if (byte() < 32) return;
    switch (number) {
    case EXO_CALL_frame_retype: words[2] = 1 + byte() % 4, words[3] = byte() % 7; break;
    case EXO_CALL_tlb_protect: words[2] = 1 + byte() % 64, words[4] |= EXO_READ; break;
    case EXO_CALL_tlb_harvest: words[2] = 1 + byte() % 64, words[3] = (1 + byte() % 3) * EXO_ENTRY_ACCESSED; break;
    case EXO_CALL_tlb_set: // often what has been set before
        if (byte() % 2 == 0) words[0] = words[2] = 1 << 16 | 1;
        if (byte() % 2 == 0) words[1] = last_slot;
        if (byte() % 2 == 0) words[3] = last_entry | EXO_ENTRY_USER;
        break;
    case EXO_CALL_tlb_set_batch: words[2] = byte() % 5; break;
    case EXO_CALL_pe_create: words[2] = 3 + byte() % 3; break;
    case EXO_CALL_gate_make: words[1] = byte() % 4, words[2] = 1 + byte() % 4; break;
    case EXO_CALL_pe_set_entry: words[1] %= EXO_UPCALLS; break;
    case EXO_CALL_gate_call: words[0] = draw_gate(self).raw & ~(byte() % 2 * EXO_ONE_WAY); break;
    case EXO_CALL_gate_post: words[0] = draw_gate(self).raw; break;
    default: break;
    }
}

// Calls that take so much away that little can happen after them.
static bool ends_much(uint64_t number) {
    return number == EXO_CALL_binding_revoke || number == EXO_CALL_binding_drop || number == EXO_CALL_pe_destroy
           || number == EXO_CALL_pe_exit || number == EXO_CALL_pe_wait || number == EXO_CALL_gate_reply;
}

// What calls read beyond their registers.
static void draw_page(struct pe *pe, uint64_t number) {
    struct exo_pe_page *page = pe_page(pe);
    if (number == EXO_CALL_tlb_set_batch)
        for (unsigned i = 0; i < 4; i++)
            ((struct exo_tlb_update *)page->args)[i] = (struct exo_tlb_update){draw_slot(), draw_entry()};
    if (number == EXO_CALL_pe_wait || number == EXO_CALL_pe_yield || number == EXO_CALL_gate_reply) {
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
