// SPDX-License-Identifier: MIT
// A file system in memory behind libos/unix/disk/filesystem.h: names, inodes and contents, as simply as can be. Names
// of a directory are in the order of their making; a cursor is the number of one made.
#include "tests/unit/files_fake.h"
#include "tests/unit/files_fake_disk.h"
#include "libos/unix/disk/filesystem.h"
#include "libos/unix/memory/memory.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

struct name {
    struct name *next;
    uint64_t cursor;
    struct node *node;
    char text[FS_NAME_MOST + 1];
};

struct node {
    struct inode inode;
    struct name *names; // of a directory
    struct node *above;
    uint8_t *bytes; // contents or a link's target
    struct node *next;
};

struct filesystem {
    struct node *root, *all;
    uint32_t numbers;
    uint64_t cursors;
};
static struct filesystem fake;

static struct node *node_of(const struct inode *inode) {
    return (struct node *)inode;
}

static struct node *node_new(const struct fs_new *as) {
    struct node *node = calloc(1, sizeof(*node));
    const bool is_directory = S_ISDIR(as->mode);
    node->inode = (struct inode){
        .fs = &fake, .number = ++fake.numbers, .references = 1, .mode = as->mode, .links = is_directory ? 2 : 1,
        .uid = as->uid, .gid = as->gid, .device = as->device, .accessed = 1, .modified = 1, .changed = 1,
    };
    node->next = fake.all;
    fake.all = node;
    return node;
}

static void node_free(struct node *node) {
    struct node **at = &fake.all;
    while (*at != node) at = &(*at)->next;
    *at = node->next;
    while (node->names != nullptr) {
        struct name *name = node->names;
        node->names = name->next;
        free(name);
    }
    free(node->bytes);
    free(node);
}

void fake_disk_begin(void) {
    fake = (struct filesystem){};
    fake.root = node_new(&(struct fs_new){.mode = S_IFDIR | 0755});
    fake.root->above = fake.root;
    files_disk = &fake;
}

// Nobody may hold anything any more: what is left is what has names, and each has the reference of having none.
unsigned fake_disk_end(void) {
    unsigned held = 0;
    for (struct node *node = fake.all; node != nullptr; node = node->next)
        held += node->inode.references != 0 && node != fake.root;
    while (fake.all != nullptr) node_free(fake.all);
    return held;
}

struct inode *fs_root(struct filesystem *fs) {
    return &fs->root->inode;
}

struct inode *fs_hold(struct inode *inode) {
    inode->references++;
    return inode;
}

void fs_release(struct inode *inode) {
    cr_assert_gt(inode->references, 0, "an inode is released that nobody holds");
    if (--inode->references == 0 && inode->links == 0) node_free(node_of(inode));
}

static struct name *name_find(struct node *directory, const char *text, size_t length) {
    for (struct name *name = directory->names; name != nullptr; name = name->next)
        if (strlen(name->text) == length && memcmp(name->text, text, length) == 0) return name;
    return nullptr;
}

static int check(struct inode *directory, size_t length) {
    if (!S_ISDIR(directory->mode)) return -ENOTDIR;
    if (directory->links == 0) return -ENOENT;
    return length > FS_NAME_MOST ? -ENAMETOOLONG : length == 0 ? -ENOENT : 0;
}

int fs_lookup(struct inode *directory, const char *text, size_t length, struct inode **found) {
    struct node *node = node_of(directory);
    if (!S_ISDIR(directory->mode)) return -ENOTDIR;
    if (length == 1 && text[0] == '.') *found = fs_hold(directory);
    else if (length == 2 && text[0] == '.' && text[1] == '.') *found = fs_hold(&node->above->inode);
    else {
        const int error = check(directory, length);
        if (error != 0) return error;
        const struct name *name = name_find(node, text, length);
        if (name == nullptr) return -ENOENT;
        *found = fs_hold(&name->node->inode);
    }
    return 0;
}

static void name_add(struct node *directory, const char *text, size_t length, struct node *node) {
    struct name *name = calloc(1, sizeof(*name)), **at = &directory->names;
    memcpy(name->text, text, length);
    name->cursor = ++fake.cursors;
    name->node = node;
    while (*at != nullptr) at = &(*at)->next;
    *at = name;
    if (!S_ISDIR(node->inode.mode)) return;
    node->above = directory;
    directory->inode.links++;
}

static void name_remove(struct node *directory, struct name *name) {
    struct name **at = &directory->names;
    while (*at != name) at = &(*at)->next;
    *at = name->next;
    if (S_ISDIR(name->node->inode.mode)) directory->inode.links--;
    free(name);
}

static int make(struct inode *directory, const char *text, size_t length, const struct fs_new *as, struct node **made) {
    const int error = check(directory, length);
    if (error != 0) return error;
    if (name_find(node_of(directory), text, length) != nullptr) return -EEXIST;
    *made = node_new(as);
    name_add(node_of(directory), text, length, *made);
    return 0;
}

static int give(int error, struct node *node, struct inode **made) {
    if (error != 0) return error;
    if (made != nullptr)
        *made = &node->inode;
    else
        fs_release(&node->inode);
    return 0;
}

int fs_create(struct inode *directory, const char *text, size_t length, const struct fs_new *as, struct inode **made) {
    struct node *node = nullptr;
    const int error = make(directory, text, length, as, &node);
    return give(error, node, made);
}

int fs_mkdir(struct inode *directory, const char *text, size_t length, const struct fs_new *as, struct inode **made) {
    return fs_create(directory, text, length, as, made);
}

int fs_symlink(struct inode *directory, const char *text, size_t length, const struct fs_new *as, const char *target,
               size_t target_length, struct inode **made) {
    struct node *node = nullptr;
    const int error = make(directory, text, length, as, &node);
    if (error == 0) {
        node->bytes = malloc(target_length + 1);
        memcpy(node->bytes, target, target_length);
        node->inode.size = target_length;
    }
    return give(error, node, made);
}

int fs_create_nameless(struct filesystem *, const struct fs_new *as, struct inode **made) {
    struct node *node = node_new(as);
    node->inode.links = 0;
    *made = &node->inode;
    return 0;
}

int fs_link(struct inode *directory, const char *text, size_t length, struct inode *to) {
    const int error = check(directory, length);
    if (error != 0) return error;
    if (name_find(node_of(directory), text, length) != nullptr) return -EEXIST;
    to->links++;
    name_add(node_of(directory), text, length, node_of(to));
    return 0;
}

static void drop(struct node *node, uint32_t links) {
    node->inode.links -= links;
    if (node->inode.links == 0 && node->inode.references == 0) node_free(node);
}

int fs_unlink(struct inode *directory, const char *text, size_t length) {
    struct name *name = name_find(node_of(directory), text, length);
    if (name == nullptr) return -ENOENT;
    struct node *node = name->node;
    if (S_ISDIR(node->inode.mode)) return -EISDIR;
    name_remove(node_of(directory), name);
    drop(node, 1);
    return 0;
}

int fs_rmdir(struct inode *directory, const char *text, size_t length) {
    struct name *name = name_find(node_of(directory), text, length);
    if (name == nullptr) return -ENOENT;
    struct node *node = name->node;
    if (!S_ISDIR(node->inode.mode)) return -ENOTDIR;
    if (node->names != nullptr) return -ENOTEMPTY;
    name_remove(node_of(directory), name);
    drop(node, 2);
    return 0;
}

int fs_rename(struct inode *from, const char *text, size_t length, struct inode *to, const char *new_text,
              size_t new_length, uint32_t flags) {
    struct name *name = name_find(node_of(from), text, length), *other = name_find(node_of(to), new_text, new_length);
    if (name == nullptr) return -ENOENT;
    if (other != nullptr && (flags & FS_NOREPLACE)) return -EEXIST;
    struct node *node = name->node;
    if (other != nullptr && other->node == node) return 0;
    const bool is_directory = S_ISDIR(node->inode.mode);
    for (struct node *above = node_of(to); is_directory; above = above->above) {
        if (above == node) return -EINVAL;
        if (above == above->above) break;
    }
    if (other != nullptr) {
        if (is_directory && !S_ISDIR(other->node->inode.mode)) return -ENOTDIR;
        if (!is_directory && S_ISDIR(other->node->inode.mode)) return -EISDIR;
        const int error = is_directory ? fs_rmdir(to, new_text, new_length) : fs_unlink(to, new_text, new_length);
        if (error != 0) return error;
    }
    name_remove(node_of(from), name);
    name_add(node_of(to), new_text, new_length, node);
    return 0;
}

int64_t fs_readlink(struct inode *link, char *target, size_t room) {
    memcpy(target, node_of(link)->bytes, link->size < room ? link->size : room);
    return (int64_t)link->size;
}

int fs_readdir(struct inode *directory, uint64_t cursor, struct fs_entry *entry) {
    struct node *node = node_of(directory);
    if (!S_ISDIR(directory->mode)) return -ENOTDIR;
    if (cursor < 2) {
        struct node *self = cursor == 0 ? node : node->above;
        *entry = (struct fs_entry){.cursor = cursor + 1, .inode = self->inode.number, .type = DT_DIR,
                                   .length = (uint8_t)(cursor + 1), .name = ".."};
        entry->name[cursor + 1] = '\0';
        return 1;
    }
    for (const struct name *name = node->names; name != nullptr; name = name->next) {
        if (name->cursor + 2 <= cursor) continue;
        *entry = (struct fs_entry){.cursor = name->cursor + 3, .inode = name->node->inode.number,
                                   .type = (uint8_t)IFTODT(name->node->inode.mode),
                                   .length = (uint8_t)strlen(name->text)};
        memcpy(entry->name, name->text, entry->length + 1u);
        return 1;
    }
    return 0;
}

int fs_change(struct inode *inode, const struct fs_change *to) {
    if (to->mask & FS_MODE) inode->mode = (uint16_t)((inode->mode & S_IFMT) | (to->mode & 07777));
    if (to->mask & FS_OWNER) inode->uid = to->uid, inode->gid = to->gid;
    if (to->mask & FS_ACCESSED) inode->accessed = to->accessed;
    if (to->mask & FS_MODIFIED) inode->modified = to->modified;
    return 0;
}

void fs_touch(struct inode *inode, uint32_t mask) {
    if (mask & FS_ACCESSED) inode->accessed = clock_wall();
    if (mask & FS_MODIFIED) inode->modified = clock_wall();
}

int fs_fsync(struct inode *, bool) {
    return 0;
}
int fs_sync(struct filesystem *) {
    return 0;
}
void fs_statistics(const struct filesystem *, struct fs_statistics *statistics) {
    *statistics =
        (struct fs_statistics){.blocks = 1000, .free = 900, .available = 850, .inodes = 100, .inodes_free = 90};
}

// ---- The page cache: there is none

int64_t cache_read(struct inode *file, uint64_t offset, void *to, size_t bytes) {
    if (offset >= file->size) return 0;
    if (bytes > file->size - offset) bytes = file->size - offset;
    if ((uint64_t)to >= FAKE_BAD) return -EFAULT;
    memcpy(to, node_of(file)->bytes + offset, bytes);
    return (int64_t)bytes;
}

int cache_set_size(struct inode *file, uint64_t size) {
    struct node *node = node_of(file);
    node->bytes = realloc(node->bytes, size + 1);
    if (size > file->size) memset(node->bytes + file->size, 0, size - file->size);
    file->size = size;
    return 0;
}

int64_t cache_write(struct inode *file, uint64_t offset, const void *from, size_t bytes) {
    if ((uint64_t)from >= FAKE_BAD) return -EFAULT;
    if (offset + bytes > file->size) (void)cache_set_size(file, offset + bytes);
    memcpy(node_of(file)->bytes + offset, from, bytes);
    file->modified = clock_wall();
    return (int64_t)bytes;
}

int cache_allocate(struct inode *, uint64_t, uint64_t) {
    return 0;
}

int cache_sync(struct inode *, bool) {
    return 0;
}
int cache_sync_all(void) {
    return 0;
}
void cache_expect(struct inode *, bool) {
}
void cache_forget(struct inode *) {
    cr_assert_fail("the cache holds nothing here");
}
