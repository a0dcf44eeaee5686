// SPDX-License-Identifier: MIT
// rename(2): one operation, whatever it replaces and wherever it moves.
#include "libos/unix/disk/internal.h"

constexpr unsigned DEPTH_MOST = 1 << 16; // of directories; a damaged disk may have a circle of them

struct rename {
    struct node *from, *to;       // directories
    struct node *node, *replaced; // what is moved; what had the new name, or null
    struct place old, new;
};

static bool is_dots(const char *name, size_t length) {
    return name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'));
}

// The directory above, with a reference.
static int parent_of(struct node *directory, struct node **parent) {
    struct place place;
    const int error = entry_find(directory, "..", 2, &place);
    return error ? (error == -ENOENT ? -EUCLEAN : error) : node_get(directory->inode.fs, place.inode, parent);
}

// Is `to` the directory itself, or below it? 1, 0 or an error.
static int is_below(struct node *to, const struct node *directory) {
    struct filesystem *fs = to->inode.fs;
    struct node *at = to;
    fs_hold(&at->inode);
    int result = 0;
    for (unsigned depth = 0; at != fs->root; depth++) {
        if (at == directory) {
            result = 1;
            break;
        }
        struct node *above;
        result = depth < DEPTH_MOST ? parent_of(at, &above) : -EUCLEAN;
        if (result) break;
        node_release(at);
        at = above;
    }
    node_release(at);
    return result;
}

static int check(const struct rename *rename, uint32_t flags) {
    const bool directory = S_ISDIR(rename->node->inode.mode);
    if (directory) {
        const int below = is_below(rename->to, rename->node);
        if (below) return below < 0 ? below : -EINVAL;
    }
    if (!rename->replaced)
        return directory && rename->from != rename->to && rename->to->inode.links >= FS_LINKS_MOST ? -EMLINK : 0;
    if (flags & FS_NOREPLACE) return -EEXIST;
    const bool over = S_ISDIR(rename->replaced->inode.mode);
    if (directory && !over) return -ENOTDIR;
    if (!directory && over) return -EISDIR;
    if (!rename->replaced->inode.links) return -EUCLEAN;
    const int empty = over ? directory_is_empty(rename->replaced) : 1;
    return empty < 0 ? empty : empty ? 0 : -ENOTEMPTY;
}

// The moved directory's ".." and its parents' links.
static int move_directory(struct rename *rename) {
    struct place up;
    const int error = entry_find(rename->node, "..", 2, &up);
    if (error) return error;
    rename->from->inode.links--;
    rename->to->inode.links++;
    return directory_set(rename->node, &up, rename->to->inode.number, S_IFDIR);
}

static int move(struct rename *rename, const char *name, size_t length) {
    struct filesystem *fs = rename->node->inode.fs;
    const struct inode *inode = &rename->node->inode;
    int error = rename->replaced ? directory_set(rename->to, &rename->new, inode->number, inode->mode)
                                 : directory_add(rename->to, name, length, inode->number, inode->mode);
    if (!error) error = directory_remove(rename->from, &rename->old);
    if (!error && S_ISDIR(inode->mode) && rename->from != rename->to) error = move_directory(rename);
    if (error) return error;
    if (rename->replaced) {
        struct inode *replaced = &rename->replaced->inode;
        if (S_ISDIR(replaced->mode)) {
            replaced->links = 0;
            rename->to->inode.links--;
        } else {
            replaced->links--;
        }
        node_unlinked(rename->replaced);
    }
    rename->node->inode.changed = fs_now(fs);
    node_change(rename->node, true);
    node_change(rename->to, true);
    node_change(rename->from, true);
    return 0;
}

int fs_rename(struct inode *from, const char *name, size_t length, struct inode *to, const char *new_name,
              size_t new_length, uint32_t flags) {
    struct filesystem *fs = from->fs;
    struct rename rename = {.from = node_of(from), .to = node_of(to)};
    int error;
    if (!S_ISDIR(from->mode) || !S_ISDIR(to->mode)) return -ENOTDIR;
    if (name_is_bad(length, &error) || name_is_bad(new_length, &error)) return error;
    if (!from->links || !to->links) return -ENOENT;
    if (is_dots(name, length) || is_dots(new_name, new_length)) return -EBUSY;
    error = entry_find(rename.from, name, length, &rename.old);
    if (!error) error = node_get(fs, rename.old.inode, &rename.node);
    if (error) return error;
    error = entry_find(rename.to, new_name, new_length, &rename.new);
    if (!error) error = node_get(fs, rename.new.inode, &rename.replaced);
    if (error == -ENOENT) error = 0;
    if (!error && rename.replaced == rename.node) {
        error = flags & FS_NOREPLACE ? -EEXIST : 0;
    } else if (!error) {
        error = check(&rename, flags);
        if (!error) error = operation_begin(fs, rename.replaced ? 0 : directory_blocks(rename.to, new_length));
        if (!error) {
            error = move(&rename, new_name, new_length);
            if (error) fs_stop(fs, error, "a directory is damaged");
            error = operation_end(fs, error);
        }
    }
    fs_release(&rename.node->inode);
    if (rename.replaced) fs_release(&rename.replaced->inode);
    return error;
}
