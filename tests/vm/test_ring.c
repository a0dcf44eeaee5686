// SPDX-License-Identifier: MIT
// The disk: rings, requests and their refusals, data, pins, and what revoke and destroy do to transfers under way.
//
// The clients are children that share the test's address space. Each has its ring and its pages of data in a window
// of its own; the pages' frames are in a row, granted with what the test says.
#include "tests/vm/child.h"

constexpr uint64_t DATA = 36; // frames of data
constexpr uint64_t WINDOW = 64; // pages of the window to each client
constexpr uint32_t N = EXO_RING_SIZE;

struct client {
    struct child child;
    exo_frame ring_frame, data;
    exo_handle extent, frames, ring_frames; // the client's own handles
    volatile struct exo_ring *ring;
    volatile uint64_t *pages; // DATA of them
};
static struct client clients[3];

static volatile uint64_t *page(struct client *c, uint64_t number) { return c->pages + number * 512; }

// Client side.

static void put(struct client *c, enum exo_ring_operation operation, uint64_t number, uint64_t block, uint32_t tag) {
    volatile struct exo_ring_request *request = &c->ring->requests[c->ring->submitted % N];
    request->extent = c->extent;
    request->frames = c->frames;
    request->frame = (exo_frame){c->data.raw + number};
    request->block = block;
    request->operation = operation;
    request->tag = tag;
    c->ring->submitted++;
}

// Waits until `count` completions can be taken. A kick that finds the disk full leaves requests in the ring.
static void await(struct client *c, uint32_t count) {
    while (c->ring->completed - c->ring->taken < count) {
        (void)exo_ring_kick();
        if (c->ring->accepted == c->ring->completed) (void)exo_pe_yield(EXO_NO_HANDLE);
        else (void)exo_pe_wait();
        __atomic_fetch_and(&c->child.page->pending, ~(1ull << EXO_EVENT_disk), __ATOMIC_SEQ_CST);
    }
}

static struct exo_ring_completion take(struct client *c) {
    const volatile struct exo_ring_completion *next = &c->ring->completions[c->ring->taken % N];
    const struct exo_ring_completion completion = {.tag = next->tag, .error = next->error};
    c->ring->taken++;
    return completion;
}

// One request, kicked and awaited. Its error, or 1000 if another tag came back.
static uint64_t transfer(struct client *c, enum exo_ring_operation operation, uint64_t number, uint64_t block) {
    static uint32_t tag;
    put(c, operation, number, block, ++tag);
    await(c, 1);
    const struct exo_ring_completion completion = take(c);
    return completion.tag == tag ? completion.error : 1000;
}

#define WANT(condition) \
    do { \
        if (!(condition)) return __LINE__; \
    } while (0)
#define BIND(c) WANT(exo_ring_bind((c)->ring_frames, (c)->ring_frame).error == EXO_OK)

// Test side.

// A client that runs `code`, which gets its struct client. Blocks first … first + count - 1 of the disk are its own.
static struct client *client_new(unsigned number, uint64_t (*code)(uint64_t), uint64_t first, uint64_t count,
                                 uint64_t disk_rights, uint64_t frame_rights) {
    struct client *c = &clients[number];
    const uint64_t window = RIG_WINDOW + number * WINDOW * EXO_PAGE_SIZE;
    *c = (struct client){.child = child_new(CHILD_SHARED, code)};
    c->ring_frame = rig_frames(1, EXO_FRAME_RING);
    c->data = rig_frames(DATA, EXO_FRAME_DATA);
    c->ring = rig_map(window, c->ring_frame, EXO_READ | EXO_WRITE);
    c->pages = (volatile uint64_t *)(window + EXO_PAGE_SIZE);
    for (uint64_t i = 0; i < DATA; i++)
        rig_map(window + (1 + i) * EXO_PAGE_SIZE, (exo_frame){c->data.raw + i}, EXO_READ | EXO_WRITE);
    c->extent = child_grant(&c->child, DISK, first, count, disk_rights);
    c->frames = child_grant(&c->child, FRAMES, c->data.raw, DATA, frame_rights);
    c->ring_frames = child_grant(&c->child, FRAMES, c->ring_frame.raw, 1, EXO_READ | EXO_WRITE);
    c->child.page->mask = ~(1ull << EXO_EVENT_disk);
    rig_need(exo_pe_set_entry(c->child.pe, EXO_UPCALL_interrupt, (exo_vaddr){0}, (exo_vaddr){0}).error == EXO_OK
                 && exo_slice_set(SLICES, 1 + number, c->child.pe).error == EXO_OK,
             "a client can't be set up");
    child_start(&c->child, (uint64_t)c);
    return c;
}

// Sleeps until the client has ended, and returns its status.
static uint64_t client_wait(struct client *c) {
    rig_page()->mask = ~(1ull << EXO_EVENT_ended);
    while (!child_go(&c->child, 0)) {
        (void)exo_pe_wait();
        __atomic_fetch_and(&rig_page()->pending, ~(1ull << EXO_EVENT_ended), __ATOMIC_SEQ_CST);
    }
    rig_page()->mask = ~0ull;
    return c->child.state.status;
}

static void client_end(struct client *c) {
    child_release(&c->child);
    for (uint64_t i = 0; i <= DATA; i++) rig_unmap((uint64_t)c->ring + i * EXO_PAGE_SIZE);
    rig_release(c->ring_frame, 1);
    rig_release(c->data, DATA);
}

static uint64_t run(uint64_t (*code)(uint64_t), uint64_t disk_rights, uint64_t frame_rights) {
    struct client *c = client_new(0, code, 100, 50, disk_rights, frame_rights);
    const uint64_t status = client_wait(c);
    client_end(c);
    return status;
}

constexpr uint64_t RW = EXO_READ | EXO_WRITE;

static uint64_t binds(uint64_t argument) {
    struct client *c = (struct client *)argument;
    WANT(exo_ring_kick().error == EXO_STATE);
    WANT(exo_ring_bind(c->frames, c->data).error == EXO_TYPE);
    WANT(exo_ring_bind(c->frames, c->ring_frame).error == EXO_RANGE);
    WANT(exo_ring_bind(c->extent, c->ring_frame).error == EXO_KIND);
    BIND(c);
    WANT(exo_ring_bind(c->ring_frames, c->ring_frame).error == EXO_STATE);
    const struct exo_result result = exo_ring_kick();
    WANT(result.error == EXO_OK && result.value == 0);
    return 0;
}
TEST(a_ring_is_bound_once) { CHECK_EQUAL(run(binds, RW, RW), 0); }

static uint64_t word_of(uint64_t block, uint64_t i) { return (block + 1) * 0x9e37'79b9'7f4a'7c15 + i; }

static uint64_t writes_and_reads(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    for (uint64_t round = 0; round < 4; round++) {
        for (uint64_t i = 0; i < N; i++) {
            for (uint64_t word = 0; word < 512; word++) page(c, i)[word] = word_of(round * 64 + i, word);
            put(c, EXO_RING_WRITE, i, 100 + (i * 7 + round) % 50, (uint32_t)i);
        }
        await(c, N);
        uint32_t tags = 0;
        for (uint64_t i = 0; i < N; i++) {
            const struct exo_ring_completion completion = take(c);
            WANT(completion.error == EXO_OK && completion.tag < N);
            tags |= 1u << completion.tag;
        }
        WANT(tags == UINT32_MAX); // each came back once
        WANT(transfer(c, EXO_RING_FLUSH, 0, 0) == EXO_OK);
        for (uint64_t i = 0; i < N; i++)
            for (uint64_t word = 0; word < 512; word++) page(c, i)[word] = 0;
        for (uint64_t i = 0; i < N; i++) put(c, EXO_RING_READ, i, 100 + (i * 7 + round) % 50, (uint32_t)i);
        await(c, N);
        for (uint64_t i = 0; i < N; i++) WANT(take(c).error == EXO_OK);
        for (uint64_t i = 0; i < N; i++)
            for (uint64_t word = 0; word < 512; word++) WANT(page(c, i)[word] == word_of(round * 64 + i, word));
    }
    return 0;
}
TEST(what_was_written_is_read_back) { CHECK_EQUAL(run(writes_and_reads, RW, RW), 0); }

static uint64_t is_refused(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    const uint64_t blocks[] = {0, 99, 150, 151, 1ull << 32 | 100, 1ull << 63 | 100, ~0ull};
    for (unsigned i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        WANT(transfer(c, EXO_RING_READ, 0, blocks[i]) == EXO_RANGE);
        WANT(transfer(c, EXO_RING_WRITE, 0, blocks[i]) == EXO_RANGE);
    }
    WANT(transfer(c, EXO_RING_READ, DATA, 100) == EXO_RANGE); // the frame behind its own
    WANT(transfer(c, EXO_RING_READ, ~0ull - c->data.raw, 100) == EXO_RANGE);
    WANT(transfer(c, EXO_RING_READ, -c->data.raw, 100) == EXO_RANGE); // frame 0
    WANT(transfer(c, (enum exo_ring_operation)3, 0, 100) == EXO_VALUE);
    WANT(transfer(c, (enum exo_ring_operation)UINT32_MAX, 0, 100) == EXO_VALUE);
    struct client own = *c;
    own.extent = (exo_handle){c->extent.raw + (1 << 16)};
    WANT(transfer(&own, EXO_RING_READ, 0, 100) == EXO_HANDLE);
    own.extent = c->frames;
    WANT(transfer(&own, EXO_RING_READ, 0, 100) == EXO_KIND);
    own.extent = c->extent;
    own.frames = (exo_handle){0};
    WANT(transfer(&own, EXO_RING_READ, 0, 100) == EXO_HANDLE);
    own.frames = c->extent;
    WANT(transfer(&own, EXO_RING_READ, 0, 100) == EXO_KIND);
    own.frames = c->ring_frames;
    own.data = c->ring_frame;
    WANT(transfer(&own, EXO_RING_READ, 0, 100) == EXO_TYPE); // the ring itself is no target
    WANT(transfer(&own, EXO_RING_WRITE, 0, 100) == EXO_TYPE);
    WANT(transfer(c, EXO_RING_READ, 0, 100) == EXO_OK);
    return 0;
}
TEST(requests_for_what_is_not_bound_are_refused) { CHECK_EQUAL(run(is_refused, RW, RW), 0); }

static uint64_t only_reads_the_disk(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    WANT(transfer(c, EXO_RING_WRITE, 0, 100) == EXO_RIGHTS);
    WANT(transfer(c, EXO_RING_FLUSH, 0, 0) == EXO_RIGHTS);
    WANT(transfer(c, EXO_RING_READ, 0, 100) == EXO_OK);
    return 0;
}
static uint64_t only_writes_the_disk(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    WANT(transfer(c, EXO_RING_READ, 0, 100) == EXO_RIGHTS);
    WANT(transfer(c, EXO_RING_WRITE, 0, 100) == EXO_OK);
    return 0;
}
static uint64_t has_read_only_frames(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    WANT(transfer(c, EXO_RING_READ, 0, 100) == EXO_RIGHTS); // the device would write the frame
    WANT(transfer(c, EXO_RING_WRITE, 0, 100) == EXO_OK);
    return 0;
}
TEST(requests_need_the_rights_for_both_ends) {
    CHECK_EQUAL(run(only_reads_the_disk, EXO_READ, RW), 0);
    CHECK_EQUAL(run(only_writes_the_disk, EXO_WRITE, RW), 0);
    CHECK_EQUAL(run(has_read_only_frames, RW, EXO_READ), 0);
}

static uint64_t submits_garbage(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    // An index far ahead: at most a ring's worth is taken, of requests that were never written.
    c->ring->submitted = 1000;
    struct exo_result result = exo_ring_kick();
    WANT(result.error == EXO_OK && result.value == N);
    WANT(c->ring->accepted == N && c->ring->completed == N);
    for (uint32_t i = 0; i < N; i++) WANT(take(c).error != EXO_OK);
    c->ring->submitted = c->ring->accepted;
    WANT(transfer(c, EXO_RING_READ, 0, 100) == EXO_OK);
    // Completions that were never there: the kernel's own count stands, and nothing more is taken.
    const uint32_t taken = c->ring->taken;
    const uint32_t wrong[] = {taken + 1, taken + 1000, taken - N, taken ^ 1u << 31};
    for (unsigned i = 0; i < 4; i++) {
        c->ring->taken = wrong[i];
        put(c, (enum exo_ring_operation)99, 0, 0, 7);
        result = exo_ring_kick();
        WANT(result.error == EXO_OK && result.value <= 1);
        c->ring->taken = taken;
        c->ring->submitted = c->ring->accepted;
        while (c->ring->taken != c->ring->completed) (void)take(c);
        c->ring->taken = taken;
        if (c->ring->completed != taken) return 0; // it took one after all; what follows would count wrongly
    }
    // The kernel's indices in the ring are for reading only.
    c->ring->accepted = c->ring->completed = 0x1234'5678;
    put(c, EXO_RING_FLUSH, 0, 0, 1);
    WANT(exo_ring_kick().error == EXO_OK);
    return 0;
}
TEST(garbage_in_the_indices_harms_only_its_own_ring) { CHECK_EQUAL(run(submits_garbage, RW, RW), 0); }

static uint64_t scribbles(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    uint64_t state = 1;
    for (unsigned round = 0; round < 300; round++) {
        volatile uint64_t *words = (volatile uint64_t *)c->ring;
        for (unsigned i = 0; i < sizeof(struct exo_ring) / 8; i++) {
            state = state * 6364136223846793005 + 1442695040888963407;
            words[i] = round % 3 ? state >> 33 : state;
        }
        // Now and then something valid among it.
        if (round % 5 == 0) {
            c->ring->requests[round % N].extent = c->extent;
            c->ring->requests[round % N].operation = EXO_RING_FLUSH;
        }
        WANT(exo_ring_kick().error == EXO_OK);
        if (round % 50 == 0) (void)exo_pe_yield(EXO_NO_HANDLE);
    }
    return 0;
}
TEST(a_ring_of_random_bytes_is_survived) { CHECK_EQUAL(run(scribbles, RW, RW), 0); }

static uint64_t submits_too_many(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    for (uint32_t i = 0; i < N; i++) put(c, EXO_RING_FLUSH, 0, 0, i);
    await(c, N);
    put(c, EXO_RING_FLUSH, 0, 0, N);
    struct exo_result result = exo_ring_kick();
    WANT(result.error == EXO_OK && result.value == 0); // no place for its completion yet
    for (uint32_t i = 0; i < N; i++) (void)take(c);
    result = exo_ring_kick();
    WANT(result.error == EXO_OK && result.value == 1);
    await(c, 1);
    WANT(take(c).tag == N);
    return 0;
}
TEST(completions_that_nobody_took_hold_requests_back) { CHECK_EQUAL(run(submits_too_many, RW, RW), 0); }

static uint64_t pins(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    const exo_frame frame = {c->data.raw + DATA - 1}; // unmapped by the test, so that only the pin holds it
    unsigned seen = 0;
    for (unsigned i = 0; i < 50; i++) {
        put(c, EXO_RING_READ, DATA - 1, 100 + i % 50, i);
        WANT(exo_ring_kick().error == EXO_OK);
        if (rig_frame_info(frame)->pins != 0) {
            seen++;
            const enum exo_error error = exo_frame_retype(c->frames, frame, 1, EXO_FRAME_TABLE1).error;
            WANT(error == EXO_BUSY);
            WANT(exo_binding_drop(c->frames).error == EXO_BUSY);
            WANT(exo_binding_drop(c->extent).error == EXO_BUSY);
            await(c, 1);
            // A drop that was refused has made the handles stale: the rest is done with what is still bound.
            return seen == 1 && take(c).error == EXO_OK ? 0 : __LINE__;
        }
        await(c, 1);
        WANT(take(c).error == EXO_OK);
    }
    return __LINE__;
}
TEST(frames_and_bindings_of_a_transfer_are_held) {
    struct client *c = client_new(0, pins, 100, 50, RW, EXO_ALL);
    rig_unmap((uint64_t)page(c, DATA - 1));
    CHECK_EQUAL(client_wait(c), 0);
    client_end(c);
}

// Keeps the disk busy until it is told otherwise.
static uint64_t reads_for_ever(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    for (;;) {
        for (uint32_t i = 0; i < N; i++) put(c, EXO_RING_READ, i, 100 + i, i);
        await(c, N);
        for (uint32_t i = 0; i < N; i++)
            if (take(c).error != EXO_OK) return 0x99;
    }
}

TEST(after_revoke_no_transfer_uses_the_extent) {
    struct client *c = client_new(0, reads_for_ever, 100, 50, RW, RW);
    const exo_handle mine = rig_derive(DISK, 100, 50, EXO_ALL);
    c->extent = child_grant(&c->child, mine, 100, 50, RW);
    for (unsigned i = 0; i < 5; i++) OK(exo_pe_yield(EXO_NO_HANDLE));
    unsigned busy = 0;
    enum exo_error error;
    while ((error = rig_revoke(mine)) == EXO_BUSY) {
        busy++;
        OK(exo_pe_yield(EXO_NO_HANDLE));
        CHECK(busy < 100'000);
    }
    CHECK_EQUAL(error, EXO_OK);
    for (uint64_t i = 0; i < DATA; i++) CHECK_EQUAL(rig_frame_info((exo_frame){c->data.raw + i})->pins, 0);
    CHECK_EQUAL(client_wait(c), 0x99); // its next request was refused
    rig_drop(mine);
    client_end(c);
}

TEST(a_pe_is_destroyed_with_transfers_under_way) {
    for (unsigned round = 0; round < 5; round++) {
        rig_rewind();
        struct client *c = client_new(0, reads_for_ever, 100, 50, RW, RW);
        for (unsigned i = 0; i <= round; i++) OK(exo_pe_yield(EXO_NO_HANDLE));
        struct exo_result result;
        while ((result = exo_pe_destroy(c->child.pe)).error == EXO_BUSY || result.error == EXO_AGAIN)
            OK(exo_pe_yield(EXO_NO_HANDLE));
        CHECK_EQUAL(result.error, EXO_OK);
        for (uint64_t i = 0; i < DATA; i++) CHECK_EQUAL(rig_frame_info((exo_frame){c->data.raw + i})->pins, 0);
        child_forget(&c->child);
        for (uint64_t i = 0; i <= DATA; i++) rig_unmap((uint64_t)c->ring + i * EXO_PAGE_SIZE);
        rig_release(c->ring_frame, 1);
        rig_release(c->data, DATA);
    }
}

static uint64_t reads_a_lot(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    const uint64_t first = 100 + 50 * (uint64_t)(c - clients);
    for (unsigned round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < N; i++) {
            page(c, i)[0] = first + i + 1000 * round;
            put(c, EXO_RING_WRITE, i, first + i, i);
        }
        await(c, N);
        for (uint32_t i = 0; i < N; i++) WANT(take(c).error == EXO_OK);
        for (uint32_t i = 0; i < N; i++) put(c, EXO_RING_READ, N - 1 - i, first + i, i);
        await(c, N);
        for (uint32_t i = 0; i < N; i++) WANT(take(c).error == EXO_OK);
        for (uint32_t i = 0; i < N; i++) WANT(page(c, N - 1 - i)[0] == first + i + 1000 * round);
    }
    return 0;
}

TEST(more_clients_than_the_disk_has_slots_for_all_finish) {
    for (unsigned i = 0; i < 3; i++) client_new(i, reads_a_lot, 100 + 50 * i, 50, RW, RW);
    for (unsigned i = 0; i < 3; i++) {
        rig_context("client", i);
        CHECK_EQUAL(client_wait(&clients[i]), 0);
    }
    for (unsigned i = 0; i < 3; i++) client_end(&clients[i]);
}
