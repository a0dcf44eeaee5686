// SPDX-License-Identifier: MIT
// Versions of a file's contents: the same as long as nothing has changed, and never again a former one.
#include "libos/unix/memory/object.h"
#include "tests/unit/unix_memory_case.h"
#include <sys/mman.h>

static struct inode *const file = fake.file;
static uint64_t last;

static uint64_t version(void) {
    struct object *object = object_of(file);
    const uint64_t now = object_version(object);
    cr_assert_eq(object_version(object), now);
    return now;
}

static bool is_another(void) {
    const uint64_t before = last;
    last = version();
    cr_assert_geq(last, before);
    return last != before;
}

static void begin_with_a_file(void) {
    begin_with("clock1", 100, 100);
    static const char bytes[4 * EXO_PAGE_SIZE];
    cr_assert_eq(cache_write(file, 0, bytes, sizeof bytes), sizeof bytes);
    last = version();
}

Test(unix_memory, a_version_stays_while_a_file_is_read_and_written_back) {
    begin_with_a_file();
    map_at(AT, 4, false, file);
    write_pages(AT, 4, 7); // of its own
    expect(AT, 7);
    uint64_t word;
    cr_assert_eq(cache_read(file, EXO_PAGE_SIZE, &word, sizeof word), sizeof word);
    cr_assert_eq(cache_sync(file, false), 0);
    cr_assert(!is_another());
    end();
}

Test(unix_memory, a_version_ends_when_a_file_is_written_or_gets_another_size_or_is_forgotten) {
    begin_with_a_file();
    const uint64_t word = 5;
    cr_assert_eq(cache_write(file, 8, &word, sizeof word), sizeof word);
    cr_assert(is_another());
    cr_assert_eq(cache_set_size(file, 2 * EXO_PAGE_SIZE), 0);
    cr_assert(is_another());
    cr_assert_eq(cache_set_size(file, 4 * EXO_PAGE_SIZE), 0);
    cr_assert(is_another());
    cache_forget(file);
    cr_assert(is_another());
    end();
}

// What could be written to before goes on being written, and a page that is dirty already is mapped elsewhere.
Test(unix_memory, a_version_ends_when_a_shared_page_is_written_that_was_written_before) {
    begin_with_a_file();
    map_at(AT, 4, true, file);
    write_pages(AT, 4, 1);
    cr_assert(is_another());
    cr_assert_eq(fake_write(AT, 2), 0);
    cr_assert(is_another());
    cr_assert_eq(fake_write(AT, 3), 0);
    cr_assert(is_another());
    constexpr uint64_t elsewhere = AT + 0x100'0000;
    map_at(elsewhere, 4, true, file);
    for (unsigned i = 0; i < 4; i++) expect(elsewhere + i * EXO_PAGE_SIZE, i == 0 ? 3 : 1 + i);
    cr_assert(!is_another());
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(fake_write(elsewhere + i * EXO_PAGE_SIZE, 4), 0);
        cr_assert(is_another());
    }
    fake_check((struct vm *const[]){vm}, 1);
    end();
}

// Memory that several address spaces map by name of its object, as exec does with code that was rewritten.
Test(unix_memory, memory_is_mapped_private_and_what_is_written_there_is_ones_own) {
    begin_with("clock1", 100, 100);
    struct object *object = object_new();
    const struct vm_map shared = {.first = AT,
                                  .bytes = 4 * EXO_PAGE_SIZE,
                                  .rights = VM_READ | VM_WRITE,
                                  .fixed = true,
                                  .shared = true,
                                  .memory = object};
    cr_assert_eq(vm_map(vm, &shared), (int64_t)AT);
    write_pages(AT, 4, 10);
    cr_assert_eq(vm_unmap(vm, AT, 4 * EXO_PAGE_SIZE), 0);
    struct vm_map own = shared;
    own.shared = false;
    own.bytes = 2 * EXO_PAGE_SIZE;
    own.offset = 2 * EXO_PAGE_SIZE;
    cr_assert_eq(vm_map(vm, &own), (int64_t)AT);
    expect(AT, 12);
    write_pages(AT, 1, 99);
    own.first = AT + 0x100'0000;
    cr_assert_eq(vm_map(vm, &own), (int64_t)own.first);
    expect(AT, 99);
    expect(AT + EXO_PAGE_SIZE, 13);
    expect(own.first, 12);
    fake_check((struct vm *const[]){vm}, 1);
    object_release(object);
    end();
}
