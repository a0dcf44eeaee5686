// SPDX-License-Identifier: MIT
// The random operations of disk_world.h.
#include "tests/unit/disk_world.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct run run;
const char *const world_names[NAMES] = {"a",
                                        "bb",
                                        "ccc",
                                        "dddd",
                                        "e-longer-name",
                                        "f.txt",
                                        "g_0123456789",
                                        "h-quite-a-long-name-for-a-file-that-takes-much-room-in-its-directory",
                                        "i",
                                        "j.c"};

static uint64_t tag_of(const struct object *object, unsigned page) {
    return (uint64_t)object->unique << 40 | (uint64_t)page << 32 | object->version[page];
}

// ---- Choosing

static unsigned pick(bool (*fits)(const struct object *)) {
    unsigned found[OBJECTS], count = 0;
    for (unsigned i = 0; i < OBJECTS; i++)
        if (run.world.objects[i].used && fits(&run.world.objects[i])) found[count++] = i;
    return count ? found[model_draw(count)] : OBJECTS;
}
static bool is_directory(const struct object *object) {
    return S_ISDIR(object->mode) && object->links;
}
static bool is_file(const struct object *object) {
    return S_ISREG(object->mode);
}
static bool is_named(const struct object *object) {
    return object->links && !S_ISDIR(object->mode);
}
static bool is_any(const struct object *object) {
    return object->links;
}

// The way to an object from the root: directories' numbers and names. False: it has no name.
static bool path_to(unsigned from, unsigned to, unsigned *path, unsigned *length) {
    if (from == to) return true;
    if (!S_ISDIR(run.world.objects[from].mode)) return false;
    for (unsigned i = 0; i < NAMES; i++) {
        const uint8_t entry = run.world.objects[from].entries[i];
        if (!entry) continue;
        path[(*length)++] = i;
        if (path_to(entry - 1u, to, path, length)) return true;
        (*length)--;
    }
    return false;
}

static struct inode *inode_of(unsigned object) {
    unsigned path[OBJECTS], length = 0;
    if (run.open[object]) return fs_hold(run.open[object]);
    cr_assert(path_to(0, object, path, &length));
    struct inode *at = fs_hold(fs_root(run.fs));
    for (unsigned i = 0; i < length; i++) {
        struct inode *next;
        const int error = fs_lookup(at, world_names[path[i]], strlen(world_names[path[i]]), &next);
        cr_assert(error == 0, "lookup of %s: %d (%s)", world_names[path[i]], error, fs_reason());
        fs_release(at);
        at = next;
    }
    return at;
}

static unsigned new_object(uint16_t mode, uint32_t links) {
    for (unsigned i = 1; i < OBJECTS; i++) {
        struct object *object = &run.world.objects[i];
        if (object->used) continue;
        *object = (struct object){.used = true, .unique = ++run.world.next_unique, .mode = mode, .links = links};
        return i;
    }
    return OBJECTS;
}

// The object lost a name, or its last user.
static void maybe_gone(unsigned number) {
    struct object *object = &run.world.objects[number];
    if (!object->links && !object->opened) *object = (struct object){};
}

// This operation changed what the disk must have of an object after its fsync.
static void changed(struct object *object) {
    object->changed_at = run.count + 1;
}

static void snapshot_synced(void) {
    for (unsigned i = 0; i < OBJECTS; i++)
        memcpy(run.world.objects[i].least, run.world.objects[i].version, sizeof run.world.objects[i].least);
    run.synced = run.count + 1;
}

// What the file system must answer; ENOSPC may come instead where the disk may be full. True: it did as it should.
static bool did(const char *what, int got, int want) {
    if (got == -EIO || got == -EROFS) return false;
    cr_assert(got == want || (got == -ENOSPC && run.full), "%s gave %d and not %d (%s)", what, got, want, fs_reason());
    return got == 0;
}

// ---- Operations. Each is done with the model when it succeeded.

static int make(unsigned directory, unsigned name, unsigned kind) {
    struct object *in = &run.world.objects[directory];
    static const uint16_t modes[] = {S_IFREG | 0644, S_IFDIR | 0755, S_IFLNK | 0777, S_IFIFO | 0600};
    const unsigned number = new_object(modes[kind], kind == 1 ? 2 : 1);
    if (number == OBJECTS) return 0;
    struct object *object = &run.world.objects[number];
    struct inode *at = inode_of(directory);
    const struct fs_new as = {.mode = modes[kind], .uid = object->uid = (uint32_t)model_draw(70000)};
    char target[300];
    object->target = (uint16_t)(1 + model_draw(2) * 200 + model_draw(90));
    memset(target, 'a' + object->target % 26, sizeof target);
    const char *text = world_names[name];
    const int error = kind == 0   ? fs_create(at, text, strlen(text), &as, nullptr)
                      : kind == 1 ? fs_mkdir(at, text, strlen(text), &as, nullptr)
                      : kind == 2 ? fs_symlink(at, text, strlen(text), &as, target, object->target, nullptr)
                                  : fs_create(at, text, strlen(text), &as, nullptr);
    fs_release(at);
    const bool done = did("making", error, in->entries[name] ? -EEXIST : 0);
    if (!done) {
        *object = (struct object){};
        return error == -EIO || error == -EROFS ? error : 0;
    }
    in->entries[name] = (uint8_t)(number + 1);
    in->links += kind == 1;
    if (kind == 2) object->size = object->target;
    changed(object);
    return 0;
}

static bool is_empty(const struct object *directory) {
    for (unsigned i = 0; i < NAMES; i++)
        if (directory->entries[i]) return false;
    return true;
}

static int take_away(unsigned directory, unsigned name, bool rmdir) {
    struct object *in = &run.world.objects[directory];
    const unsigned number = in->entries[name] ? in->entries[name] - 1u : OBJECTS;
    struct object *object = number < OBJECTS ? &run.world.objects[number] : nullptr;
    struct inode *at = inode_of(directory);
    int want = !object ? -ENOENT : 0;
    if (object && rmdir) want = !S_ISDIR(object->mode) ? -ENOTDIR : is_empty(object) ? 0 : -ENOTEMPTY;
    if (object && !rmdir && S_ISDIR(object->mode)) want = -EISDIR;
    if (want == 0 && object->links == 1 && !object->opened) {
        struct inode *inode = inode_of(number);
        (void)run_clean(inode, 0, false);
        fs_release(inode);
    }
    const int error = rmdir ? fs_rmdir(at, world_names[name], strlen(world_names[name]))
                            : fs_unlink(at, world_names[name], strlen(world_names[name]));
    fs_release(at);
    if (!did("removing", error, want)) return error == -EIO || error == -EROFS ? error : 0;
    in->entries[name] = 0;
    in->links -= rmdir;
    object->links = rmdir ? 0 : object->links - 1;
    changed(object);
    maybe_gone(number);
    return 0;
}

static int link_to(unsigned directory, unsigned name, unsigned number) {
    struct object *in = &run.world.objects[directory], *object = &run.world.objects[number];
    struct inode *at = inode_of(directory), *to = inode_of(number);
    const int error = fs_link(at, world_names[name], strlen(world_names[name]), to);
    fs_release(at);
    fs_release(to);
    if (!did("linking", error, in->entries[name] ? -EEXIST : 0)) return error == -EIO || error == -EROFS ? error : 0;
    in->entries[name] = (uint8_t)(number + 1);
    object->links++;
    changed(object);
    return 0;
}

static int rename_from(unsigned from, unsigned name, unsigned to, unsigned new_name) {
    struct object *one = &run.world.objects[from], *other = &run.world.objects[to];
    const unsigned number = one->entries[name] ? one->entries[name] - 1u : OBJECTS;
    const unsigned over = other->entries[new_name] ? other->entries[new_name] - 1u : OBJECTS;
    struct object *object = number < OBJECTS ? &run.world.objects[number] : nullptr;
    struct object *old = over < OBJECTS ? &run.world.objects[over] : nullptr;
    unsigned path[OBJECTS], length = 0;
    int want = !object ? -ENOENT : 0;
    if (object && object != old) {
        if (S_ISDIR(object->mode) && path_to(number, to, path, &length))
            want = -EINVAL;
        else if (old && S_ISDIR(object->mode) != S_ISDIR(old->mode))
            want = S_ISDIR(old->mode) ? -EISDIR : -ENOTDIR;
        else if (old && S_ISDIR(old->mode) && !is_empty(old))
            want = -ENOTEMPTY;
    }
    struct inode *at = inode_of(from), *into = inode_of(to);
    if (want == 0 && old && old != object && old->links == 1 && !old->opened) {
        struct inode *inode = inode_of(over);
        (void)run_clean(inode, 0, false);
        fs_release(inode);
    }
    const int error = fs_rename(at, world_names[name], strlen(world_names[name]), into, world_names[new_name],
                                strlen(world_names[new_name]), 0);
    fs_release(at);
    fs_release(into);
    if (!did("renaming", error, want)) return error == -EIO || error == -EROFS ? error : 0;
    if (old == object) return 0;
    changed(object);
    one->entries[name] = 0;
    other->entries[new_name] = (uint8_t)(number + 1);
    if (S_ISDIR(object->mode)) one->links--, other->links++;
    if (old) {
        if (S_ISDIR(old->mode)) other->links--;
        old->links = S_ISDIR(old->mode) ? 0 : old->links - 1;
        changed(old);
        maybe_gone(over);
    }
    return 0;
}

static int write_to(unsigned number, unsigned page, unsigned count) {
    struct object *object = &run.world.objects[number];
    struct inode *inode = inode_of(number);
    int error = 0;
    for (; count && page < PAGES && !error; count--, page++) {
        struct fs_place place;
        error = fs_block(inode, page, FS_ALLOCATE, &place);
        if (error == -ENOSPC && run.full)
            error = 0, count = 1;
        else if (error)
            break;
        else {
            cr_assert_eq(place.fresh, object->version[page] == 0);
            object->version[page] = ++run.world.next_version;
            if (place.fresh) object->least[page] = object->version[page], changed(object);
            error = run_put(inode, page, tag_of(object, page));
            const uint64_t end = (page + 1) * (uint64_t)FS_BLOCK - model_draw(2) * 100;
            if (!error && end > object->size) {
                error = fs_set_size(inode, end);
                if (!error) object->size = end, changed(object);
            }
        }
    }
    fs_release(inode);
    return error;
}

static int set_size(unsigned number, uint64_t size) {
    struct object *object = &run.world.objects[number];
    struct inode *inode = inode_of(number);
    const uint64_t pages = (size + FS_BLOCK - 1) / FS_BLOCK;
    if (size < object->size) (void)run_clean(inode, pages, false);
    const int error = fs_set_size(inode, size);
    fs_release(inode);
    if (error) return error;
    object->size = size;
    changed(object);
    for (uint64_t page = pages; page < PAGES; page++) object->version[page] = object->least[page] = 0;
    return 0;
}

static int punch(unsigned number, unsigned page, unsigned count) {
    struct object *object = &run.world.objects[number];
    if (page + count > PAGES) count = PAGES - page;
    struct inode *inode = inode_of(number);
    for (unsigned i = 0; i < 64; i++) {
        if (!run.cached[i].used || run.cached[i].inode != inode || run.cached[i].page - page >= count) continue;
        run.cached[i].used = false;
        fs_release(inode);
    }
    const int error = fs_punch(inode, page, count);
    fs_release(inode);
    if (error) return error == -ENOSPC && run.full ? 0 : error;
    for (; count; count--, page++) object->version[page] = object->least[page] = 0;
    changed(object);
    return 0;
}

static int sync_file(unsigned number) {
    struct object *object = &run.world.objects[number];
    struct inode *inode = inode_of(number);
    int error = run_clean(inode, 0, true);
    if (!error) error = fs_fsync(inode, false);
    fs_release(inode);
    if (error) return error;
    memcpy(object->least, object->version, sizeof object->least);
    if (run.synced < object->changed_at) run.synced = object->changed_at;
    return 0;
}

static int sync_all(void) {
    int error = run_clean(nullptr, 0, true);
    if (!error) error = fs_sync(run.fs);
    if (!error) snapshot_synced();
    return error;
}

static void open_or_close(unsigned number) {
    struct object *object = &run.world.objects[number];
    if (!object->opened) {
        run.open[number] = inode_of(number);
        object->opened = true;
        return;
    }
    if (!object->links) (void)run_clean(run.open[number], 0, false);
    fs_release(run.open[number]);
    run.open[number] = nullptr;
    object->opened = false;
    maybe_gone(number);
}

static int change_mode(unsigned number) {
    struct object *object = &run.world.objects[number];
    struct inode *inode = inode_of(number);
    const struct fs_change to = {
        .mask = FS_MODE | FS_OWNER, .mode = (uint16_t)model_draw(01000), .uid = object->uid + 1};
    const int error = fs_change(inode, &to);
    fs_release(inode);
    if (error) return error;
    changed(object);
    object->uid = to.uid;
    object->mode = (uint16_t)((object->mode & S_IFMT) | to.mode);
    return 0;
}

static int operation(void) {
    const unsigned directory = pick(is_directory), other = pick(is_directory), file = pick(is_file);
    const unsigned name = (unsigned)model_draw(NAMES), new_name = (unsigned)model_draw(NAMES);
    unsigned any = pick(is_any), named = pick(is_named);
    switch (model_draw(20)) {
    case 0 ... 3: return make(directory, name, 0);
    case 4: return make(directory, name, 1);
    case 5: return make(directory, name, 2 + (unsigned)model_draw(2));
    case 6: return take_away(directory, name, false);
    case 7: return take_away(directory, name, true);
    case 8: return named < OBJECTS ? link_to(directory, name, named) : 0;
    case 9 ... 10: return rename_from(directory, name, other, new_name);
    case 11 ... 13:
        return file < OBJECTS ? write_to(file, (unsigned)model_draw(PAGES), 1 + (unsigned)model_draw(4)) : 0;
    case 14: return file < OBJECTS ? set_size(file, model_draw(PAGES * FS_BLOCK)) : 0;
    case 15: return file < OBJECTS ? punch(file, (unsigned)model_draw(PAGES), 1 + (unsigned)model_draw(6)) : 0;
    case 16: return file < OBJECTS ? sync_file(file) : 0;
    case 17: return model_draw(3) ? 0 : sync_all();
    case 18: return file < OBJECTS ? (open_or_close(file), model.off ? -EIO : 0) : 0;
    default: return change_mode(any);
    }
}

bool run_operation(void) {
    int error = operation();
    if (!error && run.eager) error = sync_all();
    if (error) {
        cr_assert(error == -EIO || error == -EROFS, "operation %u gave %d (%s)", run.count, error, fs_reason());
        return false;
    }
    run.count++;
    if (run.snapshots) run.snapshots[run.count] = run.world;
    return !model.off;
}

void run_start(struct filesystem *fs, struct world *snapshots) {
    memset(&run, 0, sizeof run);
    run.fs = fs;
    run.snapshots = snapshots;
    run.world.objects[0] = (struct object){.used = true, .mode = S_IFDIR | 0755, .links = 2};
    if (snapshots) snapshots[0] = run.world;
}

void run_release(void) {
    run_write_cached();
    for (unsigned i = 0; i < OBJECTS; i++)
        if (run.open[i]) open_or_close(i);
}
