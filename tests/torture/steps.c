// SPDX-License-Identifier: MIT
// Does what a plan says to files, and tells when something is promised to be on the disk.
//
//   steps do        does the plan, a line a step, in the current directory
//   steps look      prints every file below it: its path, its size, and runs of equal bytes
//
// After each step that ends with a promise (fsync, sync, dsync, map) it prints a line and waits for one: whoever
// listens then knows what the disk must hold from here on. power.py makes the plan and holds the model.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned line;
static char memory[1 << 20];

static void need(bool good, const char *what) {
    if (good) return;
    printf("step %u: %s: %s\n", line, what, strerror(errno));
    exit(1);
}

static void write_at(const char *name, int flags, off_t offset, size_t bytes, int byte) {
    const int file = open(name, O_WRONLY | O_CREAT | flags, 0644);
    need(file >= 0, name);
    memset(memory, byte, bytes);
    need(bytes <= sizeof memory && pwrite(file, memory, bytes, offset) == (ssize_t)bytes, "write");
    need(close(file) == 0, "close");
}

// Writes to the whole file through a mapping, and has it written: the first half of each page, and once more all of it,
// so that a page is written to after it was synced.
static void write_mapped(const char *name, int byte) {
    struct stat status;
    const int file = open(name, O_RDWR);
    need(file >= 0 && fstat(file, &status) == 0, name);
    char *place = mmap(nullptr, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    need(place != MAP_FAILED, "mmap");
    for (off_t at = 0; at < status.st_size; at += 4096)
        memset(place + at, byte, status.st_size - at < 2048 ? (size_t)(status.st_size - at) : 2048);
    need(msync(place, (size_t)status.st_size, MS_SYNC) == 0, "msync");
    memset(place, byte, (size_t)status.st_size);
    need(msync(place, (size_t)status.st_size, MS_SYNC) == 0, "msync");
    need(munmap(place, (size_t)status.st_size) == 0 && close(file) == 0, "munmap");
}

static void sync_file(const char *name) {
    const int file = open(name, O_RDONLY);
    need(file >= 0 && fsync(file) == 0 && close(file) == 0, "fsync");
}

static void promised(void) {
    char byte = 0;
    printf("promised %u\n", line);
    while (read(0, &byte, 1) == 1 && byte != '\n') {
    }
    need(byte == '\n', "the listener");
}

static void step(const char *what, const char *name, const char *other, long offset, long bytes, int byte) {
    if (strcmp(what, "write") == 0) return write_at(name, 0, offset, (size_t)bytes, byte);
    if (strcmp(what, "append") == 0) return write_at(name, O_APPEND, 0, (size_t)bytes, byte);
    if (strcmp(what, "cut") == 0) return need(truncate(name, bytes) == 0, "truncate");
    if (strcmp(what, "rename") == 0) return need(rename(name, other) == 0, "rename");
    if (strcmp(what, "unlink") == 0) return need(unlink(name) == 0, "unlink");
    if (strcmp(what, "mkdir") == 0) return need(mkdir(name, 0755) == 0, "mkdir");
    if (strcmp(what, "dsync") == 0) write_at(name, O_DSYNC, offset, (size_t)bytes, byte);
    if (strcmp(what, "map") == 0) write_mapped(name, byte);
    if (strcmp(what, "fsync") == 0) sync_file(name);
    if (strcmp(what, "sync") == 0) sync();
    promised();
}

static int do_plan(void) {
    FILE *plan = fopen("plan", "r");
    char what[16], name[64], other[64];
    long offset, bytes;
    int byte;
    need(plan != nullptr, "plan");
    while (fscanf(plan, "%15s %63s %63s %ld %ld %d", what, name, other, &offset, &bytes, &byte) == 6) {
        line++;
        step(what, name, other, offset, bytes, byte);
    }
    need(feof(plan), "a line of the plan");
    printf("done %u\n", line);
    return 0;
}

static void look_at_file(const char *path) {
    FILE *file = fopen(path, "r");
    need(file != nullptr, path);
    printf("%s", path);
    int last = -1, byte;
    unsigned long run = 0;
    do {
        byte = getc(file);
        if (byte != last && run != 0) printf(" %d*%lu", last, run);
        run = byte == last ? run + 1 : 1;
        last = byte;
    } while (byte != EOF);
    need(!ferror(file) && fclose(file) == 0, path);
    printf("\n");
}

static int look(const char *path) {
    DIR *directory = opendir(path);
    need(directory != nullptr, path);
    printf("%s/\n", path);
    for (const struct dirent *entry; (entry = readdir(directory)) != nullptr;) {
        char below[300];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        if (entry->d_type == DT_DIR)
            look(below);
        else
            look_at_file(below);
    }
    closedir(directory);
    return 0;
}

int main(int argc, char **argv) {
    setvbuf(stdout, nullptr, _IOLBF, 0);
    if (argc < 2 || chdir(argc > 2 ? argv[2] : ".") != 0) return 2;
    return strcmp(argv[1], "do") == 0 ? do_plan() : look(".");
}
