// SPDX-License-Identifier: MIT
// Following paths: what stands in POSIX, and random paths through random trees, which the host's kernel follows too.
#include "tests/unit/files_fake.h"
#include "libos/unix/files/path.h"
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

TestSuite(paths, .init = fake_begin, .fini = fake_end);

static int find(const char *path, uint32_t flags) {
    struct path_end end;
    const int error = path_walk(process_current()->directory, path, flags, &end);
    if (error == 0) path_end_release(&end);
    return error;
}

static void link_to(const char *target, const char *path) {
    cr_assert_eq(CALL_OF(symlink, P(target), P(path)), 0);
}

static void make_tree(void) {
    fake_make_directory("/a");
    fake_make_directory("/a/b");
    fake_make_file("/a/f", "file");
    link_to("/a/b", "/absolute");
    link_to("b", "/a/relative");
    link_to("nowhere", "/dangling");
    link_to("loop2", "/loop1");
    link_to("loop1", "/loop2");
    link_to("a/f", "/file");
}

Test(paths, lead_where_they_say) {
    make_tree();
    static const struct {
        const char *path;
        uint32_t flags;
        int error;
    } cases[] = {
        {"/", 0, 0}, {"//", 0, 0}, {".", 0, 0}, {"..", 0, 0}, {"/..", 0, 0}, {"/../a", 0, 0}, {"", 0, -ENOENT},
        {"", PATH_EMPTY, 0}, {"a", 0, 0}, {"a/", 0, 0}, {"a/.", 0, 0}, {"a/./b//..//f", 0, 0}, {"a/f", 0, 0},
        {"a/f/", 0, -ENOTDIR}, {"a/f/.", 0, -ENOTDIR}, {"a/f/..", 0, -ENOTDIR}, {"a/f/g", 0, -ENOTDIR},
        {"a/g", 0, -ENOENT}, {"g/a", 0, -ENOENT}, {"absolute/.", 0, 0}, {"absolute/../f", 0, 0},
        {"a/relative/..", 0, 0}, {"absolute", 0, 0}, {"dangling", 0, 0}, {"dangling", PATH_FOLLOW, -ENOENT},
        {"dangling/", 0, -ENOENT}, {"loop1", 0, 0}, {"loop1", PATH_FOLLOW, -ELOOP}, {"loop1/x", 0, -ELOOP},
        {"loop1/", 0, -ELOOP}, {"file", PATH_FOLLOW, 0}, {"file/", 0, -ENOTDIR}, {"file/x", 0, -ENOTDIR},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_eq(find(cases[i].path, cases[i].flags), cases[i].error, "\"%s\": %d instead of %d", cases[i].path,
                     find(cases[i].path, cases[i].flags), cases[i].error);
}

Test(paths, a_parent_is_found_whether_its_last_name_is_there_or_not) {
    make_tree();
    static const struct {
        const char *path, *name;
        enum path_last last;
        bool there, slash;
    } cases[] = {
        {"a/f", "f", PATH_NAME, true, false},
        {"a/f/", "f", PATH_NAME, true, true},
        {"a/new", "new", PATH_NAME, false, false},
        {"a/new//", "new", PATH_NAME, false, true},
        {"a/.", ".", PATH_DOT, true, false},
        {"a/..", "..", PATH_DOT_DOT, true, false},
        {"/", "", PATH_ROOT, true, true},
        {"dangling", "dangling", PATH_NAME, true, false},
        {"absolute/", "absolute", PATH_NAME, true, true},
        {"a/...", "...", PATH_NAME, false, false},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct path_end end;
        cr_assert_eq(path_walk(process_current()->directory, cases[i].path, PATH_PARENT, &end), 0, "%s", cases[i].path);
        cr_expect_str_eq(end.name, cases[i].name);
        cr_expect_eq(end.length, strlen(cases[i].name));
        cr_expect_eq(end.last, cases[i].last, "%s", cases[i].path);
        cr_expect_eq(end.inode != nullptr, cases[i].there, "%s", cases[i].path);
        cr_expect_eq(end.slash, cases[i].slash, "%s", cases[i].path);
        path_end_release(&end);
    }
    cr_expect_eq(find("none/new", PATH_PARENT), -ENOENT);
    cr_expect_eq(find("a/f/new", PATH_PARENT), -ENOTDIR);
}

Test(paths, names_and_paths_have_their_limits) {
    char name[300], path[5000];
    memset(name, 'n', sizeof(name));
    name[255] = '\0';
    cr_expect_eq(CALL_OF(mkdir, P(name), 0777), 0);
    cr_expect_eq(find(name, 0), 0);
    name[255] = 'n';
    name[256] = '\0';
    cr_expect_eq(CALL_OF(mkdir, P(name), 0777), -ENAMETOOLONG);
    cr_expect_eq(find(name, 0), -ENAMETOOLONG);
    for (unsigned i = 0; i < 4095; i += 2) memcpy(path + i, "./", 3);
    path[4095] = '\0';
    cr_expect_eq(CALL_OF(chdir, P(path)), 0);
    memcpy(path + 4095, "/", 2);
    cr_expect_eq(CALL_OF(chdir, P(path)), -ENAMETOOLONG);
    cr_expect_eq(CALL_OF(chdir, FAKE_BAD), -EFAULT);
    cr_expect_eq(CALL_OF(chdir, 0), -EFAULT);
}

Test(paths, forty_links_are_followed_and_no_more) {
    fake_make_directory("/end");
    char target[16] = "end", path[16];
    for (unsigned i = 1; i <= 41; i++) {
        (void)snprintf(path, sizeof(path), "/l%u", i);
        link_to(target, path);
        (void)snprintf(target, sizeof(target), "l%u", i);
    }
    cr_expect_eq(find("/l40", PATH_FOLLOW), 0);
    cr_expect_eq(find("/l41", PATH_FOLLOW), -ELOOP);
}

Test(paths, a_directory_that_may_not_be_searched_ends_the_path) {
    make_tree();
    cr_assert_eq(CALL_OF(chmod, P("/a"), 0644), 0);
    cr_expect_eq(find("/a/f", 0), 0, "the superuser searches everything");
    process_current()->euid = 1000;
    cr_expect_eq(find("/a/f", 0), -EACCES);
    cr_expect_eq(find("/a", 0), 0);
    cr_expect_eq(find("/a/.", 0), -EACCES);
}

Test(paths, a_changed_root_is_the_top) {
    make_tree();
    fake_make_directory("/a/b/inner");
    cr_assert_eq(CALL_OF(chroot, P("/a")), 0);
    cr_assert_eq(CALL_OF(chdir, P("/b")), 0);
    cr_expect_eq(find("../../../../f", 0), 0);
    cr_expect_eq(find("/f", 0), 0);
    cr_expect_eq(find("/a", 0), -ENOENT);
    char path[64];
    cr_expect_eq(CALL_OF(getcwd, P(path), sizeof(path)), 3);
    cr_expect_str_eq(path, "/b");
}

Test(paths, the_current_directory_is_known_by_its_names) {
    char path[64];
    fake_make_directory("/one");
    fake_make_directory("/one/two");
    cr_assert_eq(CALL_OF(chdir, P("/one/two")), 0);
    cr_expect_eq(CALL_OF(getcwd, P(path), 9), 9);
    cr_expect_str_eq(path, "/one/two");
    cr_expect_eq(CALL_OF(getcwd, P(path), 8), -ERANGE);
    cr_assert_eq(CALL_OF(rename, P("/one"), P("/three")), 0);
    cr_expect_eq(CALL_OF(getcwd, P(path), sizeof(path)), 11);
    cr_expect_str_eq(path, "/three/two");
    cr_assert_eq(CALL_OF(rmdir, P("/three/two")), 0);
    cr_expect_eq(CALL_OF(getcwd, P(path), sizeof(path)), -ENOENT);
    cr_assert_eq(CALL_OF(chdir, P("/dev")), 0);
    cr_expect_eq(CALL_OF(getcwd, P(path), sizeof(path)), -ENOENT, "the fake disk's root has no name dev");
    fake_make_directory("/p");
    cr_assert_eq(CALL_OF(chdir, P("/proc/self/fd")), 0);
}

// ---- Random paths, against the host's openat2 with its root in a folder

static uint64_t state = 1;
static unsigned draw(unsigned below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

// A path of random names, some of them there.
static void draw_path(char *path, unsigned parts) {
    static const char *const names[] = {"a", "b", "c", "d", ".", "..", "e", "a", "b"};
    char *at = path;
    if (draw(3) == 0) *at++ = '/';
    for (unsigned i = 0; i < parts; i++) {
        at = stpcpy(at, names[draw(sizeof(names) / sizeof(names[0]))]);
        if (i + 1 < parts || draw(6) == 0) at = stpcpy(at, draw(8) == 0 ? "//" : "/");
    }
    *at = '\0';
}

static int host_find(int root, const char *path, bool follow, ino_t *number) {
    const struct open_how how = {.flags = O_PATH | (follow ? 0 : O_NOFOLLOW), .resolve = RESOLVE_IN_ROOT};
    const int found = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    if (found < 0) return -errno;
    struct stat status;
    cr_assert_eq(fstat(found, &status), 0);
    *number = status.st_ino;
    close(found);
    return 0;
}

constexpr unsigned NODES = 40;
static struct {
    ino_t host;
    uint32_t ours;
} nodes[NODES + 1];
static unsigned node_count;

static void note_node(int root, const char *path) {
    struct path_end end;
    ino_t number = 0;
    if (host_find(root, path, false, &number) != 0 || path_walk(process_current()->root, path, 0, &end) != 0) return;
    nodes[node_count].host = number;
    nodes[node_count++].ours = end.inode->number;
    path_end_release(&end);
}

// Makes the same thing on both sides; what fails on one fails on the other.
static void make_node(int root) {
    char path[64], target[64];
    draw_path(path, 1 + draw(3));
    draw_path(target, 1 + draw(3));
    const unsigned kind = draw(5);
    // The host's calls have no RESOLVE_IN_ROOT: made in a directory that was found with it.
    char *last = strrchr(path, '/');
    if (path[0] == '/' && last == path) last = nullptr, memmove(path, path + 1, strlen(path));
    char parent[64] = ".";
    const char *name = path;
    if (last != nullptr && last[1] != '\0') {
        *last = '\0';
        strcpy(parent, path[0] == '\0' ? "/" : path);
        name = last + 1;
    } else if (last != nullptr)
        return;
    if (name[0] == '.' || name[0] == '\0') return;
    const struct open_how how = {.flags = O_PATH | O_DIRECTORY, .resolve = RESOLVE_IN_ROOT};
    const int directory = (int)syscall(SYS_openat2, root, parent, &how, sizeof(how));
    if (directory < 0) return;
    char whole[160];
    (void)snprintf(whole, sizeof(whole), "%s/%s", parent, name);
    const int host = kind < 2    ? mkdirat(directory, name, 0755)
                     : kind == 2 ? mknodat(directory, name, S_IFREG | 0644, 0)
                                 : symlinkat(target, directory, name);
    const int64_t ours = kind < 2    ? CALL_OF(mkdir, P(whole), 0755)
                         : kind == 2 ? CALL_OF(mknod, P(whole), S_IFREG | 0644, 0)
                                     : CALL_OF(symlink, P(target), P(whole));
    cr_assert_eq(host == 0 ? 0 : -errno, ours, "%s: %ld", whole, ours);
    close(directory);
    if (host == 0) note_node(root, whole);
}

static void check_path(int root) {
    char path[128];
    draw_path(path, 1 + draw(6));
    const bool follow = draw(2) != 0;
    ino_t number = 0;
    const int host = host_find(root, path, follow, &number);
    struct path_end end;
    const int ours = path_walk(process_current()->root, path, follow ? PATH_FOLLOW : 0, &end);
    cr_assert_eq(ours, host, "\"%s\": %d, Linux says %d", path, ours, host);
    if (ours != 0) return;
    unsigned i = 0;
    while (i < node_count && nodes[i].host != number) i++;
    cr_assert_lt(i, node_count);
    cr_assert_eq(nodes[i].ours, end.inode->number, "\"%s\" leads elsewhere on Linux", path);
    path_end_release(&end);
}

static void remove_tree(const char *folder) {
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

Test(paths, random_ones_lead_where_linux_goes) {
    for (unsigned tree = 0; tree < 30; tree++) {
        char folder[] = "/tmp/bindery-paths-XXXXXX";
        cr_assert_not_null(mkdtemp(folder));
        const int root = open(folder, O_PATH | O_DIRECTORY);
        struct stat status;
        cr_assert_eq(fstat(root, &status), 0);
        node_count = 1;
        nodes[0].host = status.st_ino;
        nodes[0].ours = fs_root(files_disk)->number;
        for (unsigned i = 0; i < NODES; i++) make_node(root);
        for (unsigned i = 0; i < 400; i++) check_path(root);
        close(root);
        remove_tree(folder);
        fake_end();
        fake_begin();
    }
}
