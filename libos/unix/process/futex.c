// SPDX-License-Identifier: MIT
// futex(2): WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP and the BITSET forms; robust lists.
//
// A waiter stands in one of a fixed number of lists, by what its word is (vm_key), and sleeps on a queue of its own: so
// a wake-up touches only the one that is meant. "Private" needs no other treatment: a word that is not shared is its
// address space's own anyhow.
#include "libos/unix/process/futex.h"
#include "libos/unix/calls.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/clock.h"
#include "libos/unix/process/thread.h"
#include <errno.h>

enum {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAKE_OP = 5,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_PRIVATE = 128,
    FUTEX_REALTIME = 256,
};
constexpr uint32_t OWNER_DIED = 0x4000'0000, WAITERS = 0x8000'0000, OWNER = 0x3fff'ffff;
constexpr unsigned LISTS = 64;
constexpr unsigned ROBUST_MOST = 2048; // entries of a robust list, as on Linux: it may be a ring
constexpr uint32_t ANY = UINT32_MAX;

struct waiter {
    struct waiter *next;
    struct vm_key key;
    uint32_t bits;
    bool woken;
    struct wait_queue queue;
};

static struct waiter *lists[LISTS];

static bool same(const struct vm_key *a, const struct vm_key *b) {
    return a->object == b->object && a->offset == b->offset;
}

static struct waiter **list_of(const struct vm_key *key) {
    const uint64_t mixed = ((uint64_t)key->object >> 4 ^ key->offset >> 2) * 0x9e37'79b9'7f4a'7c15ull;
    return &lists[mixed >> 58];
}
static_assert(LISTS == 1 << (64 - 58));

static void append(struct waiter *waiter) {
    struct waiter **at = list_of(&waiter->key);
    while (*at != nullptr) at = &(*at)->next;
    waiter->next = nullptr;
    *at = waiter;
}

static void take_out(struct waiter *waiter) {
    struct waiter **at = list_of(&waiter->key);
    while (*at != waiter) at = &(*at)->next;
    *at = waiter->next;
}

static int key_of(struct thread *self, uint64_t address, struct vm_key *key) {
    if (address % sizeof(uint32_t) != 0) return -EINVAL;
    return vm_key(self->process->memory, address, key);
}

static int64_t wait(struct thread *self, uint64_t address, uint32_t expected, uint32_t bits, uint64_t until) {
    struct waiter waiter = {.bits = bits};
    if (bits == 0) return -EINVAL;
    uint32_t value;
    int error = user_load(&value, address); // may sleep; the key is looked up afterwards, and nothing runs between
    if (error == 0) error = key_of(self, address, &waiter.key);
    if (error != 0) return error;
    if (value != expected) return -EAGAIN;
    append(&waiter);
    const int stopped = wait_sleep(&waiter.queue, WAIT_SIGNALS, until);
    if (waiter.woken) return 0;
    take_out(&waiter);
    return stopped;
}

static uint32_t wake(const struct vm_key *key, uint32_t most, uint32_t bits) {
    uint32_t woken = 0;
    for (struct waiter **at = list_of(key); *at != nullptr && woken < most;) {
        struct waiter *waiter = *at;
        if (!same(&waiter->key, key) || !(waiter->bits & bits)) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        waiter->woken = true;
        wait_wake(&waiter->queue, WAIT_ALL);
        woken++;
    }
    return woken;
}

static uint32_t move(const struct vm_key *from, const struct vm_key *to, uint32_t most) {
    uint32_t moved = 0;
    if (same(from, to)) return 0;
    for (struct waiter **at = list_of(from); *at != nullptr && moved < most;) {
        struct waiter *waiter = *at;
        if (!same(&waiter->key, from)) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        waiter->key = *to;
        append(waiter);
        moved++;
    }
    return moved;
}

static int64_t requeue(struct thread *self, const uint64_t argument[6], bool compare) {
    const int32_t wakes = (int32_t)argument[2], moves = (int32_t)argument[3];
    struct vm_key from, to;
    if (wakes < 0 || moves < 0) return -EINVAL;
    uint32_t value = 0;
    int error = compare ? user_load(&value, argument[0]) : 0;
    if (error == 0) error = key_of(self, argument[0], &from);
    if (error == 0) error = key_of(self, argument[4], &to);
    if (error != 0) return error;
    if (compare && value != (uint32_t)argument[5]) return -EAGAIN;
    const uint32_t woken = wake(&from, (uint32_t)wakes, ANY);
    const uint32_t moved = move(&from, &to, (uint32_t)moves);
    return woken + (compare ? moved : 0);
}

// The second word is changed, and its waiters are woken, too, if it was as the operation says (futex(2)).
static int64_t wake_operation(struct thread *self, const uint64_t argument[6]) {
    const uint32_t code = (uint32_t)argument[5];
    const int32_t compared = (int32_t)(code << 20) >> 20;
    uint32_t operand = (uint32_t)((int32_t)(code << 8) >> 20);
    if (code & 1u << 31) operand = 1u << (operand & 31);
    uint32_t old, now;
    int error = user_load(&old, argument[4]);
    while (error == 0) {
        switch (code >> 28 & 7) {
        case 0: now = operand; break;
        case 1: now = old + operand; break;
        case 2: now = old | operand; break;
        case 3: now = old & ~operand; break;
        case 4: now = old ^ operand; break;
        default: return -ENOSYS;
        }
        uint32_t found = old;
        error = user_exchange(argument[4], &found, now);
        if (error == 0 && found == old) break;
        old = found;
    }
    struct vm_key first, second;
    if (error == 0) error = key_of(self, argument[0], &first);
    if (error == 0) error = key_of(self, argument[4], &second);
    if (error != 0) return error;
    const int32_t was = (int32_t)old;
    bool too;
    switch (code >> 24 & 15) {
    case 0: too = was == compared; break;
    case 1: too = was != compared; break;
    case 2: too = was < compared; break;
    case 3: too = was <= compared; break;
    case 4: too = was > compared; break;
    case 5: too = was >= compared; break;
    default: return -ENOSYS;
    }
    const uint32_t woken = wake(&first, (uint32_t)argument[2], ANY);
    return woken + (too ? wake(&second, (uint32_t)argument[3], ANY) : 0);
}

// FUTEX_WAIT has a length of time, the BITSET form a time.
static int64_t time_of(const uint64_t argument[6], unsigned command, uint64_t *until) {
    *until = WAIT_FOREVER;
    if (argument[3] == 0) return 0;
    struct user_timespec time;
    if (user_read(&time, argument[3], sizeof(time)) != 0) return -EFAULT;
    if (!timespec_valid(&time)) return -EINVAL;
    const uint64_t length = timespec_length(&time);
    if (command == FUTEX_WAIT)
        *until = time_after(clock_now(), length);
    else
        *until = argument[1] & FUTEX_REALTIME ? time_of_wall(length) : length;
    return 0;
}

int64_t sys_futex(struct thread *self, const uint64_t argument[6]) {
    const unsigned command = (unsigned)argument[1] & ~(FUTEX_PRIVATE | FUTEX_REALTIME);
    const uint32_t value = (uint32_t)argument[2];
    struct vm_key key;
    uint64_t until;
    switch (command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: {
        const int64_t error = time_of(argument, command, &until);
        if (error != 0) return error;
        return wait(self, argument[0], value, command == FUTEX_WAIT ? ANY : (uint32_t)argument[5], until);
    }
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET: {
        const uint32_t bits = command == FUTEX_WAKE ? ANY : (uint32_t)argument[5];
        if (bits == 0) return -EINVAL;
        const int error = key_of(self, argument[0], &key);
        return error != 0 ? error : wake(&key, value, bits);
    }
    case FUTEX_REQUEUE: return requeue(self, argument, false);
    case FUTEX_CMP_REQUEUE: return requeue(self, argument, true);
    case FUTEX_WAKE_OP: return wake_operation(self, argument);
    default: return -ENOSYS;
    }
}

int64_t sys_set_robust_list(struct thread *self, const uint64_t argument[6]) {
    if (argument[1] != 24) return -EINVAL;
    self->robust_list = argument[0];
    self->robust_bytes = argument[1];
    return 0;
}

int64_t sys_get_robust_list(struct thread *self, const uint64_t argument[6]) {
    const struct thread *of = argument[0] == 0 ? self : thread_find((int32_t)argument[0]);
    if (of == nullptr) return -ESRCH;
    const int error = user_write(argument[1], &of->robust_list, sizeof(of->robust_list));
    return error != 0 ? error : user_write(argument[2], &of->robust_bytes, sizeof(of->robust_bytes));
}

// A lock whose holder has ended: says so in it, and wakes one who waits.
static bool lock_died(struct thread *self, uint64_t word) {
    uint32_t value;
    if (word % sizeof(uint32_t) != 0 || user_load(&value, word) != 0) return false;
    while ((value & OWNER) == (uint32_t)self->tid) {
        uint32_t found = value;
        if (user_exchange(word, &found, (value & WAITERS) | OWNER_DIED) != 0) return false;
        if (found == value) {
            struct vm_key key;
            if ((value & WAITERS) && key_of(self, word, &key) == 0) wake(&key, 1, ANY);
            return true;
        }
        value = found;
    }
    return true;
}

// struct robust_list_head: the first entry, where the lock's word is seen from an entry, an entry that is being made.
static void robust_locks(struct thread *self) {
    uint64_t head[3];
    if (self->robust_list == 0 || user_read(head, self->robust_list, sizeof(head)) != 0) return;
    uint64_t entry = head[0] & ~1ull;
    for (unsigned i = 0; i < ROBUST_MOST && entry != self->robust_list; i++) {
        uint64_t next;
        if (user_read(&next, entry, sizeof(next)) != 0) return;
        if (entry != (head[2] & ~1ull) && !lock_died(self, entry + head[1])) return;
        entry = next & ~1ull;
    }
    if ((head[2] & ~1ull) != 0) (void)lock_died(self, (head[2] & ~1ull) + head[1]);
}

void futex_thread_ends(struct thread *self) {
    robust_locks(self);
    self->robust_list = 0;
    if (self->clear_tid == 0 || self->process->thread_count == 1) return; // nobody is left who could look
    const uint32_t none = 0;
    struct vm_key key;
    const uint64_t address = self->clear_tid;
    self->clear_tid = 0;
    if (user_write(address, &none, sizeof(none)) == 0 && key_of(self, address, &key) == 0) wake(&key, 1, ANY);
}
