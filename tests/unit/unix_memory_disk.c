// SPDX-License-Identifier: MIT
// The memory of processes and the disk, promise by promise: transfers that fail, reading ahead, writing back, and the
// cache of files.
#include "libos/unix/memory/advice.h"
#include "tests/unit/unix_memory_case.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

Test(unix_memory, a_disk_that_fails_is_an_error_for_whom_it_concerns) {
    for (unsigned number = 1; number < 60; number++) {
        begin_with("fifo", 32, 200);
        map_at(AT, 40, false, nullptr);
        fake.fail_transfer = number;
        static char bytes[30 * EXO_PAGE_SIZE];
        (void)cache_write(&fake.file[0], 0, bytes, sizeof bytes);
        for (unsigned i = 0; i < 40; i++) {
            const int signal = fake_write(AT + i * EXO_PAGE_SIZE, i);
            cr_assert(signal == 0 || signal == SIGBUS);
        }
        for (unsigned i = 0; i < 40; i++) {
            uint64_t value;
            const int signal = fake_read(AT + i * EXO_PAGE_SIZE, &value);
            cr_assert(signal == SIGBUS || (signal == 0 && value == i));
        }
        const int64_t count = cache_read(&fake.file[0], 0, bytes, sizeof bytes);
        cr_assert(count > 0 || count == -EIO);
        (void)cache_sync(&fake.file[0], false);
        fake_check((struct vm *const[]){vm}, 1);
        end();
    }
}

Test(unix_memory, a_sync_that_fails_says_so_and_the_next_one_writes_again) {
    begin_with("clock1", 100, 100);
    const uint64_t value = 9;
    cr_assert_eq(cache_write(&fake.file[0], 0, &value, sizeof value), sizeof value);
    fake.fail_transfer = 1;
    cr_assert_eq(cache_sync(&fake.file[0], false), -EIO);
    cr_assert_neq(fake_on_disk(0, 0), 9);
    cr_assert_eq(cache_sync(&fake.file[0], false), 0);
    cr_assert_eq(fake_on_disk(0, 0), 9);
    end();
}

Test(unix_memory, dirty_pages_of_a_file_go_to_the_disk_together) {
    begin_with("clock1", 200, 100);
    static char bytes[64 * EXO_PAGE_SIZE];
    cr_assert_eq(cache_write(&fake.file[0], 0, bytes, sizeof bytes), sizeof bytes);
    const uint64_t kicks = fake.kicks, writes = fake.writes;
    cr_assert_eq(cache_sync(&fake.file[0], false), 0);
    cr_assert_eq(fake.writes - writes, 64);
    cr_assert_leq(fake.kicks - kicks, 48, "the fake disk has 20 places");
    const uint64_t again = fake.writes;
    cr_assert_eq(cache_sync(&fake.file[0], false), 0);
    cr_assert_eq(fake.writes, again);
    end();
}

Test(unix_memory, a_file_that_is_read_in_order_is_read_ahead) {
    begin_with("clock1", 400, 100);
    static char bytes[64 * EXO_PAGE_SIZE];
    put_on_disk(0, bytes, sizeof bytes);
    const uint64_t kicks = fake.kicks;
    for (unsigned i = 0; i < 64; i++)
        cr_assert_eq(cache_read(&fake.file[0], i * EXO_PAGE_SIZE, bytes, EXO_PAGE_SIZE), EXO_PAGE_SIZE);
    cr_assert_eq(fake.kicks - kicks, 4, "one for each chunk");
    end();
}

Test(unix_memory, with_little_free_a_reader_must_show_that_it_reads_in_order) {
    begin_with("clock1", 400, 100);
    static char bytes[64 * EXO_PAGE_SIZE];
    put_on_disk(0, bytes, sizeof bytes);
    map_at(AT, 300, false, nullptr);
    write_pages(AT, 300, 1);
    const uint64_t reads = memory.count.reads;
    static const struct {
        uint64_t page, reads;
    } steps[] = {{50, 1}, {5, 2}, {17, 3}, {18, 5}, {20, 9}, {24, 17}, {32, 33}, {50, 33}, {52, 34}};
    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
        cr_assert_eq(cache_read(&fake.file[0], steps[i].page * EXO_PAGE_SIZE, bytes, 1), 1);
        cr_expect_eq(memory.count.reads - reads, steps[i].reads, "%lu after page %lu", memory.count.reads - reads,
                     steps[i].page);
    }
    end();
}

Test(unix_memory, nothing_is_read_ahead_of_a_file_that_is_read_at_random) {
    begin_with("clock1", 400, 100);
    static char bytes[16 * EXO_PAGE_SIZE];
    put_on_disk(0, bytes, sizeof bytes);
    cache_expect(&fake.file[0], true);
    const uint64_t reads = memory.count.reads;
    for (uint64_t page = 0; page < 2; page++)
        cr_assert_eq(cache_read(&fake.file[0], page * EXO_PAGE_SIZE, bytes, 1), 1);
    cr_assert_eq(memory.count.reads - reads, 2);
    cache_expect(&fake.file[0], false);
    cr_assert_eq(cache_read(&fake.file[0], 2 * EXO_PAGE_SIZE, bytes, 1), 1);
    cr_assert_eq(memory.count.reads - reads, 16);
    end();
}

// Pages that are about to be read ahead keep their numbers, even if none is left but theirs.
Test(unix_memory, reading_ahead_stops_when_there_are_no_numbers) {
    begin_with("clock1", 400, 100);
    static uint64_t bytes[16][EXO_PAGE_SIZE / sizeof(uint64_t)];
    for (unsigned i = 0; i < 16; i++) bytes[i][0] = i + 1;
    put_on_disk(0, bytes, sizeof bytes);
    static uint32_t kept[4096];
    uint32_t count = 0;
    while ((kept[count] = page_number_take()) != NONE) count++;
    for (unsigned i = 0; i < 4; i++) page_number_free(kept[--count]);
    uint64_t value;
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(cache_read(&fake.file[0], i * EXO_PAGE_SIZE, &value, sizeof value), sizeof value);
        cr_assert_eq(value, i + 1);
    }
    fake_check((struct vm *const[]){vm}, 1);
    while (count > 0) page_number_free(kept[--count]);
    end();
}

// A page that left memory keeps its number, as long as there are others.
Test(unix_memory, files_with_more_pages_than_there_are_numbers_are_read_and_written) {
    begin_with("clock1", 32, 16);
    cr_assert_lt(memory.page_count, 200);
    for (uint64_t i = 0; i < 200; i++)
        cr_assert_eq(cache_write(&fake.file[i / 100], i % 100 * EXO_PAGE_SIZE, &i, sizeof i), sizeof i);
    for (uint64_t i = 0, value; i < 200; i++) {
        cr_assert_eq(cache_read(&fake.file[i / 100], i % 100 * EXO_PAGE_SIZE, &value, sizeof value), sizeof value);
        cr_assert_eq(value, i);
    }
    end();
}

Test(unix_memory, files_that_nobody_uses_do_not_fill_the_cache) {
    begin_with("clock1", 1000, 100);
    struct inode *used = inode_hold(&fake.file[0]);
    for (uint64_t i = 0; i < FAKE_FILES; i++) cr_assert_eq(cache_write(&fake.file[i], 0, &i, sizeof i), sizeof i);
    unsigned cached = 0;
    for (const struct object *each = objects; each != nullptr; each = each->next) cached++;
    cr_assert_lt(cached, 260);
    cr_assert_not_null(fake.file[0].owner, "it is in use");
    cr_assert_null(fake.file[1].owner);
    for (uint64_t i = 0; i < FAKE_FILES; i++) {
        uint64_t value;
        cr_assert_eq(cache_read(&fake.file[i], 0, &value, sizeof value), sizeof value);
        cr_assert_eq(value, i);
    }
    inode_release(used);
    end();
}

// A block that was taken and is not written yet has somebody else's old contents.
Test(unix_memory, fresh_blocks_are_written_when_the_file_system_asks) {
    begin_with("clock1", 100, 100);
    const uint64_t value = 3;
    cr_assert_eq(cache_write(&fake.file[0], 100, &value, sizeof value), sizeof value);
    cr_assert_eq(cache_allocate(&fake.file[0], EXO_PAGE_SIZE, 2 * EXO_PAGE_SIZE), 0);
    cr_assert_eq(fake.writes, 0);
    cr_assert_eq(cache_write_fresh(&fake.file[0]), 0);
    cr_assert_eq(fake.writes, 3);
    cr_assert_eq(fake_on_disk(0, 0), 0);
    cr_assert_eq(fake_on_disk(0, EXO_PAGE_SIZE), 0);
    cr_assert_eq(cache_write(&fake.file[0], 0, &value, sizeof value), sizeof value);
    cr_assert_eq(cache_write_fresh(&fake.file[0]), 0);
    cr_assert_eq(fake.writes, 3, "it is the file's own block by now");
    end();
}

Test(unix_memory, a_mapping_that_was_written_to_is_written_back_and_noticed_again) {
    begin_with("clock1", 100, 100);
    cr_assert_eq(cache_set_size(&fake.file[0], EXO_PAGE_SIZE), 0);
    map_at(AT, 1, true, &fake.file[0]);
    for (uint64_t value = 1; value < 4; value++) {
        cr_assert_eq(fake_write(AT, value), 0);
        cr_assert_eq(vm_sync(vm, AT, EXO_PAGE_SIZE, true), 0);
        cr_assert_eq(fake_on_disk(0, 0), value);
    }
    end();
}

Test(unix_memory, refusals_have_their_numbers) {
    begin_with("clock1", 100, 100);
    const struct vm_map what = {.first = AT, .bytes = EXO_PAGE_SIZE, .rights = VM_READ, .fixed = true};
    struct vm_map other = what;
    cr_assert_eq(vm_map(vm, &what), (int64_t)AT);
    other.keep = true;
    cr_assert_eq(vm_map(vm, &other), -EEXIST);
    other = what;
    other.first++;
    cr_assert_eq(vm_map(vm, &other), -EINVAL);
    other.first = MAP_BASE - EXO_PAGE_SIZE;
    other.bytes = 2 * EXO_PAGE_SIZE;
    cr_assert_eq(vm_map(vm, &other), -ENOMEM, "the library OS is there");
    other.first = 0;
    other.bytes = EXO_PAGE_SIZE;
    cr_assert_eq(vm_map(vm, &other), -EPERM);
    other.bytes = 0;
    cr_assert_eq(vm_map(vm, &other), -EINVAL);
    other = (struct vm_map){.bytes = UNIX_USER_END, .rights = VM_READ};
    cr_assert_eq(vm_map(vm, &other), -ENOMEM);
    cr_assert_eq(vm_protect(vm, AT, 2 * EXO_PAGE_SIZE, VM_READ), -ENOMEM);
    cr_assert_eq(vm_protect(vm, AT + 1, EXO_PAGE_SIZE, VM_READ), -EINVAL);
    cr_assert_eq(vm_unmap(vm, AT + 1, EXO_PAGE_SIZE), -EINVAL);
    cr_assert_eq(cache_write(&fake.file[0], FS_SIZE_MOST - 1, "ab", 2), -EFBIG);
    cr_assert_eq(cache_write(&fake.file[0], FS_SIZE_MOST + 1, "a", 1), -EFBIG);
    cr_assert_eq(vm_unmap(vm, AT, 0), -EINVAL);
    cr_assert_eq(vm_unmap(vm, AT + LEAF_SPAN, EXO_PAGE_SIZE), 0, "nothing was there, which is no error");
    cr_assert_eq(fake_write(AT, 1), SIGSEGV);
    cr_assert_eq(vm_remap(vm, &(struct vm_remap){.first = AT, .bytes = 8192, .wanted = 4096}), -EFAULT);
    end();
}

Test(unix_memory, the_most_pages_in_memory_at_a_time_are_counted) {
    begin_with("fifo", 100, 100);
    map_at(AT, 30, false, nullptr);
    write_pages(AT, 30, 1);
    cr_assert_eq(memory.count.peak, 30);
    map_at(AT, 100, false, nullptr); // in the place of the others, which are gone
    write_pages(AT, 20, 1);
    cr_expect_eq(memory.count.peak, 30);
    write_pages(AT, memory.slots, 1); // in slots that were empty, and in those of pages that are gone
    cr_expect_eq(memory.count.peak, memory.slots);
    end();
}

Test(unix_memory, a_page_that_comes_back_while_it_is_written_is_counted_and_not_read) {
    begin_with("fifo", 20, 100);
    const uint64_t pages = memory.slots + 1;
    map_at(AT, pages, false, nullptr);
    write_pages(AT, pages, 1); // the first one has left and is under way to the disk
    cr_assert_eq(memory.count.evictions, 1);
    expect(AT, 1);
    cr_expect_eq(memory.count.rescues, 1);
    cr_expect_eq(memory.count.reads, 0);
    end();
}
