// SPDX-License-Identifier: MIT
// The list of read-ahead policies, from readaheads.def.
#include "libos/pager/readahead.h"
#include <string.h>

#define READAHEAD(name) extern const struct readahead readahead_##name;
#include "libos/pager/readahead/readaheads.def"
#undef READAHEAD

const struct readahead *const readaheads[] = {
#define READAHEAD(name) &readahead_##name,
#include "libos/pager/readahead/readaheads.def"
#undef READAHEAD
    nullptr,
};

const struct readahead *readahead_find(const char *name) {
    const struct readahead *const *at = readaheads;
    while (*at != nullptr && strcmp((*at)->name, name) != 0) at++;
    return *at;
}
