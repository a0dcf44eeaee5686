// SPDX-License-Identifier: MIT
// The tree of /proc. Its inodes are made when they are looked for and go with their last reference; what they stand for
// is found again by the process's number each time, so that nothing dangles when the process has ended (ESRCH, ENOENT).
//
//   /proc         entries of the system, `self`, a directory for each process
//   /proc/PID     entries of a process, and fd
//   /proc/PID/fd  one link for each descriptor
#include "libos/unix/files/proc.h"
#include "libos/core/heap.h"
#include "libos/core/print.h"
#include "libos/unix/files/copy.h"
#include "libos/unix/files/files.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/process/process.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>

enum proc_place : uint8_t { PROC_ROOT, PROC_SYSTEM, PROC_PROCESS, PROC_OF_PROCESS, PROC_FD, PROC_DESCRIPTOR };

struct proc_inode {
    struct special special;
    enum proc_place place;
    int32_t pid;
    uint32_t index; // of the entry, or a descriptor
};

static const struct special_kind directory_kind, file_kind, link_kind, self_kind;

// Unlike any other: the place, the process and the index make the number.
static uint32_t number_of(enum proc_place place, int32_t pid, uint32_t index) {
    return place == PROC_ROOT ? 1 : ((uint32_t)pid << 14 ^ (uint32_t)place << 28) + index + 2;
}

static int make(enum proc_place place, int32_t pid, uint32_t index, uint32_t mode, const struct special_kind *kind,
                struct inode **made) {
    struct proc_inode *inode = heap_allocate(sizeof(*inode));
    if (inode == nullptr) return -ENOMEM;
    const struct process *process = pid == 0 ? nullptr : process_find(pid);
    const uint64_t now = process == nullptr ? clock_wall() : clock_wall() - clock_now() + process->started;
    *inode = (struct proc_inode){
        .special = {{.number = number_of(place, pid, index),
                     .references = 1,
                     .mode = (uint16_t)mode,
                     .links = S_ISDIR(mode) ? 2 : 1,
                     .uid = process == nullptr ? 0 : process->euid,
                     .gid = process == nullptr ? 0 : process->egid,
                     .accessed = now,
                     .modified = now,
                     .changed = now},
                    kind},
        .place = place,
        .pid = pid,
        .index = index,
    };
    *made = &inode->special.inode;
    return 0;
}

static void release(struct special *special) {
    heap_release(special);
}

static const struct proc_entry *entry_of(const struct proc_inode *inode) {
    return inode->place == PROC_SYSTEM ? &proc_of_system[inode->index] : &proc_of_process[inode->index];
}

static int make_entry(enum proc_place place, int32_t pid, uint32_t index, struct inode **made) {
    const uint32_t mode = (place == PROC_SYSTEM ? proc_of_system : proc_of_process)[index].mode;
    return make(place, pid, index, mode, S_ISLNK(mode) ? &link_kind : &file_kind, made);
}

// ---- Looking up

static bool is_name(const char *name, size_t length, const char *other) {
    return strlen(other) == length && memcmp(name, other, length) == 0;
}

// A number as it is written there: no sign, no leading zero.
static bool is_number(const char *name, size_t length, uint32_t *number) {
    uint64_t value = 0;
    if (length == 0 || length > 9 || (name[0] == '0' && length > 1)) return false;
    for (size_t i = 0; i < length; i++) {
        if (name[i] < '0' || name[i] > '9') return false;
        value = value * 10 + (uint64_t)(name[i] - '0');
    }
    *number = (uint32_t)value;
    return true;
}

static int lookup_in_root(const char *name, size_t length, struct inode **found) {
    uint32_t pid;
    if (is_name(name, length, "self"))
        return make(PROC_SYSTEM, 0, proc_of_system_count, S_IFLNK | 0777, &self_kind, found);
    if (is_number(name, length, &pid) && process_find((int32_t)pid) != nullptr)
        return make(PROC_PROCESS, (int32_t)pid, 0, S_IFDIR | 0555, &directory_kind, found);
    for (uint32_t i = 0; i < proc_of_system_count; i++)
        if (is_name(name, length, proc_of_system[i].name)) return make_entry(PROC_SYSTEM, 0, i, found);
    return -ENOENT;
}

static int lookup_in_process(int32_t pid, const char *name, size_t length, struct inode **found) {
    if (process_find(pid) == nullptr) return -ENOENT;
    if (is_name(name, length, "fd")) return make(PROC_FD, pid, 0, S_IFDIR | 0500, &directory_kind, found);
    for (uint32_t i = 0; i < proc_of_process_count; i++)
        if (is_name(name, length, proc_of_process[i].name)) return make_entry(PROC_OF_PROCESS, pid, i, found);
    return -ENOENT;
}

static int lookup_in_fd(int32_t pid, const char *name, size_t length, struct inode **found) {
    const struct process *process = process_find(pid);
    uint32_t number;
    if (process == nullptr || process->descriptors == nullptr || !is_number(name, length, &number)) return -ENOENT;
    if (descriptor_find(process->descriptors, (int)number) == nullptr) return -ENOENT;
    return make(PROC_DESCRIPTOR, pid, number, S_IFLNK | 0700, &link_kind, found);
}

static int lookup_above(const struct proc_inode *inode, struct inode **found) {
    if (inode->place == PROC_FD) return make(PROC_PROCESS, inode->pid, 0, S_IFDIR | 0555, &directory_kind, found);
    *found = inode_hold(proc_root());
    return 0;
}

static int lookup(struct special *special, const char *name, size_t length, struct inode **found) {
    const struct proc_inode *inode = (const struct proc_inode *)special;
    if (is_name(name, length, "..")) return lookup_above(inode, found);
    switch (inode->place) {
    case PROC_ROOT: return lookup_in_root(name, length, found);
    case PROC_PROCESS: return lookup_in_process(inode->pid, name, length, found);
    case PROC_FD: return lookup_in_fd(inode->pid, name, length, found);
    default: return -ENOTDIR;
    }
}

// ---- Entries. Cursors 0 and 1 are "." and ".."; then come the fixed entries, then processes or descriptors by number.

static int give(struct fs_entry *entry, uint64_t cursor, uint32_t inode, uint8_t type, const char *name) {
    *entry = (struct fs_entry){.cursor = cursor + 1, .inode = inode, .type = type};
    entry->length = (uint8_t)strlen(name);
    memcpy(entry->name, name, entry->length);
    return 1;
}

static int give_number(struct fs_entry *entry, uint64_t cursor, uint32_t inode, uint8_t type, uint32_t number) {
    char name[16];
    (void)format_text(name, sizeof(name), "%u", number);
    return give(entry, cursor, inode, type, name);
}

static int entry_in_root(uint64_t cursor, struct fs_entry *entry) {
    if (cursor == 2) return give(entry, cursor, number_of(PROC_SYSTEM, 0, proc_of_system_count), DT_LNK, "self");
    const uint64_t first = 3 + proc_of_system_count;
    if (cursor < first) {
        const uint32_t index = (uint32_t)cursor - 3;
        return give(entry, cursor, number_of(PROC_SYSTEM, 0, index), IFTODT(proc_of_system[index].mode),
                    proc_of_system[index].name);
    }
    const struct process *process = cursor - first > INT32_MAX ? nullptr : process_next((int32_t)(cursor - first));
    if (process == nullptr) return 0;
    return give_number(entry, first + (uint32_t)process->pid, number_of(PROC_PROCESS, process->pid, 0), DT_DIR,
                       (uint32_t)process->pid);
}

static int entry_in_process(int32_t pid, uint64_t cursor, struct fs_entry *entry) {
    if (process_find(pid) == nullptr) return -ENOENT;
    if (cursor == 2) return give(entry, cursor, number_of(PROC_FD, pid, 0), DT_DIR, "fd");
    if (cursor - 3 >= proc_of_process_count) return 0;
    const uint32_t index = (uint32_t)cursor - 3;
    return give(entry, cursor, number_of(PROC_OF_PROCESS, pid, index), IFTODT(proc_of_process[index].mode),
                proc_of_process[index].name);
}

static int entry_in_fd(int32_t pid, uint64_t cursor, struct fs_entry *entry) {
    const struct process *process = process_find(pid);
    uint32_t number;
    if (process == nullptr || process->descriptors == nullptr) return -ENOENT;
    if (cursor - 2 > DESCRIPTORS_MOST || !descriptor_next(process->descriptors, (uint32_t)cursor - 2, &number))
        return 0;
    return give_number(entry, number + 2, number_of(PROC_DESCRIPTOR, pid, number), DT_LNK, number);
}

static int entry(struct special *special, uint64_t cursor, struct fs_entry *to) {
    const struct proc_inode *inode = (const struct proc_inode *)special;
    if (cursor < 2) return give(to, cursor, inode->special.inode.number, DT_DIR, cursor == 0 ? "." : "..");
    switch (inode->place) {
    case PROC_ROOT: return entry_in_root(cursor, to);
    case PROC_PROCESS: return entry_in_process(inode->pid, cursor, to);
    default: return entry_in_fd(inode->pid, cursor, to);
    }
}

static const struct special_kind directory_kind = {
    .lookup = lookup, .entry = entry, .release = release, .device = DEVICE_PROC};

static const struct special_kind root_kind = {.lookup = lookup, .entry = entry, .device = DEVICE_PROC};
static struct proc_inode root = {
    .special = {{.number = 1, .references = 1, .mode = S_IFDIR | 0555, .links = 2}, &root_kind}, .place = PROC_ROOT};

struct inode *proc_root(void) {
    return &root.special.inode;
}

// ---- Links

static int64_t self_target(struct special *, char *target, size_t room) {
    return (int64_t)format_text(target, room, "%d", process_current()->pid);
}

static const struct special_kind self_kind = {.target = self_target, .release = release, .device = DEVICE_PROC};

static int64_t link_target(struct special *special, char *target, size_t room) {
    const struct proc_inode *inode = (const struct proc_inode *)special;
    const struct process *process = process_find(inode->pid);
    if (process == nullptr) return -ENOENT;
    if (inode->place == PROC_DESCRIPTOR) return proc_descriptor_target(process, inode->index, target, room);
    return entry_of(inode)->target(process, inode->index, target, room);
}

static int link_follow(struct special *special, struct inode **found) {
    const struct proc_inode *inode = (const struct proc_inode *)special;
    const struct process *process = process_find(inode->pid);
    if (process == nullptr) return -ENOENT;
    if (inode->place == PROC_DESCRIPTOR) return proc_descriptor_follow(process, inode->index, found);
    return entry_of(inode)->follow(process, inode->index, found);
}

static const struct special_kind link_kind = {
    .target = link_target, .follow = link_follow, .release = release, .device = DEVICE_PROC};

// ---- Texts. One is made at a read from the beginning and kept for the reads after it, so that they fit together.

static int make_text(struct file *file) {
    const struct proc_inode *inode = (const struct proc_inode *)special_of(file->inode);
    const struct process *process = inode->place == PROC_SYSTEM ? nullptr : process_find(inode->pid);
    struct text *text = file->own;
    if (inode->place != PROC_SYSTEM && process == nullptr) return -ESRCH;
    text_release(text);
    entry_of(inode)->text(process, text);
    if (!text->failed) return 0;
    text_release(text);
    return -ENOMEM;
}

static int64_t text_read(struct file *file, uint64_t offset, void *to, size_t bytes) {
    struct text *text = file->own;
    if (offset == 0 || text->bytes == nullptr) {
        const int error = make_text(file);
        if (error != 0) return error;
    }
    if (offset >= text->length) return 0;
    if (bytes > text->length - offset) bytes = text->length - offset;
    // While this sleeps, another reader may begin anew: so what is copied is read again from the text each time.
    for (size_t done = 0, part; done < bytes; done += part) {
        char copied[256];
        part = bytes - done < sizeof(copied) ? bytes - done : sizeof(copied);
        if (offset + done + part > text->length) return (int64_t)done;
        memcpy(copied, text->bytes + offset + done, part);
        if (copy_out((char *)to + done, copied, part) != 0) return done != 0 ? (int64_t)done : -EFAULT;
    }
    return (int64_t)bytes;
}

static void text_close(struct file *file) {
    text_release(file->own);
    heap_release(file->own);
}

static const struct file_operations text_operations = {.read = text_read, .release = text_close, .seeks = true};

static int file_open(struct special *special, uint32_t flags, struct file **file) {
    struct text *text = heap_allocate_zeroed(sizeof(*text));
    *file = text == nullptr ? nullptr : file_new(&text_operations, &special->inode, flags, "", nullptr);
    if (*file == nullptr) {
        heap_release(text);
        return -ENOMEM;
    }
    (*file)->own = text;
    return 0;
}

static const struct special_kind file_kind = {.open = file_open, .release = release, .device = DEVICE_PROC};
