// SPDX-License-Identifier: MIT
// The memory of processes, promise by promise: what a fork costs and shares, copy on write, stacks and breaks, and
// running out of memory. What lies on a disk: unix_memory_disk.c.
#include "libos/unix/memory/advice.h"
#include "tests/unit/unix_memory_case.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

static uint64_t writes_of_fork(uint64_t pages) {
    begin_with("clock1", 3000, 1000);
    map_at(AT, pages, false, nullptr);
    write_pages(AT, pages, 1);
    struct vm *child;
    const uint64_t before = fake.table_writes;
    cr_assert_eq(vm_fork(vm, &child), 0);
    const uint64_t writes = fake.table_writes - before;
    vm_release(child);
    end();
    return writes;
}

Test(unix_memory, a_fork_costs_the_same_however_much_is_mapped) {
    const uint64_t few = writes_of_fork(1), many = writes_of_fork(2500);
    cr_assert_eq(few, many);
    cr_assert_leq(few, 2, "%lu table entries are written", few); // one node, in each of two spaces
}

Test(unix_memory, a_fork_shares_all_tables_and_a_write_takes_those_above_it) {
    begin_with("clock1", 2000, 1000);
    map_at(AT, 1024, false, nullptr); // two leaves
    write_pages(AT, 1024, 1);
    struct vm *child;
    cr_assert_eq(vm_fork(vm, &child), 0);
    const struct node *node = vm->space.node[index_in_space(AT)];
    cr_assert_eq(child->space.node[index_in_space(AT)], node);
    cr_assert_eq(node->references, 2);

    vm_enter(child);
    expect(AT, 1);
    cr_assert_eq(child->space.node[index_in_space(AT)], node, "a read takes no table");
    const uint64_t private_before = memory.private_count;
    cr_assert_eq(fake_write(AT, 99), 0);
    const struct node *own = child->space.node[index_in_space(AT)];
    cr_assert_neq(own, node);
    cr_assert_neq(leaf_find(&child->space, AT), leaf_find(&vm->space, AT));
    cr_assert_eq(leaf_find(&child->space, AT + LEAF_SPAN), leaf_find(&vm->space, AT + LEAF_SPAN));
    cr_assert_eq(memory.private_count, private_before + 1, "one page is copied");

    expect(AT, 99);
    vm_enter(vm);
    expect(AT, 1);
    expect(AT + LEAF_SPAN, 513);
    fake_check((struct vm *const[]){vm, child}, 2);
    vm_release(child);
    end();
}

// What one of two does to its mappings where tables are shared must not show through them at the other: new mappings
// and moved ones that are only read, and a part of a leaf that is taken away.
Test(unix_memory, a_mapping_made_after_a_fork_is_seen_by_one_side_only) {
    begin_with("clock1", 200, 100);
    const uint64_t free = AT + 100 * EXO_PAGE_SIZE, border = AT + LEAF_SPAN;
    uint64_t value;
    map_at(AT, 10, false, nullptr);
    map_at(border - 4 * EXO_PAGE_SIZE, 8, false, nullptr);
    write_pages(AT, 4, 1);
    write_pages(border - 4 * EXO_PAGE_SIZE, 8, 50);
    struct vm *const parent = vm;
    for (unsigned way = 0; way < 3; way++) {
        cr_assert_eq(vm_fork(parent, &vm), 0);
        vm_enter(vm);
        if (way == 0) map_at(free, 1, false, nullptr);
        if (way == 1) {
            const struct vm_remap what = {AT + 8 * EXO_PAGE_SIZE, EXO_PAGE_SIZE, EXO_PAGE_SIZE, true, true, free};
            cr_assert_eq(vm_remap(vm, &what), (int64_t)free);
        }
        if (way == 2) cr_assert_eq(vm_unmap(vm, border - 2 * EXO_PAGE_SIZE, 4 * EXO_PAGE_SIZE), 0);
        if (way < 2) expect(free, 0);
        fake_check((struct vm *const[]){parent, vm}, 2);
        vm_enter(parent);
        cr_assert_eq(fake_read(free, &value), SIGSEGV, "way %u", way);
        for (unsigned i = 0; i < 8; i++) expect(border + (i - 4) * EXO_PAGE_SIZE, 50 + i);
        vm_release(vm);
    }
    vm = parent;
    end();
}

Test(unix_memory, the_last_of_those_who_share_a_page_writes_to_it_without_a_copy) {
    begin_with("clock1", 100, 100);
    map_at(AT, 1, false, nullptr);
    write_pages(AT, 1, 7);
    struct vm *child;
    cr_assert_eq(vm_fork(vm, &child), 0);
    vm_enter(child);
    expect(AT, 7);
    vm_enter(vm);
    vm_release(child);
    const uint64_t copied = memory.count.copied;
    cr_assert_eq(fake_write(AT, 8), 0);
    cr_assert_eq(memory.count.copied, copied);
    expect(AT, 8);
    end();
}

Test(unix_memory, a_space_that_was_left_shows_nothing_to_the_one_that_takes_its_place) {
    begin_with("clock1", 100, 100);
    map_at(AT, 1, false, nullptr);
    write_pages(AT, 1, 7);
    vm_release(vm);
    cr_assert_eq(vm_new(&vm), 0);
    vm_enter(vm);
    uint64_t value;
    cr_assert_eq(fake_read(AT, &value), SIGSEGV);
    map_at(AT, 1, false, nullptr);
    expect(AT, 0);
    end();
}

Test(unix_memory, memory_that_was_only_read_takes_no_frames) {
    begin_with("clock1", 32, 100);
    map_at(AT, 500, false, nullptr);
    for (unsigned i = 0; i < 500; i++) expect(AT + i * EXO_PAGE_SIZE, 0);
    cr_assert_eq(memory.used, 0);
    cr_assert_eq(fake.reads + fake.writes, 0);
    end();
}

Test(unix_memory, shared_memory_stays_shared_across_a_fork_even_where_nobody_was_yet) {
    begin_with("clock1", 24, 400);
    map_at(AT, 100, true, nullptr);
    write_pages(AT, 50, 1);
    struct vm *child;
    cr_assert_eq(vm_fork(vm, &child), 0);
    vm_enter(child);
    write_pages(AT + 50 * EXO_PAGE_SIZE, 50, 1000);
    cr_assert_eq(fake_write(AT, 77), 0);
    vm_enter(vm);
    expect(AT, 77);
    for (unsigned i = 50; i < 100; i++) expect(AT + i * EXO_PAGE_SIZE, 1000 + i - 50);
    vm_release(child);
    expect(AT + EXO_PAGE_SIZE, 2);
    end();
}

Test(unix_memory, a_stack_grows_down_to_its_limit_and_not_near_others) {
    begin_with("clock1", 100, 100);
    const uint64_t top = AT + 0x100'0000;
    cr_assert_eq(vm_map(vm, &(struct vm_map){.first = top - EXO_PAGE_SIZE,
                                             .bytes = EXO_PAGE_SIZE,
                                             .rights = VM_READ | VM_WRITE,
                                             .fixed = true,
                                             .stack = true}),
                 (int64_t)(top - EXO_PAGE_SIZE));
    vm_stack_limit(vm, 64 * EXO_PAGE_SIZE);
    cr_assert_eq(fake_write(top - 64 * EXO_PAGE_SIZE, 1), 0);
    cr_assert_eq(fake_write(top - 64 * EXO_PAGE_SIZE - 8, 1), SIGSEGV);
    vm_stack_limit(vm, 4096 * EXO_PAGE_SIZE);
    map_at(top - 1000 * EXO_PAGE_SIZE, 1, false, nullptr);
    cr_assert_eq(fake_write(top - 740 * EXO_PAGE_SIZE, 1), 0);
    cr_assert_eq(fake_write(top - 750 * EXO_PAGE_SIZE, 1), SIGSEGV);
    end();
}

Test(unix_memory, the_break_moves_and_what_lay_above_it_is_gone) {
    begin_with("clock1", 100, 100);
    vm_break_at(vm, 0x80'0000);
    cr_assert_eq(vm_break(vm, 0), 0x80'0000);
    cr_assert_eq(vm_break(vm, 0x80'2345), 0x80'2345);
    cr_assert_eq(fake_write(0x80'2ff8, 5), 0);
    cr_assert_eq(fake_write(0x80'3000, 5), SIGSEGV);
    cr_assert_eq(vm_break(vm, 0x80'1000), 0x80'1000);
    cr_assert_eq(fake_write(0x80'2000, 5), SIGSEGV);
    cr_assert_eq(vm_break(vm, 0x80'3000), 0x80'3000);
    expect(0x80'2ff8, 0);
    cr_assert_eq(vm_break(vm, 0x4000'1000), 0x80'3000, "the library OS is in the way");
    end();
}

Test(unix_memory, a_break_that_grows_is_one_mapping) {
    begin_with("clock1", 100, 100);
    vm_break_at(vm, 0x80'0000);
    for (unsigned i = 1; i < 50; i++) cr_assert_eq(vm_break(vm, 0x80'0000 + i * EXO_PAGE_SIZE), 0x80'0000 + i * 4096);
    cr_assert_eq(vm->mappings->count, 1);
    end();
}

// The processor has not made the entry dirty yet: the instruction did not run again.
Test(unix_memory, a_copy_is_kept_though_nobody_has_written_to_it) {
    begin_with("clock1", 40, 100);
    uint64_t bytes[EXO_PAGE_SIZE / sizeof(uint64_t)] = {77};
    cr_assert_eq(cache_write(&fake.file[0], 0, bytes, sizeof bytes), sizeof bytes);
    map_at(AT, 1, false, &fake.file[0]);
    map_at(AT + LEAF_SPAN, 60, false, nullptr);
    const struct exo_context registers = {.rip = 1};
    cr_assert_eq(vm_fault(vm, AT, 6, &registers).signal, 0); // a user's write
    bytes[0] = 78;
    cr_assert_eq(cache_write(&fake.file[0], 0, bytes, sizeof bytes), sizeof bytes);
    write_pages(AT + LEAF_SPAN, 60, 1);
    expect(AT, 77);
    end();
}

Test(unix_memory, neighbours_in_a_file_are_mapped_at_their_own_addresses_only) {
    begin_with("clock1", 100, 100);
    static uint64_t bytes[16][EXO_PAGE_SIZE / sizeof(uint64_t)];
    for (unsigned i = 0; i < 16; i++) bytes[i][0] = i + 1;
    cr_assert_eq(cache_write(&fake.file[0], 0, bytes, sizeof bytes), sizeof bytes);
    const uint64_t middle = AT + LEAF_SPAN; // two tables meet there
    map_at(AT, 1, false, nullptr);
    map_at(middle - 8 * EXO_PAGE_SIZE, 16, false, &fake.file[0]);
    expect(middle - 8 * EXO_PAGE_SIZE, 1);
    expect(AT, 0);
    for (unsigned i = 0; i < 16; i++) expect(middle + i * EXO_PAGE_SIZE - 8 * EXO_PAGE_SIZE, i + 1);
    end();
}

// As many pages as swap space and frames hold together, less what is kept, can be written, and each comes back; the
// next one is refused. What is kept is enough for files' pages to come and go meanwhile.
Test(unix_memory, memory_ends_with_a_refusal_and_nothing_is_lost) {
    for (const struct policy *const *each = policies; *each != nullptr; each++) {
        if ((*each)->sees >= POLICY_SEES_REFERENCES || (*each)->timed) continue;
        static char bytes[20 * EXO_PAGE_SIZE];
        begin_with((*each)->name, 64, 100);
        map_at(AT, 400, false, nullptr);
        cr_assert_eq(cache_write(&fake.file[0], 0, bytes, sizeof bytes), sizeof bytes);
        unsigned written = 0;
        while (fake_write(AT + written * EXO_PAGE_SIZE, written + 1) == 0) written++;
        cr_assert_eq(fake_write(AT + written * EXO_PAGE_SIZE, 1), SIGKILL);
        cr_assert_eq(written, 100 + memory.slots - memory.slots / 2);
        cr_assert_eq(cache_read(&fake.file[0], 0, bytes, sizeof bytes), sizeof bytes);
        cr_assert_eq(cache_write(&fake.file[0], 0, bytes, sizeof bytes), sizeof bytes);
        for (unsigned i = 0; i < written; i++) expect(AT + i * EXO_PAGE_SIZE, i + 1);
        cr_assert_eq(vm_unmap(vm, AT, EXO_PAGE_SIZE), 0);
        cr_assert_eq(fake_write(AT + written * EXO_PAGE_SIZE, 1), 0, "a page was given back");
        end();
    }
}

// With every number of tables until it works: what fails changes nothing, and leaves nothing behind.
Test(unix_memory, too_few_tables_are_an_error_and_no_harm) {
    for (unsigned tables = 0; tables < 24; tables++) {
        begin_with("clock1", 100, 100);
        struct vm *child = nullptr;
        map_at(AT, 1200, false, nullptr);
        for (unsigned i = 0; i < 1200; i += 400) cr_assert_eq(fake_write(AT + i * EXO_PAGE_SIZE, i), 0);
        fake.tables_left = tables;
        if (vm_fork(vm, &child) == 0) {
            vm_enter(child);
            const int signal = fake_write(AT, 5);
            cr_assert(signal == 0 || signal == SIGKILL);
            const int error = vm_protect(child, AT + EXO_PAGE_SIZE, 900 * EXO_PAGE_SIZE, VM_READ);
            cr_assert(error == 0 || error == -ENOMEM);
            (void)vm_remap(
                child,
                &(struct vm_remap){
                    .first = AT, .bytes = 0x1000, .wanted = 0x1000, .may_move = true, .fixed = true, .to = 0x70'0000});
            (void)vm_unmap(child, AT + 3 * EXO_PAGE_SIZE, 700 * EXO_PAGE_SIZE);
            fake_check((struct vm *const[]){vm, child}, 2);
            vm_release(child);
        }
        vm_enter(vm);
        for (unsigned i = 0; i < 1200; i += 400) expect(AT + i * EXO_PAGE_SIZE, i);
        end();
    }
}

Test(unix_memory, a_full_file_system_is_no_space_for_a_writer_and_a_bus_error_for_a_mapping) {
    begin_with("clock1", 100, 100);
    fake.file_blocks = 2;
    static char bytes[4 * EXO_PAGE_SIZE];
    cr_assert_eq(cache_write(&fake.file[0], 0, bytes, sizeof bytes), 2 * EXO_PAGE_SIZE);
    cr_assert_eq(cache_write(&fake.file[0], 2 * EXO_PAGE_SIZE, bytes, sizeof bytes), -ENOSPC);
    cr_assert_eq(fake.file[0].size, 2 * EXO_PAGE_SIZE);
    cr_assert_eq(cache_set_size(&fake.file[0], 4 * EXO_PAGE_SIZE), 0);
    map_at(AT, 4, true, &fake.file[0]);
    cr_assert_eq(fake_write(AT, 1), 0);
    expect(AT + 3 * EXO_PAGE_SIZE, 0);
    cr_assert_eq(fake_write(AT + 3 * EXO_PAGE_SIZE, 1), SIGBUS);
    end();
}

Test(unix_memory, a_write_from_a_bad_address_changes_nothing) {
    begin_with("clock1", 100, 100);
    map_at(AT, 1, false, nullptr);
    write_pages(AT, 1, 5);
    static char old[EXO_PAGE_SIZE];
    memset(old, 0x55, sizeof old);
    cr_assert_eq(cache_write(&fake.file[0], 0, old, sizeof old), EXO_PAGE_SIZE);
    cr_assert_eq(cache_write(&fake.file[0], 0, (const void *)(AT + 2048), EXO_PAGE_SIZE), -EFAULT,
                 "the source's last byte is looked at first");
    uint64_t value;
    cr_assert_eq(cache_read(&fake.file[0], 0, &value, sizeof value), sizeof value);
    cr_assert_eq(value, 0x5555'5555'5555'5555);
    end();
}

// Every transfer of a small story fails once: it ends in an error where it belongs, and everything else goes on.
