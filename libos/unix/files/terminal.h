// SPDX-License-Identifier: MIT
// The one terminal of an instance, when the console is one: reading lines, job control, its settings.
#pragma once
#include "libos/unix/files/files.h"
#include "libos/unix/files/line.h"
#include <sys/ioctl.h>

struct terminal {
    struct line line;
    int32_t session, foreground; // of whom it is the controlling terminal; 0: of nobody
    struct winsize size;
    struct wait_queue changed; // something can be read, or output goes on
    struct lock reading;
};
extern struct terminal terminal;
extern const struct file_operations terminal_operations;

int64_t terminal_control(struct file *file, uint64_t request, uint64_t argument); // ioctl

void terminal_resize(const struct winsize *size); // tells the foreground if it is another

// Keeps a background process from what only the foreground may do: it gets the signal, and -EINTR; -EIO if it would
// not take it. 0: it may.
int terminal_check(int signal);

struct inode *console_device(void); // of /dev
bool console_ended(void);           // no input will come any more
