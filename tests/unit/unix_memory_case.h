// SPDX-License-Identifier: MIT
// One process with memory, for tests of promises: begin_with, then anything, then end, which finds what was lost.
#pragma once
#include "libos/unix/files/file.h"
#include "tests/unit/unix_memory_fake.h"
#include <criterion/criterion.h>
constexpr uint64_t AT = 0x10'0000'0000;

[[maybe_unused]] static struct vm *vm;

[[maybe_unused]] static void map_at(uint64_t first, uint64_t pages, bool shared, struct inode *file) {
    const struct vm_map what = {.first = first,
                                .bytes = pages * EXO_PAGE_SIZE,
                                .rights = VM_READ | VM_WRITE,
                                .fixed = true,
                                .reserves_none = true,
                                .shared = shared,
                                .file = file};
    cr_assert_eq(vm_map(vm, &what), (int64_t)first);
}

[[maybe_unused]] static void begin_with(const char *policy, uint64_t frames, uint64_t swap) {
    fake_begin(policy, frames, swap);
    cr_assert_eq(vm_new(&vm), 0);
    vm_enter(vm);
}

[[maybe_unused]] static void end(void) {
    vm_release(vm);
    for (unsigned file = 0; file < FAKE_FILES; file++) cache_forget(&fake.file[file]);
    fake_end();
}

[[maybe_unused]] static void write_pages(uint64_t first, uint64_t pages, uint64_t value) {
    for (uint64_t i = 0; i < pages; i++) cr_assert_eq(fake_write(first + i * EXO_PAGE_SIZE, value + i), 0);
}

// Bytes of a file that are on the disk, and not in memory.
[[maybe_unused]] static void put_on_disk(unsigned file, const void *bytes, uint64_t count) {
    cr_assert_eq(cache_write(&fake.file[file], 0, bytes, count), (int64_t)count);
    cr_assert_eq(cache_sync(&fake.file[file], false), 0);
    cache_forget(&fake.file[file]);
}

[[maybe_unused]] static void expect(uint64_t address, uint64_t value) {
    uint64_t found = ~value;
    cr_assert_eq(fake_read(address, &found), 0);
    cr_assert_eq(found, value, "%#lx holds %#lx instead of %#lx", address, found, value);
}
