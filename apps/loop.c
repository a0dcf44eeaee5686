// SPDX-License-Identifier: MIT
// Goes through an array from beginning to end, many times.
//
//   loop [pages=337] [laps=20] [write=0]
//
// The textbook case against recency: with one frame too few, LRU, FIFO and CLOCK fault on every page of every lap,
// OPT on pages + (laps - 1) · (pages - frames). With write=1 each lap also changes each word, so that every victim
// is dirty.
// Each word is a multiple of its index plus the number of times it was changed, and is checked in every lap.
#include "apps/app.h"

enum { PAGE_WORDS = 4096 / sizeof(uint64_t) };

static const uint64_t spread = 0x9e3779b97f4a7c15u; // odd, so that no two words are the same

// One lap; returns the sum of the words read.
static uint64_t lap(uint64_t *word, uint64_t words, uint64_t changes, bool write) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < words; i++) {
        uint64_t value = word[i];
        if (value != i * spread + changes)
            app_fail("word %" PRIu64 " (page %" PRIu64 ") holds %016" PRIx64 ", not %016" PRIx64, i, i / PAGE_WORDS,
                     value, i * spread + changes);
        sum += value;
        if (write) word[i] = value + 1;
    }
    return sum;
}

int main(int argc, char **argv) {
    static struct app_argument arguments[] = {
        {.name = "pages", .least = 1, .most = 1 << 18, .number = 337},
        {.name = "laps", .least = 1, .most = 1000000, .number = 20},
        {.name = "write", .least = 0, .most = 1, .number = 0},
    };
    APP_ARGUMENTS(argc, argv, arguments);
    uint64_t words = arguments[0].number * PAGE_WORDS, checksum = 0;
    bool write = arguments[2].number;

    uint64_t *word = app_memory(words * sizeof *word);
    for (uint64_t i = 0; i < words; i++) word[i] = i * spread;
    for (uint64_t i = 0; i < arguments[1].number; i++)
        checksum = app_mix(checksum + lap(word, words, write ? i : 0, write));
    printf("loop: %" PRIu64 " pages, %" PRIu64 " laps\n", arguments[0].number, arguments[1].number);
    free(word);
    return app_passed(checksum);
}
