// SPDX-License-Identifier: MIT
// See record_locks.h. All locks of the instance are in one list: there are few. Invariants: of one owner no two locks
// of one class overlap in one file; of different owners only shared ones do.
#include "libos/unix/files/record_locks.h"
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

struct record {
    struct record *next;
    const struct inode *inode;
    const void *owner;    // a table of descriptors, or a file
    bool whole;           // of flock's class
    short type;           // F_RDLCK or F_WRLCK
    int32_t pid;          // -1: of an open file
    uint64_t first, last; // bytes, both included
};

// One who waits: that `owner` waits for `other` is how a circle is found.
struct waiting {
    struct waiting *next;
    const void *owner, *other;
};

static struct record *records;
static struct waiting *waiters;
static struct wait_queue released;

static bool overlaps(const struct record *a, const struct record *b) {
    return a->inode == b->inode && a->whole == b->whole && a->first <= b->last && b->first <= a->last;
}

// Of those in the way, the one that begins first.
static const struct record *conflict(const struct record *wanted) {
    const struct record *found = nullptr;
    for (const struct record *other = records; other != nullptr; other = other->next)
        if (overlaps(other, wanted) && other->owner != wanted->owner
            && (other->type == F_WRLCK || wanted->type == F_WRLCK) && (found == nullptr || other->first < found->first))
            found = other;
    return found;
}

static void add(struct record *record, const struct record *as) {
    *record = *as;
    record->next = records;
    records = record;
}

// Takes the range out of what its owner has locked. `spare` is used if a lock is cut in two; true: it was.
static bool cut(const struct record *range, struct record *spare) {
    bool used = false;
    for (struct record **at = &records; *at != nullptr;) {
        struct record *own = *at;
        if (own->owner != range->owner || !overlaps(own, range)) {
            at = &own->next;
            continue;
        }
        const bool before = own->first < range->first, after = own->last > range->last;
        if (before && after) {
            struct record rest = *own;
            rest.first = range->last + 1;
            own->last = range->first - 1;
            add(spare, &rest);
            used = true;
        } else if (before)
            own->last = range->first - 1;
        else if (after)
            own->first = range->last + 1;
        else {
            *at = own->next;
            heap_release(own);
            continue;
        }
        at = &own->next;
    }
    return used;
}

// Joins a new lock with its owner's neighbours of the same type, which go.
static void join(struct record *record) {
    for (struct record **at = &records; *at != nullptr;) {
        struct record *own = *at;
        const bool same = own != record && own->inode == record->inode && own->owner == record->owner
                          && own->whole == record->whole && own->type == record->type;
        const bool below = same && record->first != 0 && own->last == record->first - 1;
        const bool above = same && own->first != 0 && record->last == own->first - 1;
        if (!below && !above) {
            at = &own->next;
            continue;
        }
        if (below) record->first = own->first;
        if (above) record->last = own->last;
        *at = own->next;
        heap_release(own);
    }
}

// Sets or, with F_UNLCK, clears.
static int put(const struct record *wanted) {
    struct record *made = heap_allocate(sizeof(*made)), *spare = heap_allocate(sizeof(*spare));
    const bool enough = made != nullptr && spare != nullptr;
    if (enough && cut(wanted, spare)) spare = nullptr;
    if (enough && wanted->type != F_UNLCK) {
        add(made, wanted);
        join(made);
        made = nullptr;
    }
    heap_release(made);
    heap_release(spare);
    if (!enough) return -ENOLCK;
    wait_wake(&released, WAIT_ALL);
    return 0;
}

// Whether waiting for `other` would close a circle.
static bool is_circle(const void *owner, const void *other) {
    for (unsigned steps = 0; steps < 1000; steps++) {
        if (other == owner) return true;
        const struct waiting *waiting = waiters;
        while (waiting != nullptr && waiting->owner != other) waiting = waiting->next;
        if (waiting == nullptr) return false;
        other = waiting->other;
    }
    return true;
}

static int wait_for(const struct record *wanted, const struct record *held) {
    if (!wanted->whole && is_circle(wanted->owner, held->owner)) return -EDEADLK;
    struct waiting waiting = {.next = waiters, .owner = wanted->owner, .other = held->owner};
    waiters = &waiting;
    const int stopped = wait_sleep(&released, WAIT_SIGNALS, WAIT_FOREVER);
    struct waiting **at = &waiters;
    while (*at != &waiting) at = &(*at)->next;
    *at = waiting.next;
    return stopped;
}

static int set(const struct record *wanted, bool waits) {
    const struct record *held;
    while (wanted->type != F_UNLCK && (held = conflict(wanted)) != nullptr) {
        if (!waits) return -EAGAIN;
        const int stopped = wait_for(wanted, held);
        if (stopped != 0) return stopped;
    }
    return put(wanted);
}

// ---- fcntl

static int read_range(const struct file *file, const struct flock *flock, struct record *record) {
    if (flock->l_type != F_RDLCK && flock->l_type != F_WRLCK && flock->l_type != F_UNLCK) return -EINVAL;
    int64_t base, first, last;
    switch (flock->l_whence) {
    case SEEK_SET: base = 0; break;
    case SEEK_CUR: base = (int64_t)file->offset; break;
    case SEEK_END: base = (int64_t)file->inode->size; break;
    default: return -EINVAL;
    }
    if (__builtin_add_overflow(base, flock->l_start, &first)) return -EOVERFLOW;
    if (first < 0) return -EINVAL;
    if (flock->l_len > 0) {
        if (__builtin_add_overflow(first, flock->l_len - 1, &last)) return -EOVERFLOW;
    } else if (flock->l_len < 0) {
        last = first - 1;
        if (__builtin_add_overflow(first, flock->l_len, &first) || first < 0) return -EINVAL;
    } else
        last = INT64_MAX;
    record->first = (uint64_t)first;
    record->last = (uint64_t)last;
    record->type = flock->l_type;
    return 0;
}

static int read_lock(const struct file *file, uint64_t address, bool of_file, struct flock *flock,
                     struct record *record) {
    if (user_read(flock, address, sizeof(*flock)) != 0) return -EFAULT;
    const struct process *process = process_current();
    *record = (struct record){.inode = file->inode, .owner = process->descriptors, .pid = process->pid};
    if (of_file) {
        if (flock->l_pid != 0) return -EINVAL;
        record->owner = file;
        record->pid = -1;
    }
    return read_range(file, flock, record);
}

int64_t locks_set(struct file *file, uint64_t address, bool waits, bool of_file) {
    struct flock flock;
    struct record wanted;
    const int error = read_lock(file, address, of_file, &flock, &wanted);
    if (error != 0) return error;
    if (wanted.type == F_RDLCK && !file_reads(file)) return -EBADF;
    if (wanted.type == F_WRLCK && !file_writes(file)) return -EBADF;
    return set(&wanted, waits);
}

int64_t locks_test(struct file *file, uint64_t address, bool of_file) {
    struct flock flock;
    struct record wanted;
    const int error = read_lock(file, address, of_file, &flock, &wanted);
    if (error != 0) return error;
    if (wanted.type == F_UNLCK) return -EINVAL;
    const struct record *held = conflict(&wanted);
    if (held == nullptr)
        flock.l_type = F_UNLCK;
    else
        flock = (struct flock){
            .l_type = held->type,
            .l_whence = SEEK_SET,
            .l_start = (off_t)held->first,
            .l_len = held->last == INT64_MAX ? 0 : (off_t)(held->last - held->first + 1),
            .l_pid = held->pid,
        };
    return user_write(address, &flock, sizeof(flock));
}

// ---- flock

int64_t sys_flock(struct thread *, const uint64_t argument[6]) {
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    struct record wanted = {.inode = file->inode, .owner = file, .whole = true, .last = INT64_MAX};
    int result = 0;
    switch ((int)argument[1] & ~LOCK_NB) {
    case LOCK_SH: wanted.type = F_RDLCK; break;
    case LOCK_EX: wanted.type = F_WRLCK; break;
    case LOCK_UN: wanted.type = F_UNLCK; break;
    default: result = -EINVAL;
    }
    if (result == 0)
        result = file->operations == &path_only_operations ? -EBADF : set(&wanted, !(argument[1] & LOCK_NB));
    file_release(file);
    return result;
}

// ---- What goes with its owner

static void remove_of(const void *owner, const struct inode *inode) {
    bool any = false;
    for (struct record **at = &records; *at != nullptr;) {
        struct record *record = *at;
        if (record->owner != owner || record->inode != inode) {
            at = &record->next;
            continue;
        }
        *at = record->next;
        heap_release(record);
        any = true;
    }
    if (any) wait_wake(&released, WAIT_ALL);
}

void locks_close(const struct descriptors *owner, const struct inode *inode) {
    if (records != nullptr) remove_of(owner, inode);
}

void locks_release(const struct file *file) {
    if (records != nullptr) remove_of(file, file->inode);
}
