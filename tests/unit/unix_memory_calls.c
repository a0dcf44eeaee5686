// SPDX-License-Identifier: MIT
// What system calls ask of memory beyond mapping it: mremap, madvise, mincore, limits of what can be seen from outside.
#include "libos/unix/memory/advice.h"
#include "tests/unit/unix_memory_fake.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

constexpr uint64_t AT = 0x10'0000'0000;

static struct vm *vm;

static void begin(void) {
    fake_begin("clock1", 100, 200);
    cr_assert_eq(vm_new(&vm), 0);
    vm_enter(vm);
}

static void end(void) {
    vm_release(vm);
    for (unsigned file = 0; file < FAKE_FILES; file++) cache_forget(&fake.file[file]);
    fake_end();
}

static void map_at(uint64_t first, uint64_t pages, bool shared) {
    const struct vm_map what = {.first = first,
                                .bytes = pages * EXO_PAGE_SIZE,
                                .rights = VM_READ | VM_WRITE,
                                .fixed = true,
                                .reserves_none = true,
                                .shared = shared};
    cr_assert_eq(vm_map(vm, &what), (int64_t)first);
}

static void expect(uint64_t address, uint64_t value) {
    uint64_t found = ~value;
    cr_assert_eq(fake_read(address, &found), 0);
    cr_assert_eq(found, value, "%#lx holds %#lx instead of %#lx", address, found, value);
}

TestSuite(unix_memory_calls, .init = begin, .fini = end);

Test(unix_memory_calls, a_mapping_grows_in_place_if_there_is_room_and_moves_with_its_pages_if_not) {
    map_at(AT, 2, false);
    cr_assert_eq(fake_write(AT, 1), 0);
    cr_assert_eq(fake_write(AT + EXO_PAGE_SIZE, 2), 0);
    struct vm_remap what = {.first = AT, .bytes = 2 * EXO_PAGE_SIZE, .wanted = 5 * EXO_PAGE_SIZE};
    cr_assert_eq(vm_remap(vm, &what), (int64_t)AT);
    cr_assert_eq(vm->mappings->count, 1);
    map_at(AT + 5 * EXO_PAGE_SIZE, 1, false);
    cr_assert_eq(vm_protect(vm, AT + 5 * EXO_PAGE_SIZE, EXO_PAGE_SIZE, VM_READ), 0);
    what = (struct vm_remap){.first = AT, .bytes = 5 * EXO_PAGE_SIZE, .wanted = 9 * EXO_PAGE_SIZE};
    cr_assert_eq(vm_remap(vm, &what), -ENOMEM);
    what.may_move = true;
    const uint64_t copied = memory.count.copied;
    const int64_t to = vm_remap(vm, &what);
    cr_assert(to > 0 && to != (int64_t)AT);
    expect((uint64_t)to, 1);
    expect((uint64_t)to + EXO_PAGE_SIZE, 2);
    expect((uint64_t)to + 8 * EXO_PAGE_SIZE, 0);
    cr_assert_eq(memory.count.copied, copied);
    cr_assert_eq(fake_write(AT, 1), SIGSEGV);
    cr_assert_eq(vm_remap(vm, &(struct vm_remap){.first = (uint64_t)to, .bytes = 9 * 4096, .wanted = 4096}), to);
    cr_assert_eq(fake_write((uint64_t)to + EXO_PAGE_SIZE, 1), SIGSEGV);
}

Test(unix_memory_calls, what_is_not_needed_reads_as_zeros_and_gives_its_pages_back) {
    map_at(AT, 10, false);
    for (unsigned i = 0; i < 10; i++) cr_assert_eq(fake_write(AT + i * EXO_PAGE_SIZE, i + 1), 0);
    cr_assert_eq(vm_advise(vm, AT + EXO_PAGE_SIZE, 8 * EXO_PAGE_SIZE, MADV_DONTNEED), 0);
    cr_assert_eq(memory.private_count, 2);
    expect(AT, 1);
    expect(AT + EXO_PAGE_SIZE, 0);
    expect(AT + 9 * EXO_PAGE_SIZE, 10);
    cr_assert_eq(vm_advise(vm, AT + 9 * EXO_PAGE_SIZE, 2 * EXO_PAGE_SIZE, MADV_DONTNEED), -ENOMEM);
    cr_assert_eq(vm_advise(vm, AT, EXO_PAGE_SIZE, 12345), -EINVAL);
    cr_assert_eq(vm_lock(vm, AT, EXO_PAGE_SIZE, true), 0);
    cr_assert_eq(vm_advise(vm, AT, EXO_PAGE_SIZE, MADV_DONTNEED), -EINVAL);
    expect(AT, 1);
}

Test(unix_memory_calls, a_child_lacks_what_its_parent_keeps) {
    map_at(AT, 3, false);
    cr_assert_eq(fake_write(AT + EXO_PAGE_SIZE, 5), 0);
    cr_assert_eq(vm_advise(vm, AT + EXO_PAGE_SIZE, EXO_PAGE_SIZE, MADV_DONTFORK), 0);
    struct vm *child;
    cr_assert_eq(vm_fork(vm, &child), 0);
    expect(AT + EXO_PAGE_SIZE, 5);
    vm_enter(child);
    uint64_t value;
    cr_assert_eq(fake_read(AT, &value), 0);
    cr_assert_eq(fake_read(AT + EXO_PAGE_SIZE, &value), SIGSEGV);
    vm_release(child);
}

Test(unix_memory_calls, only_pages_in_memory_are_in_core) {
    map_at(AT, 4, false);
    map_at(AT + LEAF_SPAN, 1, false);
    cr_assert_eq(fake_write(AT + 2 * EXO_PAGE_SIZE, 5), 0);
    cr_assert_eq(vm_in_core(vm, AT, 4 * EXO_PAGE_SIZE, AT + LEAF_SPAN), 0);
    expect(AT + LEAF_SPAN, 0x10000);
    cr_assert_eq(vm_in_core(vm, AT, 5 * EXO_PAGE_SIZE, AT + LEAF_SPAN), -ENOMEM);
    cr_assert_eq(vm_in_core(vm, AT, EXO_PAGE_SIZE, 0x1000), -EFAULT);
}

Test(unix_memory_calls, a_word_is_known_by_what_it_is_in_and_not_by_its_address) {
    map_at(AT, 1, true);
    map_at(AT + LEAF_SPAN, 1, false);
    struct vm *child;
    struct vm_key here, there;
    cr_assert_eq(vm_fork(vm, &child), 0);
    cr_assert_eq(vm_key(vm, AT + 8, &here), 0);
    cr_assert_eq(vm_key(child, AT + 8, &there), 0);
    cr_assert(here.object == there.object && here.offset == there.offset);
    cr_assert_eq(vm_key(vm, AT + LEAF_SPAN, &here), 0);
    cr_assert_eq(vm_key(child, AT + LEAF_SPAN, &there), 0);
    cr_assert(here.object != there.object);
    cr_assert_eq(vm_key(vm, AT + 2 * LEAF_SPAN, &here), -EFAULT);
    vm_release(child);
}

Test(unix_memory_calls, another_space_can_be_read_without_entering_it) {
    map_at(AT, 300, false);
    for (unsigned i = 0; i < 200; i++) cr_assert_eq(fake_write(AT + i * EXO_PAGE_SIZE, i + 1), 0);
    vm_enter(nullptr);
    uint64_t value[2];
    for (unsigned i = 0; i < 200; i++) {
        cr_assert_eq(vm_read(vm, AT + i * EXO_PAGE_SIZE, value, sizeof value), 0);
        cr_assert(value[0] == i + 1 && value[1] == 0);
    }
    cr_assert_eq(vm_read(vm, AT + 250 * EXO_PAGE_SIZE, value, sizeof value), 0);
    cr_assert_eq(value[0], 0, "a page that nobody touched");
    cr_assert_eq(vm_read(vm, AT + 300 * EXO_PAGE_SIZE - 8, value, sizeof value), -EFAULT);
}

Test(unix_memory_calls, mappings_are_listed_and_added_up) {
    map_at(AT, 4, false);
    cr_assert_eq(vm_protect(vm, AT + EXO_PAGE_SIZE, EXO_PAGE_SIZE, VM_READ), 0);
    struct vm_line line;
    unsigned lines = 0;
    for (uint64_t at = 0; vm_next(vm, at, &line); at = line.end) lines++;
    cr_assert_eq(lines, 3);
    cr_assert_eq(vm_protect(vm, AT + EXO_PAGE_SIZE, EXO_PAGE_SIZE, VM_READ | VM_WRITE), 0);
    cr_assert(vm_next(vm, 0, &line));
    cr_assert(line.first == AT && line.end == AT + 4 * EXO_PAGE_SIZE, "they are one again");
    cr_assert_eq(fake_write(AT, 1), 0);
    const struct vm_sizes sizes = vm_sizes(vm);
    cr_assert(sizes.total == 4 * EXO_PAGE_SIZE && sizes.resident == 1 && sizes.shared == 0);
}
