// SPDX-License-Identifier: MIT
// Making budgets, see budget.h.
#include "libos/pager/region.h"

static struct pager_budget *tables(uint32_t most) {
    struct pager_budget *budget = machine_memory(sizeof *budget);
    if (budget == nullptr) return nullptr;
    budget->frames = machine_memory(most * sizeof *budget->frames);
    budget->free = machine_memory(most * sizeof *budget->free);
    if (budget->frames == nullptr || budget->free == nullptr) return nullptr;
    budget->most = most;
    return budget;
}

struct pager_budget *budget_make(uint32_t frames) {
    struct pager_budget *budget = tables(frames);
    if (budget == nullptr) return nullptr;
    budget->window = machine_frames(budget->frames, frames);
    if (budget->window == nullptr) return nullptr;
    budget->count = frames;
    for (uint32_t number = frames; number-- > 0;) budget_give(budget, number);
    return budget;
}

struct pager_budget *budget_open(uint32_t most) {
    struct pager_budget *budget = tables(most);
    if (budget == nullptr) return nullptr;
    budget->window = machine_window(most);
    return budget->window == nullptr ? nullptr : budget;
}

uint64_t pager_budget_frames(const struct pager_budget *budget) {
    return budget->count;
}

static void *memory(const struct pager_budget *budget, uint32_t number) {
    return budget->window + number * EXO_PAGE_SIZE;
}

bool pager_budget_add(struct pager_budget *budget, exo_frame frame) {
    uint32_t number = 0;
    while (number < budget->most && budget->frames[number].raw != 0) number++;
    if (number == budget->most || !machine_show(memory(budget, number), frame)) return false;
    budget->frames[number] = frame;
    budget->count++;
    budget_give(budget, number);
    return true;
}

exo_frame pager_budget_remove(struct pager_budget *budget) {
    if (budget->free_count == 0) return (exo_frame){0};
    const uint32_t number = budget_take(budget);
    const exo_frame frame = budget->frames[number];
    machine_hide(memory(budget, number));
    budget->frames[number] = (exo_frame){0};
    budget->count--;
    return frame;
}
