// SPDX-License-Identifier: MIT
// Making budgets, see budget.h.
#include "libos/pager/region.h"

struct pager_budget *budget_make(uint32_t frames) {
    struct pager_budget *budget = machine_memory(sizeof *budget);
    if (budget == nullptr) return nullptr;
    budget->frames = machine_memory(frames * sizeof *budget->frames);
    budget->free = machine_memory(frames * sizeof *budget->free);
    if (budget->frames == nullptr || budget->free == nullptr) return nullptr;
    budget->window = machine_frames(budget->frames, frames);
    if (budget->window == nullptr) return nullptr;
    budget->count = frames;
    for (uint32_t number = frames; number-- > 0;) budget_give(budget, number);
    return budget;
}
