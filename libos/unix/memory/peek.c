// SPDX-License-Identifier: MIT
// Reading an address space that is not entered, for /proc.
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/vm.h"
#include <errno.h>
#include <string.h>

// A fault of a reader, without one: afterwards the leaf knows the page, and it is in memory.
int vm_read(struct vm *vm, uint64_t address, void *to, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        const uint64_t at = address + done, rest = EXO_PAGE_SIZE - at % EXO_PAGE_SIZE;
        const size_t part = bytes - done < rest ? bytes - done : rest;
        if (!unix_is_user(at, part) || vm_fault(vm, at, 0).signal != 0) return -EFAULT;
        const struct leaf *leaf = leaf_make(&vm->space, at);
        if (leaf == nullptr) return -EFAULT;
        memcpy((char *)to + done, page_memory(leaf->page[index_in_leaf(at)]) + at % EXO_PAGE_SIZE, part);
        done += part;
    }
    return 0;
}
