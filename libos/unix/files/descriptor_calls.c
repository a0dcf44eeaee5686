// SPDX-License-Identifier: MIT
// Calls on descriptors themselves: dup, close, fcntl, ioctl.
#include "libos/unix/calls.h"
#include "libos/unix/files/files.h"
#include "libos/unix/files/pipe.h"
#include "libos/unix/files/record_locks.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

static struct descriptors *table(void) {
    return process_current()->descriptors;
}

int64_t sys_close(struct thread *, const uint64_t argument[6]) {
    return descriptor_close(table(), (uint32_t)argument[0]);
}

int64_t sys_close_range(struct thread *, const uint64_t argument[6]) {
    constexpr uint32_t unshare = 2, close_on_exec = 4;
    const uint32_t last = (uint32_t)argument[1], flags = (uint32_t)argument[2];
    uint32_t number = (uint32_t)argument[0];
    if (number > last || (flags & ~(unshare | close_on_exec))) return -EINVAL;
    if (flags & unshare) {
        struct descriptors *own;
        const int error = descriptors_fork(table(), &own);
        if (error != 0) return error;
        descriptors_release(table());
        process_current()->descriptors = own;
    }
    while (descriptor_next(table(), number, &number) && number <= last) {
        if (flags & close_on_exec)
            descriptor_set_flags(table(), (int)number, true);
        else
            (void)descriptor_close(table(), number);
        number++;
    }
    return 0;
}

int64_t sys_dup(struct thread *, const uint64_t argument[6]) {
    struct file *file = file_of(argument[0]);
    return file == nullptr ? -EBADF : descriptor_give(file, false);
}

static int64_t duplicate_to(uint64_t old, uint64_t new, bool close_on_exec) {
    struct file *file = file_of(old);
    if (file == nullptr) return -EBADF;
    const int error = descriptor_put(table(), (uint32_t)new, file, close_on_exec);
    if (error == 0) return (int64_t)(uint32_t)new;
    file_release(file);
    return error;
}

int64_t sys_dup2(struct thread *, const uint64_t argument[6]) {
    if ((uint32_t)argument[0] != (uint32_t)argument[1]) return duplicate_to(argument[0], argument[1], false);
    return descriptor_find(table(), (int)argument[0]) == nullptr ? -EBADF : (int64_t)(uint32_t)argument[0];
}

int64_t sys_dup3(struct thread *, const uint64_t argument[6]) {
    if ((uint32_t)argument[2] & ~(uint32_t)O_CLOEXEC) return -EINVAL;
    if ((uint32_t)argument[0] == (uint32_t)argument[1]) return -EINVAL;
    return duplicate_to(argument[0], argument[1], argument[2] != 0);
}

// ---- fcntl

static int64_t duplicate_from(struct file *file, uint64_t least, bool close_on_exec) {
    const int number =
        (int)least < 0 ? -EINVAL : descriptor_add(table(), file_hold(file), (uint32_t)least, close_on_exec);
    if (number < 0 && (int)least >= 0) file_release(file);
    return number;
}

constexpr uint32_t SETTABLE = O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME;

static int64_t set_flags(struct file *file, uint32_t flags) {
    file->flags = (file->flags & ~SETTABLE) | (flags & SETTABLE);
    return 0;
}

static int64_t control(struct file *file, int number, int command, uint64_t argument) {
    switch (command) {
    case F_DUPFD: return duplicate_from(file, argument, false);
    case F_DUPFD_CLOEXEC: return duplicate_from(file, argument, true);
    case F_GETFD: return descriptor_flags(table(), number);
    case F_SETFD: descriptor_set_flags(table(), number, (argument & FD_CLOEXEC) != 0); return 0;
    case F_GETFL: return file->flags;
    default: break;
    }
    if (file->operations == &path_only_operations) return -EBADF;
    switch (command) {
    case F_SETFL: return set_flags(file, (uint32_t)argument);
    case F_GETOWN: return 0;
    case F_SETOWN: return 0; // SIGIO is never sent: nothing here raises it
    case F_GETPIPE_SZ: return pipe_room(file);
    case F_SETPIPE_SZ: return pipe_set_room(file, argument);
    case F_GETLK: return locks_test(file, argument, false);
    case F_SETLK: return locks_set(file, argument, false, false);
    case F_SETLKW: return locks_set(file, argument, true, false);
    case F_OFD_GETLK: return locks_test(file, argument, true);
    case F_OFD_SETLK: return locks_set(file, argument, false, true);
    case F_OFD_SETLKW: return locks_set(file, argument, true, true);
    default: return -EINVAL;
    }
}

int64_t sys_fcntl(struct thread *, const uint64_t argument[6]) {
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    const int64_t result = control(file, (int)argument[0], (int)argument[1], argument[2]);
    file_release(file);
    return result;
}

// ---- ioctl: what every file knows; the rest is the kind's

static int64_t set_nonblocking(struct file *file, uint64_t address) {
    int on;
    if (user_read(&on, address, sizeof(on)) != 0) return -EFAULT;
    file->flags = on ? file->flags | O_NONBLOCK : file->flags & ~(uint32_t)O_NONBLOCK;
    return 0;
}

static int64_t readable_rest(const struct file *file, uint64_t address) {
    const int64_t rest = (int64_t)file->inode->size - (int64_t)file->offset;
    const int shown = rest < 0 ? 0 : rest > INT32_MAX ? INT32_MAX : (int)rest;
    return user_write(address, &shown, sizeof(shown));
}

static int64_t io_control(struct file *file, int number, uint32_t request, uint64_t argument) {
    if (file->operations == &path_only_operations) return -EBADF;
    switch (request) {
    case FIOCLEX: descriptor_set_flags(table(), number, true); return 0;
    case FIONCLEX: descriptor_set_flags(table(), number, false); return 0;
    case FIONBIO: return set_nonblocking(file, argument);
    default: break;
    }
    if (request == FIONREAD && file->operations == &regular_operations) return readable_rest(file, argument);
    return file->operations->control == nullptr ? -ENOTTY : file->operations->control(file, request, argument);
}

int64_t sys_ioctl(struct thread *, const uint64_t argument[6]) {
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    const int64_t result = io_control(file, (int)argument[0], (uint32_t)argument[1], argument[2]);
    file_release(file);
    return result;
}
