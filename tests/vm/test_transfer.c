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
    struct client *c = client_new(0, pins, 100, 50, RW, EXO_ALL);
    rig_unmap((uint64_t)client_page(c, DATA - 1));
    CHECK_EQUAL(client_wait(c), 0);
    client_end(c);
}

// Keeps the disk busy until it is told otherwise.
static uint64_t reads_for_ever(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    for (;;) {
        for (uint32_t i = 0; i < N; i++) client_put(c, EXO_RING_READ, i, 100 + i, i);
        client_await(c, N);
        for (uint32_t i = 0; i < N; i++)
            if (client_take(c).error != EXO_OK) return 0x99;
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
        client_clear(c);
    }
}

static uint64_t reads_a_lot(uint64_t argument) {
    struct client *c = (struct client *)argument;
    BIND(c);
    const uint64_t first = 100 + 50 * (uint64_t)(c - clients);
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
    for (unsigned i = 0; i < 3; i++) client_new(i, reads_a_lot, 100 + 50 * i, 50, RW, RW);
    for (unsigned i = 0; i < 3; i++) {
        rig_context("client", i);
        CHECK_EQUAL(client_wait(&clients[i]), 0);
    }
    for (unsigned i = 0; i < 3; i++) client_end(&clients[i]);
}
