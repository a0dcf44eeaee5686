// SPDX-License-Identifier: MIT
// What it costs in instructions to get from one PE to another and its address space; measured as bench_fault.c says.
//
//   yield       a directed yield from one PE to another: half a round trip
//   gate.call   from the caller's syscall to the first instruction of the callee's gate entry: all kernel
//   gate.send   the same for a one-way call
//   gate.reply  from the callee's syscall to behind the caller's: all kernel
//   gate.round  gate_call of libos/core to a handler in C and back, eleven words both ways: kernel and library
//   gate.post   from the poster's syscall to behind it: four words left in the other PE's page, nothing transferred
#include "apps/bench.h"
#include "libos/core/frames.h"
#include "libos/core/gate.h"
#include "libos/core/print.h"
#include "libos/core/space.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include "pe/gate.h"
#include <stdlib.h>

// bench_gate_stubs.S. A stamp is the time of the instruction before a syscall or of the first one behind it.
void bench_gate_call(exo_handle gate), bench_gate_post(exo_handle gate), bench_gate_nothing(void);
void bench_gate_entry(void);
volatile uint32_t bench_called, bench_entered, bench_replied, bench_returned;

static void must(struct exo_result result) {
    if (result.error != EXO_OK) pe_fail("bench_gate: a call that must succeed returned %lu", (uint64_t)result.error);
}

// A PE that shares this one's level-2 table, and so its whole address space, below a root of its own.
struct twin {
    exo_frame parts; // its private frame comes first
    exo_handle pe;
    exo_handle other; // the other twin, in its own table
    alignas(16) uint8_t stack[1024];
};
static struct twin twins[2];
static int32_t round_trips[BENCH_SAMPLES + BENCH_WARM_UP];
static volatile unsigned trips;

// The first twin measures round trips; the second only yields back.
static void twin_first(void) {
    while (trips < BENCH_SAMPLES + BENCH_WARM_UP) {
        const uint32_t before = stamp();
        must(exo_pe_yield(twins[0].other));
        round_trips[trips++] = elapsed(before, stamp());
    }
    must(exo_pe_exit(0));
}
static void twin_second(void) {
    while (true) must(exo_pe_yield(twins[1].other));
}

static void twin_make(struct twin *twin, void (*code)(void)) {
    constexpr uint64_t every = EXO_READ | EXO_WRITE | EXO_EXECUTE;
    const exo_frame root = frames_take_as(EXO_FRAME_TABLE4);
    twin->parts = frames_take_run(3);
    const struct exo_result made = exo_pe_create(frames_binding, twin->parts, 3);
    must(made);
    twin->pe = (exo_handle){made.value};
    must(exo_tlb_set(frames_binding, (exo_paddr){root.raw << EXO_PAGE_SHIFT}, frames_binding,
                     exo_entry_for(start->table3, every), (exo_vaddr){0}));
    must(exo_pe_set_root(twin->pe, frames_binding, root));
    must(exo_pe_set_entry(twin->pe, EXO_UPCALL_start, (exo_vaddr){(uint64_t)code},
                          (exo_vaddr){(uint64_t)&twin->stack[sizeof twin->stack - 8]}));
}

static exo_handle twin_introduce(const struct twin *twin, const struct twin *to) {
    const struct exo_result granted = exo_binding_grant(twin->pe, to->pe, twin->parts.raw, 1, EXO_EXECUTE);
    must(granted);
    return (exo_handle){granted.value};
}

// A slice that ends in between brings this PE back, which then lets the first twin go on.
static void measure_yields(void) {
    twin_make(&twins[0], twin_first);
    twin_make(&twins[1], twin_second);
    twins[0].other = twin_introduce(&twins[1], &twins[0]);
    twins[1].other = twin_introduce(&twins[0], &twins[1]);
    must(exo_pe_start(twins[0].pe, 0));
    must(exo_pe_start(twins[1].pe, 0));
    while (trips < BENCH_SAMPLES + BENCH_WARM_UP) must(exo_pe_yield(twins[0].pe));
}

static int32_t half_round_trip(void) {
    static unsigned at;
    return round_trips[at++] / 2;
}

// Twins that serve calls: by an entry in assembly, and by libos/core.
static struct twin stamping_server, library_server;
static struct exo_pe_page *server_page;
static exo_handle gate;

static void stamping_serve(void) {
    const exo_vaddr entry = {(uint64_t)bench_gate_entry};
    must(exo_pe_set_entry(EXO_NO_HANDLE, EXO_UPCALL_gate, entry, (exo_vaddr){0}));
    (void)exo_gate_rest();
}

// Makes a twin that comes to rest, and `gate` lead there. Its page is mapped, so that it can be told of no events, and
// messages be taken from it.
static void serve(struct twin *server, void (*code)(void), uint64_t number) {
    constexpr exo_vaddr page = {MAP_HEAP};
    twin_make(server, code);
    (void)space_unmap(page);
    if (space_map(page, (exo_frame){server->parts.raw + 1}, EXO_READ | EXO_WRITE) != EXO_OK) abort();
    server_page = (struct exo_pe_page *)page.raw;
    server_page->mask = ~0ull;
    must(exo_pe_start(server->pe, 0));
    must(exo_pe_yield(server->pe));
    const struct exo_result made = exo_gate_make(server->pe, number, 1);
    must(made);
    gate = (exo_handle){made.value};
}

static int32_t nothing(void) {
    bench_gate_nothing();
    return elapsed(bench_called, bench_returned);
}
static int32_t call(void) {
    bench_gate_call(gate);
    return elapsed(bench_called, bench_entered);
}
static int32_t send(void) {
    bench_gate_call(exo_one_way(gate));
    return elapsed(bench_called, bench_entered);
}
static int32_t reply(void) {
    bench_gate_call(gate);
    return elapsed(bench_replied, bench_returned);
}
static int32_t post(void) {
    bench_gate_post(gate);
    server_page->taken = server_page->posted;
    return elapsed(bench_called, bench_returned);
}

void pe_on_gate(struct gate_message *message) {
    message->words[0] += message->words[GATE_WORDS - 1] + message->number;
}

static int32_t round_trip(void) {
    struct gate_message message = {.words = {[0] = 5, [GATE_WORDS - 1] = 7}};
    const uint32_t before = stamp();
    const enum exo_error error = gate_call(gate, &message);
    const uint32_t after = stamp();
    if (error != EXO_OK || message.words[0] != 5 + 7 + 3 || message.words[GATE_WORDS - 1] != 7) abort();
    return elapsed(before, after);
}

int main(void) {
    bench_compiler();
    measure_yields();
    bench_row("yield", half_round_trip, bench_empty());
    if (!space_reserve((exo_vaddr){MAP_HEAP}, 1)) abort();
    serve(&stamping_server, stamping_serve, 0);
    const int32_t empty = bench_least(nothing);
    bench_row("gate.call", call, empty);
    bench_row("gate.send", send, empty);
    bench_row("gate.reply", reply, empty);
    bench_row("gate.post", post, empty);
    serve(&library_server, gate_serve, 3);
    bench_row("gate.round", round_trip, bench_empty());
    return 0;
}
