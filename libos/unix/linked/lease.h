// SPDX-License-Identifier: MIT
// Frames that init lends this PE and asks back (struct start_lease): the library OS's side. The pager's region has them
// as its budget; which page goes when a frame is asked back, its policy says.
#pragma once
#include "libos/pager/pager.h"

// Whether this PE has such frames.
bool lease_given(void);

// The budget of the one region that has them, without frames yet, and how many it can have at most. Ends the PE if
// there is no memory, or for a second region.
struct pager_budget *lease_budget(uint64_t *most);

// The region is attached: waits for its first frames.
void lease_begin(struct pager_region *region);

// Nothing is looked after any more: the PE is about to end, and its frames go with it.
void lease_end(void);

// The region that has them; null: none yet.
extern struct pager_region *lease_region;

// Takes what init offers and gives back what it asks for. At the beginning of a fault; events are held. There is such a
// region.
void lease_serve(void);
