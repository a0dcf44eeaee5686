// SPDX-License-Identifier: MIT
// select and pselect6: sets of descriptors as bits.
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/poll.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>

constexpr unsigned SELECT_MOST = 1024, SETS = 3; // to be read, to be written, exceptional
constexpr uint32_t HOLDS[SETS] = {POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, 0};

struct select_sets {
    uint64_t wanted[SETS][SELECT_MOST / 64], ready[SETS][SELECT_MOST / 64];
    struct poll_watch watch;
};

static bool is_in(const uint64_t *set, unsigned number) {
    return (set[number / 64] >> number % 64 & 1) != 0;
}

// Looks at each descriptor in a set. How many bits were set, or -EBADF.
static int64_t look(struct select_sets *sets, unsigned count) {
    int64_t ready = 0;
    memset(sets->ready, 0, sizeof(sets->ready));
    for (unsigned number = 0; number < count; number++) {
        uint32_t wanted = 0;
        bool any = false;
        for (unsigned set = 0; set < SETS; set++) {
            if (!is_in(sets->wanted[set], number)) continue;
            wanted |= HOLDS[set];
            any = true;
        }
        if (!any) continue;
        struct file *file = descriptor_find(process_current()->descriptors, (int)number);
        if (file == nullptr || file->operations == &path_only_operations) return -EBADF;
        const uint32_t holds = poll_look(&sets->watch, file, wanted);
        for (unsigned set = 0; set < SETS; set++) {
            if (!is_in(sets->wanted[set], number) || !(holds & HOLDS[set])) continue;
            sets->ready[set][number / 64] |= 1ull << number % 64;
            ready++;
        }
    }
    return ready;
}

static int64_t wait_for_sets(struct select_sets *sets, unsigned count, uint64_t until) {
    int64_t result = 0;
    poll_begin(&sets->watch, until);
    while (result == 0) {
        result = look(sets, count);
        if (result != 0 || until == 0) break;
        result = poll_wait(&sets->watch);
        if (result != -ETIMEDOUT) continue;
        result = look(sets, count);
        break;
    }
    poll_end(&sets->watch);
    return result;
}

static int64_t select_user(int32_t wanted, const uint64_t address[SETS], uint64_t until) {
    if (wanted < 0) return -EINVAL;
    const unsigned count = wanted < (int32_t)SELECT_MOST ? (unsigned)wanted : SELECT_MOST;
    const size_t bytes = (count + 63) / 64 * 8;
    struct select_sets *sets = heap_allocate_zeroed(sizeof(*sets));
    if (sets == nullptr) return -ENOMEM;
    int64_t result = 0;
    for (unsigned i = 0; i < SETS && result == 0; i++)
        if (address[i] != 0) result = user_read(sets->wanted[i], address[i], bytes);
    // Bits past the last descriptor mean nothing.
    for (unsigned i = 0; i < SETS && count % 64 != 0; i++) sets->wanted[i][count / 64] &= (1ull << count % 64) - 1;
    if (result == 0) result = wait_for_sets(sets, count, until);
    for (unsigned i = 0; i < SETS && result >= 0; i++)
        if (address[i] != 0 && user_write(address[i], sets->ready[i], bytes) != 0) result = -EFAULT;
    heap_release(sets);
    return result;
}

// Linux tells how much of the time is left.
static void tell_rest(uint64_t address, uint64_t until, uint64_t unit) {
    const uint64_t now = clock_now(), rest = until > now ? until - now : 0;
    const int64_t time[2] = {(int64_t)(rest / 1'000'000'000), (int64_t)(rest % 1'000'000'000 / unit)};
    if (address != 0 && until != WAIT_FOREVER) (void)user_write(address, time, sizeof(time)); // as Linux: not an error
}

int64_t sys_select(struct thread *, const uint64_t argument[6]) {
    struct timeval time;
    uint64_t until = WAIT_FOREVER;
    if (argument[4] != 0) {
        if (user_read(&time, argument[4], sizeof(time)) != 0) return -EFAULT;
        if (time.tv_sec < 0 || time.tv_usec < 0) return -EINVAL;
        const uint64_t seconds = (uint64_t)time.tv_sec + (uint64_t)time.tv_usec / 1'000'000;
        const uint64_t rest = (uint64_t)time.tv_usec % 1'000'000 * 1000;
        if (seconds < UINT64_MAX / 4'000'000'000) until = clock_now() + seconds * 1'000'000'000 + rest;
        if (seconds == 0 && rest == 0) until = 0;
    }
    const int64_t result = select_user((int32_t)argument[0], argument + 1, until);
    tell_rest(argument[4], until, 1000);
    return result;
}

int64_t sys_pselect6(struct thread *, const uint64_t argument[6]) {
    uint64_t until, mask[2] = {0, 0}; // address and size
    int error = poll_until(argument[4], &until);
    if (error == 0 && argument[5] != 0) error = user_read(mask, argument[5], sizeof(mask));
    if (error == 0) error = poll_mask(mask[0], mask[1]);
    if (error != 0) return error;
    const int64_t result = select_user((int32_t)argument[0], argument + 1, until);
    tell_rest(argument[4], until, 1);
    return result;
}
