// SPDX-License-Identifier: MIT
// Restartable sequences, as Linux 6.1 has them: code that a thread may run without locks, because it is begun again, at
// an address of its own choice, if another thread has run or a signal has come in between.
//
// A thread registers a struct rseq of 32 bytes, in which it reads the number of its processor, 0 here, and in which it
// names the sequence that it is in. Whenever the thread is switched away from, or a signal comes, the way out to user
// code looks there (process/leave.c; process/schedule.c sees to it that it does): inside the sequence it goes on at the
// sequence's abort address; anywhere else the name is taken out. What the structures hold that they may not is SIGSEGV.
#include "libos/unix/calls.h"
#include "libos/unix/map.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/rseq.h"
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include <errno.h>
#include <signal.h>

struct registered { // struct rseq; 4 bytes at the end are not used
    uint32_t processor_first, processor;
    uint64_t sequence;
    uint32_t flags, padding;
};
static_assert(sizeof(struct registered) == 24);
struct sequence { // struct rseq_cs
    uint32_t version, flags;
    uint64_t start, length, abort;
};
constexpr uint64_t BYTES = 32;       // of struct rseq, and its alignment
constexpr uint64_t UNREGISTER = 1;   // flag
constexpr uint32_t NO_PROCESSOR = ~0u;

static int tell_processor(uint64_t address, uint32_t processor_first, uint32_t processor) {
    const uint32_t processors[2] = {processor_first, processor};
    return user_write(address + offsetof(struct registered, processor_first), processors, sizeof(processors));
}

static int64_t unregister(struct thread *self, const uint64_t argument[6]) {
    if ((uint32_t)argument[2] != UNREGISTER || self->rseq == 0 || self->rseq != argument[0]) return -EINVAL;
    if ((uint32_t)argument[1] != BYTES) return -EINVAL;
    if (self->rseq_signature != (uint32_t)argument[3]) return -EPERM;
    if (tell_processor(self->rseq, 0, NO_PROCESSOR) != 0) return -EFAULT;
    self->rseq = 0;
    return 0;
}

int64_t sys_rseq(struct thread *self, const uint64_t argument[6]) {
    const uint32_t bytes = (uint32_t)argument[1], flags = (uint32_t)argument[2], signature = (uint32_t)argument[3];
    if (flags & UNREGISTER) return unregister(self, argument);
    if (flags != 0 || bytes != BYTES) return -EINVAL;
    if (self->rseq != 0 && self->rseq != argument[0]) return -EINVAL;
    if (self->rseq != 0) return self->rseq_signature != signature ? -EPERM : -EBUSY;
    if (argument[0] % BYTES != 0) return -EINVAL;
    if (tell_processor(argument[0], 0, 0) != 0) return -EFAULT;
    self->rseq = argument[0];
    self->rseq_signature = signature;
    return 0;
}

// Reads a sequence's description. False: it cannot be one.
static bool read_sequence(const struct thread *self, uint64_t address, struct sequence *sequence) {
    uint32_t signature;
    if (user_read(sequence, address, sizeof(*sequence)) != 0) return false;
    if (sequence->version != 0 || sequence->flags != 0) return false;
    if (!unix_is_user(sequence->start, 1) || !unix_is_user(sequence->abort, 1)) return false;
    if (sequence->start + sequence->length < sequence->start) return false;
    if (!unix_is_user(sequence->start + sequence->length, 1)) return false;
    if (sequence->abort - sequence->start < sequence->length) return false; // it would never end
    return user_read(&signature, sequence->abort - sizeof(signature), sizeof(signature)) == 0
           && signature == self->rseq_signature;
}

// False: something is wrong with what the thread has written there.
static bool look(struct thread *self) {
    struct registered registered;
    if (user_read(&registered, self->rseq, sizeof(registered)) != 0) return false;
    if (registered.sequence == 0) return true;
    struct sequence sequence;
    if (!read_sequence(self, registered.sequence, &sequence)) return false;
    const bool inside = self->user->rip - sequence.start < sequence.length;
    if (inside && registered.flags != 0) return false;
    const uint64_t none = 0;
    if (user_write(self->rseq + offsetof(struct registered, sequence), &none, sizeof(none)) != 0) return false;
    if (inside) self->user->rip = sequence.abort;
    return true;
}

void rseq_leave(struct thread *self) {
    if (self->rseq != 0 && !look(self)) process_end(SIGSEGV); // a handler would be interrupted by the same
}
