// SPDX-License-Identifier: MIT
// Boot-time steps of memory.c, in the order in which start.c takes them.
#pragma once
#include "pe/types.h"

// Makes the kernel's tables from frames at `tables` (physical) on, and loads them.
void memory_load(uint64_t physical_end, uint64_t tables);

// One more zeroed frame from there; its physical address.
uint64_t memory_take_frame(void);

// Lets every PE read kernel memory at an address of slot 258.
void memory_share(uint64_t address, uint64_t physical, uint64_t bytes);

// Where the frames taken so far end.
uint64_t memory_tables_end(void);
