// SPDX-License-Identifier: MIT
// The console: a terminal, or plain streams of bytes, as the start arguments say.
//
//   input=terminal | file | none        what comes from the host (default: none)
//   output=terminal | stream            where output goes (default: stream)
//   rows=N columns=N                    the terminal's size, 24 and 80 if not said
//
// When a terminal's input is taken the event `input` is reported: what the host sends before that may be lost. Among
// the keys the host says the size of its window, whenever that changes: the byte 0x1d (whose key, Ctrl-], ends the
// machine and never comes), rows, `;`, columns, `W`.
//
// Input that is no terminal lies whole on the disk, as its file "input": a serial line has no end, and is slow.
#pragma once
#include "libos/unix/files/files.h"
#include "libos/unix/files/special.h"

int console_start(void); // reads the start arguments
int console_descriptors(struct descriptors *descriptors); // opens 0, 1 and 2

// For /dev/console and /dev/tty. -ENXIO: the process has no terminal.
int console_open(struct inode *inode, uint32_t flags, struct file **file);
int terminal_open(struct inode *inode, uint32_t flags, struct file **file);

// For /proc/PID/stat: the device's number, or 0 if the session has none; and its foreground group.
uint32_t terminal_of(int32_t session, int32_t *foreground);
