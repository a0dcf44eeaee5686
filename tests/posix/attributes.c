// SPDX-License-Identifier: MIT
// Attributes of files, and who may do what.
#include "tests/posix/cases.h"
#include <sys/statvfs.h>
#include <sys/time.h>
#include <utime.h>

CASE(stat_tells_about_files) {
    struct stat status;
    const int file = make_file("f", "12345");
    SHOW(stat("f", &status));
    SHOW(status.st_size);
    SHOW(status.st_nlink);
    SHOW(S_ISREG(status.st_mode));
    SHOW(status.st_blksize > 0);
    SHOW(fstat(file, &status));
    SHOW(fstat(-1, &status));
    SHOW(stat("none", &status));
    SHOW(stat("f/x", &status));
    SHOW(stat(BAD, &status));
    SHOW(stat("f", BAD));
    symlink("f", "l");
    SHOW(lstat("l", &status));
    SHOW(S_ISLNK(status.st_mode));
    SHOW(status.st_size);
    SHOW(stat("l", &status));
    SHOW(S_ISREG(status.st_mode));
    SHOW(lstat("l/", &status));
}

CASE(statx_tells_what_is_asked) {
    struct statx { // musl of Debian 12 has none
        uint32_t mask, block_size;
        uint64_t attributes;
        uint32_t links, uid, gid;
        uint16_t mode, pad;
        uint64_t number, size, rest[26];
    } status = {0};
    close(make_file("f", "12345"));
    SHOW(syscall(332, AT_FDCWD, "f", 0, 0x7ff, &status));
    SHOW(status.size);
    SHOW(status.mode);
    SHOW(status.links);
    SHOW((status.mask & 0x7ff) == 0x7ff);
    SHOW(syscall(332, AT_FDCWD, "none", 0, 0x7ff, &status));
    SHOW(syscall(332, AT_FDCWD, "f", 0x6000, 0x7ff, &status));
    SHOW(syscall(332, AT_FDCWD, "f", 0, 0x80000000, &status));
    SHOW(syscall(332, AT_FDCWD, "", 0, 0x7ff, &status));
    SHOW(syscall(332, AT_FDCWD, "f", 0, 0x7ff, BAD));
}

ROOT_CASE(access_answers_for_the_superuser) {
    close(make_file("f", ""));
    chmod("f", 0);
    SHOW(access("f", F_OK));
    SHOW(access("f", R_OK | W_OK));
    SHOW(access("f", X_OK));
    chmod("f", 0010);
    SHOW(access("f", X_OK));
    SHOW(access("none", F_OK));
    SHOW(access("f", 8));
    SHOW(access("f/x", F_OK));
    SHOW(access(BAD, F_OK));
    SHOW(faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS));
    SHOW(syscall(439, AT_FDCWD, "f", R_OK, 0x40000000));
}

CASE(chmod_changes_permissions) {
    const int file = make_file("f", "");
    SHOW(chmod("f", 0751));
    show_status("f");
    SHOW(fchmod(file, 04711));
    show_status("f");
    SHOW(chmod("f", 0170644));
    show_status("f");
    symlink("f", "l");
    SHOW(chmod("l", 0600));
    show_status("f");
    SHOW(chmod("none", 0600));
    SHOW(fchmod(-1, 0600));
    SHOW(fchmodat(AT_FDCWD, "f", 0640, 0));
    show_status("f");
}

ROOT_CASE(chown_changes_owners) {
    struct stat status;
    const int file = make_file("f", "");
    SHOW(chown("f", 1, 2));
    SHOW(stat("f", &status));
    SHOW(status.st_uid);
    SHOW(status.st_gid);
    SHOW(fchown(file, -1, 5));
    SHOW(stat("f", &status));
    SHOW(status.st_uid);
    SHOW(status.st_gid);
    SHOW(chown("none", 1, 2));
    SHOW(fchown(-1, 1, 2));
    chmod("f", 06755);
    SHOW(chown("f", 3, -1));
    show_status("f");
    symlink("f", "l");
    SHOW(lchown("l", 7, 7));
    SHOW(lstat("l", &status));
    SHOW(status.st_uid);
    SHOW(stat("l", &status));
    SHOW(status.st_uid);
}

ROOT_CASE(another_user_may_what_the_permissions_say) {
    close(make_file("own", ""));
    close(make_file("other", "x"));
    mkdir("closed", 0700);
    mkdir("listed", 0744);
    close(make_file("listed/f", ""));
    chmod(".", 0777);
    chown("own", 1000, 1000);
    chmod("other", 0604);
    SHOW(setegid(1000));
    SHOW(seteuid(1000));
    SHOW(close(open("own", O_RDWR)));
    SHOW(open("other", O_RDWR));
    SHOW(close(open("other", O_RDONLY)));
    SHOW(open("other", O_RDONLY | O_TRUNC));
    SHOW(chmod("own", 0400));
    SHOW(open("own", O_WRONLY));
    SHOW(chmod("other", 0777));
    SHOW(chown("own", 0, -1));
    SHOW(chown("own", -1, 1000));
    SHOW(chown("own", -1, 0));
    SHOW(open("closed/f", O_RDONLY | O_CREAT, 0644));
    SHOW(close(open("listed", O_RDONLY | O_DIRECTORY)));
    SHOW(open("listed/f", O_RDONLY));
    SHOW(open("closed", O_RDONLY));
    SHOW(mkdir("listed/d", 0755));
    SHOW(unlink("listed/f"));
    SHOW(truncate("other", 0));
    SHOW(mkdir("mine", 0755));
    SHOW(rename("other", "renamed"));
    SHOW(utimes("renamed", NULL));
    SHOW(seteuid(0));
    struct stat status;
    SHOW(stat("mine", &status));
    SHOW(status.st_uid);
}

ROOT_CASE(sticky_directories_keep_names_of_others) {
    mkdir("d", 0777);
    chmod("d", 01777);
    close(make_file("d/root", ""));
    close(make_file("d/own", ""));
    chown("d/own", 1000, 1000);
    SHOW(seteuid(1000));
    SHOW(unlink("d/root"));
    SHOW(rename("d/root", "d/x"));
    SHOW(unlink("d/own"));
    SHOW(close(open("d/new", O_CREAT | O_WRONLY, 0644)));
    SHOW(rename("d/new", "d/root"));
    SHOW(unlink("d/new"));
}

ROOT_CASE(directories_hand_their_group_on) {
    struct stat status;
    mkdir("d", 0755);
    chown("d", 0, 77);
    chmod("d", 02755);
    close(make_file("d/f", ""));
    mkdir("d/e", 0755);
    SHOW(stat("d/f", &status));
    SHOW(status.st_gid);
    SHOW(stat("d/e", &status));
    SHOW(status.st_gid);
    show_status("d/e");
}

CASE(times_can_be_set) {
    struct stat status;
    const struct timespec times[2] = {{1000, 5}, {2000, 7}}, omit[2] = {{0, UTIME_OMIT}, {3000, 0}};
    const struct timespec bad[2] = {{0, 1000000000}, {0, 0}};
    const struct utimbuf old = {11, 22};
    const struct timeval micro[2] = {{33, 4}, {55, 6}}, wrong[2] = {{0, 1000000}, {0, 0}};
    const int file = make_file("f", "");
    SHOW(utimensat(AT_FDCWD, "f", times, 0));
    SHOW(stat("f", &status));
    SHOW(status.st_atim.tv_sec * 10 + status.st_atim.tv_nsec);
    SHOW(status.st_mtim.tv_sec * 10 + status.st_mtim.tv_nsec);
    SHOW(futimens(file, omit));
    SHOW(stat("f", &status));
    SHOW(status.st_atim.tv_sec);
    SHOW(status.st_mtim.tv_sec);
    SHOW(utimensat(AT_FDCWD, "f", bad, 0));
    SHOW(utimensat(AT_FDCWD, "none", times, 0));
    SHOW(utimensat(-1, "f", times, 0));
    SHOW(utime("f", &old));
    SHOW(stat("f", &status));
    SHOW(status.st_atime + status.st_mtime);
    SHOW(utimes("f", micro));
    SHOW(stat("f", &status));
    SHOW(status.st_atim.tv_sec + status.st_mtim.tv_nsec);
    SHOW(utimes("f", wrong));
    SHOW(utimes("f", NULL));
    SHOW(stat("f", &status));
    SHOW(status.st_mtim.tv_sec > 1000000000);
}

CASE(times_follow_what_is_done) {
    struct stat before, after;
    const struct timespec old[2] = {{1000, 0}, {1000, 0}};
    char byte;
    const int file = make_file("f", "x");
    futimens(file, old);
    SHOW(read(file, &byte, 1));
    SHOW(fstat(file, &before));
    SHOW(before.st_mtim.tv_sec);
    SHOW(write(file, "y", 1));
    SHOW(fstat(file, &after));
    SHOW(after.st_mtim.tv_sec > 1000);
    SHOW(after.st_ctim.tv_sec > 1000);
    mkdir("d", 0755);
    utimensat(AT_FDCWD, "d", old, 0);
    close(make_file("d/f", ""));
    SHOW(stat("d", &after));
    SHOW(after.st_mtim.tv_sec > 1000);
}

CASE(file_systems_tell_their_room) {
    struct statvfs room;
    SHOW(statvfs(".", &room));
    SHOW(room.f_bsize > 0 && room.f_blocks > 0 && room.f_bfree <= room.f_blocks);
    SHOW(room.f_namemax);
    SHOW(statvfs("none", &room));
    SHOW(fstatvfs(-1, &room));
}

CASE(umask_is_told_and_inherited) {
    int status;
    SHOW(umask(077));
    SHOW(umask(07777));
    SHOW(umask(027));
    if (fork() == 0) _exit(umask(0) == 027 ? 0 : 1);
    wait(&status);
    SHOW(status);
}
