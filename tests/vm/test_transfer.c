// SPDX-License-Identifier: MIT
// Transfers under way: what they hold, what revoke and destroy do to them, and more of them than the disk has slots.
#include "tests/vm/client.h"

// A ring full of reads into one frame, which nobody maps, so that only its pins hold it. Completions come in between at
// any moment: what is checked is that a refusal and a pin go together.
static uint64_t pins(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    const exo_frame frame = {c->data.raw + DATA - 1};
    const volatile uint16_t *held = &rig_frame_info(frame)->pins;
    unsigned refused = 0;
    for (unsigned round = 0; round < 200 && refused == 0; round++) {
        for (uint32_t i = 0; i < N; i++) client_put(c, EXO_RING_READ, DATA - 1, 100 + i, i);
        WANT(exo_ring_kick().error == EXO_OK);
        const enum exo_error error = exo_frame_retype(c->frames, frame, 1, EXO_FRAME_DATA).error;
        WANT(error == EXO_BUSY || (error == EXO_OK && *held == 0));
        refused += error == EXO_BUSY;
        client_await(c, N);
        for (uint32_t i = 0; i < N; i++) WANT(client_take(c).error == EXO_OK);
    }
    WANT(refused != 0);
    // Bindings of transfers under way go only when these have ended.
    for (uint32_t i = 0; i < N; i++) client_put(c, EXO_RING_READ, DATA - 1, 100 + i, i);
    WANT(exo_ring_kick().error == EXO_OK);
    const exo_handle both[] = {c->extent, c->frames};
    for (unsigned i = 0; i < 2; i++) {
        enum exo_error error;
        for (;;) {
            __atomic_fetch_and(&c->child.page->pending, ~(1ull << EXO_EVENT_disk), __ATOMIC_SEQ_CST);
            error = exo_binding_drop(both[i]).error;
            if (error == EXO_BUSY)
                (void)exo_pe_wait();
            else if (error != EXO_AGAIN)
                break;
        }
        WANT(error == EXO_OK && *held == 0);
        WANT(exo_binding_read(both[i]).error == EXO_HANDLE);
    }
    return 0;
}
TEST(frames_and_bindings_of_a_transfer_are_held) {
    struct client *c = client_new(0, pins, 100, 70, RW, EXO_ALL);
    rig_unmap((uint64_t)client_page(c, DATA - 1));
    CHECK_EQUAL(client_wait(c), 0);
    client_end(c);
}

static volatile bool stop;

// Keeps the disk busy until it is told to stop; what is refused is tried again.
static uint64_t keeps_reading(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    while (!stop) {
        for (uint32_t i = 0; i < N; i++) client_put(c, EXO_RING_READ, i, 100 + i, i);
        client_await(c, N);
        for (uint32_t i = 0; i < N; i++) (void)client_take(c);
    }
    return 0;
}

static uint64_t pinned(const struct client *c) {
    uint64_t pins = 0;
    for (uint64_t i = 0; i < DATA; i++) pins += rig_frame_info((exo_frame){c->data.raw + i})->pins;
    return pins;
}

// Lets the client run until transfers of its are seen under way.
static void catch_transfers(const struct client *c) {
    for (unsigned tries = 0; tries < 10'000 && pinned(c) == 0; tries++)
        rig_need(exo_pe_yield(EXO_NO_HANDLE).error == EXO_OK, "the test can't yield");
}

// Revokes a binding under which transfers are under way, many times; returns how often that had to wait for them.
static unsigned revoke_many_times(struct client *c, exo_handle source, uint64_t first, uint64_t count,
                                  exo_handle *held) {
    unsigned waited = 0;
    for (unsigned round = 0; round < 30; round++) {
        const exo_handle mine = rig_derive(source, first, count, RW | EXO_GRANT);
        *held = child_grant(&c->child, mine, first, count, RW);
        catch_transfers(c);
        enum exo_error error;
        while ((error = rig_revoke(mine)) == EXO_BUSY) {
            waited++;
            rig_need(exo_pe_yield(EXO_NO_HANDLE).error == EXO_OK && waited < 1'000'000, "revoke stays busy");
        }
        rig_need(error == EXO_OK, "a binding can't be revoked");
        rig_need(pinned(c) == 0, "after revoke there are transfers under way");
        rig_drop(mine);
    }
    return waited;
}

TEST(after_revoke_no_transfer_uses_the_extent) {
    stop = false;
    struct client *c = client_new(0, keeps_reading, 100, 70, RW, RW);
    CHECK(revoke_many_times(c, DISK, 100, 70, &c->extent) > 0);
    stop = true;
    CHECK_EQUAL(client_wait(c), 0);
    client_end(c);
}

TEST(after_revoke_no_transfer_uses_the_frames) {
    stop = false;
    struct client *c = client_new(0, keeps_reading, 100, 70, RW, RW);
    CHECK(revoke_many_times(c, FRAMES, c->data.raw, DATA, &c->frames) > 0);
    stop = true;
    CHECK_EQUAL(client_wait(c), 0);
    client_end(c);
}

TEST(a_pe_is_destroyed_with_transfers_under_way) {
    for (unsigned round = 0; round < 20; round++) {
        rig_rewind();
        stop = false;
        struct client *c = client_new(0, keeps_reading, 100, 70, RW, RW);
        catch_transfers(c);
        struct exo_result result;
        while ((result = exo_pe_destroy(c->child.pe)).error == EXO_BUSY || result.error == EXO_AGAIN)
            OK(exo_pe_yield(EXO_NO_HANDLE));
        CHECK_EQUAL(result.error, EXO_OK);
        CHECK_EQUAL(pinned(c), 0);
        child_forget(&c->child);
        client_clear(c);
    }
}

static uint64_t reads_a_lot(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    const uint64_t first = 100 + 70 * (uint64_t)(c - clients);
    for (unsigned round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < N; i++) {
            client_page(c, i)[0] = first + i + 1000 * round;
            client_put(c, EXO_RING_WRITE, i, first + i, i);
        }
        client_await(c, N);
        for (uint32_t i = 0; i < N; i++) WANT(client_take(c).error == EXO_OK);
        for (uint32_t i = 0; i < N; i++) client_put(c, EXO_RING_READ, N - 1 - i, first + i, i);
        client_await(c, N);
        for (uint32_t i = 0; i < N; i++) WANT(client_take(c).error == EXO_OK);
        for (uint32_t i = 0; i < N; i++) WANT(client_page(c, N - 1 - i)[0] == first + i + 1000 * round);
    }
    return 0;
}

TEST(more_clients_than_the_disk_has_slots_for_all_finish) {
    for (unsigned i = 0; i < 3; i++) client_new(i, reads_a_lot, 100 + 70 * i, 70, RW, RW);
    for (unsigned i = 0; i < 3; i++) {
        rig_context("client", i);
        CHECK_EQUAL(client_wait(&clients[i]), 0);
    }
    for (unsigned i = 0; i < 3; i++) client_end(&clients[i]);
}
