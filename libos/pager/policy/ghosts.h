// SPDX-License-Identifier: MIT
// A bounded memory of evicted pages, oldest first: what papers call a ghost list. A page is in at most one of the
// lists that share an array of links.
#pragma once
#include "libos/pager/policy/list.h"

struct ghosts {
    struct link *pages; // pages, then heads
    uint32_t head, count, most;
};

static inline void ghosts_start(struct ghosts *g, struct link *pages, uint32_t head, uint32_t most) {
    *g = (struct ghosts){.pages = pages, .head = head, .most = most};
    list_clear(pages, head);
}

// Takes a page that is in this list out of it.
static inline void ghosts_forget(struct ghosts *g, uint32_t page) {
    list_remove(g->pages, page);
    g->count--;
}

static inline void ghosts_forget_oldest(struct ghosts *g) {
    ghosts_forget(g, list_first(g->pages, g->head));
}

// Adds a page that is in no list. The oldest goes if there are too many.
static inline void ghosts_remember(struct ghosts *g, uint32_t page) {
    list_append(g->pages, g->head, page);
    if (g->count++ == g->most) ghosts_forget_oldest(g);
}
