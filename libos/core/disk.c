// SPDX-License-Identifier: MIT
// The ring's library OS side. Completions are taken off the ring and sorted into their clients' queues at once, so that
// a caller who waits for one request leaves those of others for them. Events are held around every change, as an event
// handler may look at the disk too by disk_in_flight.
//
// The kernel may take fewer requests at a kick than there are, as the disk's slots are shared with other PEs. Those
// left in the ring are offered again whenever completions are taken or waited for.
#include "libos/core/disk.h"
#include "libos/core/frames.h"
#include "libos/core/space.h"
#include "libos/core/upcall.h"

constexpr uint32_t OWN_TAG = UINT32_MAX; // disk_transfer's
constexpr unsigned CLIENT_SHIFT = 28;    // in a tag
static_assert(DISK_TAG_MOST >> CLIENT_SHIFT == 0 && DISK_CLIENTS < OWN_TAG >> CLIENT_SHIFT);

static struct exo_ring *ring; // null: not set up
static uint32_t all_under_way;
static struct client {
    uint32_t under_way; // put, and not taken by disk_completion
    uint32_t first, count;
    struct exo_ring_completion finished[EXO_RING_SIZE];
} clients[DISK_CLIENTS];
static uint64_t waited; // ticks
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
        .frames = frames_handle(frame),
        .frame = frame,
        .block = block,
        .operation = operation,
        .tag = tag,
    };
    __atomic_store_n(&ring->submitted, ring->submitted + 1, __ATOMIC_RELEASE);
}

// Whether requests are in the ring that the kernel has not taken.
static bool waiting(void) {
    return __atomic_load_n(&ring->accepted, __ATOMIC_RELAXED) != ring->submitted;
}

static void kick(void) {
    (void)exo_ring_kick(); // a refused request comes back as a completion
}

// Takes every completion off the ring.
static void drain(void) {
    const uint32_t taken = ring->taken;
    while (ring->taken != __atomic_load_n(&ring->completed, __ATOMIC_ACQUIRE)) {
        const struct exo_ring_completion completion = ring->completions[ring->taken % EXO_RING_SIZE];
        ring->taken++;
        if (completion.tag == OWN_TAG) {
            own.done = true;
            own.error = completion.error;
            continue;
        }
        struct client *client = &clients[completion.tag >> CLIENT_SHIFT];
        client->finished[(client->first + client->count++) % EXO_RING_SIZE] = completion;
    }
    if (ring->taken != taken && waiting()) kick();
}

// Gives the CPU up until something may have changed. If the kernel has taken none of this PE's requests, no completion
// will tell: then others have their turn before it is asked again.
static void wait(uint64_t *seen) {
    if (waiting()) kick();
    const uint64_t begin = __builtin_ia32_rdtsc();
    const bool nothing_accepted = ring->taken == __atomic_load_n(&ring->accepted, __ATOMIC_RELAXED);
    if (nothing_accepted && waiting())
        (void)exo_pe_yield(EXO_NO_HANDLE);
    else
        events_wait(seen);
    waited += __builtin_ia32_rdtsc() - begin;
}

uint64_t disk_waited(void) {
    return waited;
}

enum exo_error disk_transfer(enum exo_ring_operation operation, exo_frame frame, uint64_t block) {
    if (!disk_init()) return EXO_DEVICE;
    const uint64_t held = events_hold();
    uint64_t seen = 0;
    own.done = false;
    put(operation, frame, block, OWN_TAG);
    kick();
    for (drain(); !own.done; drain()) wait(&seen);
    const enum exo_error error = own.error;
    events_seen(seen);
    events_release(held);
    return error;
}

// Places of the ring that a client must leave: to disk_transfer, and to each client after it.
static uint32_t kept_from(enum disk_client client) {
    return DISK_CLIENTS - client;
}

bool disk_put(enum disk_client client, enum exo_ring_operation operation, exo_frame frame, uint64_t block,
              uint32_t tag) {
    if (client >= DISK_CLIENTS || tag > DISK_TAG_MOST || !disk_init()) return false;
    if (all_under_way + kept_from(client) >= EXO_RING_SIZE) return false;
    const uint64_t held = events_hold();
    all_under_way++;
    clients[client].under_way++;
    put(operation, frame, block, client << CLIENT_SHIFT | tag);
    events_release(held);
    return true;
}

void disk_kick(void) {
    if (ring != nullptr) kick();
}

bool disk_submit(enum disk_client client, enum exo_ring_operation operation, exo_frame frame, uint64_t block,
                 uint32_t tag) {
    if (!disk_put(client, operation, frame, block, tag)) return false;
    kick();
    return true;
}

bool disk_completion(enum disk_client client, uint32_t *tag, enum exo_error *error) {
    struct client *own_queue = &clients[client];
    if (own_queue->under_way == 0) return false;
    const uint64_t held = events_hold();
    if (own_queue->count == 0) drain();
    const bool any = own_queue->count != 0;
    if (any) {
        const struct exo_ring_completion *oldest = &own_queue->finished[own_queue->first];
        *tag = oldest->tag & DISK_TAG_MOST;
        *error = oldest->error;
        own_queue->first = (own_queue->first + 1) % EXO_RING_SIZE;
        own_queue->count--;
        own_queue->under_way--;
        all_under_way--;
    }
    events_release(held);
    return any;
}

bool disk_wait(enum disk_client client) {
    if (clients[client].under_way == 0) return false;
    const uint64_t held = events_hold();
    uint64_t seen = 0;
    while (clients[client].count == 0) {
        drain();
        if (clients[client].count == 0) wait(&seen);
    }
    events_seen(seen);
    events_release(held);
    return true;
}

uint32_t disk_in_flight(enum disk_client client) {
    return clients[client].under_way;
}
