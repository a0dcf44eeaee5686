// SPDX-License-Identifier: MIT
// See path.h. A walk has where it stands, and the text that is still to be followed. A link's target is put before
// what remains of the text; so there is no recursion, and a count of links ends every walk.
#include "libos/unix/files/path.h"
#include "libos/core/heap.h"
#include "libos/unix/files/file.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/special.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

int path_text_read(struct path_text *text, uint64_t address) {
    text->text = text->small;
    int64_t length = user_string(text->small, address, sizeof(text->small));
    if (length != -ENAMETOOLONG) return length < 0 ? (int)length : 0;
    text->text = heap_allocate(PATH_MOST);
    if (text->text == nullptr) return -ENOMEM;
    length = user_string(text->text, address, PATH_MOST);
    if (length >= 0) return 0;
    path_text_free(text);
    return (int)length;
}

void path_text_free(struct path_text *text) {
    if (text->text != text->small) heap_release(text->text);
    text->text = text->small;
}

struct walk {
    struct inode *at;  // a reference
    const char *rest;  // of the text
    char *expanded;    // what `rest` points into, once a link was followed; on the heap
    uint32_t links;    // followed so far
    uint32_t flags;
    struct path_end *end;
};

static void stand_at(struct walk *walk, struct inode *inode) { // takes the reference over
    inode_release(walk->at);
    walk->at = inode;
}

static bool wants_parent(const struct walk *walk) {
    return (walk->flags & PATH_PARENT) != 0;
}

// Puts a link's target before the rest of the text. The walk stands in the link's directory.
static int expand(struct walk *walk, struct inode *link) {
    const size_t rest = strlen(walk->rest);
    const size_t room = PATH_MOST + rest;
    char *text = heap_allocate(room + 1);
    if (text == nullptr) return -ENOMEM;
    const int64_t length = inode_target(link, text, PATH_MOST);
    if (length <= 0 || length >= PATH_MOST) {
        heap_release(text);
        return length < 0 ? (int)length : length == 0 ? -ENOENT : -ENAMETOOLONG;
    }
    memcpy(text + length, walk->rest, rest + 1); // begins with a slash, or is empty
    heap_release(walk->expanded);
    walk->expanded = text;
    walk->rest = text;
    if (text[0] == '/') stand_at(walk, inode_hold(process_current()->root));
    return 0;
}

// Takes over the reference to the link.
static int follow(struct walk *walk, struct inode *link) {
    int error = 0;
    if (++walk->links > SYMLINKS_MOST)
        error = -ELOOP;
    else if (is_special(link) && special_of(link)->kind->follow != nullptr) {
        struct inode *there;
        error = special_of(link)->kind->follow(special_of(link), &there);
        if (error == 0) stand_at(walk, there);
    } else
        error = expand(walk, link);
    inode_release(link);
    return error;
}

// The end: a name whose inode is `inode` (a reference, or null) in the directory where the walk stands.
static int finish(struct walk *walk, const char *name, size_t length, enum path_last last, struct inode *inode) {
    struct path_end *end = walk->end;
    end->last = last;
    end->inode = inode;
    if (!wants_parent(walk)) return 0;
    end->directory = inode_hold(walk->at);
    end->length = (uint32_t)length;
    memcpy(end->name, name, length);
    end->name[length] = '\0';
    return 0;
}

static int look_up(struct walk *walk, const char *name, size_t length, struct inode **found) {
    const bool upwards = length == 2 && name[0] == '.' && name[1] == '.';
    if (upwards && walk->at == process_current()->root) { // there is nothing above it
        *found = inode_hold(walk->at);
        return 0;
    }
    return inode_lookup(walk->at, name, length, found);
}

static enum path_last last_of(const char *name, size_t length) {
    if (name[0] != '.' || length > 2) return PATH_NAME;
    if (length == 1) return PATH_DOT;
    return name[1] == '.' ? PATH_DOT_DOT : PATH_NAME;
}

// One name of the path. 1: the walk is over; 0: it goes on; or an error.
static int step(struct walk *walk) {
    const char *name = walk->rest;
    size_t length = 0;
    while (name[length] != '/' && name[length] != '\0') length++;
    const char *after = name + length;
    while (*after == '/') after++;
    const bool is_end = *after == '\0', slash = is_end && name[length] == '/';

    if (!S_ISDIR(walk->at->mode)) return -ENOTDIR;
    int error = inode_access(walk->at, ACCESS_EXECUTE);
    if (error != 0) return error;
    if (length > FS_NAME_MOST) return -ENAMETOOLONG;
    struct inode *found = nullptr;
    error = look_up(walk, name, length, &found);
    if (error == -ENOENT && is_end && wants_parent(walk)) {
        walk->end->slash = slash;
        error = finish(walk, name, length, PATH_NAME, nullptr);
        return error == 0 ? 1 : error;
    }
    if (error != 0) return error;

    const bool follows = !is_end || (walk->flags & PATH_FOLLOW) || (slash && !wants_parent(walk));
    if (S_ISLNK(found->mode) && follows) {
        // A slash behind the last link stays: what it leads to must be a directory.
        walk->rest = name + length;
        return follow(walk, found);
    }
    if (!is_end) {
        stand_at(walk, found);
        walk->rest = after;
        return 0;
    }
    if (slash && !wants_parent(walk) && !S_ISDIR(found->mode)) {
        inode_release(found);
        return -ENOTDIR;
    }
    walk->end->slash = slash;
    error = finish(walk, name, length, last_of(name, length), found);
    return error == 0 ? 1 : error;
}

// Nothing but slashes is left: at the root, or where a link led that has no text.
static int finish_here(struct walk *walk, bool slash) {
    if (slash && !S_ISDIR(walk->at->mode)) return -ENOTDIR;
    walk->end->slash = slash;
    return finish(walk, "", 0, PATH_ROOT, inode_hold(walk->at));
}

int path_walk(struct inode *from, const char *text, uint32_t flags, struct path_end *end) {
    *end = (struct path_end){};
    if (text[0] == '\0' && !(flags & PATH_EMPTY)) return -ENOENT;
    struct walk walk = {.rest = text, .flags = flags, .end = end};
    walk.at = inode_hold(text[0] == '/' ? process_current()->root : from);
    int result = 0;
    while (result == 0) {
        const bool slash = *walk.rest == '/';
        while (*walk.rest == '/') walk.rest++;
        if (*walk.rest != '\0')
            result = step(&walk);
        else {
            result = finish_here(&walk, slash);
            if (result == 0) result = 1;
        }
    }
    inode_release(walk.at);
    heap_release(walk.expanded);
    return result < 0 ? result : 0;
}

void path_end_release(struct path_end *end) {
    inode_release(end->inode);
    inode_release(end->directory);
    end->inode = end->directory = nullptr;
}

int64_t path_plain(struct inode *from, const char *text, uint32_t flags, char *to, size_t room) {
    struct path_end end;
    const int error = path_walk(from, text, flags | PATH_PARENT, &end);
    if (error != 0) return error;
    int64_t length = end.last == PATH_NAME ? path_of_directory(end.directory, to, room) : -ENOENT;
    if (length > 0) {
        length -= length == 2 ? 2 : 1; // the zero byte; of the root, the slash as well
        if ((size_t)length + 1 + end.length > room) length = -ERANGE;
    }
    if (length >= 0) {
        to[length++] = '/';
        memcpy(to + length, end.name, end.length);
        length += end.length;
    }
    path_end_release(&end);
    return length;
}

int path_walk_at(int directory, const char *text, uint32_t flags, struct path_end *end) {
    const struct process *process = process_current();
    if (directory == AT_FDCWD || text[0] == '/') return path_walk(process->directory, text, flags, end);
    *end = (struct path_end){};
    if (text[0] == '\0' && !(flags & PATH_EMPTY)) return -ENOENT;
    const struct file *file = descriptor_find(process->descriptors, directory);
    return file == nullptr ? -EBADF : path_walk(file->inode, text, flags, end);
}

int path_walk_user(int directory, uint64_t address, uint32_t flags, struct path_end *end) {
    struct path_text text;
    *end = (struct path_end){};
    int error = path_text_read(&text, address);
    if (error != 0) return error;
    error = path_walk_at(directory, text.text, flags, end);
    path_text_free(&text);
    return error;
}

int path_find(const char *path, bool follow_last, struct inode **inode) {
    struct path_end end;
    const int error = path_walk(process_current()->directory, path, follow_last ? PATH_FOLLOW : 0, &end);
    if (error == 0) *inode = end.inode;
    return error;
}

int path_program(const char *path, struct inode **inode) {
    int error = path_find(path, true, inode);
    if (error != 0) return error;
    error = S_ISREG((*inode)->mode) && !is_special(*inode) ? inode_access(*inode, ACCESS_EXECUTE) : -EACCES;
    if (error != 0) inode_release(*inode);
    return error;
}
