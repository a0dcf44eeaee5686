// SPDX-License-Identifier: MIT
// What files cost that must reach the disk, or come from it: to be run from an ext4 file system.
//
// A processor that waits for a disk executes nothing, while the time-stamp counter goes on; so samples lie between
// marks (peers/marker.h), and whoever boots the machine counts. A row's figure is the mean of its samples: what the
// file system puts off and does now and then for many, as emptying its journal, is in it.
//
// `/cold` is a file of DISK_COLD MiB that nobody has read since the boot; its first half is read in order, of its
// second half single pages.
#include "peers/processes/rows.h"
#include "peers/bench.h"
#include "peers/marker.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, MIB = 1 << 20, PIECE = 65536, FILE_PAGES = 64 };

static char buffer[PIECE];
static int file, cold;
static unsigned sample;

// Row 0: two marks in a row.
static bool nothing(void) {
    return true;
}

// A page that has its block already, another one each time.
static bool overwrite(void) {
    return pwrite(file, buffer, PAGE, (off_t)(sample * 7 % FILE_PAGES) * PAGE) == PAGE;
}

static bool write_sync(void) {
    return overwrite() && fsync(file) == 0;
}

static bool write_data_sync(void) {
    return overwrite() && fdatasync(file) == 0;
}

static bool append_sync(void) {
    return pwrite(file, buffer, PAGE, (off_t)(FILE_PAGES + sample) * PAGE) == PAGE && fsync(file) == 0;
}

// Between samples that are synced: Linux keeps a file's times to 4 ms, and has nothing to write into its journal if
// they did not change.
static void pause_a_tick(void) {
    (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static int make(const char *name) {
    const int made = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (made >= 0 && write(made, buffer, PAGE) == PAGE) return made;
    return -1;
}

static bool create_unlink(void) {
    const int made = make("/disk/made");
    return made >= 0 && close(made) == 0 && unlink("/disk/made") == 0;
}

// How programs replace a file so that after a power cut there is the old one or the new one.
static bool replace(void) {
    const int made = make("/disk/new");
    return made >= 0 && fsync(made) == 0 && close(made) == 0 && rename("/disk/new", "/disk/replaced") == 0;
}

static bool read_page(void) {
    const off_t page = DISK_COLD * MIB / PAGE / 2 + sample * 61;
    return pread(cold, buffer, PAGE, page * PAGE) == PAGE;
}

static bool read_in_order(void) {
    for (off_t done = 0; done < MIB; done += PIECE)
        if (pread(cold, buffer, PIECE, (off_t)sample * MIB + done) != PIECE) return false;
    return true;
}

static bool write_new(void) {
    const int made = open("/disk/large", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    for (off_t done = 0; done < MIB; done += PIECE)
        if (write(made, buffer, PIECE) != PIECE) return false;
    return fsync(made) == 0 && close(made) == 0;
}

static void prepare(void) {
    if (mkdir("/disk", 0755) != 0) _exit(2);
    memset(buffer, 'd', sizeof buffer);
    file = open("/disk/file", O_RDWR | O_CREAT | O_TRUNC, 0644);
    cold = open("/cold", O_RDONLY);
    if (file < 0 || cold < 0) _exit(2);
    for (int i = 0; i < FILE_PAGES; i++)
        if (write(file, buffer, PAGE) != PAGE) _exit(2);
    sync();
}

static void report(const char *system, unsigned number, const char *op, const char *how, unsigned samples) {
    char line[BENCH_LINE];
    (void)snprintf(
        line, sizeof line,
        "{\"event\":\"marked\",\"system\":\"%s\",\"number\":%u,\"op\":\"%s\",\"how\":\"%s\",\"samples\":%u}\n", system,
        number, op, how, samples);
    peer_put(line);
}

// A mark's name is a constant, so each row has code of its own.
#define ROW(number, name, what, count, once, syncs)                                                                    \
    do {                                                                                                               \
        bool done = true;                                                                                              \
        for (sample = 0; done && sample < (count); sample++) {                                                         \
            if (syncs) pause_a_tick();                                                                                 \
            MARKER(MARKER_BEGIN | (number));                                                                           \
            done = once();                                                                                             \
            MARKER(MARKER_END | (number));                                                                             \
        }                                                                                                              \
        if (done)                                                                                                      \
            report(system, number, name, what, count);                                                                 \
        else                                                                                                           \
            bench_skip(system, name, "a call failed");                                                                 \
    } while (false)

void disk_rows(const char *system) {
    prepare();
    ROW(0, "disk.nothing", "two marks in a row", 16, nothing, false);
    ROW(1, "disk.fsync", "pwrite of 4 KiB over others, fsync", 128, write_sync, true);
    ROW(2, "disk.fdatasync", "the same with fdatasync", 128, write_data_sync, true);
    ROW(3, "disk.append", "4 KiB more of a file, fsync", 128, append_sync, true);
    ROW(4, "disk.create", "open of a new file, write of 4 KiB, close, unlink", 256, create_unlink, false);
    ROW(5, "disk.replace", "a new file of 4 KiB, fsync, close, rename over the old one", 128, replace, true);
    (void)posix_fadvise(cold, 0, 0, POSIX_FADV_RANDOM);
    ROW(6, "disk.read", "pread of 4 KiB that are on the disk", 64, read_page, false);
    (void)posix_fadvise(cold, 0, 0, POSIX_FADV_SEQUENTIAL);
    ROW(7, "disk.read.large", "1 MiB that is on the disk, in order, by 64 KiB", DISK_COLD / 2, read_in_order, false);
    ROW(8, "disk.write.large", "1 MiB over a file that was emptied, by 64 KiB, fsync", 32, write_new, true);
}
