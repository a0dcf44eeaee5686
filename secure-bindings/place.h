// SPDX-License-Identifier: MIT
// What table.c offers to tree.c and audit.c alone: taking and freeing places of a table.
#pragma once
#include "secure-bindings/bindings.h"

// A place with this generation is retired.
constexpr uint32_t SB_GENERATION_END = UINT32_MAX;

// A free place, its generation that of the use to come, or null if there is none. Looks at each place once at most,
// and begins behind the one it gave last, so that a freed place is reused as late as possible.
[[nodiscard]] struct sb_binding *sb_place(struct sb_table *table);

// Makes a place free and every handle to it stale for good.
void sb_place_free(struct sb_binding *place);
