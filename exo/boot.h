// SPDX-License-Identifier: MIT
// From the machine as the architecture found it to the first PE.
#pragma once
#include "pe/layout.h"
#include "pe/types.h"

// What the architecture hands over. The frame table is in place: every frame is of type kernel but those of the free
// run (free) and of the package (data).
struct boot {
    struct exo_machine *machine; // to be filled in; mapped for every PE to read
    exo_frame free_first;        // the one run of frames that becomes the first PE's
    uint64_t free_count;
    exo_frame package_first; // where the boot module lies
    uint64_t package_bytes;
};

// Starts the first PE: afterwards slice_pick returns it. Stops the machine with a sentence if the package is no good.
void boot_first_pe(const struct boot *boot);
