// SPDX-License-Identifier: MIT
// A disk that is full, or has no inode left: what needs more is refused and changes nothing, the rest goes on, and what
// is removed comes back. tap.py says how large the disk is, and has it checked at the end.
#include "tests/torture/memory.h"
#include "tests/unix/check.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCK = 4096, PIECE = 3 * BLOCK + 100 };
static char bytes[16 * BLOCK];

static struct statvfs space(void) {
    struct statvfs now = {};
    (void)!statvfs("/tmp", &now);
    return now;
}

// Blocks and inodes as before: what was removed is free again.
static bool is_back(const struct statvfs *before) {
    sync();
    const struct statvfs now = space();
    if (now.f_bfree == before->f_bfree && now.f_ffree == before->f_ffree) return true;
    printf("# %lu blocks and %lu inodes are free, before %lu and %lu\n", now.f_bfree, now.f_ffree, before->f_bfree,
           before->f_ffree);
    return false;
}

static int make(const char *path) {
    return open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
}

static void stamp(size_t count, unsigned number) {
    for (size_t i = 0; i < count; i++) bytes[i] = (char)(number * 7 + i);
}

// Writes pieces until one is refused, and then single bytes; how many bytes went in. -1: something else.
static ssize_t fill(int file) {
    ssize_t total = 0, done;
    for (unsigned number = 0; stamp(PIECE, number), (done = write(file, bytes, PIECE)) == PIECE; number++)
        total += done;
    if (done > 0) total += done; // as much as there was room for
    while (done >= 0 && (done = write(file, bytes + total % PIECE, 1)) == 1) total += done;
    return done == -1 && errno == ENOSPC ? total : -1;
}

static bool holds(int file, ssize_t total) {
    for (ssize_t at = 0; at < total; at += PIECE) {
        static char found[PIECE];
        const size_t count = total - at < PIECE ? (size_t)(total - at) : PIECE;
        stamp(count, (unsigned)(at / PIECE));
        if (pread(file, found, count, at) != (ssize_t)count || memcmp(found, bytes, count) != 0) return false;
    }
    return true;
}

TEST(a_full_disk_takes_what_fits_and_keeps_it) {
    const struct statvfs before = space();
    for (int round = 0; round < 2 * torture(); round++) {
        const int file = make("/tmp/all");
        const ssize_t total = fill(file);
        CHECK(total > 1000 * BLOCK);
        struct stat status;
        CHECK(fstat(file, &status) == 0 && status.st_size == total);
        CHECK(fsync(file) == 0 && fdatasync(file) == 0);
        CHECK(holds(file, total));
        CHECK(write(file, "x", 1) == -1 && errno == ENOSPC);
        stamp(BLOCK, 0);
        CHECK(pwrite(file, bytes, BLOCK, 0) == BLOCK && pwrite(file, bytes, 50, 0) == 50); // needs no block
        CHECK(fsync(file) == 0 && holds(file, total));
        CHECK(close(file) == 0 && unlink("/tmp/all") == 0);
        CHECK(is_back(&before));
    }
}

// All that needs a block for a directory or a name is refused, and what is there stays.
TEST(names_on_a_full_disk_are_refused_or_made_whole) {
    static char target[200];
    char name[260];
    const struct statvfs before = space();
    CHECK(mkdir("/tmp/here", 0755) == 0 && mkdir("/tmp/there", 0755) == 0);
    int made = 0;
    for (; made < 16; made++) { // all that fit into a directory's one block
        snprintf(name, sizeof name, "/tmp/there/%0*d", 240, made);
        CHECK(close(make(name)) == 0);
    }
    CHECK(close(make("/tmp/here/moved")) == 0);
    const int file = make("/tmp/all");
    CHECK(fill(file) > 0);
    CHECK(mkdir("/tmp/more", 0755) == -1 && errno == ENOSPC);
    CHECK(access("/tmp/more", F_OK) == -1 && errno == ENOENT);
    memset(target, 'x', sizeof target - 1);
    CHECK(symlink(target, "/tmp/link") == -1 && errno == ENOSPC); // too long to lie in the inode
    CHECK(access("/tmp/link", F_OK) == -1 && errno == ENOENT);
    snprintf(name, sizeof name, "/tmp/there/%0*d", 240, made);
    CHECK(rename("/tmp/here/moved", name) == -1 && errno == ENOSPC);
    CHECK(access("/tmp/here/moved", F_OK) == 0 && access(name, F_OK) == -1);
    CHECK(link("/tmp/here/moved", name) == -1 && errno == ENOSPC);
    CHECK(make(name) == -1 && errno == ENOSPC);
    CHECK(rename("/tmp/here/moved", "/tmp/here/other") == 0); // there is room for that
    CHECK(rename("/tmp/here", "/tmp/place") == 0);
    CHECK(close(make("/tmp/place/empty")) == 0 && symlink("short", "/tmp/place/link") == 0);
    CHECK(rename("/tmp/place/empty", "/tmp/place/other") == 0 && unlink("/tmp/place/link") == 0);
    CHECK(ftruncate(file, BLOCK) == 0 && mkdir("/tmp/more", 0755) == 0 && rmdir("/tmp/more") == 0);
    CHECK(close(file) == 0 && unlink("/tmp/all") == 0 && unlink("/tmp/place/other") == 0 && rmdir("/tmp/place") == 0);
    while (made-- > 0) {
        snprintf(name, sizeof name, "/tmp/there/%0*d", 240, made);
        CHECK(unlink(name) == 0);
    }
    CHECK(rmdir("/tmp/there") == 0);
    CHECK(is_back(&before));
}

static sigjmp_buf back;
static volatile int code;

static void jumps(int, siginfo_t *info, void *) {
    code = info->si_code;
    siglongjmp(back, 1);
}

// Pages of a mapped hole get blocks when they are written to; the first that gets none is SIGBUS, and those before it
// are in the file.
TEST(a_mapped_hole_on_a_full_disk_is_SIGBUS) {
    const struct statvfs before = space();
    const struct sigaction action = {.sa_sigaction = jumps, .sa_flags = SA_SIGINFO};
    const size_t size = (before.f_bfree + 500) * BLOCK;
    const int file = make("/tmp/hole");
    CHECK(ftruncate(file, (off_t)size) == 0);
    char *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(memory != MAP_FAILED);
    volatile size_t written = 0;
    CHECK(sigaction(SIGBUS, &action, nullptr) == 0);
    if (sigsetjmp(back, 1) == 0)
        for (; written < size / BLOCK; written = written + 1) memory[written * BLOCK] = (char)(written % 100 + 1);
    signal(SIGBUS, SIG_DFL);
    CHECK(written > 1000 && written < size / BLOCK && code == BUS_ADRERR);
    CHECK(memory[written * BLOCK] == 0); // it can be read
    CHECK(msync(memory, size, MS_SYNC) == 0 && fsync(file) == 0);
    for (size_t page = 0; page < written; page++) {
        char byte = 0;
        CHECK(pread(file, &byte, 1, (off_t)(page * BLOCK)) == 1 && byte == (char)(page % 100 + 1));
    }
    // A call that writes from or reads into memory says it in its own way.
    const int other = make("/tmp/other");
    CHECK(other >= 0 && write(other, "abc", 3) == -1 && errno == ENOSPC);
    CHECK(pread(file, memory + written * BLOCK, 10, 0) == -1 && errno == EFAULT);
    CHECK(munmap(memory, size) == 0 && close(file) == 0 && close(other) == 0);
    CHECK(unlink("/tmp/hole") == 0 && unlink("/tmp/other") == 0);
    CHECK(is_back(&before));
}

TEST(room_that_is_allocated_is_there_and_too_much_is_refused) {
    const struct statvfs before = space();
    const int file = make("/tmp/kept"), rest = make("/tmp/all");
    struct stat status;
    CHECK(posix_fallocate(file, 0, 100 * BLOCK) == 0);
    CHECK(fill(rest) > 0);
    stamp(sizeof bytes, 1);
    for (int at = 0; at + (int)sizeof bytes <= 100 * BLOCK; at += (int)sizeof bytes)
        CHECK(pwrite(file, bytes, sizeof bytes, at) == sizeof bytes);
    CHECK(fsync(file) == 0);
    CHECK(posix_fallocate(file, 100 * BLOCK, 1000 * BLOCK) == ENOSPC);
    CHECK(fstat(file, &status) == 0 && status.st_size == 100 * BLOCK);
    CHECK(close(file) == 0 && close(rest) == 0 && unlink("/tmp/kept") == 0 && unlink("/tmp/all") == 0);
    CHECK(is_back(&before));
}

// A file without a name gives its blocks back at its last close only.
TEST(an_unlinked_open_file_holds_its_room_until_it_is_closed) {
    const struct statvfs before = space();
    const int file = make("/tmp/all");
    CHECK(fill(file) > 0 && unlink("/tmp/all") == 0);
    const int other = make("/tmp/other");
    CHECK(write(other, "x", 1) == -1 && errno == ENOSPC);
    CHECK(close(file) == 0);
    CHECK(write(other, "x", 1) == 1 && close(other) == 0 && unlink("/tmp/other") == 0);
    CHECK(is_back(&before));
}

TEST(without_inodes_nothing_new_is_made_and_the_rest_goes_on) {
    char name[64];
    const struct statvfs before = space();
    CHECK(mkdir("/tmp/many", 0755) == 0);
    const int file = make("/tmp/many/first");
    unsigned made = 0;
    for (int each; made < 100000; made++) {
        snprintf(name, sizeof name, "/tmp/many/%u", made);
        if ((each = make(name)) < 0) break;
        CHECK(close(each) == 0);
    }
    const int error = errno;
    printf("# %u files, then %s, and %lu inodes free\n", made, strerror(error), space().f_ffree);
    CHECK(error == ENOSPC && space().f_ffree == 0 && made > 100);
    CHECK(mkdir("/tmp/many/folder", 0755) == -1 && errno == ENOSPC);
    CHECK(symlink("x", "/tmp/many/link") == -1 && errno == ENOSPC);
    CHECK(mkfifo("/tmp/many/pipe", 0600) == -1 && errno == ENOSPC);
    CHECK(open("/tmp/many", O_TMPFILE | O_RDWR, 0600) == -1 && errno == ENOSPC);
    CHECK(access(name, F_OK) == -1 && errno == ENOENT);
    CHECK(link("/tmp/many/first", "/tmp/many/second") == 0); // needs none
    CHECK(rename("/tmp/many/second", "/tmp/many/third") == 0 && unlink("/tmp/many/third") == 0);
    stamp(sizeof bytes, 3);
    CHECK(write(file, bytes, sizeof bytes) == sizeof bytes && fsync(file) == 0);
    CHECK(unlink("/tmp/many/0") == 0 && close(make("/tmp/many/0")) == 0); // one came back
    CHECK(close(file) == 0 && unlink("/tmp/many/first") == 0);
    while (made-- > 0) {
        snprintf(name, sizeof name, "/tmp/many/%u", made);
        CHECK(unlink(name) == 0);
    }
    CHECK(rmdir("/tmp/many") == 0);
    CHECK(is_back(&before));
}

// Several who write at the same time, each until the disk is full: all are told, and the disk is as full as with one.
TEST(several_writers_fill_the_disk_together) {
    const struct statvfs before = space();
    int status = 0, good = 0;
    pid_t child[4];
    for (int i = 0; i < 4; i++) {
        fflush(stdout);
        if ((child[i] = fork()) != 0) continue;
        char name[32];
        snprintf(name, sizeof name, "/tmp/part%d", i);
        const int file = make(name);
        const ssize_t total = fill(file);
        _exit(total < 0 || fsync(file) != 0 || !holds(file, total));
    }
    for (int i = 0; i < 4; i++) good += waitpid(child[i], &status, 0) == child[i] && status == 0;
    CHECK(good == 4 && space().f_bavail < 40);
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "/tmp/part%d", i);
        CHECK(unlink(name) == 0);
    }
    CHECK(is_back(&before));
}
