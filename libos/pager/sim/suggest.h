// SPDX-License-Identifier: MIT
// "Did you mean": the nearest of some names.
#pragma once

// Remembers the best of the names shown to it.
struct suggestion {
    const char *wanted, *best;
    unsigned distance;
};

void suggestion_consider(struct suggestion *suggestion, const char *name);

// The best name if it is near enough to be a slip of the keyboard, else null.
const char *suggestion_best(const struct suggestion *suggestion);
