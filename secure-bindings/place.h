// SPDX-License-Identifier: MIT
// What table.c, tree.c and audit.c share: taking and freeing places of a table, and a word that is kept in them.
#pragma once
#include "secure-bindings/bindings.h"

// A place with this generation is retired.
constexpr uint32_t SB_GENERATION_END = UINT32_MAX;

// A free place, its generation that of the use to come, or null if there is none. Looks at each place once at most,
// and begins behind the one it gave last, so that a freed place is reused as late as possible.
[[nodiscard]] struct sb_binding *sb_place(struct sb_table *table);

// Makes a place free and every handle to it stale for good.
void sb_place_free(struct sb_binding *place);

// What `callable` is to be.
[[nodiscard]] static inline int32_t sb_place_callable(const struct sb_binding *binding) {
    const bool callable = binding->kind == EXO_KIND_GATE && (binding->rights & EXO_EXECUTE) && !binding->dying;
    return callable ? ~(int32_t)(binding->generation / 2) : 0;
}
