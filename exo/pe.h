// SPDX-License-Identifier: MIT
// The kernel-private part of a processor environment, and the CPU that runs it.
//
// A struct pe is the whole of its PE's private frame; the PE page is the next frame, the binding table the ones
// after it, so that the fault path finds entry points at a constant distance from the save area. Nobody can map the
// private frame. Lock: until a second CPU is started, kernel code is never concurrent with itself.
#pragma once
#include "pe/pe.h"
#include "pe/layout.h"
#include "pe/ring.h"
#include "secure-bindings/bindings.h"

struct pe_entry {
    uint64_t address; // 0: never set
    uint64_t stack;
};

struct pe {
    struct pe_entry entry[EXO_UPCALLS]; // first: the fault path reads it by offset
    struct exo_context context;         // where it goes on when it is given the CPU
    uint64_t fs_base, gs_base;
    alignas(16) uint8_t fpu[512];
    uint64_t root; // physical address of its level-4 table, 0: none yet
    struct sb_table bindings;
    struct sb_binding *binding; // the root binding of kind PE, in its creator's table
    uint64_t id;
    uint64_t writer; // its bit in `writers` of the tables that it writes
    uint64_t frames; // donated: private, page and binding tables
    enum exo_pe_status state;
    enum exo_pe_end end;
    uint64_t status, address; // how it ended
    uint64_t excess;          // slices it must forfeit for having overrun earlier ones
    struct exo_ring *ring;    // null: none
    exo_frame ring_frame;
    uint32_t ring_accepted, ring_completed; // the kernel's own copies of its ring indices
    uint32_t inflight;                      // transfers of this PE under way
    uint32_t posted;                        // messages, the kernel's own count
    struct pe *caller;                      // whose call through a gate it serves; null: none
    uint64_t calling;                       // in state CALLING: its gate, by the distance from the table's start
    exo_frame frame;                        // its private one, which this struct lies in
    // Of its destruction, see reclaim.c:
    uint64_t cursor; // of the pass over all tables
    uint32_t place;  // of the pass over its own bindings
    uint64_t chain;  // in which it was last reached; 0: it is not to be destroyed
    exo_frame below; // in that chain: whose destruction waits for its
    struct {
        exo_frame frame; // 0: nowhere
        uint64_t id, chain;
    } deepest; // of the PE wanted: where its chain goes on
};
static_assert(sizeof(struct pe) <= EXO_PAGE_SIZE);

constexpr uint64_t PE_SHARED_WRITER = 1ull << 63; // the bit of every PE that found the others taken
constexpr unsigned PE_BINDING_FRAMES_MAX = 16;
constexpr unsigned PE_BINDINGS_PER_FRAME = EXO_PAGE_SIZE / sizeof(struct sb_binding);

// The PE page, by the kernel's own view of it.
static inline struct exo_pe_page *pe_page(struct pe *pe) {
    return (struct exo_pe_page *)((uint8_t *)pe + EXO_PAGE_SIZE);
}

// One CPU. `current` is what runs or ran last; its address space is loaded, also while the CPU idles.
struct cpu {
    struct pe *current;
    uint64_t scratch;      // the architecture's entry code: the caller's stack pointer
    uint64_t kernel_stack; // top of the stack that calls run on
    uint64_t flushed;      // this CPU holds no TLB entry of an epoch before this one
    struct pe *vector[EXO_SLICE_POSITIONS];
    uint64_t held; // a bit for each position that is a PE's
    struct pe *holder; // of the slice that is running, when it began; null: it has been destroyed
    unsigned position; // of that slice
    bool grace;        // its end has been announced, the grace time is running
    bool expired;      // somebody else is to be picked
    bool idle;
};

// pe.c
extern struct sb_binding derivations;               // head of the list of all bindings
struct pe *pe_of(const struct sb_binding *binding); // the PE that a binding of kind PE names
void pe_forget_writer(struct pe *pe);    // gives its bit back, when no table has it any more
void pe_end(struct pe *pe, enum exo_pe_end end, uint64_t status, uint64_t address); // stops it, tells its creator
[[nodiscard]] enum exo_error pe_make(struct pe *creator, exo_frame first, uint64_t count, struct sb_made *made);

// gate.c
[[nodiscard]] struct sb_found gate_find(exo_handle gate); // one that can be called now, or why not
struct pe *gate_callee(const struct sb_binding *gate);
// Who runs for a PE: itself, or at the end of its chain of calls, or null. A caller in it whose deadline has passed
// goes on; *awaited becomes true if one's is still to come.
struct pe *gate_runner(struct pe *pe, bool *awaited);
bool gate_late(struct pe *pe, bool *awaited); // the same for one caller: whether it goes on because of its deadline
void gate_wake(struct pe *pe);            // an event at rest: it begins at its gate entry
void gate_end(struct pe *pe);             // breaks the calls that a PE makes and serves: it ends
void gate_close(struct sb_binding *gate); // breaks the call that is made through a gate: it is taken back

// upcall.c
void upcall_post(struct pe *pe, enum exo_event event); // sets a pending bit and wakes a PE that waits for it
void upcall_deliver(struct pe *pe);                    // before it runs: enters `interrupt` if an event is due

// slice.c
void slice_timer(void);                             // the timer's deadline has passed
[[nodiscard]] struct pe *slice_pick(void);          // who runs now on this CPU; null: nobody, idle
void slice_assign(unsigned position, struct pe *pe); // gives a position to a PE; null: to nobody
void slice_forget(struct pe *pe);                   // takes a PE out of every position
void slice_release(uint64_t first, uint64_t count); // empties positions
