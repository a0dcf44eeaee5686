// SPDX-License-Identifier: MIT
// Random operations on files against a model: reading, writing, lengths, names, mappings, all on the same few files.
//
//   files SEED STEPS [storm]      in an empty directory; prints the files that are left: name, size, sum
//
// The same seed does the same steps on every system. With `storm` a timer's signals come all the time, whose handler
// does not ask for calls to be restarted: a call on a file must not notice.
#include "tests/torture/random_files.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct body *named[NAMES];
struct open_file files[FILES];
unsigned seed, step;
unsigned char buffer[LARGEST];
static uint64_t state;
static const char *doing = "";

unsigned draw(unsigned below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

void wrong(const char *format, ...) {
    va_list list;
    const int error = errno;
    printf("seed %u, step %u (%s): ", seed, step, doing);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf(" (the last error was %s)\n", strerror(error));
    fflush(stdout);
    _exit(1);
}

void compare(const char *what, const unsigned char *found, const unsigned char *wanted, size_t bytes, size_t offset) {
    if (memcmp(found, wanted, bytes) == 0) return;
    size_t at = 0;
    while (found[at] == wanted[at]) at++;
    wrong("%s: byte %zu is %u, not %u", what, offset + at, found[at], wanted[at]);
}

const char *name_of(unsigned name) {
    static const char *const names[NAMES] = {"a", "b", "c", "d/a", "d/b", "d/c"};
    return names[name];
}

void body_leave(struct body *body) {
    if (body != nullptr && body->names == 0 && body->users == 0) free(body);
}

static void name_leave(unsigned name) {
    struct body *body = named[name];
    named[name] = nullptr;
    if (body == nullptr) return;
    body->names--;
    body_leave(body);
}

static struct open_file *any_open(void) {
    struct open_file *file = &files[draw(FILES)];
    return file->fd >= 0 ? file : nullptr;
}

// Lengths are short mostly, and odd; sometimes whole pages.
static size_t draw_length(void) {
    static const unsigned most[] = {50, 5000, 5000, 9000, 60000};
    return draw(6) == 0 ? PAGE * (1 + draw(4)) : 1 + draw(most[draw(5)]);
}

static size_t draw_offset(const struct body *body) {
    switch (draw(5)) {
    case 0: return draw(LARGEST / PAGE) * PAGE;
    case 1: return body->size;
    default: return draw((unsigned)(body->size < LARGEST - 9000 ? body->size + 9000 : LARGEST));
    }
}

static void fill(size_t bytes) {
    const unsigned first = draw(256), by = 1 + draw(7);
    for (size_t i = 0; i < bytes; i++) buffer[i] = (unsigned char)(first + i * by + (i >> 8));
}

// ---- names

static void open_one(void) {
    struct open_file *file = &files[draw(FILES)];
    if (file->fd >= 0) return;
    const unsigned name = draw(NAMES);
    const bool cuts = draw(12) == 0;
    file->appends = draw(4) == 0;
    file->fd = open(name_of(name), O_RDWR | O_CREAT | (cuts ? O_TRUNC : 0) | (file->appends ? O_APPEND : 0), 0644);
    need(file->fd >= 0, "open");
    if (named[name] == nullptr) {
        named[name] = calloc(1, sizeof(struct body));
        need(named[name] != nullptr, "calloc");
        named[name]->names = 1;
    }
    file->body = named[name];
    file->body->users++;
    file->offset = 0;
    if (cuts) {
        maps_cut(file->body, 0);
        memset(file->body->bytes, 0, file->body->size);
        file->body->size = 0;
    }
}

static void close_one(void) {
    struct open_file *file = any_open();
    if (file == nullptr) return;
    need(close(file->fd) == 0, "close");
    file->fd = -1;
    file->body->users--;
    body_leave(file->body);
}

static void rename_one(void) {
    const unsigned from = draw(NAMES), to = draw(NAMES);
    const int result = rename(name_of(from), name_of(to));
    if (named[from] == nullptr) return need(result == -1 && errno == ENOENT, "rename of nothing");
    need(result == 0, "rename");
    if (named[from] == named[to]) return; // the same file: nothing happens
    name_leave(to);
    named[to] = named[from];
    named[from] = nullptr;
}

static void link_one(void) {
    const unsigned from = draw(NAMES), to = draw(NAMES);
    const int result = link(name_of(from), name_of(to));
    if (named[from] == nullptr) return need(result == -1 && errno == ENOENT, "link of nothing");
    if (named[to] != nullptr) return need(result == -1 && errno == EEXIST, "link over something");
    need(result == 0, "link");
    (named[to] = named[from])->names++;
}

static void unlink_one(void) {
    const unsigned name = draw(NAMES);
    const int result = unlink(name_of(name));
    if (named[name] == nullptr) return need(result == -1 && errno == ENOENT, "unlink of nothing");
    need(result == 0, "unlink");
    name_leave(name);
}

// ---- contents

static void read_one(void) {
    struct open_file *file = any_open();
    if (file == nullptr) return;
    const struct body *body = file->body;
    const bool placed = draw(2);
    const size_t offset = placed ? draw_offset(body) : file->offset, bytes = draw_length();
    const size_t there = offset >= body->size ? 0 : body->size - offset < bytes ? body->size - offset : bytes;
    const struct iovec two[2] = {{buffer, bytes / 3}, {buffer + bytes / 3, bytes - bytes / 3}};
    const ssize_t done = placed         ? pread(file->fd, buffer, bytes, (off_t)offset)
                         : draw(3) == 0 ? readv(file->fd, two, 2)
                                        : read(file->fd, buffer, bytes);
    if (done != (ssize_t)there) wrong("read of %zu at %zu of %zu gave %zd", bytes, offset, body->size, done);
    compare("read", buffer, body->bytes + offset, there, offset);
    if (!placed) file->offset += there;
}

static void body_write(struct body *body, size_t offset, size_t bytes) {
    memcpy(body->bytes + offset, buffer, bytes);
    if (offset + bytes > body->size) body->size = offset + bytes;
}

static void write_one(void) {
    struct open_file *file = any_open();
    if (file == nullptr) return;
    struct body *body = file->body;
    const bool placed = draw(2) && !file->appends; // Linux's pwrite appends, too; nobody should rely on it
    const size_t offset = file->appends ? body->size : placed ? draw_offset(body) : file->offset;
    size_t bytes = draw_length();
    if (offset >= LARGEST) return;
    if (bytes > LARGEST - offset) bytes = LARGEST - offset;
    fill(bytes);
    const struct iovec two[2] = {{buffer, bytes / 3}, {buffer + bytes / 3, bytes - bytes / 3}};
    const ssize_t done = placed         ? pwrite(file->fd, buffer, bytes, (off_t)offset)
                         : draw(3) == 0 ? writev(file->fd, two, 2)
                                        : write(file->fd, buffer, bytes);
    if (done != (ssize_t)bytes) wrong("write of %zu at %zu gave %zd", bytes, offset, done);
    body_write(body, offset, bytes);
    if (!placed) file->offset = offset + bytes;
}

// From a mapping of the file itself or another one, so that faults come in the middle of a write.
static void write_mapped(void) {
    struct open_file *file = any_open();
    const struct map *map = &maps[draw(MAPS)];
    if (file == nullptr || file->appends || map->place == nullptr || !map->shared) return;
    if (map->first >= map->body->size) return;
    const size_t end = map->first + map->bytes < map->body->size ? map->first + map->bytes : map->body->size;
    const size_t there = end - map->first, bytes = 1 + draw((unsigned)there),
                 from = draw((unsigned)(there - bytes + 1));
    const size_t offset = draw(LARGEST - (unsigned)bytes);
    if (map->body == file->body && offset < map->first + from + bytes && map->first + from < offset + bytes) return;
    memcpy(buffer, map->body->bytes + map->first + from, bytes);
    need(pwrite(file->fd, map->place + from, bytes, (off_t)offset) == (ssize_t)bytes, "pwrite of a mapping");
    body_write(file->body, offset, bytes);
}

static void cut_one(void) {
    struct open_file *file = any_open();
    const unsigned name = draw(NAMES);
    struct body *body = file != nullptr ? file->body : named[name];
    if (body == nullptr) return;
    const size_t size = draw(3) == 0 ? draw(LARGEST) : draw((unsigned)body->size + 1);
    if (size < body->size) {
        maps_cut(body, size);
        memset(body->bytes + size, 0, body->size - size);
    }
    body->size = size;
    need((file != nullptr ? ftruncate(file->fd, (off_t)size) : truncate(name_of(name), (off_t)size)) == 0, "truncate");
}

static void sync_one(void) {
    struct open_file *file = any_open();
    if (file == nullptr) return;
    if (draw(6) == 0) sync();
    need((draw(2) ? fsync(file->fd) : fdatasync(file->fd)) == 0, "fsync");
}

// What lies between the place and the next data is zero, and a hole is where it says. Where both are is the file
// system's choice, so the offset is set to something else afterwards.
static void seek_to_content(const struct open_file *file, size_t at, bool data) {
    const struct body *body = file->body;
    const off_t found = lseek(file->fd, (off_t)at, data ? SEEK_DATA : SEEK_HOLE);
    if (found < 0) need(errno == ENXIO && (data || at >= body->size), "lseek to data or hole");
    if (found >= 0) need((size_t)found >= at && (size_t)found <= body->size, "lseek to data or hole");
    const size_t end = found < 0 ? body->size : (size_t)found;
    for (size_t i = at; data && i < end; i++) need(body->bytes[i] == 0, "data that is passed over");
}

static void seek_one(void) {
    struct open_file *file = any_open();
    if (file == nullptr) return;
    const size_t at = draw((unsigned)file->body->size + 2000);
    const unsigned what = draw(4);
    if (what < 2) seek_to_content(file, at, what == 0);
    const bool from_end = what == 3;
    file->offset = from_end ? 0 : at;
    const off_t found =
        from_end ? lseek(file->fd, -(off_t)file->body->size, SEEK_END) : lseek(file->fd, (off_t)at, SEEK_SET);
    need(found == (off_t)file->offset, "lseek");
}

static void look_at_size(void) {
    const struct open_file *file = any_open();
    struct stat status;
    if (file == nullptr) return;
    need(fstat(file->fd, &status) == 0, "fstat");
    if ((size_t)status.st_size != file->body->size || status.st_nlink != file->body->names)
        wrong("size %ld, links %lu; not %zu, %u", (long)status.st_size, (unsigned long)status.st_nlink,
              file->body->size, file->body->names);
}

// ---- everything

static void check_all(bool prints) {
    for (unsigned name = 0; name < NAMES; name++) {
        const int fd = open(name_of(name), O_RDONLY);
        if (named[name] == nullptr) {
            need(fd == -1 && errno == ENOENT, "a name that should not be there");
            continue;
        }
        need(fd >= 0, "a name that should be there");
        const ssize_t bytes = read(fd, buffer, LARGEST);
        if (bytes != (ssize_t)named[name]->size)
            wrong("%s has %zd bytes, not %zu", name_of(name), bytes, named[name]->size);
        compare(name_of(name), buffer, named[name]->bytes, (size_t)bytes, 0);
        need(close(fd) == 0, "close");
        uint32_t sum = 1, sum_of_sums = 0; // Adler-32
        for (ssize_t i = 0; i < bytes; i++) sum_of_sums = (sum_of_sums + (sum = (sum + buffer[i]) % 65521)) % 65521;
        if (prints) printf("file %s %zd %08x\n", name_of(name), bytes, sum_of_sums << 16 | sum);
    }
    maps_check();
}

// A child finds what its parent has, and what it writes to its own memory is its own.
static void check_in_child(void) {
    int status;
    fflush(stdout);
    const pid_t child = fork();
    need(child >= 0, "fork");
    if (child == 0) {
        check_all(false);
        for (unsigned i = 0; i < MAPS; i++)
            if (maps[i].place != nullptr && !maps[i].shared && maps[i].first < maps[i].body->size)
                maps[i].place[0] ^= 0x55;
        memset(buffer, 0x77, sizeof buffer);
        _exit(0);
    }
    while (waitpid(child, &status, 0) != child) need(errno == EINTR, "waitpid");
    need(status == 0, "the child");
    maps_check();
}

static void nothing(int) {}

static void begin_storm(void) {
    const struct sigaction action = {.sa_handler = nothing};
    const struct itimerval often = {{0, 2000}, {0, 2000}};
    need(sigaction(SIGALRM, &action, nullptr) == 0 && setitimer(ITIMER_REAL, &often, nullptr) == 0, "setitimer");
}

static const struct operation {
    const char *name;
    void (*run)(void);
    unsigned weight;
} operations[] = {
    {"open", open_one, 10},
    {"close", close_one, 6},
    {"rename", rename_one, 5},
    {"link", link_one, 2},
    {"unlink", unlink_one, 3},
    {"read", read_one, 16},
    {"write", write_one, 18},
    {"write_mapped", write_mapped, 4},
    {"cut", cut_one, 7},
    {"sync", sync_one, 3},
    {"seek", seek_one, 4},
    {"size", look_at_size, 3},
    {"map", map_make, 7},
    {"map_read", map_read, 10},
    {"map_write", map_write, 12},
    {"map_sync", map_sync, 3},
    {"map_behind_end", map_behind_end, 2},
    {"child", check_in_child, 1},
};

int main(int argc, char **argv) {
    unsigned total = 0;
    if (argc < 3) return 2;
    setvbuf(stdout, nullptr, _IOLBF, 0);
    state = seed = (unsigned)atoi(argv[1]);
    for (unsigned i = 0; i < FILES; i++) files[i].fd = -1;
    need(mkdir("d", 0755) == 0, "mkdir");
    if (argc > 3) begin_storm();
    for (unsigned i = 0; i < sizeof operations / sizeof *operations; i++) total += operations[i].weight;
    const unsigned steps = (unsigned)atoi(argv[2]);
    for (step = 1; step <= steps; step++) {
        unsigned chosen = draw(total);
        const struct operation *operation = operations;
        while (chosen >= operation->weight) chosen -= operation++->weight;
        doing = operation->name;
        operation->run();
        if (step % 200 == 0) check_all(false);
    }
    doing = "the end";
    for (unsigned i = 0; i < FILES; i++)
        if (files[i].fd >= 0) need(close(files[i].fd) == 0, "close");
    check_all(true);
    return 0;
}
