// SPDX-License-Identifier: MIT
// Disk requests of PEs: from their rings to the disk and back.
#pragma once
#include "pe/types.h"

// The disk has finished with a slot; called by the driver.
void ring_complete(unsigned slot, enum exo_error error);
