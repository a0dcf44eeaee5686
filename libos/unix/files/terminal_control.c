// SPDX-License-Identifier: MIT
// A terminal's ioctls: settings, size, and whose it is.
#include "libos/unix/files/console.h"
#include "libos/unix/files/terminal.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <termios.h>

static bool is_controlling(void) {
    return terminal.session != 0 && process_current()->session == terminal.session;
}

static int64_t set_settings(uint64_t address, bool flush) {
    struct line_settings settings;
    if (user_read(&settings, address, sizeof(settings)) != 0) return -EFAULT;
    const int refused = terminal_check(SIGTTOU);
    if (refused != 0) return refused;
    line_set(&terminal.line, &settings, flush);
    wait_wake(&terminal.changed, WAIT_ALL);
    return 0;
}

static int64_t give(uint64_t address, int value) {
    return user_write(address, &value, sizeof(value));
}

static int64_t set_foreground(uint64_t address) {
    int32_t group;
    if (user_read(&group, address, sizeof(group)) != 0) return -EFAULT;
    if (!is_controlling()) return -ENOTTY;
    if (group < 0) return -EINVAL;
    const int refused = terminal_check(SIGTTOU);
    if (refused != 0) return refused;
    bool any = false;
    for (const struct process *process = process_next(1); process != nullptr;
         process = process_next(process->pid + 1)) {
        if (process->group != group) continue;
        if (process->session != terminal.session) return -EPERM;
        any = true;
    }
    if (!any) return -ESRCH;
    terminal.foreground = group;
    return 0;
}

static int64_t set_controlling(void) {
    const struct process *process = process_current();
    if (is_controlling()) return 0;
    if (process->session != process->pid || terminal.session != 0) return -EPERM;
    terminal.session = process->session;
    terminal.foreground = process->group;
    return 0;
}

static int64_t give_up(void) {
    const struct process *process = process_current();
    if (!is_controlling()) return -ENOTTY;
    if (process->session != process->pid) return 0;
    const int32_t group = terminal.foreground;
    terminal_leave(process->session);
    signal_group(group, SIGHUP);
    signal_group(group, SIGCONT);
    return 0;
}

void terminal_resize(const struct winsize *size) {
    if (memcmp(&terminal.size, size, sizeof(*size)) == 0) return;
    terminal.size = *size;
    if (terminal.foreground != 0) signal_group(terminal.foreground, SIGWINCH);
}

static int64_t set_size(uint64_t address) {
    struct winsize size;
    if (user_read(&size, address, sizeof(size)) != 0) return -EFAULT;
    terminal_resize(&size);
    return 0;
}

static int64_t flush(uint64_t which) {
    if (which > TCIOFLUSH) return -EINVAL;
    if (which != TCOFLUSH) line_flush(&terminal.line); // output is never kept
    return 0;
}

static int64_t flow(uint64_t action) {
    if (action > TCION) return -EINVAL;
    if (action <= TCOON) terminal.line.stopped = action == TCOOFF;
    wait_wake(&terminal.changed, WAIT_ALL);
    return 0;
}

int64_t terminal_control(struct file *, uint64_t request, uint64_t argument) {
    switch (request) {
    case TCGETS: return user_write(argument, &terminal.line.settings, sizeof(terminal.line.settings));
    case TCSETS:
    case TCSETSW: return set_settings(argument, false); // output is on its way before the call that made it ends
    case TCSETSF: return set_settings(argument, true);
    case TIOCGWINSZ: return user_write(argument, &terminal.size, sizeof(terminal.size));
    case TIOCSWINSZ: return set_size(argument);
    case TIOCGPGRP: return is_controlling() ? give(argument, terminal.foreground) : -ENOTTY;
    case TIOCSPGRP: return set_foreground(argument);
    case TIOCGSID: return is_controlling() ? give(argument, terminal.session) : -ENOTTY;
    case TIOCSCTTY: return set_controlling();
    case TIOCNOTTY: return give_up();
    case FIONREAD: return give(argument, (int)line_count(&terminal.line));
    case TIOCOUTQ: return give(argument, 0);
    case TCFLSH: return flush(argument);
    case TCXONC: return flow(argument);
    case TCSBRK:
    case TCSBRKP: return 0; // a break means nothing here; output has gone
    case TIOCEXCL:
    case TIOCNXCL: return 0;
    default: return -ENOTTY;
    }
}
