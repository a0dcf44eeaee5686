// SPDX-License-Identifier: MIT
// Random operations of several processes on their memory and on files, against a model that knows nothing of pages in
// memory, tables or disks: for every place a process can address, what is mapped there and which two words it holds.
// Little memory, so that everything is evicted and comes back; every policy.
#include "libos/pager/policy/lcg.h"
#include "libos/unix/memory/advice.h"
#include "tests/unit/unix_memory_fake.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

constexpr unsigned PROCESSES = 6, PLACES = 192, WINDOW = 64, SHARED_MOST = 4000, FILES = 4, FILE_PAGES = 40;
constexpr unsigned WORDS = 2; // of a page: at its start and in its middle

// Three windows of addresses: over the border of two leaves, above the library OS, near the top.
static const uint64_t windows[] = {0x5f'0000, 0x8000'0000, 0x7f'f000'0000};

struct contents {
    uint64_t word[WORDS];
};

enum kind : uint8_t { NOTHING, PRIVATE, SHARED, OF_FILE };

struct place {
    enum kind kind;
    bool shared, own; // of a file: shared mapping; private: has a copy of its own
    uint8_t rights;
    unsigned object, index; // of shared memory or a file
    struct contents contents;
};

struct process {
    struct vm *vm;
    struct place place[PLACES];
};

static struct world {
    uint64_t x;
    struct process process[PROCESSES];
    struct contents shared[SHARED_MOST][WINDOW];
    unsigned shared_count;
    struct contents file[FILES][FILE_PAGES];
    uint64_t value;
    unsigned current, near;
} world;

static uint64_t draw(uint64_t below) {
    return lcg_draw(&world.x, below);
}

static uint64_t address_of(unsigned place) {
    return windows[place / WINDOW] + place % WINDOW * EXO_PAGE_SIZE;
}

static uint64_t file_size(unsigned file) {
    return fake.file[file].size;
}

// The words that an access to a place reads or writes; null after setting the signal that is due.
static struct contents *contents_of(struct place *place, bool write, int *signal) {
    static struct contents zeros;
    const uint8_t needed = write ? VM_WRITE : VM_READ | VM_WRITE | VM_EXECUTE;
    *signal = SIGSEGV;
    if (place->kind == NOTHING || !(place->rights & needed)) return nullptr;
    *signal = SIGBUS;
    if (place->kind == OF_FILE && place->index * EXO_PAGE_SIZE >= file_size(place->object)) return nullptr;
    *signal = 0;
    if (place->kind == SHARED) return &world.shared[place->object][place->index];
    if (place->kind == OF_FILE && place->shared) return &world.file[place->object][place->index];
    if (write && !place->own) {
        place->own = true;
        place->contents = place->kind == OF_FILE ? world.file[place->object][place->index] : zeros;
    }
    if (place->own) return &place->contents;
    return place->kind == OF_FILE ? &world.file[place->object][place->index] : &zeros;
}

static void access_place(struct process *process, unsigned number, bool write) {
    struct place *place = &process->place[number];
    unsigned word = (unsigned)draw(WORDS);
    // What a program writes behind a file's end is nobody's business, and so is its own copy of a page that is cut off.
    if (place->kind == OF_FILE && file_size(place->object) / EXO_PAGE_SIZE == place->index) word = 0;
    if (place->kind == OF_FILE && place->own && place->index * EXO_PAGE_SIZE >= file_size(place->object)) return;
    int expected;
    struct contents *contents = contents_of(place, write, &expected);
    vm_enter(process->vm);
    const uint64_t address = address_of(number) + word * EXO_PAGE_SIZE / WORDS;
    uint64_t value = ++world.value;
    const int signal = write ? fake_write(address, value) : fake_read(address, &value);
    cr_assert_eq(signal, expected, "%s of %#lx gives signal %d instead of %d", write ? "write" : "read", address,
                 signal, expected);
    if (signal != 0) return;
    if (write)
        contents->word[word] = value;
    else
        cr_assert_eq(value, contents->word[word], "%#lx holds %#lx instead of %#lx (kind %d, shared %d, own %d)",
                     address, value, contents->word[word], place->kind, place->shared, place->own);
}

// ---- operations

static unsigned some_range(unsigned *count) {
    const unsigned first = (unsigned)draw(PLACES);
    *count = 1 + (unsigned)draw(WINDOW - first % WINDOW);
    return first;
}

static void do_map(struct process *process) {
    unsigned count, first = some_range(&count);
    struct place model = {.kind = PRIVATE + (uint8_t)draw(3), .rights = (uint8_t)draw(4)};
    struct vm_map map = {.first = address_of(first), .bytes = count * EXO_PAGE_SIZE, .fixed = true};
    if (draw(3) != 0) model.rights = VM_READ | VM_WRITE;
    if (model.kind == SHARED && world.shared_count == SHARED_MOST) model.kind = PRIVATE;
    if (model.kind == SHARED) {
        model.object = world.shared_count++;
        map.shared = true;
    }
    if (model.kind == OF_FILE) {
        model.object = (unsigned)draw(FILES);
        model.index = (unsigned)draw(FILE_PAGES / 2);
        if (count > FILE_PAGES - model.index) count = FILE_PAGES - model.index;
        map.bytes = count * EXO_PAGE_SIZE;
        model.shared = map.shared = draw(2);
        map.file = &fake.file[model.object];
        map.offset = model.index * EXO_PAGE_SIZE;
    }
    map.rights = model.rights;
    cr_assert_eq(vm_map(process->vm, &map), (int64_t)map.first);
    for (unsigned i = 0; i < count; i++, model.index++) process->place[first + i] = model;
}

static void do_unmap(struct process *process) {
    unsigned count, first = some_range(&count);
    cr_assert_eq(vm_unmap(process->vm, address_of(first), count * EXO_PAGE_SIZE), 0);
    memset(&process->place[first], 0, count * sizeof(struct place));
}

static void do_protect(struct process *process) {
    unsigned count, first = some_range(&count);
    const uint8_t rights = (uint8_t)draw(4);
    bool whole = true;
    for (unsigned i = first; i < first + count; i++) whole = whole && process->place[i].kind != NOTHING;
    const int error = vm_protect(process->vm, address_of(first), count * EXO_PAGE_SIZE, rights);
    cr_assert_eq(error == 0, whole);
    for (unsigned i = first; i < first + count && whole; i++) process->place[i].rights = rights;
}

static void do_forget(struct process *process) {
    unsigned count, first = some_range(&count);
    (void)vm_advise(process->vm, address_of(first), count * EXO_PAGE_SIZE, MADV_DONTNEED);
    for (unsigned i = first; i < first + count; i++) process->place[i].own = false;
}

// Moves a range that is one mapping to another window.
static void do_move(struct process *process) {
    unsigned count, first = some_range(&count);
    const unsigned to = (first / WINDOW + 1) % 3 * WINDOW + (unsigned)draw(WINDOW - count + 1);
    const int64_t result = vm_remap(process->vm, &(struct vm_remap){.first = address_of(first),
                                                                    .bytes = count * EXO_PAGE_SIZE,
                                                                    .wanted = count * EXO_PAGE_SIZE,
                                                                    .may_move = true,
                                                                    .fixed = true,
                                                                    .to = address_of(to)});
    if (result < 0) return; // it was not one mapping
    cr_assert_eq(result, (int64_t)address_of(to));
    memcpy(&process->place[to], &process->place[first], count * sizeof(struct place));
    memset(&process->place[first], 0, count * sizeof(struct place));
}

static void do_fork(struct process *process) {
    for (unsigned i = 0; i < PROCESSES; i++) {
        struct process *child = &world.process[i];
        if (child->vm != nullptr) continue;
        for (unsigned place = 0; place < PLACES; place++) access_place(process, place, draw(2)); // a full TLB
        memcpy(child->place, process->place, sizeof child->place);
        cr_assert_eq(vm_fork(process->vm, &child->vm), 0);
        for (unsigned place = 0; place < PLACES; place++) access_place(process, place, draw(2));
        return;
    }
}

static void do_exit(struct process *process) {
    unsigned alive = 0;
    for (unsigned i = 0; i < PROCESSES; i++) alive += world.process[i].vm != nullptr;
    if (alive < 2) return;
    vm_release(process->vm);
    memset(process, 0, sizeof *process);
}

static void do_set_size(void) {
    const unsigned file = (unsigned)draw(FILES);
    uint64_t page = file_size(file) / EXO_PAGE_SIZE + draw(6);
    page = page < 3 ? FILE_PAGES / 2 : page >= FILE_PAGES + 3 ? 8 : page - 3;
    const uint64_t size = page * EXO_PAGE_SIZE + (draw(2) == 0 ? 0 : 100);
    cr_assert_eq(cache_set_size(&fake.file[file], size), 0);
    for (unsigned page = 0; page < FILE_PAGES; page++)
        for (unsigned word = 0; word < WORDS; word++)
            if (page * EXO_PAGE_SIZE + word * EXO_PAGE_SIZE / WORDS >= size) world.file[file][page].word[word] = 0;
}

// Pages of a file, from library memory, whole or only a word of one.
static void do_write_file(void) {
    const unsigned file = (unsigned)draw(FILES), page = (unsigned)draw(FILE_PAGES - 2);
    static uint64_t bytes[2][EXO_PAGE_SIZE / sizeof(uint64_t)];
    memset(bytes, 0, sizeof bytes);
    if (draw(2) == 0) {
        const unsigned word = (unsigned)draw(WORDS);
        const uint64_t value = ++world.value, at = page * EXO_PAGE_SIZE + word * EXO_PAGE_SIZE / WORDS;
        cr_assert_eq(cache_write(&fake.file[file], at, &value, sizeof value), sizeof value);
        world.file[file][page].word[word] = value;
        return;
    }
    for (unsigned i = 0; i < 2; i++)
        for (unsigned word = 0; word < WORDS; word++)
            bytes[i][word * EXO_PAGE_SIZE / WORDS / sizeof(uint64_t)] = world.file[file][page + i].word[word] =
                ++world.value;
    cr_assert_eq(cache_write(&fake.file[file], page * EXO_PAGE_SIZE, bytes, sizeof bytes), sizeof bytes);
}

static void do_read_file(void) {
    const unsigned file = (unsigned)draw(FILES), page = (unsigned)draw(FILE_PAGES), word = (unsigned)draw(WORDS);
    const uint64_t at = page * EXO_PAGE_SIZE + word * EXO_PAGE_SIZE / WORDS;
    uint64_t value = 0;
    const int64_t bytes = cache_read(&fake.file[file], at, &value, sizeof value);
    cr_assert_eq(bytes, at < file_size(file) ? (int64_t)sizeof value : 0);
    if (bytes > 0) cr_assert_eq(value, world.file[file][page].word[word]);
}

// From a user's memory to a file and back to another place.
static void do_copy(struct process *process) {
    const unsigned from = (unsigned)draw(PLACES), file = (unsigned)draw(FILES), page = (unsigned)draw(FILE_PAGES);
    struct place *place = &process->place[from];
    int signal;
    if (place->kind == OF_FILE) return; // words behind its end are anything
    const struct contents *contents = contents_of(place, false, &signal);
    vm_enter(process->vm);
    const int64_t bytes =
        cache_write(&fake.file[file], page * EXO_PAGE_SIZE, (const void *)address_of(from), EXO_PAGE_SIZE);
    cr_assert_eq(bytes > 0, contents != nullptr);
    if (bytes > 0) world.file[file][page] = *contents;
}

static void do_sync(void) {
    const unsigned file = (unsigned)draw(FILES);
    cr_assert_eq(cache_sync(&fake.file[file], false), 0);
    for (unsigned page = 0; page < FILE_PAGES; page++)
        for (unsigned word = 0; word < WORDS; word++) {
            const uint64_t at = page * EXO_PAGE_SIZE + word * EXO_PAGE_SIZE / WORDS;
            if (at < file_size(file)) cr_assert_eq(fake_on_disk(file, at), world.file[file][page].word[word]);
        }
}

// Mostly the same process again, as one that is entered anew has an empty TLB; and mostly places near each other.
static void step(void) {
    if (draw(16) == 0) world.current = (unsigned)draw(PROCESSES);
    if (draw(32) == 0) world.near = (unsigned)draw(PLACES - 8);
    struct process *process = &world.process[world.current];
    const uint64_t operation = draw(200);
    if (process->vm == nullptr) {
        world.current = (unsigned)draw(PROCESSES);
        return;
    }
    vm_enter(process->vm);
    switch (operation) {
    case 0: do_map(process); break;
    case 1: do_unmap(process); break;
    case 2: do_protect(process); break;
    case 3: do_forget(process); break;
    case 4: do_move(process); break;
    case 5:
    case 6: do_fork(process); break;
    case 7: do_exit(process); break;
    case 8:
    case 15: do_set_size(); break;
    case 9:
    case 10: do_write_file(); break;
    case 11:
    case 12: do_read_file(); break;
    case 13: do_copy(process); break;
    case 14: do_sync(); break;
    default:
        access_place(process, draw(4) == 0 ? (unsigned)draw(PLACES) : world.near + (unsigned)draw(8), operation % 2);
        break;
    }
}

static void check_all(void) {
    struct vm *vms[PROCESSES];
    for (unsigned i = 0; i < PROCESSES; i++) vms[i] = world.process[i].vm;
    fake_check(vms, PROCESSES);
}

// `numbers`: of pages, that are kept from being handed out, so that those of pages out of memory are taken again.
static void play(const char *policy, uint64_t frames, uint64_t seed, unsigned steps, uint32_t numbers) {
    static uint32_t kept[4096];
    memset(&world, 0, sizeof world);
    world.x = seed;
    fake_begin(policy, frames, 2000);
    for (uint32_t i = 0; i < numbers; i++) kept[i] = page_number_take();
    cr_assert_eq(vm_new(&world.process[0].vm), 0);
    for (unsigned i = 0; i < steps; i++) {
        step();
        if (i % 500 == 0) check_all();
    }
    for (unsigned i = 0; i < PROCESSES; i++)
        for (unsigned place = 0; place < PLACES && world.process[i].vm != nullptr; place++)
            access_place(&world.process[i], place, false);
    check_all();
    for (unsigned i = 0; i < PROCESSES; i++)
        if (world.process[i].vm != nullptr) vm_release(world.process[i].vm);
    for (unsigned file = 0; file < FILES; file++) cache_forget(&fake.file[file]);
    while (numbers > 0) page_number_free(kept[--numbers]);
    fake_end();
}

Test(unix_memory, behaves_like_the_model_with_every_policy) {
    for (const struct policy *const *each = policies; *each != nullptr; each++) {
        if ((*each)->sees >= POLICY_SEES_REFERENCES || (*each)->timed) continue;
        play((*each)->name, 40, 1, 6000, 0);
    }
}

Test(unix_memory, behaves_like_the_model_with_little_and_with_much_memory) {
    static const uint64_t frames[] = {16, 24, 64, 200, 1000};
    for (unsigned i = 0; i < sizeof frames / sizeof *frames; i++)
        for (uint64_t seed = 1; seed < 4; seed++) play("clock1", frames[i], seed, 10000, 0);
}

Test(unix_memory, behaves_like_the_model_when_numbers_of_pages_are_scarce) {
    for (uint64_t seed = 1; seed < 5; seed++) play("clockpro", 60, seed, 10000, 1560);
}
