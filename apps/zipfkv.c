// SPDX-License-Identifier: MIT
// A key-value store under Zipf-distributed traffic: get and put of versioned values in a hash table.
//
//   zipfkv [keys=8192] [operations=60000] [puts=30]
//
// `puts` is the share of puts in per cent. The traffic is what caches see: few keys take most operations, and they
// lie scattered over the pages, so that good policies differ from bad ones by how well they keep the hot pages.
// Every get is verified: all words of a value follow from its key and version, and which version a key must have is
// kept outside of the paged heap. So is the table of the Zipf distribution, which is no part of the store.
#include "apps/app.h"

enum { KEYS_MOST = 1 << 15, VALUE_WORDS = 14 };

// A line of the hash table, 128 bytes. Key 0 marks a free one.
struct record {
    uint64_t key, version, value[VALUE_WORDS];
};

static struct record *table;
static uint64_t lines; // a power of two, at least a quarter more than there are keys

static uint32_t versions[KEYS_MOST];          // of each ordinal
static uint64_t cumulative_weight[KEYS_MOST]; // of ranks, from the most frequent on

static uint64_t key_of(uint64_t ordinal) {
    return app_mix(ordinal + 1);
}

// Finds the line of a key, or the free one where it belongs; null if the table is full.
static struct record *find(uint64_t key) {
    for (uint64_t i = 0; i < lines; i++) {
        struct record *record = &table[(key + i) & (lines - 1)];
        if (record->key == key || record->key == 0) return record;
    }
    return NULL;
}

static void put(uint64_t ordinal) {
    uint64_t key = key_of(ordinal);
    struct record *record = find(key);
    if (!record || (record->key == 0 && versions[ordinal] != 0)) app_fail("key %" PRIu64 " is lost", ordinal);
    record->key = key;
    record->version = ++versions[ordinal];
    for (unsigned i = 0; i < VALUE_WORDS; i++) record->value[i] = app_mix(key + record->version * VALUE_WORDS + i);
}

// Returns the sum of the value's words.
static uint64_t get(uint64_t ordinal) {
    uint64_t key = key_of(ordinal), version = versions[ordinal];
    const struct record *record = find(key);
    if (!record || record->key != key) app_fail("key %" PRIu64 " is lost", ordinal);
    if (record->version != version)
        app_fail("key %" PRIu64 " has version %" PRIu64 ", not %" PRIu64, ordinal, record->version, version);
    uint64_t sum = 0;
    for (unsigned i = 0; i < VALUE_WORDS; i++) {
        uint64_t word = record->value[i];
        if (word != app_mix(key + version * VALUE_WORDS + i))
            app_fail("word %u of key %" PRIu64 ", version %" PRIu64 " is wrong", i, ordinal, version);
        sum += word;
    }
    return sum;
}

// Weight 2^40 / rank, summed: Zipf's law with exponent 1 in integers.
static void make_distribution(uint64_t keys) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < keys; i++) cumulative_weight[i] = sum += (1ull << 40) / (i + 1);
}

static uint64_t draw_rank(uint64_t *seed, uint64_t keys) {
    uint64_t u = app_random(seed, cumulative_weight[keys - 1]), low = 0, high = keys - 1;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (cumulative_weight[middle] <= u)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int main(int argc, char **argv) {
    static struct app_argument arguments[] = {
        {.name = "keys", .least = 1, .most = KEYS_MOST, .number = 8192},
        {.name = "operations", .least = 0, .most = 1u << 30, .number = 60000},
        {.name = "puts", .least = 0, .most = 100, .number = 30},
    };
    APP_ARGUMENTS(argc, argv, arguments);
    uint64_t keys = arguments[0].number, operations = arguments[1].number, puts = 0, seed = 31, checksum = 0;

    for (lines = 4; lines < keys + keys / 4; lines *= 2) {
    }
    table = app_memory(lines * sizeof *table);
    memset(table, 0, lines * sizeof *table);
    make_distribution(keys);
    for (uint64_t i = 0; i < keys; i++) put(i);
    for (uint64_t i = 0; i < operations; i++) {
        uint64_t ordinal = draw_rank(&seed, keys);
        if (app_random(&seed, 100) < arguments[2].number) {
            put(ordinal);
            puts++;
        } else {
            checksum = app_mix(checksum + get(ordinal));
        }
    }
    for (uint64_t i = 0; i < keys; i++) checksum = app_mix(checksum + get(i));
    printf("zipfkv: %" PRIu64 " keys, %" PRIu64 " gets, %" PRIu64 " puts\n", keys, operations - puts, puts);
    free(table);
    return app_passed(checksum);
}
