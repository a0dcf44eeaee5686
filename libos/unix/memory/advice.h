// SPDX-License-Identifier: MIT
// What only system calls need of an address space. Results as in memory.h.
#pragma once
#include "libos/unix/memory/memory.h"

struct vm_remap {
    uint64_t first, bytes, wanted;
    bool may_move, fixed;
    uint64_t to; // with fixed: the new place, what is there goes
};
// The address afterwards. -EFAULT: it is not one mapping; -ENOMEM: there is no room; -EINVAL. `bytes` 0 (a second
// mapping of shared memory) is served only for shared mappings.
int64_t vm_remap(struct vm *vm, const struct vm_remap *what);

int vm_will_need(struct vm *vm, uint64_t first,
                 uint64_t bytes); // reads pages of files that are mapped, while frames are free
int vm_advise(struct vm *vm, uint64_t first, uint64_t bytes, int advice); // MADV_…
int vm_sync(struct vm *vm, uint64_t first, uint64_t bytes, bool wait);
int vm_in_core(struct vm *vm, uint64_t first, uint64_t bytes, uint64_t to);
int vm_lock(struct vm *vm, uint64_t first, uint64_t bytes, bool locked); // as data: nothing is kept in memory for it
int vm_lock_all(struct vm *vm, bool locked);

uint64_t vm_total(const struct vm *vm);       // bytes mapped
uint64_t vm_break_first(const struct vm *vm); // where the break began
