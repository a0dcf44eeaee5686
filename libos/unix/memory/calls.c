// SPDX-License-Identifier: MIT
// The system calls of memory: Linux's arguments into those of memory.h and advice.h. Errors are Linux's (man 2 …).
#include "libos/unix/calls.h"
#include "libos/unix/files/file.h"
#include "libos/unix/map.h"
#include "libos/unix/memory/advice.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

constexpr uint64_t RIGHTS = PROT_READ | PROT_WRITE | PROT_EXEC;
static_assert(PROT_READ == VM_READ && PROT_WRITE == (int)VM_WRITE && PROT_EXEC == (int)VM_EXECUTE);
constexpr uint64_t FIXED_NOREPLACE = 0x10'0000;         // MAP_FIXED_NOREPLACE, which not every libc's header has
constexpr uint64_t REMAP_MAY_MOVE = 1, REMAP_FIXED = 2; // MREMAP_MAYMOVE, MREMAP_FIXED

static struct vm *vm_of(const struct thread *self) {
    return self->process->memory;
}

// Whether so many bytes more are within RLIMIT_AS. (A mapping that takes the place of another counts twice here.)
static bool may_grow(const struct thread *self, uint64_t bytes) {
    const uint64_t most = self->process->limits[RLIMIT_AS].now;
    return most == UINT64_MAX || (bytes <= most && vm_total(vm_of(self)) <= most - bytes);
}

// What a descriptor stands for, as far as a mapping needs it.
static int file_of(const struct thread *self, int number, struct vm_map *map) {
    const struct file *file = descriptor_find(self->process->descriptors, number);
    if (file == nullptr) return -EBADF;
    const int error = file_mapping(file, map->rights, map->shared, &map->file);
    if (error != 0) return error;
    struct inode *inode;
    map->never_writes = map->shared && file_mapping(file, map->rights | VM_WRITE, true, &inode) == -EACCES;
    return 0;
}

int64_t sys_mmap(struct thread *self, const uint64_t argument[6]) {
    const uint64_t flags = argument[3], type = flags & 15;
    if (argument[1] == 0 || argument[5] % EXO_PAGE_SIZE != 0) return -EINVAL;
    if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE) return -EINVAL;
    struct vm_map map = {
        .first = argument[0],
        .bytes = argument[1],
        .rights = argument[2] & RIGHTS,
        .fixed = flags & (MAP_FIXED | FIXED_NOREPLACE),
        .keep = flags & FIXED_NOREPLACE,
        .shared = type != MAP_PRIVATE,
        .stack = flags & MAP_GROWSDOWN,
        .reserves_none = flags & MAP_NORESERVE,
        .offset = argument[5],
    };
    if (!may_grow(self, argument[1])) return -ENOMEM;
    if (!(flags & MAP_ANONYMOUS)) {
        const int error = file_of(self, (int)argument[4], &map);
        if (error != 0) return error;
    }
    const int64_t first = vm_map(vm_of(self), &map);
    if (first >= 0 && (flags & MAP_POPULATE)) (void)vm_will_need(vm_of(self), (uint64_t)first, argument[1]);
    return first;
}

int64_t sys_munmap(struct thread *self, const uint64_t argument[6]) {
    return vm_unmap(vm_of(self), argument[0], argument[1]);
}

int64_t sys_mprotect(struct thread *self, const uint64_t argument[6]) {
    if (argument[2] & ~(RIGHTS | PROT_GROWSDOWN)) return -EINVAL;
    return vm_protect(vm_of(self), argument[0], argument[1], argument[2] & RIGHTS);
}

int64_t sys_brk(struct thread *self, const uint64_t argument[6]) {
    const uint64_t now = vm_break(vm_of(self), 0), data = self->process->limits[RLIMIT_DATA].now;
    const bool grows = argument[0] > now;
    if (grows && (argument[0] - vm_break_first(vm_of(self)) > data || !may_grow(self, argument[0] - now)))
        return (int64_t)now;
    return (int64_t)vm_break(vm_of(self), argument[0]);
}

int64_t sys_mremap(struct thread *self, const uint64_t argument[6]) {
    const uint64_t flags = argument[3];
    if (flags & ~(REMAP_MAY_MOVE | REMAP_FIXED)) return -EINVAL;
    if ((flags & REMAP_FIXED) && !(flags & REMAP_MAY_MOVE)) return -EINVAL;
    if (argument[2] > argument[1] && !may_grow(self, argument[2] - argument[1])) return -ENOMEM;
    return vm_remap(vm_of(self), &(struct vm_remap){
                                     .first = argument[0],
                                     .bytes = argument[1],
                                     .wanted = argument[2],
                                     .may_move = flags & REMAP_MAY_MOVE,
                                     .fixed = flags & REMAP_FIXED,
                                     .to = argument[4],
                                 });
}

int64_t sys_msync(struct thread *self, const uint64_t argument[6]) {
    const uint64_t flags = argument[2];
    if (flags & ~(uint64_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) return -EINVAL;
    if ((flags & MS_ASYNC) && (flags & MS_SYNC)) return -EINVAL;
    return vm_sync(vm_of(self), argument[0], argument[1], flags & MS_SYNC);
}

int64_t sys_mincore(struct thread *self, const uint64_t argument[6]) {
    return vm_in_core(vm_of(self), argument[0], argument[1], argument[2]);
}

int64_t sys_madvise(struct thread *self, const uint64_t argument[6]) {
    return vm_advise(vm_of(self), argument[0], argument[1], (int)argument[2]);
}

int64_t sys_mlock(struct thread *self, const uint64_t argument[6]) {
    return vm_lock(vm_of(self), argument[0], argument[1], true);
}

int64_t sys_mlock2(struct thread *self, const uint64_t argument[6]) {
    if (argument[2] & ~1ul) return -EINVAL; // MLOCK_ONFAULT
    return vm_lock(vm_of(self), argument[0], argument[1], true);
}

int64_t sys_munlock(struct thread *self, const uint64_t argument[6]) {
    return vm_lock(vm_of(self), argument[0], argument[1], false);
}

int64_t sys_mlockall(struct thread *self, const uint64_t argument[6]) {
    if (argument[0] == 0 || (argument[0] & ~7ul)) return -EINVAL; // MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT
    return argument[0] & MCL_CURRENT ? vm_lock_all(vm_of(self), true) : 0;
}

int64_t sys_munlockall(struct thread *self, const uint64_t *) {
    return vm_lock_all(vm_of(self), false);
}

// MEMBARRIER_CMD_QUERY names the commands that are served: those that need no more than that one thread runs at a time.
int64_t sys_membarrier(struct thread *, const uint64_t argument[6]) {
    constexpr uint64_t served = 1 | 8 | 16; // GLOBAL, PRIVATE_EXPEDITED, REGISTER_PRIVATE_EXPEDITED
    if (argument[1] != 0) return -EINVAL;
    if (argument[0] == 0) return (int64_t)served;
    return argument[0] & ~served || (argument[0] & (argument[0] - 1)) ? -EINVAL : 0;
}
