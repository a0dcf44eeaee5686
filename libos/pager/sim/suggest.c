// SPDX-License-Identifier: MIT
// Edit distance (Levenshtein) between short names; names beyond LONGEST characters are never suggested.
#include "libos/pager/sim/suggest.h"
#include <string.h>

constexpr unsigned LONGEST = 63;

static unsigned smaller(unsigned a, unsigned b) {
    return a < b ? a : b;
}

static unsigned edit_distance(const char *a, const char *b) {
    unsigned row[LONGEST + 1], columns = (unsigned)strlen(b);
    for (unsigned j = 0; j <= columns; j++) row[j] = j;
    for (unsigned i = 1; a[i - 1] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= columns; j++) {
            unsigned changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = smaller(changed, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[columns];
}

void suggestion_consider(struct suggestion *suggestion, const char *name) {
    if (strlen(name) > LONGEST || strlen(suggestion->wanted) > LONGEST) return;
    unsigned distance = edit_distance(suggestion->wanted, name);
    // A name that the wanted one abbreviates is nearer than its length says.
    if (strlen(suggestion->wanted) >= 2 && strncmp(suggestion->wanted, name, strlen(suggestion->wanted)) == 0)
        distance = 1;
    if (suggestion->best != nullptr && distance >= suggestion->distance) return;
    suggestion->best = name;
    suggestion->distance = distance;
}

const char *suggestion_best(const struct suggestion *suggestion) {
    if (suggestion->best == nullptr) return nullptr;
    unsigned limit = (unsigned)strlen(suggestion->wanted) / 3 + 1;
    return suggestion->distance <= limit ? suggestion->best : nullptr;
}
