// SPDX-License-Identifier: MIT
// Hash join: builds a chained hash table over one relation and probes it with another.
//
//   hashjoin [build=30000] [probe=60000]
//
// Half of the probes ask for a hot tenth of the keys, the others for any key, a quarter of which are not there: a
// hot set that a policy should keep amid uniform traffic, while the probing relation streams by.
// Key and payload of a tuple follow from its number, and some keys occur twice. The check computes the matches from
// the numbers alone, without either relation or the table.
#include "apps/app.h"

enum { SEED = 21 };
static const uint32_t no_tuple = UINT32_MAX;

struct tuple {
    uint64_t key, payload;
};

struct table {
    uint32_t buckets; // a power of two
    uint32_t *head;   // number of a bucket's first tuple
    uint32_t *next;   // and of the tuple after each
    const struct tuple *tuple;
    uint32_t tuples;
};

struct result {
    uint64_t matches, hash;
};

// The key with a given ordinal, and the payload of the tuple with a given number.
static uint64_t key_of(uint64_t ordinal) {
    return app_mix(ordinal + 1);
}

static uint64_t payload_of(uint32_t number) {
    return app_mix(~(uint64_t)number);
}

// Tuple i holds key i mod distinct, so that the last quarter of the tuples repeats keys.
static uint32_t distinct_keys(uint32_t tuples) {
    return tuples - tuples / 4;
}

// Which key ordinal the next probe asks for; ordinals from `distinct` on do not exist.
static uint64_t draw_probe(uint64_t *seed, uint32_t distinct) {
    if (app_random(seed, 2)) return app_random(seed, distinct / 10 + 1);
    return app_random(seed, distinct + distinct / 3);
}

static void count_match(struct result *result, uint32_t probe, uint64_t payload) {
    result->matches++;
    result->hash += app_mix(payload ^ probe);
}

static struct table build(const struct tuple *tuple, uint32_t tuples) {
    struct table table = {.buckets = 1, .tuple = tuple, .tuples = tuples};
    while (table.buckets < tuples) table.buckets *= 2;
    table.head = app_memory(table.buckets * sizeof(uint32_t));
    table.next = app_memory(tuples * sizeof(uint32_t));
    for (uint32_t i = 0; i < table.buckets; i++) table.head[i] = no_tuple;
    for (uint32_t i = 0; i < tuples; i++) {
        // The keys are spread already, so their low bits do as the hash.
        uint32_t *head = &table.head[tuple[i].key & (table.buckets - 1)];
        table.next[i] = *head;
        *head = i;
    }
    return table;
}

static struct result join(const struct table *table, const uint64_t *probe, uint32_t probes) {
    struct result result = {0, 0};
    for (uint32_t i = 0; i < probes; i++) {
        uint32_t steps = 0;
        for (uint32_t at = table->head[probe[i] & (table->buckets - 1)]; at != no_tuple; at = table->next[at]) {
            if (at >= table->tuples || steps++ > table->tuples) app_fail("the chain of probe %" PRIu32 " is broken", i);
            if (table->tuple[at].key == probe[i]) count_match(&result, i, table->tuple[at].payload);
        }
    }
    return result;
}

static struct result expected_join(uint32_t tuples, uint32_t probes) {
    struct result result = {0, 0};
    uint32_t distinct = distinct_keys(tuples);
    uint64_t seed = SEED;
    for (uint32_t i = 0; i < probes; i++) {
        uint64_t ordinal = draw_probe(&seed, distinct);
        if (ordinal < distinct)
            for (uint64_t number = ordinal; number < tuples; number += distinct)
                count_match(&result, i, payload_of((uint32_t)number));
    }
    return result;
}

int main(int argc, char **argv) {
    static struct app_argument arguments[] = {
        {.name = "build", .least = 1, .most = 1 << 24, .number = 30000},
        {.name = "probe", .least = 1, .most = 1 << 24, .number = 60000},
    };
    APP_ARGUMENTS(argc, argv, arguments);
    uint32_t tuples = (uint32_t)arguments[0].number, probes = (uint32_t)arguments[1].number;
    uint32_t distinct = distinct_keys(tuples);

    struct tuple *tuple = app_memory(tuples * sizeof *tuple);
    uint64_t *probe = app_memory(probes * sizeof *probe), seed = SEED;
    for (uint32_t i = 0; i < tuples; i++) tuple[i] = (struct tuple){key_of(i % distinct), payload_of(i)};
    for (uint32_t i = 0; i < probes; i++) probe[i] = key_of(draw_probe(&seed, distinct));

    struct table table = build(tuple, tuples);
    struct result result = join(&table, probe, probes), expected = expected_join(tuples, probes);
    if (result.matches != expected.matches)
        app_fail("%" PRIu64 " matches instead of %" PRIu64, result.matches, expected.matches);
    if (result.hash != expected.hash) app_fail("a probe was joined with a wrong tuple");
    printf("hashjoin: %" PRIu32 " tuples, %" PRIu32 " probes, %" PRIu64 " matches\n", tuples, probes, result.matches);
    free(table.head);
    free(table.next);
    free(tuple);
    free(probe);
    return app_passed(result.hash);
}
