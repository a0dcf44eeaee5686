// SPDX-License-Identifier: MIT
// Making, linking, renaming and removing names.
#include "tests/posix/cases.h"
#include <dirent.h>

CASE(mkdir_makes_one_directory) {
    SHOW(mkdir("d", 0777));
    show_status("d");
    SHOW(mkdir("d", 0777));
    SHOW(mkdir("d/", 0777));
    SHOW(mkdir("none/d", 0777));
    SHOW(mkdir("slash/", 0700));
    show_status("slash");
    close(make_file("f", ""));
    SHOW(mkdir("f", 0777));
    SHOW(mkdir("f/d", 0777));
    SHOW(mkdir("", 0777));
    SHOW(mkdir(".", 0777));
    SHOW(mkdir("/", 0777));
    SHOW(mkdir(BAD, 0777));
    symlink("none", "dangling");
    SHOW(mkdir("dangling", 0777));
}

CASE(rmdir_removes_empty_directories) {
    mkdir("d", 0777);
    mkdir("d/inner", 0777);
    close(make_file("f", ""));
    symlink("d", "link");
    SHOW(rmdir("d"));
    SHOW(rmdir("none"));
    SHOW(rmdir("f"));
    SHOW(rmdir("f/x"));
    SHOW(rmdir("link"));
    SHOW(rmdir("link/"));
    SHOW(rmdir("d/."));
    SHOW(rmdir("d/inner/.."));
    SHOW(rmdir("/"));
    SHOW(rmdir(""));
    SHOW(rmdir("d/inner/"));
    SHOW(rmdir("d"));
    show_status("d");
}

CASE(unlink_removes_names) {
    mkdir("d", 0777);
    close(make_file("f", ""));
    symlink("f", "link");
    symlink("d", "dlink");
    SHOW(unlink("none"));
    SHOW(unlink("f/"));
    SHOW(unlink("none/"));
    SHOW(unlink("f/x"));
    SHOW(unlink("d"));
    SHOW(unlink("d/"));
    SHOW(unlink("d/."));
    SHOW(unlink("dlink/"));
    SHOW(unlink("link"));
    show_status("f");
    SHOW(unlink("f"));
    SHOW(unlink("f"));
    SHOW(unlink(BAD));
    SHOW(unlink(""));
}

CASE(unlinkat_removes_both) {
    mkdir("d", 0777);
    close(make_file("f", ""));
    SHOW(unlinkat(AT_FDCWD, "d", 0));
    SHOW(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR));
    SHOW(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
    SHOW(unlinkat(AT_FDCWD, "f", 1));
    SHOW(unlinkat(-1, "f", 0));
    SHOW(unlinkat(AT_FDCWD, "f", 0));
}

CASE(links_are_names_of_one_file) {
    close(make_file("f", "text"));
    SHOW(link("f", "g"));
    show_status("g");
    SHOW(link("f", "g"));
    SHOW(link("none", "h"));
    SHOW(link("f", "none/h"));
    SHOW(link("f", "h/"));
    SHOW(link("f/", "h"));
    mkdir("d", 0755);
    SHOW(link("d", "h"));
    SHOW(unlink("f"));
    show_status("g");
    show_file("g");
    symlink("g", "s");
    SHOW(link("s", "t"));
    show_status("t");
    SHOW(linkat(AT_FDCWD, "s", AT_FDCWD, "u", AT_SYMLINK_FOLLOW));
    show_status("u");
    SHOW(linkat(AT_FDCWD, "s", AT_FDCWD, "v", 1));
}

CASE(symlinks_lead_elsewhere) {
    char text[20] = "";
    SHOW(symlink("target", "l"));
    show_status("l");
    SHOW(readlink("l", text, sizeof(text)));
    show_text("l", text);
    SHOW(readlink("l", text, 3));
    SHOW(readlink("l", text, 0));
    SHOW(readlink("none", text, 20));
    SHOW(readlink(".", text, 20));
    SHOW(readlink("l", BAD, 20));
    SHOW(readlink("l/", text, 20));
    SHOW(symlink("x", "l"));
    SHOW(symlink("", "m"));
    SHOW(symlink("x", "none/l"));
    SHOW(symlink("x", "m/"));
    SHOW(symlink("x", ""));
    SHOW(symlink(BAD, "m"));
}

CASE(rename_replaces) {
    close(make_file("a", "A"));
    close(make_file("b", "B"));
    SHOW(rename("a", "b"));
    show_status("a");
    show_file("b");
    SHOW(rename("none", "c"));
    SHOW(rename("b", "none/c"));
    SHOW(rename("b", "b"));
    SHOW(link("b", "c"));
    SHOW(rename("b", "c"));
    show_status("b");
    SHOW(rename("b", "c/"));
    SHOW(rename("b/", "x"));
    SHOW(rename("", "x"));
    SHOW(rename("b", ""));
    SHOW(rename(BAD, "x"));
}

CASE(rename_of_directories) {
    mkdir("a", 0755);
    mkdir("b", 0755);
    mkdir("b/inner", 0755);
    close(make_file("f", ""));
    SHOW(rename("a", "b"));
    SHOW(rename("b", "b/inner/x"));
    SHOW(rename("b", "b/inner"));
    SHOW(rename("b/inner", "b"));
    SHOW(rename("a", "f"));
    SHOW(rename("f", "a"));
    SHOW(rename("b", "a"));
    show_status("a/inner");
    show_status("b");
    SHOW(rename("a/inner", "moved/"));
    show_status("moved");
    SHOW(rename(".", "x"));
    SHOW(rename("a/.", "x"));
    SHOW(rename("a/..", "x"));
    SHOW(rename("a", "."));
}

CASE(rename_can_refuse_to_replace) {
    close(make_file("a", ""));
    close(make_file("b", ""));
    SHOW(syscall(316, AT_FDCWD, "a", AT_FDCWD, "b", 1));
    SHOW(syscall(316, AT_FDCWD, "a", AT_FDCWD, "c", 1));
    SHOW(syscall(316, AT_FDCWD, "c", AT_FDCWD, "b", 0x80));
    show_status("c");
}

CASE(names_have_a_longest_length) {
    char name[300], path[5000];
    memset(name, 'n', sizeof(name));
    name[255] = 0;
    SHOW(close(open(name, O_CREAT | O_WRONLY, 0644)));
    SHOW(unlink(name));
    name[255] = 'n';
    name[256] = 0;
    SHOW(open(name, O_CREAT | O_WRONLY, 0644));
    SHOW(unlink(name));
    SHOW(mkdir(name, 0755));
    memset(path, '/', sizeof(path));
    path[4095] = 0;
    SHOW(chdir(path));
    path[4095] = '/';
    path[4096] = 0;
    SHOW(chdir(path));
    SHOW(open(path, O_RDONLY));
    memset(path, 'x', 4096);
    SHOW(symlink(path, "l"));
}

CASE(links_have_a_greatest_number_in_a_path) {
    char from[16], to[16] = "d";
    mkdir("d", 0755);
    for (int i = 1; i <= 41; i++) {
        snprintf(from, sizeof(from), "l%d", i);
        symlink(to, from);
        memcpy(to, from, sizeof(from));
    }
    SHOW(chdir("l41"));
    SHOW(access("l40/.", F_OK));
    SHOW(chdir("l40"));
}

CASE(mknod_makes_pipes_and_files) {
    SHOW(mknod("p", S_IFIFO | 0666, 0));
    show_status("p");
    SHOW(mkfifo("p", 0666));
    SHOW(mknod("f", S_IFREG | 0600, 0));
    show_status("f");
    SHOW(mknod("g", 0640, 0));
    show_status("g");
    SHOW(mknod("d", S_IFDIR | 0755, 0));
    SHOW(mknod("x", S_IFLNK | 0755, 0));
    SHOW(mknod("none/x", S_IFIFO | 0666, 0));
    SHOW(mknod("x/", S_IFIFO | 0666, 0));
}

static int compare(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void list(const char *path) {
    struct dirent **names;
    const int count = scandir(path, &names, NULL, compare);
    SHOW(count);
    for (int i = 0; i < count; i++) {
        printf("    %s %d\n", names[i]->d_name, names[i]->d_type);
        free(names[i]);
    }
}

CASE(a_directory_lists_its_names) {
    mkdir("d", 0755);
    close(make_file("d/f", ""));
    mkdir("d/sub", 0755);
    symlink("f", "d/l");
    mkfifo("d/p", 0666);
    list("d");
    rename("d/f", "d/g");
    unlink("d/l");
    list("d");
    list("none");
    list("d/g");
}

CASE(a_directory_of_many_is_listed_whole) {
    char name[32];
    int seen[1000] = {0}, all = 0;
    mkdir("d", 0755);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "d/a_longer_name_%d", i);
        close(open(name, O_CREAT | O_WRONLY, 0644));
    }
    DIR *directory = opendir("d");
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] == 'a') seen[atoi(entry->d_name + 14)]++;
    for (int i = 0; i < 1000; i++) all += seen[i] == 1;
    SHOW(all);
    rewinddir(directory);
    int removed = 0; // while it is read
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] == 'a') removed += unlinkat(dirfd(directory), entry->d_name, 0) == 0;
    SHOW(removed);
    SHOW(closedir(directory));
    SHOW(rmdir("d"));
}

CASE(a_removed_directory_is_empty_and_takes_nothing) {
    mkdir("d", 0755);
    const int directory = open("d", O_RDONLY);
    SHOW(chdir("d"));
    SHOW(rmdir("../d"));
    SHOW(open("f", O_CREAT | O_WRONLY, 0644));
    SHOW(mkdir("e", 0755));
    SHOW(access(".", F_OK));
    SHOW(access("..", F_OK));
    char path[100];
    SHOW(getcwd(path, sizeof(path)) == NULL ? -1 : 0);
    SHOW(openat(directory, "f", O_CREAT | O_WRONLY, 0644));
}

CASE(getdents_with_bad_arguments) {
    char bytes[1000];
    const int directory = open(".", O_RDONLY), file = make_file("f", "");
    SHOW(getdents(file, (void *)bytes, sizeof(bytes)));
    SHOW(getdents(-1, (void *)bytes, sizeof(bytes)));
    SHOW(getdents(directory, (void *)bytes, 10));
    SHOW(getdents(directory, BAD, sizeof(bytes)));
    SHOW(getdents(directory, (void *)bytes, sizeof(bytes)) > 0);
    SHOW(getdents(directory, (void *)bytes, sizeof(bytes)));
}

CASE(the_current_directory) {
    char path[4096], small[2];
    mkdir("d", 0755);
    mkdir("d/e", 0755);
    symlink("d/e", "l");
    const int here = open(".", O_RDONLY), file = make_file("f", "");
    SHOW(chdir("l"));
    SHOW(getcwd(path, sizeof(path)) == NULL ? -1 : 0);
    show_text("end", path + strlen(path) - 9);
    SHOW(getcwd(small, 1) == NULL ? -1 : 0);
    SHOW(chdir(".."));
    SHOW(access("e", F_OK));
    SHOW(fchdir(here));
    SHOW(access("d", F_OK));
    SHOW(fchdir(file));
    SHOW(fchdir(-1));
    SHOW(chdir("f"));
    SHOW(chdir("none"));
    SHOW(chdir(""));
    SHOW(chdir(BAD));
}

CASE(paths_go_from_a_directory) {
    mkdir("d", 0755);
    const int directory = open("d", O_RDONLY), file = make_file("f", "x");
    SHOW(close(openat(directory, "g", O_CREAT | O_WRONLY, 0644)));
    show_status("d/g");
    SHOW(mkdirat(directory, "e", 0755));
    SHOW(faccessat(directory, "e", F_OK, 0));
    SHOW(renameat(directory, "g", AT_FDCWD, "h"));
    SHOW(symlinkat("h", directory, "l"));
    SHOW(linkat(AT_FDCWD, "h", directory, "k", 0));
    show_status("d/k");
    SHOW(openat(file, "x", O_RDONLY));
    SHOW(openat(-1, "x", O_RDONLY));
    SHOW(close(openat(-1, "/", O_RDONLY)));
    struct stat status;
    SHOW(fstatat(directory, "", &status, AT_EMPTY_PATH));
    SHOW(S_ISDIR(status.st_mode));
    SHOW(fstatat(directory, "", &status, 0));
    SHOW(fstatat(directory, "l", &status, AT_SYMLINK_NOFOLLOW));
    SHOW(S_ISLNK(status.st_mode));
    SHOW(fstatat(directory, "l", &status, 0x40000000));
}
