// SPDX-License-Identifier: MIT
// The heap: blocks don't overlap, contents stay, neighbours join again, misuse is noticed.
#include <criterion/criterion.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include "libos/core/heap.h"

constexpr size_t ARENA = 1 << 20;
static char *arena;
static jmp_buf broken;

void heap_broken(const void *) {
    longjmp(broken, 1);
}

static void begin(void) {
    arena = aligned_alloc(4096, ARENA);
    memset(arena, 0, ARENA);
    heap_init(arena, ARENA, true);
}

static void end(void) {
    free(arena);
}

TestSuite(heap, .init = begin, .fini = end);

static bool is_misuse(void (*release)(void *), void *block) {
    if (setjmp(broken) != 0) return true;
    release(block);
    return false;
}

// The whole arena can be had in one block: nothing is lost or left in pieces.
static void expect_whole(void) {
    void *all = heap_allocate(ARENA - 16);
    cr_expect_not_null(all);
    heap_release(all);
}

Test(heap, blocks_are_aligned_inside_and_apart) {
    char *previous = nullptr;
    for (size_t size = 0; size < 500; size++) {
        char *block = heap_allocate(size);
        cr_assert_not_null(block);
        cr_expect_eq((uintptr_t)block % 16, 0);
        cr_expect(block >= arena && block + size <= arena + ARENA);
        if (previous != nullptr) cr_expect_geq(block, previous + size - 1);
        previous = block;
    }
}

Test(heap, memory_never_used_is_not_touched) {
    heap_release(heap_allocate(1000));
    for (size_t i = 1100; i < ARENA; i++) cr_assert_eq(arena[i], 0);
}

Test(heap, more_than_there_is_gives_null_and_harms_nothing) {
    cr_expect_null(heap_allocate(ARENA));
    cr_expect_null(heap_allocate(SIZE_MAX));
    cr_expect_null(heap_allocate(SIZE_MAX - 15));
    cr_expect_null(heap_allocate_zeroed(SIZE_MAX - 40));
    cr_expect_null(heap_allocate_aligned(4096, SIZE_MAX - 4000));
    void *block = heap_allocate(100);
    cr_expect_null(heap_reallocate(block, ARENA));
    cr_expect_null(heap_reallocate(block, SIZE_MAX));
    heap_release(block);
    expect_whole();
}

Test(heap, neighbours_join_in_every_order_of_release) {
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int order = 0; order < 6; order++) {
        void *block[3] = {heap_allocate(100), heap_allocate(3000), heap_allocate(77)};
        for (int i = 0; i < 3; i++) heap_release(block[orders[order][i]]);
        expect_whole();
    }
}

Test(heap, zeroed_memory_is_zero_also_where_it_was_used_before) {
    char *first = heap_allocate(5000);
    memset(first, 0xaa, 5000);
    heap_release(first);
    char *second = heap_allocate_zeroed(9000); // partly used before, partly never
    for (int i = 0; i < 9000; i++) cr_assert_eq(second[i], 0);
}

Test(heap, aligned_blocks_can_be_released) {
    for (size_t alignment = 16; alignment <= 65536; alignment *= 2) {
        heap_allocate(24); // so that the top isn't aligned by chance
        void *block = heap_allocate_aligned(alignment, 100);
        cr_assert_not_null(block);
        cr_expect_eq((uintptr_t)block % alignment, 0);
        memset(block, 1, 100);
        heap_release(block);
    }
}

Test(heap, a_larger_block_keeps_its_contents_wherever_it_goes) {
    char *block = heap_allocate(40);
    for (int i = 0; i < 40; i++) block[i] = (char)i;
    void *wall = heap_allocate(40); // forces a move
    block = heap_reallocate(block, 4000);
    for (int i = 0; i < 40; i++) cr_expect_eq(block[i], (char)i);
    char *same = heap_reallocate(block, 10); // shrinks in place
    cr_expect_eq(same, block);
    same = heap_reallocate(same, 3000); // grows back into what it gave up
    cr_expect_eq(same, block);
    for (int i = 0; i < 10; i++) cr_expect_eq(same[i], (char)i);
    heap_release(same);
    heap_release(wall);
    expect_whole();
}

Test(heap, misuse_is_noticed) {
    char *block = heap_allocate(100), *other = heap_allocate(100);
    cr_expect(is_misuse(heap_release, block + 16), "not the beginning of a block");
    cr_expect(is_misuse(heap_release, block + 8), "not aligned");
    cr_expect(is_misuse(heap_release, arena + ARENA), "past the heap");
    heap_release(block);
    cr_expect(is_misuse(heap_release, block), "released twice");
    heap_release(other);
    heap_release(nullptr);
}

Test(heap, ten_thousand_random_steps_keep_every_block_whole) {
    constexpr int SLOTS = 64;
    static struct {
        unsigned char *bytes;
        size_t size;
    } slot[SLOTS];
    uint64_t state = 1;
    for (int step = 0; step < 10000; step++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const int i = (int)(state >> 40) % SLOTS;
        const size_t size = (size_t)(state >> 48) % (step % 10 == 0 ? 20000 : 600);
        for (size_t b = 0; b < slot[i].size; b++) cr_assert_eq(slot[i].bytes[b], (unsigned char)i);
        switch (state >> 33 & 3) {
        case 0:
            heap_release(slot[i].bytes);
            slot[i].bytes = nullptr;
            break;
        case 1: {
            unsigned char *moved = heap_reallocate(slot[i].bytes, size);
            cr_assert_not_null(moved);
            for (size_t b = 0; b < size && b < slot[i].size; b++) cr_assert_eq(moved[b], (unsigned char)i);
            slot[i].bytes = moved;
            break;
        }
        case 2:
            heap_release(slot[i].bytes);
            slot[i].bytes = heap_allocate_zeroed(size);
            for (size_t b = 0; b < size; b++) cr_assert_eq(slot[i].bytes[b], 0);
            break;
        default: heap_release(slot[i].bytes); slot[i].bytes = heap_allocate_aligned(256, size);
        }
        slot[i].size = slot[i].bytes == nullptr ? 0 : size;
        if (slot[i].bytes != nullptr) memset(slot[i].bytes, i, size);
    }
    for (int i = 0; i < SLOTS; i++) heap_release(slot[i].bytes);
    expect_whole();
}
