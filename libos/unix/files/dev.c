// SPDX-License-Identifier: MIT
// /dev: the devices that programs expect, and links to what a process has open.
#include "libos/unix/files/console.h"
#include "libos/unix/files/copy.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/terminal.h"
#include "libos/unix/process/process.h"
#include "libos/unix/process/random.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>

static const struct special_kind device_kind, link_kind, root_kind;

// Numbers of character devices, as Linux assigns them.
enum : uint32_t {
    DEVICE_NULL = 1 << 8 | 3,
    DEVICE_ZERO = 1 << 8 | 5,
    DEVICE_FULL = 1 << 8 | 7,
    DEVICE_RANDOM = 1 << 8 | 8,
    DEVICE_URANDOM = 1 << 8 | 9,
    DEVICE_TTY = 5 << 8 | 0,
    DEVICE_CONSOLE = 5 << 8 | 1,
};

#define NODE(number_, mode_, device_, kind_) \
    {{.number = number_, .references = 1, .mode = mode_, .links = 1, .device = device_}, &kind_}
static struct node {
    struct special special;
    const char *name, *target;
} nodes[] = {
    {NODE(2, S_IFCHR | 0666, DEVICE_NULL, device_kind), "null", nullptr},
    {NODE(3, S_IFCHR | 0666, DEVICE_ZERO, device_kind), "zero", nullptr},
    {NODE(4, S_IFCHR | 0666, DEVICE_FULL, device_kind), "full", nullptr},
    {NODE(5, S_IFCHR | 0666, DEVICE_RANDOM, device_kind), "random", nullptr},
    {NODE(6, S_IFCHR | 0666, DEVICE_URANDOM, device_kind), "urandom", nullptr},
    {NODE(7, S_IFCHR | 0666, DEVICE_TTY, device_kind), "tty", nullptr},
    {NODE(8, S_IFCHR | 0600, DEVICE_CONSOLE, device_kind), "console", nullptr},
    {NODE(9, S_IFLNK | 0777, 0, link_kind), "stdin", "/proc/self/fd/0"},
    {NODE(10, S_IFLNK | 0777, 0, link_kind), "stdout", "/proc/self/fd/1"},
    {NODE(11, S_IFLNK | 0777, 0, link_kind), "stderr", "/proc/self/fd/2"},
    {NODE(12, S_IFLNK | 0777, 0, link_kind), "fd", "/proc/self/fd"},
    {NODE(13, S_IFLNK | 0777, 0, link_kind), "shm", "/tmp"},
};
constexpr unsigned NODES = sizeof(nodes) / sizeof(nodes[0]);
static struct special root = {{.number = 1, .references = 1, .mode = S_IFDIR | 0755, .links = 2}, &root_kind};

struct inode *dev_root(void) {
    return &root.inode;
}

struct inode *console_device(void) {
    for (unsigned i = 0; i < NODES; i++)
        if (nodes[i].special.inode.device == DEVICE_CONSOLE) return &nodes[i].special.inode;
    return nullptr;
}

const char *device_name(const struct inode *inode) {
    for (unsigned i = 0; i < NODES; i++)
        if (&nodes[i].special.inode == inode) return nodes[i].name;
    return nullptr;
}

static int root_lookup(struct special *, const char *name, size_t length, struct inode **found) {
    for (unsigned i = 0; i < NODES; i++)
        if (strlen(nodes[i].name) == length && memcmp(nodes[i].name, name, length) == 0) {
            *found = inode_hold(&nodes[i].special.inode);
            return 0;
        }
    return -ENOENT;
}

static int root_entry(struct special *, uint64_t cursor, struct fs_entry *entry) {
    if (cursor >= NODES + 2) return 0;
    const struct node *node = cursor < 2 ? nullptr : &nodes[cursor - 2];
    const char *name = cursor == 0 ? "." : cursor == 1 ? ".." : node->name;
    *entry = (struct fs_entry){
        .cursor = cursor + 1,
        .inode = node == nullptr ? 1 : node->special.inode.number,
        .type = node == nullptr ? DT_DIR : (uint8_t)IFTODT(node->special.inode.mode),
        .length = (uint8_t)strlen(name),
    };
    memcpy(entry->name, name, entry->length);
    return 1;
}

static const struct special_kind root_kind = {.lookup = root_lookup, .entry = root_entry, .device = DEVICE_DEV};

static int64_t link_target(struct special *link, char *target, size_t room) {
    const char *text = ((const struct node *)link)->target;
    const size_t length = strlen(text);
    memcpy(target, text, length < room ? length : room);
    return (int64_t)length;
}

static const struct special_kind link_kind = {.target = link_target, .device = DEVICE_DEV};

// ---- Devices

static int64_t read_nothing(struct file *, uint64_t, void *, size_t) {
    return 0;
}
static int64_t read_zeros(struct file *, uint64_t, void *to, size_t bytes) {
    return copy_zero(to, bytes) != 0 ? -EFAULT : (int64_t)bytes;
}
static int64_t write_away(struct file *, uint64_t, const void *, size_t bytes) {
    return (int64_t)bytes;
}
static int64_t write_full(struct file *, uint64_t, const void *, size_t) {
    return -ENOSPC;
}

static int64_t read_random(struct file *, uint64_t, void *to, size_t bytes) {
    uint8_t part[256];
    size_t done = 0;
    while (done < bytes) {
        const size_t count = bytes - done < sizeof(part) ? bytes - done : sizeof(part);
        random_bytes(part, count);
        if (copy_out((uint8_t *)to + done, part, count) != 0) return done != 0 ? (int64_t)done : -EFAULT;
        done += count;
    }
    return (int64_t)done;
}

static const struct file_operations null_operations = {
    .read = read_nothing, .write = write_away, .seeks = true, .stays = true};
static const struct file_operations zero_operations = {
    .read = read_zeros, .write = write_away, .seeks = true, .stays = true};
static const struct file_operations full_operations = {
    .read = read_zeros, .write = write_full, .seeks = true, .stays = true};
static const struct file_operations random_operations = {
    .read = read_random, .write = write_away, .seeks = true, .stays = true};

int device_open(struct inode *inode, uint32_t flags, struct file **file) {
    const struct file_operations *operations;
    if (!S_ISCHR(inode->mode)) return -ENXIO;
    switch (inode->device) {
    case DEVICE_NULL: operations = &null_operations; break;
    case DEVICE_ZERO: operations = &zero_operations; break;
    case DEVICE_FULL: operations = &full_operations; break;
    case DEVICE_RANDOM:
    case DEVICE_URANDOM: operations = &random_operations; break;
    case DEVICE_TTY: return terminal_open(inode, flags, file);
    case DEVICE_CONSOLE: return console_open(inode, flags, file);
    default: return -ENXIO;
    }
    *file = file_new(operations, inode, flags, "", nullptr);
    return *file == nullptr ? -ENOMEM : 0;
}

static int open_node(struct special *special, uint32_t flags, struct file **file) {
    return device_open(&special->inode, flags, file);
}

static const struct special_kind device_kind = {.open = open_node, .device = DEVICE_DEV};
