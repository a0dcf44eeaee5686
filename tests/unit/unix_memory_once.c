// SPDX-License-Identifier: MIT
// Pages of files that one call has used: they leave memory before others (libos/unix/memory/once.h), and what counts as
// using them again.
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/once.h"
#include "tests/unit/unix_memory_case.h"

constexpr unsigned FRAMES = 40, PROGRAM = 20, STREAM = 60;

static char bytes[STREAM * EXO_PAGE_SIZE];

// Files 0 and 1 are on the disk and not in memory; the program has written its pages.
static void start(void) {
    begin_with("clock1", FRAMES, 200);
    for (unsigned file = 0; file < 2; file++) put_on_disk(file, bytes, sizeof bytes);
    map_at(AT, PROGRAM, false, nullptr);
    write_pages(AT, PROGRAM, 1);
}

static void read_pages(unsigned file, uint64_t first, uint64_t count) {
    for (uint64_t i = 0; i < count; i++)
        cr_assert_eq(cache_read(&fake.file[file], (first + i) * EXO_PAGE_SIZE, bytes, EXO_PAGE_SIZE), EXO_PAGE_SIZE);
}

static uint32_t page_at(unsigned file, uint64_t index) {
    return object_find(fake.file[file].owner, index);
}

// How many pages it takes to find all of the program's in memory again.
static uint64_t missed(void) {
    const uint64_t misses = memory.count.misses;
    for (uint64_t i = 0; i < PROGRAM; i++) expect(AT + i * EXO_PAGE_SIZE, i + 1);
    return memory.count.misses - misses;
}

Test(unix_memory_once, a_file_that_is_read_through_takes_nothing_from_a_program) {
    start();
    read_pages(0, 0, STREAM);
    cr_assert_eq(missed(), 0);
    end();
}

Test(unix_memory_once, a_file_that_is_written_and_synced_takes_nothing_from_a_program) {
    start();
    for (uint64_t i = 0; i < STREAM; i += 20) {
        cr_assert_eq(cache_write(&fake.file[0], i * EXO_PAGE_SIZE, bytes, 20 * EXO_PAGE_SIZE), 20 * EXO_PAGE_SIZE);
        cr_assert_eq(cache_sync(&fake.file[0], false), 0);
    }
    cr_assert_eq(missed(), 0);
    end();
}

Test(unix_memory_once, pages_that_were_read_again_stay_while_others_are_read_through) {
    start();
    read_pages(1, 0, 8);
    read_pages(1, 0, 8);
    read_pages(0, 0, STREAM);
    const uint64_t reads = memory.count.reads;
    read_pages(1, 0, 8);
    cr_assert_eq(memory.count.reads, reads);
    end();
}

Test(unix_memory_once, a_page_that_left_and_is_read_again_is_used_again) {
    start();
    read_pages(0, 0, STREAM);
    cr_assert_not(page_resident(page_at(0, 0)));
    cr_assert_eq(memory.page[page_at(0, 0)].use, USE_ONCE);
    read_pages(0, 0, 1);
    cr_assert_eq(memory.page[page_at(0, 0)].use, USE_AGAIN);
    end();
}

Test(unix_memory_once, small_steps_in_order_are_one_use_and_the_same_bytes_again_are_another) {
    start();
    for (unsigned i = 0; i < 4; i++) cr_assert_eq(cache_read(&fake.file[0], i * 1024, bytes, 1024), 1024);
    cr_assert_eq(memory.page[page_at(0, 0)].use, USE_ONCE);
    cr_assert_eq(cache_read(&fake.file[0], 1024, bytes, 1024), 1024);
    cr_assert_eq(memory.page[page_at(0, 0)].use, USE_AGAIN);
    cr_assert(memory.page[page_at(0, 0)].flags & PAGE_ACCESSED);
    end();
}

Test(unix_memory_once, a_whole_page_written_again_is_no_use_and_a_part_of_it_is) {
    start();
    for (unsigned i = 0; i < 3; i++) cr_assert_eq(cache_write(&fake.file[0], 0, bytes, EXO_PAGE_SIZE), EXO_PAGE_SIZE);
    cr_assert_eq(memory.page[page_at(0, 0)].use, USE_ONCE);
    cr_assert_eq(cache_write(&fake.file[0], 100, bytes, 50), 50);
    cr_assert_eq(memory.page[page_at(0, 0)].use, USE_AGAIN);
    end();
}

Test(unix_memory_once, a_page_that_a_program_has_mapped_is_not_taken_first) {
    start();
    read_pages(0, 0, 1);
    map_at(AT + PROGRAM * EXO_PAGE_SIZE, 1, true, &fake.file[0]);
    uint64_t value;
    cr_assert_eq(fake_read(AT + PROGRAM * EXO_PAGE_SIZE, &value), 0);
    read_pages(1, 0, STREAM);
    cr_assert(page_resident(page_at(0, 0)));
    end();
}

Test(unix_memory_once, what_was_written_meanwhile_is_not_taken_first) {
    start();
    read_pages(0, 0, 8);
    cr_assert_eq(cache_write(&fake.file[0], 0, bytes, 8 * EXO_PAGE_SIZE), 8 * EXO_PAGE_SIZE);
    const uint64_t writes = memory.count.writes;
    read_pages(1, 0, STREAM);
    cr_assert_eq(memory.count.writes, writes);
    end();
}

Test(unix_memory_once, what_was_not_synced_is_not_lost) {
    start();
    for (uint64_t i = 0; i < STREAM; i++)
        cr_assert_eq(cache_write(&fake.file[0], i * EXO_PAGE_SIZE, &i, sizeof i), sizeof i);
    read_pages(1, 0, STREAM);
    for (uint64_t i = 0, found = 0; i < STREAM; i++) {
        cr_assert_eq(cache_read(&fake.file[0], i * EXO_PAGE_SIZE, &found, sizeof found), sizeof found);
        cr_assert_eq(found, i);
    }
    cr_assert_eq(missed() > PROGRAM, false);
    end();
}
