// SPDX-License-Identifier: MIT
// Disk requests: a PE puts them in its ring, the kernel checks each on its own copy against the PE's bindings, and the
// device moves the data straight between disk and frame. While that lasts, the frame is pinned (it can't change its
// type) and both bindings are in use (they can't go away, so a revoke of either waits).
//
// The ring's frame is shared with the PE, so the kernel keeps its own indices in struct pe, and reads the library
// OS's index and every request once. A wrong index makes it take at most a ring's worth of refused requests.
#include "exo/ring.h"
#include "exo/call.h"
#include "exo/dev/disk.h"
#include "exo/frame.h"

// What is under way in each of the disk's slots.
static struct transfer {
    struct pe *pe; // null: the slot is idle
    struct sb_binding *extent;
    struct sb_binding *memory; // null: moves no data
    exo_frame frame;
    uint32_t tag;
} transfers[DISK_SLOTS];
static uint64_t busy[(DISK_SLOTS + 63) / 64]; // a bit for each slot

static unsigned rings; // PEs that have one

void ring_init(void) {
    rings = 0;
    for (unsigned word = 0; word < sizeof busy / sizeof *busy; word++) busy[word] = 0;
    for (unsigned slot = 0; slot < DISK_SLOTS; slot++) transfers[slot].pe = nullptr;
}

// How many transfers a PE may have under way: so many that a slot is left for every other, whatever each does. While
// PEs still have more under way from a time of fewer rings, a slot can be wanting all the same.
static unsigned fair_share(void) {
    if (rings <= DISK_SLOTS / EXO_RING_SIZE) return EXO_RING_SIZE;
    return rings < DISK_SLOTS ? DISK_SLOTS / rings : 1;
}

// An idle slot; DISK_SLOTS or more: there is none.
static unsigned slot_idle(void) {
    unsigned word = 0;
    while (busy[word] == UINT64_MAX) {
        if (++word == sizeof busy / sizeof *busy) return DISK_SLOTS;
    }
    return word * 64 + (unsigned)__builtin_ctzll(~busy[word]);
}

// Tells a PE how a request ended. There is room: accepted - completed requests are never more than the ring's size,
// and `taken` was looked at when this one was accepted.
static void complete(struct pe *pe, uint32_t tag, enum exo_error error) {
    pe->ring->completions[pe->ring_completed % EXO_RING_SIZE] =
        (struct exo_ring_completion){.tag = tag, .error = (uint32_t)error};
    __atomic_store_n(&pe->ring->completed, ++pe->ring_completed, __ATOMIC_RELEASE);
    upcall_post(pe, EXO_EVENT_disk);
}

void ring_complete(unsigned slot, enum exo_error error) {
    if (slot >= DISK_SLOTS || transfers[slot].pe == nullptr) return;
    const struct transfer done = transfers[slot];
    transfers[slot].pe = nullptr;
    busy[slot / 64] &= ~(1ull << slot % 64);
    if (done.memory != nullptr) {
        frame_info(done.frame)->pins--;
        done.memory->uses--;
    }
    done.extent->uses--;
    done.pe->inflight--;
    if (done.pe->ring != nullptr && done.pe->state != EXO_PE_ENDED) complete(done.pe, done.tag, error);
}

// Checks one request of the caller against its bindings, which go into `transfer`.
static enum exo_error request_allowed(const struct exo_ring_request *request, struct transfer *transfer) {
    const struct sb_table *table = &arch_current()->bindings;
    const bool writes = request->operation != EXO_RING_READ;
    if (request->operation > EXO_RING_FLUSH) return EXO_VALUE;
    const struct sb_found disk = sb_find(table, request->extent, EXO_KIND_EXTENT, writes ? EXO_WRITE : EXO_READ);
    if (disk.error != EXO_OK) return disk.error;
    transfer->extent = disk.binding;
    if (disk.binding->uses == UINT16_MAX) return EXO_FULL;
    if (request->operation == EXO_RING_FLUSH) return EXO_OK;
    if (!sb_covers(disk.binding, request->block, 1)) return EXO_RANGE;
    const struct sb_found memory = sb_find(table, request->frames, EXO_KIND_FRAMES, writes ? EXO_READ : EXO_WRITE);
    if (memory.error != EXO_OK) return memory.error;
    if (!sb_covers(memory.binding, request->frame.raw, 1)) return EXO_RANGE;
    if (frame_info(request->frame)->type != EXO_FRAME_DATA) return EXO_TYPE;
    if (frame_info(request->frame)->pins == UINT16_MAX || memory.binding->uses == UINT16_MAX) return EXO_FULL;
    transfer->memory = memory.binding;
    return EXO_OK;
}

static void start(unsigned slot, const struct transfer *transfer, const struct exo_ring_request *request) {
    transfers[slot] = *transfer;
    busy[slot / 64] |= 1ull << slot % 64;
    transfer->extent->uses++;
    transfer->pe->inflight++;
    if (transfer->memory != nullptr) {
        transfer->memory->uses++;
        frame_info(request->frame)->pins++;
    }
    disk_start(slot, request->operation, request->block, (exo_paddr){request->frame.raw << EXO_PAGE_SHIFT});
}

struct exo_result call_ring_bind(exo_handle frames, exo_frame ring) {
    FIND(binding, frames, FRAMES, EXO_READ | EXO_WRITE);
    CHECK(sb_covers(binding, ring.raw, 1), RANGE);
    CHECK(frame_info(ring)->type == EXO_FRAME_RING, TYPE);
    struct pe *pe = arch_current();
    CHECK(pe->ring == nullptr, STATE);
    frame_mapped(ring); // as long as the PE lives, the frame stays a ring
    pe->ring = arch_frame(ring);
    pe->ring_frame = ring;
    pe->ring_accepted = pe->ring_completed = 0;
    rings++;
    return done(0);
}

void ring_release(struct pe *pe) {
    if (pe->ring == nullptr) return;
    frame_unmapped(pe->ring_frame);
    pe->ring = nullptr;
    rings--;
}

struct exo_result call_ring_kick(void) {
    struct pe *pe = arch_current();
    CHECK(pe->ring != nullptr, STATE);
    const uint32_t submitted = __atomic_load_n(&pe->ring->submitted, __ATOMIC_ACQUIRE);
    const uint32_t taken = __atomic_load_n(&pe->ring->taken, __ATOMIC_RELAXED);
    const uint32_t before = pe->inflight, most = fair_share();
    uint64_t count = 0;
    while (pe->ring_accepted != submitted && count < EXO_RING_SIZE && pe->ring_accepted - taken < EXO_RING_SIZE
           && pe->inflight < most) {
        const unsigned slot = slot_idle();
        if (slot >= DISK_SLOTS) {
            if (pe->inflight == 0) upcall_post(pe, EXO_EVENT_disk); // no completion would tell it to try again
            break;
        }
        const struct exo_ring_request request =
            *(volatile struct exo_ring_request *)&pe->ring->requests[pe->ring_accepted % EXO_RING_SIZE];
        struct transfer transfer = {.pe = pe, .frame = request.frame, .tag = request.tag};
        pe->ring->accepted = ++pe->ring_accepted;
        count++;
        const enum exo_error refusal = request_allowed(&request, &transfer);
        if (refusal != EXO_OK)
            complete(pe, request.tag, refusal);
        else
            start(slot, &transfer, &request);
    }
    if (pe->inflight != before) disk_begin();
    return done(count);
}
