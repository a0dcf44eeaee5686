// SPDX-License-Identifier: MIT
// See client.h.
#include "tests/vm/client.h"

struct client clients[3];

void client_put(struct client *c, enum exo_ring_operation operation, uint64_t number, uint64_t block, uint32_t tag) {
    volatile struct exo_ring_request *request = &c->ring->requests[c->ring->submitted % N];
    request->extent = c->extent;
    request->frames = c->frames;
    request->frame = (exo_frame){c->data.raw + number};
    request->block = block;
    request->operation = operation;
    request->tag = tag;
    c->ring->submitted++;
}

void client_await(struct client *c, uint32_t count) {
    while (c->ring->completed - c->ring->taken < count) {
        (void)exo_ring_kick();
        if (c->ring->accepted == c->ring->completed)
            (void)exo_pe_yield(EXO_NO_HANDLE);
        else
            (void)exo_pe_wait();
        __atomic_fetch_and(&c->child.page->pending, ~(1ull << EXO_EVENT_disk), __ATOMIC_SEQ_CST);
    }
}

struct exo_ring_completion client_take(struct client *c) {
    const volatile struct exo_ring_completion *next = &c->ring->completions[c->ring->taken % N];
    const struct exo_ring_completion completion = {.tag = next->tag, .error = next->error};
    c->ring->taken++;
    return completion;
}

uint64_t client_transfer(struct client *c, enum exo_ring_operation operation, uint64_t number, uint64_t block) {
    static uint32_t tag;
    client_put(c, operation, number, block, ++tag);
    client_await(c, 1);
    const struct exo_ring_completion completion = client_take(c);
    return completion.tag == tag ? completion.error : 1000;
}

struct client *client_new(unsigned number, child_code *code, uint64_t first, uint64_t count, uint64_t disk_rights,
                          uint64_t frame_rights) {
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

uint64_t client_wait(struct client *c) {
    rig_page()->mask = ~(1ull << EXO_EVENT_ended);
    while (!child_go(&c->child, 0)) {
        (void)exo_pe_wait();
        __atomic_fetch_and(&rig_page()->pending, ~(1ull << EXO_EVENT_ended), __ATOMIC_SEQ_CST);
    }
    rig_page()->mask = ~0ull;
    return c->child.state.status;
}

void client_end(struct client *c) {
    child_release(&c->child);
    client_clear(c);
}

void client_clear(struct client *c) {
    for (uint64_t i = 0; i <= DATA; i++) rig_unmap((uint64_t)c->ring + i * EXO_PAGE_SIZE);
    rig_release(c->ring_frame, 1);
    rig_release(c->data, DATA);
}
