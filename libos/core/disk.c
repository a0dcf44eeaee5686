// SPDX-License-Identifier: MIT
// The ring's library OS side. Completions are taken off the ring into `finished` at once, so that a caller who waits
// for one request leaves those of others for disk_completion. Events are held around every change, as an event
// handler may look at the disk too by disk_in_flight.
#include "libos/core/disk.h"
#include "libos/core/frames.h"
#include "libos/core/space.h"
#include "libos/core/upcall.h"

constexpr uint32_t OWN_TAG = UINT32_MAX; // disk_transfer's

static struct exo_ring *ring; // null: not set up
static uint32_t under_way;    // submitted by disk_submit, not taken by disk_completion
static uint32_t first_finished, finished_count;
static struct exo_ring_completion finished[EXO_RING_SIZE];
static struct {
    bool done;
    enum exo_error error;
} own;

bool disk_init(void) {
    if (ring != nullptr) return true;
    if (start->extent.raw == 0) return false;
    const exo_vaddr page = {MAP_RING};
    const exo_frame frame = frames_take_as(EXO_FRAME_RING);
    if (frame.raw == 0 || !space_reserve(page, 1) || space_map(page, frame, EXO_READ | EXO_WRITE) != EXO_OK
        || exo_ring_bind(frames_binding, frame).error != EXO_OK)
        return false;
    ring = (struct exo_ring *)page.raw;
    return true;
}

static void put(enum exo_ring_operation operation, exo_frame frame, uint64_t block, uint32_t tag) {
    const uint32_t place = ring->submitted % EXO_RING_SIZE;
    ring->requests[place] = (struct exo_ring_request){
        .extent = start->extent,
        .frames = frames_binding,
        .frame = frame,
        .block = block,
        .operation = operation,
        .tag = tag,
    };
    __atomic_store_n(&ring->submitted, ring->submitted + 1, __ATOMIC_RELEASE);
    (void)exo_ring_kick(); // a refused request comes back as a completion
}

// Takes every completion off the ring.
static void drain(void) {
    while (ring->taken != __atomic_load_n(&ring->completed, __ATOMIC_ACQUIRE)) {
        const struct exo_ring_completion completion = ring->completions[ring->taken % EXO_RING_SIZE];
        ring->taken++;
        if (completion.tag == OWN_TAG) {
            own.done = true;
            own.error = completion.error;
        } else
            finished[(first_finished + finished_count++) % EXO_RING_SIZE] = completion;
    }
}

enum exo_error disk_transfer(enum exo_ring_operation operation, exo_frame frame, uint64_t block) {
    if (!disk_init()) return EXO_DEVICE;
    const uint64_t held = events_hold();
    uint64_t seen = 0;
    own.done = false;
    put(operation, frame, block, OWN_TAG);
    for (drain(); !own.done; drain()) events_wait(&seen);
    const enum exo_error error = own.error;
    events_seen(seen);
    events_release(held);
    return error;
}

bool disk_submit(enum exo_ring_operation operation, exo_frame frame, uint64_t block, uint32_t tag) {
    if (tag == OWN_TAG || !disk_init() || under_way >= EXO_RING_SIZE - 1) return false;
    const uint64_t held = events_hold();
    under_way++;
    put(operation, frame, block, tag);
    events_release(held);
    return true;
}

bool disk_completion(uint32_t *tag, enum exo_error *error) {
    if (ring == nullptr) return false;
    const uint64_t held = events_hold();
    drain();
    const bool any = finished_count != 0;
    if (any) {
        *tag = finished[first_finished].tag;
        *error = finished[first_finished].error;
        first_finished = (first_finished + 1) % EXO_RING_SIZE;
        finished_count--;
        under_way--;
    }
    events_release(held);
    return any;
}

bool disk_wait(void) {
    if (under_way == 0) return false;
    const uint64_t held = events_hold();
    uint64_t seen = 0;
    for (drain(); finished_count == 0; drain()) events_wait(&seen);
    events_seen(seen);
    events_release(held);
    return true;
}

uint32_t disk_in_flight(void) {
    return under_way;
}
