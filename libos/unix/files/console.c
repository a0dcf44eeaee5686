// SPDX-License-Identifier: MIT
// See console.h. Input is taken from the device by console_look whenever the scheduler asks, as there is no event for
// it, and kept by the line discipline. Output goes out in as few calls as its size allows.
#include "libos/unix/files/console.h"
#include "libos/core/files.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/unix/files/copy.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/terminal.h"
#include "libos/unix/files/poll.h"
#include "libos/unix/process/process.h"
#include "pe/stubs.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

struct terminal terminal;

// Where input stands.
static struct {
    bool is_terminal;
    bool ended;
    const struct disk_file *file; // null: none
    uint64_t offset;
    struct lock lock;
} input;
static bool output_is_terminal;

static void echo(void *, const uint8_t *bytes, size_t count) {
    (void)device_write(start->console, bytes, count);
}

static bool is_said(const char *name, const char *value) {
    const char *said = start_argument(name);
    return said != nullptr && strcmp(said, value) == 0;
}

// Says what an argument can be, if it is something else.
static int check_argument(const char *name, const char *one, const char *other) {
    if (start_argument(name) == nullptr || is_said(name, "terminal") || is_said(name, one) || is_said(name, other))
        return 0;
    print("argument %s=%s: terminal or %s was expected\n", name, start_argument(name), one);
    return -EINVAL;
}

int console_start(void) {
    if (check_argument("input", "file", "none") != 0 || check_argument("output", "stream", "stream") != 0)
        return -EINVAL;
    input.is_terminal = is_said("input", "terminal");
    if (is_said("input", "file")) {
        enum files_error reason;
        input.file = files_find("input", &reason);
        if (input.file == nullptr) {
            print("argument input=file: the disk has no file input\n");
            return -ENOENT;
        }
    }
    output_is_terminal = is_said("output", "terminal");
    line_start(&terminal.line, echo, nullptr);
    terminal.session = terminal.foreground = 1; // the first process's
    terminal.size.ws_row = (unsigned short)start_number("rows", 24);
    terminal.size.ws_col = (unsigned short)start_number("columns", 80);
    if (input.is_terminal) report("{\"event\":\"input\",\"job\":%lu}", start->job);
    return 0;
}

// ---- Input

// Whether a byte belongs to what says the window's size (console.h).
static bool take_size(uint8_t byte) {
    constexpr uint8_t begin = 0x1d;
    static bool inside;
    static struct winsize size;
    if (!inside && byte != begin) return false;
    if (byte == begin) {
        size = (struct winsize){};
        inside = true;
    } else if (byte == ';') {
        size.ws_row = size.ws_col;
        size.ws_col = 0;
    } else if (byte >= '0' && byte <= '9') {
        size.ws_col = (unsigned short)(size.ws_col * 10 + byte - '0');
    } else {
        inside = false;
        if (byte == 'W' && size.ws_row != 0 && size.ws_col != 0) terminal_resize(&size);
    }
    return true;
}

static void take_terminal(uint8_t byte) {
    if (take_size(byte)) return;
    const int signal = line_input(&terminal.line, byte);
    if (signal != 0 && terminal.foreground != 0) signal_group(terminal.foreground, signal);
    if (signal != 0 || line_readable(&terminal.line)) wait_wake(&terminal.changed, WAIT_ALL);
}

// A terminal's bytes are always taken, as one may be a signal.
bool console_look(void) {
    bool any = false;
    while (input.is_terminal && !input.ended) {
        const struct exo_result result = exo_console_read(start->console);
        if (result.error == EXO_AGAIN) break;
        if (result.error != EXO_OK) { // there is no such device any more
            input.ended = true;
            wait_wake(&terminal.changed, WAIT_ALL);
            return true;
        }
        take_terminal((uint8_t)result.value);
        any = true;
    }
    return any;
}

bool console_awaited(void) {
    return input.is_terminal && !input.ended;
}

bool console_ended(void) {
    return input.ended;
}

static int64_t stream_read(struct file *, uint64_t, void *to, size_t bytes) {
    uint8_t part[1024]; // on this thread's stack: copying may sleep
    size_t done = 0;
    lock_take(&input.lock);
    while (input.file != nullptr && done < bytes) {
        enum files_error error;
        const size_t wanted = bytes - done < sizeof(part) ? bytes - done : sizeof(part);
        const size_t count = files_read(input.file, input.offset, part, wanted, &error);
        if (count == 0 && error != FILES_OK && done == 0) {
            lock_give(&input.lock);
            return -EIO;
        }
        if (count == 0) break;
        if (copy_out((uint8_t *)to + done, part, count) != 0) {
            lock_give(&input.lock);
            return done != 0 ? (int64_t)done : -EFAULT;
        }
        input.offset += count;
        done += count;
    }
    lock_give(&input.lock);
    return (int64_t)done;
}

static int64_t stream_write(struct file *, uint64_t, const void *from, size_t bytes) {
    uint8_t part[1024]; // on this thread's stack: copying may sleep
    size_t done = 0;
    while (done < bytes) {
        const size_t count = bytes - done < sizeof(part) ? bytes - done : sizeof(part);
        if (copy_in(part, (const uint8_t *)from + done, count) != 0) return done != 0 ? (int64_t)done : -EFAULT;
        if (device_write(start->console, part, count) != count) return done != 0 ? (int64_t)done : -EIO;
        done += count;
    }
    return (int64_t)done;
}

static uint32_t stream_poll(struct file *file, struct poll_watch *) {
    const bool more = input.file != nullptr && input.offset < input.file->bytes;
    return (file_reads(file) ? more ? POLLIN : POLLHUP : 0) | (file_writes(file) ? POLLOUT : 0);
}

static const struct file_operations stream_operations = {
    .read = stream_read, .write = stream_write, .poll = stream_poll};

// ---- Opening

static int open_stream(struct special *inode, uint32_t flags, struct file **file) {
    *file = file_new(&stream_operations, &inode->inode, flags, "", nullptr);
    return *file == nullptr ? -ENOMEM : 0;
}

static const struct special_kind stream_kind = {.open = open_stream, .device = DEVICE_PIPE};
static struct special streams[2] = { // in, out
    {{.number = 1, .references = 1, .mode = S_IFIFO | 0600, .links = 1}, &stream_kind},
    {{.number = 2, .references = 1, .mode = S_IFIFO | 0600, .links = 1}, &stream_kind},
};

int terminal_open(struct inode *inode, uint32_t flags, struct file **file) {
    if (!input.is_terminal && !output_is_terminal) return -ENXIO;
    *file = file_new(&terminal_operations, inode, flags, "/dev/tty", nullptr);
    return *file == nullptr ? -ENOMEM : 0;
}

int console_open(struct inode *inode, uint32_t flags, struct file **file) {
    if (terminal_open(inode, flags, file) == 0) return 0;
    *file = file_new(&stream_operations, inode, flags, "/dev/console", nullptr);
    return *file == nullptr ? -ENOMEM : 0;
}

// The file of descriptor 0, or of 1 and 2.
static struct file *open_side(bool in) {
    const bool is_terminal = in ? input.is_terminal : output_is_terminal;
    struct inode *device = console_device();
    if (is_terminal) return file_new(&terminal_operations, device, O_RDWR | OPEN_LARGE, "/dev/console", nullptr);
    return file_new(&stream_operations, &streams[in ? 0 : 1].inode, in ? O_RDONLY : O_WRONLY, "", nullptr);
}

int console_descriptors(struct descriptors *descriptors) {
    for (unsigned i = 0; i < 3; i++) {
        struct file *former = i == 0 ? nullptr : descriptor_find(descriptors, (int)i - 1);
        const bool same = i == 2 || (i == 1 && input.is_terminal && output_is_terminal);
        struct file *file = same ? file_hold(former) : open_side(i == 0);
        const int number = file == nullptr ? -ENOMEM : descriptor_add(descriptors, file, i, false);
        if (number >= 0) continue;
        if (file != nullptr) file_release(file);
        return number;
    }
    return 0;
}
