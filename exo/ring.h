// SPDX-License-Identifier: MIT
// Disk requests of PEs: from their rings to the disk and back.
#pragma once
#include "exo/pe.h"

// At boot: no PE has a ring, nothing is under way.
void ring_init(void);

// The disk has finished with a slot; called by the driver.
void ring_complete(unsigned slot, enum exo_error error);

// Takes a PE's ring from it, if it has one. The PE has ended, and nothing of it is under way.
void ring_release(struct pe *pe);
