// SPDX-License-Identifier: MIT
// Histogram and timeline of faults. See latency.h for what they count.
#include "libos/pager/latency.h"

constexpr unsigned FINE = 3;         // 2^FINE buckets for each power of two
constexpr unsigned LINE = 1500;      // bytes of numbers in a report, with room for what is around them
constexpr unsigned NUMBERS = 2 * 21; // bytes of two numbers and their separators

static uint64_t first; // fault of all, by the clock without waits; 0: none yet

unsigned latency_bucket(uint64_t instructions) {
    if (instructions >> FINE == 0) return (unsigned)instructions;
    const unsigned above =
        63 - FINE - (unsigned)__builtin_clzl(instructions); // bits that the bucket does not tell apart
    const uint64_t bucket = (above << FINE) + (instructions >> above);
    return bucket < LATENCY_BUCKETS ? (unsigned)bucket : LATENCY_BUCKETS - 1;
}

uint64_t latency_least(unsigned bucket) {
    const unsigned octave = bucket >> FINE, fine = bucket & ((1u << FINE) - 1);
    return octave == 0 ? fine : (uint64_t)(fine + (1u << FINE)) << (octave - 1);
}

void timeline_add(struct timeline *timeline, uint64_t at) {
    while (at >> timeline->shift >= TIMELINE_INTERVALS) {
        timeline->shift++;
        for (unsigned i = 0; i < TIMELINE_INTERVALS / 2; i++) {
            timeline->faults[i] = timeline->faults[2 * i] + timeline->faults[2 * i + 1];
        }
        for (unsigned i = TIMELINE_INTERVALS / 2; i < TIMELINE_INTERVALS; i++) timeline->faults[i] = 0;
    }
    timeline->faults[at >> timeline->shift]++;
}

bool latency_attach(struct pager_region *region) {
    if (!region->options.measure) return true;
    struct latency *latency = region->latency = machine_memory(sizeof *latency);
    if (latency == nullptr) return false;
    machine_count_waits();
    latency->timeline.shift = TIMELINE_SHORTEST;
    return true;
}

void latency_begin(struct latency *latency) {
    machine_steady();
    latency->waited = machine_waited();
    const uint64_t now = machine_time() - latency->waited;
    if (first == 0) first = now;
    timeline_add(&latency->timeline, now - first);
    latency->begun = machine_time();
}

void latency_end(struct latency *latency) {
    const uint64_t spent = machine_time() - latency->begun;
    latency->faults[latency_bucket(spent - (machine_waited() - latency->waited))]++;
}

// Appends the digits of a number and a character; returns the new length.
static unsigned append(char *text, unsigned length, uint64_t number, char behind) {
    char digits[20];
    unsigned count = 0;
    do digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (count > 0) text[length++] = digits[--count];
    text[length++] = behind;
    return length;
}

static void report_timeline(const struct pager_region *region) {
    const struct timeline *timeline = &region->latency->timeline;
    char text[LINE + NUMBERS];
    unsigned length = 0, used = TIMELINE_INTERVALS;
    while (used > 0 && timeline->faults[used - 1] == 0) used--;
    for (unsigned i = 0; i < used && length < LINE; i++) length = append(text, length, timeline->faults[i], ' ');
    machine_report("{\"event\":\"timeline\",\"job\":%lu,\"region\":\"%s\",\"interval\":%lu,\"faults\":\"%.*s\"}",
                   region->options.job, region->options.name, 1ul << timeline->shift, (int)length, text);
}

void latency_report(const struct pager_region *region) {
    if (region->latency == nullptr) return;
    report_timeline(region);
    char text[LINE + NUMBERS];
    unsigned length = 0;
    for (unsigned bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
        if (region->latency->faults[bucket] != 0) {
            length = append(text, length, latency_least(bucket), ':');
            length = append(text, length, region->latency->faults[bucket], ' ');
        }
        if (length < LINE && bucket != LATENCY_BUCKETS - 1) continue;
        machine_report("{\"event\":\"latency\",\"job\":%lu,\"region\":\"%s\",\"faults\":\"%.*s\"}", region->options.job,
                       region->options.name, (int)length, text);
        length = 0;
    }
}
