// SPDX-License-Identifier: MIT
// The disk: rings, requests and their refusals, data, garbage.
#include "tests/vm/client.h"

// Runs a client with the blocks 100 to 169.
static uint64_t run(child_code *code, uint64_t disk_rights, uint64_t frame_rights) {
    struct client *c = client_new(0, code, 100, 70, disk_rights, frame_rights);
    const uint64_t status = client_wait(c);
    client_end(c);
    return status;
}

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
TEST(a_ring_is_bound_once) {
    CHECK_EQUAL(run(binds, RW, RW), 0);
}

static uint64_t word_of(uint64_t block, uint64_t i) {
    return (block + 1) * 0x9e37'79b9'7f4a'7c15 + i;
}

static uint64_t writes_and_reads(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    for (uint64_t round = 0; round < 4; round++) {
        for (uint64_t i = 0; i < N; i++) {
            for (uint64_t word = 0; word < 512; word++) client_page(c, i)[word] = word_of(round * N + i, word);
            client_put(c, EXO_RING_WRITE, i, 100 + (i * 9 + round) % 70, (uint32_t)i);
        }
        client_await(c, N);
        uint64_t tags = 0;
        for (uint64_t i = 0; i < N; i++) {
            const struct exo_ring_completion completion = client_take(c);
            WANT(completion.error == EXO_OK && completion.tag < N);
            tags |= 1ull << completion.tag;
        }
        WANT(tags == UINT64_MAX); // each came back once
        WANT(client_transfer(c, EXO_RING_FLUSH, 0, 0) == EXO_OK);
        for (uint64_t i = 0; i < N; i++)
            for (uint64_t word = 0; word < 512; word++) client_page(c, i)[word] = 0;
        for (uint64_t i = 0; i < N; i++) client_put(c, EXO_RING_READ, i, 100 + (i * 9 + round) % 70, (uint32_t)i);
        client_await(c, N);
        for (uint64_t i = 0; i < N; i++) WANT(client_take(c).error == EXO_OK);
        for (uint64_t i = 0; i < N; i++)
            for (uint64_t word = 0; word < 512; word++) WANT(client_page(c, i)[word] == word_of(round * N + i, word));
    }
    return 0;
}
TEST(what_was_written_is_read_back) {
    CHECK_EQUAL(run(writes_and_reads, RW, RW), 0);
}

static uint64_t is_refused(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    const uint64_t blocks[] = {0, 99, 170, 171, 1ull << 32 | 100, 1ull << 63 | 100, ~0ull};
    for (unsigned i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        WANT(client_transfer(c, EXO_RING_READ, 0, blocks[i]) == EXO_RANGE);
        WANT(client_transfer(c, EXO_RING_WRITE, 0, blocks[i]) == EXO_RANGE);
    }
    WANT(client_transfer(c, EXO_RING_READ, DATA, 100) == EXO_RANGE); // the frame behind its own
    WANT(client_transfer(c, EXO_RING_READ, ~0ull - c->data.raw, 100) == EXO_RANGE);
    WANT(client_transfer(c, EXO_RING_READ, -c->data.raw, 100) == EXO_RANGE); // frame 0
    WANT(client_transfer(c, (enum exo_ring_operation)3, 0, 100) == EXO_VALUE);
    WANT(client_transfer(c, (enum exo_ring_operation)UINT32_MAX, 0, 100) == EXO_VALUE);
    struct client own = *c;
    own.extent = (exo_handle){c->extent.raw + (1 << 16)};
    WANT(client_transfer(&own, EXO_RING_READ, 0, 100) == EXO_HANDLE);
    own.extent = c->frames;
    WANT(client_transfer(&own, EXO_RING_READ, 0, 100) == EXO_KIND);
    own.extent = c->extent;
    own.frames = (exo_handle){0};
    WANT(client_transfer(&own, EXO_RING_READ, 0, 100) == EXO_HANDLE);
    own.frames = c->extent;
    WANT(client_transfer(&own, EXO_RING_READ, 0, 100) == EXO_KIND);
    own.frames = c->ring_frames;
    own.data = c->ring_frame;
    WANT(client_transfer(&own, EXO_RING_READ, 0, 100) == EXO_TYPE); // the ring itself is no target
    WANT(client_transfer(&own, EXO_RING_WRITE, 0, 100) == EXO_TYPE);
    WANT(client_transfer(c, EXO_RING_READ, 0, 100) == EXO_OK);
    return 0;
}
TEST(requests_for_what_is_not_bound_are_refused) {
    CHECK_EQUAL(run(is_refused, RW, RW), 0);
}

static uint64_t only_reads_the_disk(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    WANT(client_transfer(c, EXO_RING_WRITE, 0, 100) == EXO_RIGHTS);
    WANT(client_transfer(c, EXO_RING_FLUSH, 0, 0) == EXO_RIGHTS);
    WANT(client_transfer(c, EXO_RING_READ, 0, 100) == EXO_OK);
    return 0;
}
static uint64_t only_writes_the_disk(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    WANT(client_transfer(c, EXO_RING_READ, 0, 100) == EXO_RIGHTS);
    WANT(client_transfer(c, EXO_RING_WRITE, 0, 100) == EXO_OK);
    return 0;
}
static uint64_t has_read_only_frames(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    WANT(client_transfer(c, EXO_RING_READ, 0, 100) == EXO_RIGHTS); // the device would write the frame
    WANT(client_transfer(c, EXO_RING_WRITE, 0, 100) == EXO_OK);
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
    for (uint32_t i = 0; i < N; i++) WANT(client_take(c).error != EXO_OK);
    c->ring->submitted = c->ring->accepted;
    WANT(client_transfer(c, EXO_RING_READ, 0, 100) == EXO_OK);
    // Completions that were never there: the kernel's own count stands, and nothing more is taken.
    const uint32_t taken = c->ring->taken;
    const uint32_t wrong[] = {taken + 1, taken + 1000, taken - N, taken ^ 1u << 31};
    for (unsigned i = 0; i < 4; i++) {
        c->ring->taken = wrong[i];
        client_put(c, (enum exo_ring_operation)99, 0, 0, 7);
        result = exo_ring_kick();
        WANT(result.error == EXO_OK && result.value <= 1);
        c->ring->taken = taken;
        c->ring->submitted = c->ring->accepted;
        while (c->ring->taken != c->ring->completed) (void)client_take(c);
        c->ring->taken = taken;
        if (c->ring->completed != taken) return 0; // it took one after all; what follows would count wrongly
    }
    // The kernel's indices in the ring are for reading only.
    c->ring->accepted = c->ring->completed = 0x1234'5678;
    client_put(c, EXO_RING_FLUSH, 0, 0, 1);
    WANT(exo_ring_kick().error == EXO_OK);
    return 0;
}
TEST(garbage_in_the_indices_harms_only_its_own_ring) {
    CHECK_EQUAL(run(submits_garbage, RW, RW), 0);
}

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
TEST(a_ring_of_random_bytes_is_survived) {
    CHECK_EQUAL(run(scribbles, RW, RW), 0);
}

static uint64_t submits_too_many(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    for (uint32_t i = 0; i < N; i++) client_put(c, EXO_RING_FLUSH, 0, 0, i);
    client_await(c, N);
    client_put(c, EXO_RING_FLUSH, 0, 0, N);
    struct exo_result result = exo_ring_kick();
    WANT(result.error == EXO_OK && result.value == 0); // no place for its completion yet
    for (uint32_t i = 0; i < N; i++) (void)client_take(c);
    result = exo_ring_kick();
    WANT(result.error == EXO_OK && result.value == 1);
    client_await(c, 1);
    WANT(client_take(c).tag == N);
    return 0;
}
TEST(completions_that_nobody_took_hold_requests_back) {
    CHECK_EQUAL(run(submits_too_many, RW, RW), 0);
}
