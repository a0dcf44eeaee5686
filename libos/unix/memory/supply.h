// SPDX-License-Identifier: MIT
// Nodes and leaves that are free, and the tables of those that are gone.
//
// After a fork somebody will write to what is shared, and then needs tables that nobody may have taken meanwhile: else
// a process that has done nothing but fork would have to be ended. So a fork fails unless there are tables to copy
// into, for it and all forks before it whose spaces have not copied theirs: these are *owed*. So are a few pages.
#pragma once
#include "libos/unix/memory/tables.h"

[[nodiscard]] bool supply_start(uint32_t leaves_most); // false: no memory

// Empty, with one reference; null: no memory. `copies`: to copy a shared one into, which may be owed.
struct leaf *leaf_take(uint64_t first, bool copies);
struct node *node_take(bool copies);
// Takes one back that is empty.
void leaf_put(struct leaf *leaf);
void node_put(struct node *node);

// A new space is owed so many nodes, and some leaves. False: no memory for them.
[[nodiscard]] bool supply_owe(struct space *space, uint32_t nodes);
// It has copied so many, or at most all are owed no longer.
void nodes_paid(struct space *space, uint32_t count);
void leaves_paid(struct space *space, uint32_t count);

// An empty table, one that was put back or a new one. False: no memory. `number`: of a leaf, or null.
[[nodiscard]] bool table_take(unsigned level, struct table *table, uint32_t *number);
// Keeps the table of an object that goes. False: no memory, the object has to stay.
[[nodiscard]] bool table_put(unsigned level, const struct table *table, uint32_t number);
