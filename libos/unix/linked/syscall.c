// SPDX-License-Identifier: MIT
// The Linux system calls that libc.a's own functions make: the instruction itself comes here, through the PE's
// syscall entry, and is served by the same functions as a procedure call. Numbers and conventions are those of
// Linux's x86-64 table (man 2 syscall). What isn't served is named on the console and gives ENOSYS.
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include "libos/unix/linked/unix.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static uint64_t result_of(int64_t value) {
    return value == -1 ? (uint64_t)-errno : (uint64_t)value;
}

// Several pieces one after the other; stops at the first that is not moved whole.
static int64_t vector(int number, const struct iovec *piece, int count, bool out) {
    int64_t done = 0;
    for (int i = 0; i < count; i++) {
        if (piece[i].iov_len == 0) continue;
        const ssize_t moved = out ? write(number, piece[i].iov_base, piece[i].iov_len)
                                  : read(number, piece[i].iov_base, piece[i].iov_len);
        if (moved < 0) return done != 0 ? done : -1;
        done += moved;
        if ((size_t)moved < piece[i].iov_len) break;
    }
    return done;
}

int open(const char *name, int flags, ...);

// A call keeps errno: Linux's kernel knows none, and libc sets it from the result.
void unix_syscall(struct upcall_syscall *call) {
    const struct upcall_registers *argument = &call->registers;
    const int saved = errno, number = (int)argument->rdi;
    switch (call->rax) {
    case SYS_read: call->rax = result_of(read(number, (void *)argument->rsi, argument->rdx)); break;
    case SYS_write: call->rax = result_of(write(number, (const void *)argument->rsi, argument->rdx)); break;
    case SYS_readv:
        call->rax = result_of(vector(number, (const void *)argument->rsi, (int)argument->rdx, false));
        break;
    case SYS_writev:
        call->rax = result_of(vector(number, (const void *)argument->rsi, (int)argument->rdx, true));
        break;
    case SYS_open: call->rax = result_of(open((const char *)argument->rdi, (int)argument->rsi)); break;
    case SYS_openat: call->rax = result_of(open((const char *)argument->rsi, (int)argument->rdx)); break;
    case SYS_close: call->rax = result_of(close(number)); break;
    case SYS_lseek: call->rax = (uint64_t)result_of(lseek(number, (off_t)argument->rsi, (int)argument->rdx)); break;
    case SYS_fsync: call->rax = result_of(fsync(number)); break;
    case SYS_ftruncate: call->rax = result_of(ftruncate(number, (off_t)argument->rsi)); break;
    case SYS_ioctl: call->rax = (uint64_t)-ENOTTY; break; // musl asks whether a stream is a terminal
    case SYS_getpid: call->rax = pe_page()->id; break;
    case SYS_exit:
    case SYS_exit_group: _exit(number);
    default:
        print("job %lu: unix has no system call %lu (instruction %#lx)\n", start->job, call->rax, call->rip);
        call->rax = (uint64_t)-ENOSYS;
    }
    errno = saved;
}
