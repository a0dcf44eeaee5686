// SPDX-License-Identifier: MIT
// The pages of the instruction that faults. One instruction needs several at the same time: its own bytes, what it
// reads, what it writes, each perhaps across the end of a page. A policy that gives up the page which came last, or
// that nobody could use yet, would take one of them for another for ever. So the pages that were brought for an
// instruction stay until another instruction faults, or the same with other registers: then this one has gone on.
#pragma once
#include "pe/types.h"

struct exo_context;

// A fault is being served for who has these registers; null: it is served.
void instruction_faults(const struct exo_context *registers);
// A victim is going to be chosen: the pages of an instruction that has gone on are forgotten.
void instruction_evicts(void);
// This page is in memory from now on, for the present fault if there is one.
void instruction_brought(uint32_t page);
bool instruction_needs(uint32_t page);
