// SPDX-License-Identifier: MIT
// Clients of the disk: children that share the test's address space. Each has its ring and its pages of data in a
// window of its own; the pages' frames are in a row, granted with what the test says.
#pragma once
#include "tests/vm/child.h"

constexpr uint64_t DATA = 68;   // frames of data
constexpr uint64_t WINDOW = 128; // pages of the window to each client
constexpr uint32_t N = EXO_RING_SIZE;
constexpr uint64_t RW = EXO_READ | EXO_WRITE;

struct client {
    struct child child;
    exo_frame ring_frame, data;
    exo_handle extent, frames, ring_frames; // the client's own handles
    volatile struct exo_ring *ring;
    volatile uint64_t *pages; // DATA of them
};
extern struct client clients[3];

// For the client's code. Its argument is its struct client; it returns 0, or the line of what was not so.
#define WANT(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) return __LINE__;                                                                             \
    } while (0)
#define BIND(c) WANT(exo_ring_bind((c)->ring_frames, (c)->ring_frame).error == EXO_OK)

static inline volatile uint64_t *client_page(struct client *c, uint64_t number) {
    return c->pages + number * 512;
}

// Puts a request into the ring, for a frame by its number; does not kick.
void client_put(struct client *c, enum exo_ring_operation operation, uint64_t number, uint64_t block, uint32_t tag);

// Waits until `count` completions can be taken. A kick that finds the disk full leaves requests in the ring.
void client_await(struct client *c, uint32_t count);

struct exo_ring_completion client_take(struct client *c);

// One request, kicked and awaited. Its error, or 1000 if another tag came back.
uint64_t client_transfer(struct client *c, enum exo_ring_operation operation, uint64_t number, uint64_t block);

// For the test. A client that runs `code`; blocks first … first + count - 1 of the disk are its own.
struct client *client_new(unsigned number, child_code *code, uint64_t first, uint64_t count, uint64_t disk_rights,
                          uint64_t frame_rights);

// Sleeps until the client has ended, and returns its status.
uint64_t client_wait(struct client *c);

void client_end(struct client *c);   // destroys it and releases all
void client_clear(struct client *c); // the same for a client that the test has destroyed
