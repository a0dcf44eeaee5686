// SPDX-License-Identifier: MIT
// Fuzz target: bytes of a foreign program as its .eh_frame and as a function's code. The sanitizers see what is read
// outside of them; what is found must lie inside, and a site's bytes must be those that the rewriter takes them for.
#include "libos/unix/process/extents.h"
#include "libos/unix/process/sites.h"
#include <stdlib.h>
#include <string.h>

constexpr uint64_t ADDRESS = 0x40'0000, RECORD_LEAST = 8;

static void check(bool holds) {
    if (!holds) abort();
}

// Copied to blocks of their own size: one byte too many is seen.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    uint8_t *const copy = malloc(bytes), *const reached = malloc(bytes);
    if (bytes != 0) memcpy(copy, data, bytes);

    struct extent extent;
    uint64_t last = 0;
    for (uint64_t at = 0; extent_next(copy, bytes, ADDRESS, &at, &extent); last = at)
        check(at >= last + RECORD_LEAST && at <= bytes);

    struct site site;
    uint64_t behind = 0;
    sites_reach(copy, bytes, reached);
    for (uint64_t at = 0; site_next(copy, bytes, reached, &at, &site);) {
        check(at <= bytes && site.instruction + 2 <= bytes && reached[site.instruction] != 0);
        if (!site.rewritable) continue;
        check(site.instruction >= behind + SITE_MOVE); // no two overlap
        const uint8_t *const move = &copy[site.instruction - SITE_MOVE];
        check(move[0] == 0xb8 && move[5] == 0x0f && move[6] == 0x05 && reached[move - copy] != 0);
        for (unsigned i = 1; i < SITE_MOVE; i++) check(reached[move - copy + i] == 0);
        behind = site.instruction + 2;
    }
    free(copy);
    free(reached);
    return 0;
}
