// SPDX-License-Identifier: MIT
// The mappings of the random operations. A shared mapping is the file; a page of a private one is the file's until it
// is written to. Nothing is written behind a file's end, and of what lies there only that touching it is SIGBUS
// matters.
#include "tests/torture/random_files.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

struct map maps[MAPS];
static sigjmp_buf back;

static struct map *any_map(void) {
    struct map *map = &maps[draw(MAPS)];
    return map->place != nullptr ? map : nullptr;
}

// Bytes of it that are in the file.
static size_t bytes_there(const struct map *map) {
    if (map->body->size <= map->first) return 0;
    const size_t rest = map->body->size - map->first;
    return rest < map->bytes ? rest : map->bytes;
}

static unsigned char wanted(const struct map *map, size_t at) {
    return !map->shared && map->own[at / PAGE] ? map->copy[at] : map->body->bytes[map->first + at];
}

static void check(const struct map *map, size_t from, size_t bytes) {
    for (size_t at = from; at < from + bytes; at++)
        if (map->place[at] != wanted(map, at))
            wrong("%s mapping: byte %zu of the file is %u, not %u", map->shared ? "shared" : "private", map->first + at,
                  map->place[at], wanted(map, at));
}

void map_make(void) {
    struct map *map = &maps[draw(MAPS)];
    const struct open_file *file = &files[draw(FILES)];
    if (map->place != nullptr) return map_remove(map);
    if (file->fd < 0) return;
    map->first = draw(LARGEST / PAGE / 2) * PAGE;
    map->bytes = (1 + draw(LARGEST / PAGE / 2)) * PAGE;
    map->shared = draw(3) != 0;
    void *place = mmap(nullptr, map->bytes, PROT_READ | PROT_WRITE, map->shared ? MAP_SHARED : MAP_PRIVATE, file->fd,
                       (off_t)map->first);
    need(place != MAP_FAILED, "mmap");
    map->place = place;
    map->body = file->body;
    map->body->users++;
    memset(map->own, 0, sizeof map->own);
}

void map_remove(struct map *map) {
    need(munmap(map->place, map->bytes) == 0, "munmap");
    map->place = nullptr;
    map->body->users--;
    body_leave(map->body);
}

void map_read(void) {
    const struct map *map = any_map();
    const size_t there = map == nullptr ? 0 : bytes_there(map);
    if (there == 0) return;
    const size_t from = draw((unsigned)there), bytes = 1 + draw(draw(3) == 0 ? 30000 : 500);
    check(map, from, bytes < there - from ? bytes : there - from);
}

void map_write(void) {
    struct map *map = any_map();
    const size_t there = map == nullptr ? 0 : bytes_there(map);
    if (there == 0) return;
    const size_t from = draw((unsigned)there);
    size_t bytes = 1 + draw(draw(3) == 0 ? 30000 : 500);
    if (bytes > there - from) bytes = there - from;
    for (size_t page = from / PAGE; !map->shared && page <= (from + bytes - 1) / PAGE; page++) {
        if (map->own[page]) continue;
        map->own[page] = true;
        memcpy(map->copy + page * PAGE, map->body->bytes + map->first + page * PAGE, PAGE);
    }
    const unsigned byte = draw(256);
    for (size_t at = from; at < from + bytes; at++) {
        const unsigned char value = (unsigned char)(byte + at * 3);
        map->place[at] = value;
        if (map->shared)
            map->body->bytes[map->first + at] = value;
        else
            map->copy[at] = value;
    }
}

void map_sync(void) {
    const struct map *map = any_map();
    if (map != nullptr) need(msync(map->place, map->bytes, draw(2) ? MS_SYNC : MS_ASYNC) == 0, "msync");
}

static void jumps(int) {
    siglongjmp(back, 1);
}

void map_behind_end(void) {
    struct map *map = any_map();
    if (map == nullptr) return;
    const size_t end = (bytes_there(map) + PAGE - 1) / PAGE * PAGE;
    if (end == map->bytes) return;
    const struct sigaction action = {.sa_handler = jumps};
    struct sigaction before;
    need(sigaction(SIGBUS, &action, &before) == 0, "sigaction");
    volatile unsigned char *place = map->place + end + draw((unsigned)(map->bytes - end));
    const bool writes = draw(2);
    if (sigsetjmp(back, 1) == 0) {
        if (writes)
            *place = 1;
        else
            (void)*place;
        wrong("a page behind the file's end could be %s", writes ? "written" : "read");
    }
    need(sigaction(SIGBUS, &before, nullptr) == 0, "sigaction");
}

void maps_cut(struct body *body, size_t size) {
    for (unsigned i = 0; i < MAPS; i++) {
        struct map *map = &maps[i];
        if (map->place != nullptr && map->body == body && !map->shared && map->first + map->bytes > size)
            map_remove(map);
    }
}

void maps_check(void) {
    for (unsigned i = 0; i < MAPS; i++)
        if (maps[i].place != nullptr) check(&maps[i], 0, bytes_there(&maps[i]));
}
