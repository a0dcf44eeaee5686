// SPDX-License-Identifier: MIT
// The way into an OS by messages to a server PE through a gate, in instructions; what bench_ways.c measures of the
// other ways. The server keeps a file in memory. It has an address space of its own: of this image it sees text and
// constants, its data and stack are copies, and only the window is shared.
//
//   null     a message of an operation that the server refuses
//   getpid   the caller's id, which the gate tells the server
//   64       written from the message's registers: 8 of its words
//   4096, 1048576    copied into the window, and from there into the file by the server: what lies in the window can
//            change until it is copied, so the server would not use it in place. Twice the bytes are moved
//
// A sample begins with the arguments in C and ends with the result there, libos/core's gate_call included. That of a
// one-way message ends when the server has done what it asks for, which the client asks for afterwards.
#include "apps/bench_ways.h"
#include "libos/core/frames.h"
#include "libos/core/gate.h"
#include "libos/core/print.h"
#include "libos/core/space.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include "peers/bench.h"
#include <stdlib.h>
#include <string.h>

enum : uint64_t { REFUSED, GETPID, WRITE_WORDS, WRITE_WINDOW, READ_WINDOW, DONE_AT, ONE_WAY };
constexpr uint64_t MOST = 1 << 20, PAGES = MOST / EXO_PAGE_SIZE, WORDS = 8;
constexpr uint64_t BAD = ~0ull;
constexpr uint64_t SHARED = MAP_HEAP, OWN = MAP_HEAP + MOST; // of both: the window, and then the server's file
constexpr uint64_t EVERY = EXO_READ | EXO_WRITE | EXO_EXECUTE;
constexpr unsigned FIRST_WORD = GATE_WORDS - WORDS;

static uint64_t words[MOST / sizeof(uint64_t)];
static size_t size;
static exo_handle gate;
alignas(16) static uint8_t server_stack[2048]; // of the server's own copy

void peer_put(const char *line) {
    report("{\"job\":%lu,%.*s", start->job, (int)strlen(line) - 2, line + 1); // without its `{` and its newline
}

static void must(struct exo_result result) {
    if (result.error != EXO_OK)
        pe_fail("bench_ways_gate: a call that must succeed returned %lu", (uint64_t)result.error);
}

static void copy(void *to, const void *from, size_t count) {
    size_t words = count / sizeof(uint64_t);
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words)::"memory");
}

// ---- The server

static uint32_t done_at; // when the last one-way message had been served

void pe_on_gate(struct gate_message *message) {
    const uint64_t operation = message->words[0], count = message->words[1];
    message->words[0] = BAD;
    switch (operation) {
    case REFUSED: break;
    case GETPID: message->words[0] = message->caller; break;
    case WRITE_WORDS:
        if (count > WORDS * sizeof(uint64_t)) break;
        copy((void *)OWN, &message->words[FIRST_WORD], count);
        message->words[0] = count;
        break;
    case WRITE_WINDOW:
    case READ_WINDOW:
        if (count > MOST) break;
        const uint64_t from = operation == WRITE_WINDOW ? SHARED : OWN;
        copy((void *)(from ^ SHARED ^ OWN), (const void *)from, count);
        message->words[0] = count;
        break;
    case DONE_AT: message->words[0] = done_at; break;
    default:
        message->words[0] = operation - ONE_WAY;
        if (operation < ONE_WAY || operation - ONE_WAY >= DONE_AT) break;
        pe_on_gate(message);
        done_at = bench_stamp();
    }
}

// ---- Its address space

static void link(exo_frame table, uint64_t index, exo_frame frame, uint64_t rights) {
    const exo_paddr slot = {(table.raw << EXO_PAGE_SHIFT) + index * sizeof(uint64_t)};
    must(exo_tlb_set(frames_binding, slot, frames_binding, exo_entry_for(frame, rights), (exo_vaddr){0}));
}

static exo_frame table_below(exo_frame above, uint64_t index, enum exo_frame_type type) {
    const exo_frame table = frames_take_as(type);
    if (table.raw == 0) abort();
    link(above, index, table, EVERY);
    return table;
}

// A frame is seen through the window's first page for a moment.
static void *look(exo_frame frame) {
    if (frame.raw == 0 || space_map((exo_vaddr){SHARED}, frame, EXO_READ | EXO_WRITE) != EXO_OK) abort();
    return (void *)SHARED;
}
static void look_away(void) {
    (void)space_unmap((exo_vaddr){SHARED});
}

static exo_frame copy_of(uint64_t page) {
    const exo_frame frame = frames_take();
    copy(look(frame), (const void *)page, EXO_PAGE_SIZE);
    look_away();
    return frame;
}

static void map_image(exo_frame table) {
    for (uint64_t page = MAP_IMAGE; page < MAP_IMAGE + MAP_TABLE_SPAN; page += EXO_PAGE_SIZE) {
        const uint64_t entry = space_entry((exo_vaddr){page}), index = exo_table_index((exo_vaddr){page}, 1);
        if (!(entry & EXO_ENTRY_PRESENT)) continue;
        if (entry & EXO_ENTRY_WRITE)
            link(table, index, copy_of(page), EXO_READ | EXO_WRITE);
        else
            link(table, index, (exo_frame){(entry & EXO_ENTRY_FRAME) >> EXO_PAGE_SHIFT},
                 entry & EXO_ENTRY_NO_EXECUTE ? EXO_READ : EXO_READ | EXO_EXECUTE);
    }
    if (space_reserved((exo_vaddr){MAP_IMAGE + MAP_TABLE_SPAN})) abort(); // the image is larger than one table maps
}

static void make_server(void) {
    const exo_frame root = frames_take_as(EXO_FRAME_TABLE4), parts = frames_take_run(3);
    if (root.raw == 0 || parts.raw == 0) abort();
    const struct exo_result made = exo_pe_create(frames_binding, parts, 3);
    must(made);
    const exo_handle pe = {made.value};
    ((struct exo_pe_page *)look((exo_frame){parts.raw + 1}))->mask = ~0ull; // it wants to know of no event
    look_away();
    const exo_frame table3 = table_below(root, 0, EXO_FRAME_TABLE3);
    const exo_frame table2 = table_below(table3, exo_table_index((exo_vaddr){MAP_BASE}, 3), EXO_FRAME_TABLE2);
    const exo_frame first = table_below(table2, exo_table_index((exo_vaddr){MAP_PE_PAGE}, 2), EXO_FRAME_TABLE1);
    const exo_frame image = table_below(table2, exo_table_index((exo_vaddr){MAP_IMAGE}, 2), EXO_FRAME_TABLE1);
    const exo_frame data = table_below(table2, exo_table_index((exo_vaddr){SHARED}, 2), EXO_FRAME_TABLE1);
    link(first, exo_table_index((exo_vaddr){MAP_PE_PAGE}, 1), (exo_frame){parts.raw + 1}, EXO_READ | EXO_WRITE);
    map_image(image);
    for (uint64_t i = 0; i < PAGES; i++) {
        const exo_frame shared = frames_take(), own = frames_take();
        if (shared.raw == 0 || own.raw == 0) abort();
        if (space_map((exo_vaddr){SHARED + i * EXO_PAGE_SIZE}, shared, EXO_READ | EXO_WRITE) != EXO_OK) abort();
        link(data, i, shared, EXO_READ | EXO_WRITE);
        link(data, PAGES + i, own, EXO_READ | EXO_WRITE);
    }
    must(exo_pe_set_root(pe, frames_binding, root));
    must(exo_pe_set_entry(pe, EXO_UPCALL_start, (exo_vaddr){(uint64_t)gate_serve},
                          (exo_vaddr){(uint64_t)&server_stack[sizeof server_stack - 8]}));
    must(exo_pe_start(pe, 0));
    must(exo_pe_yield(pe));
    const struct exo_result opened = exo_gate_make(pe, 0, 1);
    must(opened);
    gate = (exo_handle){opened.value};
}

// ---- The client

static uint64_t ask(struct gate_message *message) {
    return gate_call(gate, message) == EXO_OK ? message->words[0] : BAD;
}

static void put(struct gate_message *message, uint64_t operation, uint64_t count) {
    if (operation == WRITE_WORDS) memcpy(&message->words[FIRST_WORD], words, WORDS * sizeof(uint64_t));
    if (operation == WRITE_WINDOW) copy((void *)SHARED, words, count);
}

static uint32_t asked(uint64_t operation, uint64_t count, uint64_t wanted) {
    struct gate_message message = {.words = {operation, count}};
    const uint32_t before = bench_stamp();
    put(&message, operation, count);
    const uint64_t result = ask(&message);
    const uint32_t after = bench_stamp();
    return result == wanted ? after - before : bench_trouble("a call gave another result than it must");
}

static uint32_t sent(uint64_t operation, uint64_t count, uint64_t) {
    struct gate_message message = {.words = {ONE_WAY + operation, count}}, then = {.words = {DONE_AT}};
    const uint32_t before = bench_stamp();
    put(&message, operation, count);
    const enum exo_error error = gate_send(gate, &message);
    return error == EXO_OK ? (uint32_t)ask(&then) - before : bench_trouble("a message could not be sent");
}

static uint32_t (*timed)(uint64_t operation, uint64_t count, uint64_t wanted);

static uint32_t null_once(void) {
    return timed(REFUSED, 0, BAD);
}
static uint32_t getpid_once(void) {
    return timed(GETPID, 0, pe_page()->id);
}
// What is written differs each time, and is read back through the window.
static uint32_t write_once(void) {
    static uint64_t seed;
    seed += MOST;
    ways_fill(words, size, seed);
    const uint32_t took = timed(size <= WORDS * sizeof(uint64_t) ? WRITE_WORDS : WRITE_WINDOW, size, size);
    ways_fill((uint64_t *)SHARED, size, 0);
    struct gate_message message = {.words = {READ_WINDOW, size}};
    if (ask(&message) != size || !ways_holds((const uint64_t *)SHARED, size, seed))
        return bench_trouble("the server's file does not hold what was written");
    return took;
}

static void row(const char *way, const char *op, const char *how, uint32_t (*once)(void), size_t written,
                uint64_t copies) {
    size = written;
    bench_row(way, op, how, once, bench_empty(), (uint32_t)(written / sizeof(uint64_t) * copies));
}

static void rows(const char *way) {
    row(way, "null", "an operation that is refused", null_once, 0, 0);
    if (timed == asked) row(way, "getpid", "the caller's id", getpid_once, 0, 0);
    row(way, "write.64", "in registers, to the server's file", write_once, 64, 1);
    row(way, "write.4096", "through shared frames, to the server's file", write_once, 4096, 2);
    row(way, "write.1048576", "through shared frames, to the server's file", write_once, MOST, 2);
}

int main(void) {
    if (!space_reserve((exo_vaddr){SHARED}, 2 * PAGES)) abort();
    make_server();
    timed = asked;
    rows("message");
    timed = sent;
    rows("one-way");
    return 0;
}
