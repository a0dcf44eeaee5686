// SPDX-License-Identifier: MIT
// Random orders of pages, the same in every run: for appel1 and appel2.
#ifndef PEERS_LINUX_ORDER_H
#define PEERS_LINUX_ORDER_H
#include "peers/linux/linux.h"

struct order {
    uint32_t state;
    uint8_t page[PAGES];
};

static inline void order_reset(struct order *order) {
    order->state = 1;
    for (unsigned i = 0; i < PAGES; i++) order->page[i] = (uint8_t)i;
}

// A number below `bound`, from a linear congruential generator's upper bits.
static inline uint32_t order_next(struct order *order, uint32_t bound) {
    order->state = order->state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)order->state * bound) >> 32);
}

static inline void order_shuffle(struct order *order) {
    for (unsigned i = PAGES - 1; i > 0; i--) {
        const unsigned j = order_next(order, i + 1);
        const uint8_t page = order->page[i];
        order->page[i] = order->page[j];
        order->page[j] = page;
    }
}

// A random page of a region of PAGES pages, but not `but`.
static inline uintptr_t order_other(struct order *order, uintptr_t region, uintptr_t but) {
    const uintptr_t page = region + order_next(order, PAGES - 1) * (uintptr_t)PAGE;
    return page >= but ? page + PAGE : page;
}

#endif
