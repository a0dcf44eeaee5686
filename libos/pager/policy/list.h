// SPDX-License-Identifier: MIT
// Doubly linked lists over small numbers (slots or pages), without pointers and without allocation.
//
//   struct link links[n + 2];          // items 0 … n-1, and the heads n and n+1 of two lists
//   list_clear(links, n); list_append(links, n, 3); list_first(links, n) == 3; list_remove(links, 3);
//
// An array may hold several lists, each with its own head; an item is in one of them or in none. A list runs from its
// oldest item (first) to its youngest (last) and back to the head. An item in no list links to itself.
#pragma once
#include <stdint.h>

struct link {
    uint32_t next, prev;
};

// Makes a head into an empty list, or an item into one that is in no list.
static inline void list_clear(struct link *links, uint32_t index) {
    links[index] = (struct link){index, index};
}

// Makes `count` entries, items and heads, empty.
static inline void list_clear_all(struct link *links, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) list_clear(links, i);
}

static inline bool list_holds(const struct link *links, uint32_t item) {
    return links[item].next != item;
}

// The oldest item, or the head itself if the list is empty.
static inline uint32_t list_first(const struct link *links, uint32_t head) {
    return links[head].next;
}

static inline uint32_t list_last(const struct link *links, uint32_t head) {
    return links[head].prev;
}

// Puts an item that is in no list before another, or with the head, at the young end.
static inline void list_insert_before(struct link *links, uint32_t place, uint32_t item) {
    links[item] = (struct link){.next = place, .prev = links[place].prev};
    links[links[place].prev].next = item;
    links[place].prev = item;
}

static inline void list_append(struct link *links, uint32_t head, uint32_t item) {
    list_insert_before(links, head, item);
}

// Takes an item out; one that is in no list stays so.
static inline void list_remove(struct link *links, uint32_t item) {
    links[links[item].prev].next = links[item].next;
    links[links[item].next].prev = links[item].prev;
    list_clear(links, item);
}

// Makes an item the youngest of a list.
static inline void list_renew(struct link *links, uint32_t head, uint32_t item) {
    list_remove(links, item);
    list_append(links, head, item);
}
