// SPDX-License-Identifier: MIT
// A map of bits over the swap space, searched from where the last block was found. See swap.h.
#include "libos/unix/memory/swap.h"
#include "libos/unix/memory/machine.h"

static struct {
    uint64_t *taken; // bit: block + 1
    uint64_t first;
    uint32_t blocks, left, hand;
} swap;

bool swap_start(uint64_t first_block, uint32_t blocks) {
    swap.taken = machine_memory(((uint64_t)blocks + 63) / 64 * sizeof(uint64_t) + sizeof(uint64_t));
    if (swap.taken == nullptr) return false;
    swap.first = first_block;
    swap.blocks = swap.left = blocks;
    swap.hand = 0;
    for (uint32_t bit = blocks; bit % 64 != 0; bit++) swap.taken[bit / 64] |= 1ull << bit % 64;
    return true;
}

uint32_t swap_take(void) {
    if (swap.left == 0) return 0;
    const uint32_t words = (swap.blocks + 63) / 64;
    uint32_t word = swap.hand / 64;
    uint64_t open = ~swap.taken[word] & ~0ull << swap.hand % 64;
    while (open == 0) {
        word = word + 1 == words ? 0 : word + 1;
        open = ~swap.taken[word];
    }
    const uint32_t bit = word * 64 + (uint32_t)__builtin_ctzl(open);
    swap.taken[word] |= 1ull << bit % 64;
    swap.hand = bit + 1 == swap.blocks ? 0 : bit + 1;
    swap.left--;
    return bit + 1;
}

void swap_free(uint32_t block) {
    swap.taken[(block - 1) / 64] &= ~(1ull << (block - 1) % 64);
    swap.left++;
}

uint64_t swap_block(uint32_t block) {
    return swap.first + block - 1;
}
uint32_t swap_left(void) {
    return swap.left;
}
uint32_t swap_size(void) {
    return swap.blocks;
}
