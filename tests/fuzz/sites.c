// SPDX-License-Identifier: MIT
// Fuzz target: bytes of a foreign program as its .eh_frame and as a function's code. The sanitizers see what is read
// outside of them; what is found must lie inside, and a site's and a gap's bytes must be what the rewriter takes them
// for.
#include "libos/unix/process/extents.h"
#include "libos/unix/process/gaps.h"
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
        const uint8_t *const call = &copy[site.instruction];
        check(at <= bytes && site.instruction + SITE_BYTES <= bytes && reached[site.instruction] != 0);
        check(site.instruction >= behind && call[0] == 0x0f && call[1] == 0x05); // no two overlap
        behind = site.instruction + SITE_BYTES;
        if (!site.moves) continue;
        check(site.instruction >= MOVE_BYTES && (call[-(int)MOVE_BYTES] & 0xf8) == 0xb8);
        for (unsigned i = 1; i < MOVE_BYTES; i++) check(reached[site.instruction - i] == 0);
    }
    for (uint64_t at = 0; (at = gap_inside(copy, bytes, reached, at, bytes)) < bytes; at++)
        for (unsigned i = 0; i < GAP_LEAST; i++) check(at + i < bytes && reached[at + i] == 0);
    (void)gap_is_closed(copy, bytes, reached, true);
    (void)gap_is_filler(copy, bytes);
    free(copy);
    free(reached);
    return 0;
}
