// SPDX-License-Identifier: MIT
// Reading and writing the terminal. What bytes become is the line discipline's (line.c).
#include "libos/unix/files/terminal.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/unix/files/console.h"
#include "libos/unix/files/copy.h"
#include "libos/unix/files/poll.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>

static bool is_ours(void) {
    return terminal.session != 0 && process_current()->session == terminal.session;
}

int terminal_check(int signal) {
    const struct process *process = process_current();
    if (!is_ours() || terminal.foreground == 0 || process->group == terminal.foreground) return 0;
    if (!signal_wanted(thread_current(), signal)) return signal == SIGTTIN ? -EIO : 0;
    signal_group(process->group, signal);
    return -EINTR;
}

uint32_t terminal_of(int32_t session, int32_t *foreground) {
    const bool has = session != 0 && session == terminal.session;
    *foreground = has ? terminal.foreground : -1;
    return has ? 5 << 8 | 1 : 0;
}

void terminal_leave(int32_t session) {
    if (session == terminal.session) terminal.session = terminal.foreground = 0;
}

// ---- Reading

// When a read has waited long enough. In raw mode VMIN and VTIME say so (POSIX.1-2017, 11.1.7).
struct patience {
    uint32_t least;  // bytes wanted
    uint64_t until;  // a time, or WAIT_FOREVER
    uint64_t between; // nanoseconds from one byte to the next, once one has come; 0: any
};

static struct patience patience_for(size_t bytes) {
    constexpr uint64_t tenth = 100'000'000;
    const uint8_t *key = terminal.line.settings.key;
    const uint64_t time = key[VTIME] * tenth;
    struct patience patience = {.least = 1, .until = WAIT_FOREVER};
    if (line_canonical(&terminal.line)) return patience;
    patience.least = key[VMIN] < bytes ? key[VMIN] : (uint32_t)bytes;
    if (key[VMIN] == 0)
        patience.until = clock_now() + time;
    else
        patience.between = time;
    return patience;
}

// Whether what is there is enough for a read.
static bool is_enough(const struct patience *patience) {
    if (!line_readable(&terminal.line)) return false;
    return line_canonical(&terminal.line) || line_count(&terminal.line) >= patience->least;
}

// Waits for enough. 0: take what there is; or an error.
static int await_input(const struct file *file, size_t bytes) {
    struct patience patience = patience_for(bytes);
    uint32_t seen = 0;
    (void)console_look();
    while (!is_enough(&patience)) {
        const int refused = terminal_check(SIGTTIN);
        if (refused != 0) return refused;
        if (console_ended()) return 0;
        const uint32_t count = line_count(&terminal.line);
        if (file->flags & O_NONBLOCK) return count != 0 ? 0 : patience.until != WAIT_FOREVER ? 0 : -EAGAIN;
        if (patience.between != 0 && count > seen) patience.until = clock_now() + patience.between;
        seen = count;
        const int stopped = wait_sleep(&terminal.changed, WAIT_SIGNALS, patience.until);
        if (stopped == -ETIMEDOUT) return 0;
        if (stopped != 0) return count != 0 && !line_canonical(&terminal.line) ? 0 : stopped;
    }
    return terminal_check(SIGTTIN);
}

static int64_t terminal_read(struct file *file, uint64_t, void *to, size_t bytes) {
    uint8_t part[256];
    size_t done = 0;
    if (bytes == 0) return 0;
    const int error = await_input(file, bytes);
    if (error != 0) return error;
    lock_take(&terminal.reading);
    // A line may be longer than one part: go on until it is over.
    while (done < bytes) {
        const size_t wanted = bytes - done < sizeof(part) ? bytes - done : sizeof(part);
        const size_t taken = line_take(&terminal.line, part, wanted);
        if (taken != 0 && copy_out((uint8_t *)to + done, part, taken) != 0) {
            lock_give(&terminal.reading);
            return -EFAULT;
        }
        done += taken;
        if (taken < wanted || (line_canonical(&terminal.line) && part[taken - 1] == '\n')) break;
    }
    lock_give(&terminal.reading);
    return (int64_t)done;
}

// ---- Writing

static int await_output(const struct file *file) {
    if (terminal.line.settings.local & TOSTOP) {
        const int refused = terminal_check(SIGTTOU);
        if (refused != 0) return refused;
    }
    while (terminal.line.stopped) {
        const int stopped =
            file->flags & O_NONBLOCK ? -EAGAIN : wait_sleep(&terminal.changed, WAIT_SIGNALS, WAIT_FOREVER);
        if (stopped != 0) return stopped;
    }
    return 0;
}

// All of a part that was copied. Nobody else runs in between, so one buffer does for all.
static bool put_out(const uint8_t *bytes, size_t count) {
    static uint8_t made[PRINT_LINE];
    while (count != 0) {
        size_t taken = count;
        const size_t length = line_output(&terminal.line, bytes, &taken, made, sizeof(made));
        if (device_write(start->console, made, length) != length) return false;
        bytes += taken;
        count -= taken;
    }
    return true;
}

static int64_t terminal_write(struct file *file, uint64_t, const void *from, size_t bytes) {
    uint8_t part[1024]; // on this thread's stack: copying may sleep
    size_t done = 0;
    while (done < bytes) {
        const size_t count = bytes - done < sizeof(part) ? bytes - done : sizeof(part);
        int error = copy_in(part, (const uint8_t *)from + done, count);
        if (error == 0) error = await_output(file);
        if (error == 0 && !put_out(part, count)) error = -EIO;
        if (error != 0) return done != 0 ? (int64_t)done : error;
        done += count;
    }
    return (int64_t)done;
}

static uint32_t terminal_poll(struct file *, struct poll_watch *watch) {
    poll_add(watch, &terminal.changed);
    (void)console_look();
    const struct patience patience = patience_for(UINT32_MAX);
    const uint32_t least = patience.least == 0 ? 1 : patience.least;
    const bool readable = line_canonical(&terminal.line) ? line_readable(&terminal.line)
                                                         : line_count(&terminal.line) >= least;
    return (readable ? POLLIN : 0) | (terminal.line.stopped ? 0 : POLLOUT) | (console_ended() ? POLLHUP : 0);
}

const struct file_operations terminal_operations = {
    .read = terminal_read,
    .write = terminal_write,
    .control = terminal_control,
    .poll = terminal_poll,
};
