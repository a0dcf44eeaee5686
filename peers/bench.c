// SPDX-License-Identifier: MIT
// The samples of a row and the lines that report it; bench.h says how to use it. Needs no library.
#include "peers/bench.h"

struct line {
    char text[BENCH_LINE];
    unsigned length;
};

const char **bench_reason(void) {
    static const char *reason;
    return &reason;
}

static void put_text(struct line *line, const char *text) {
    while (*text != 0 && line->length < BENCH_LINE - 1) line->text[line->length++] = *text++;
    line->text[line->length] = 0;
}

static void put_number(struct line *line, uint32_t number) {
    char digits[11];
    unsigned first = sizeof digits - 1;
    digits[first] = 0;
    do digits[--first] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    put_text(line, &digits[first]);
}

static void put_words(struct line *line, const char *name, const char *words) {
    put_text(line, ",\"");
    put_text(line, name);
    put_text(line, "\":\"");
    put_text(line, words);
    put_text(line, "\"");
}

static void put_field(struct line *line, const char *name, uint32_t number) {
    put_text(line, ",\"");
    put_text(line, name);
    put_text(line, "\":");
    put_number(line, number);
}

static void sort(uint32_t *samples, unsigned count) {
    for (unsigned i = 1; i < count; i++) {
        const uint32_t sample = samples[i];
        unsigned at = i;
        for (; at > 0 && samples[at - 1] > sample; at--) samples[at] = samples[at - 1];
        samples[at] = sample;
    }
}

struct bench_figures bench_take(const struct bench *row) {
    static uint32_t samples[BENCH_SAMPLES];
    const unsigned count = row->samples != 0 && row->samples < BENCH_SAMPLES ? row->samples : BENCH_SAMPLES;
    const uint32_t events = row->events != 0 ? row->events : 1;
    *bench_reason() = (const char *)0;
    if (row->prepare) row->prepare(row->with);
    for (unsigned i = 0; i < BENCH_WARM_UP && *bench_reason() == (const char *)0; i++) (void)row->once();
    for (unsigned i = 0; i < count && *bench_reason() == (const char *)0; i++) {
        const uint32_t sample = row->once();
        samples[i] = sample > row->empty ? (sample - row->empty) / events : 0;
    }
    if (*bench_reason() != (const char *)0) return (struct bench_figures){.trouble = *bench_reason()};
    sort(samples, count);
    return (struct bench_figures){samples[0], samples[count / 2], samples[count - 1],
                                  count,      row->moved,         (const char *)0};
}

static void report(const char *event, const struct bench *row, const struct bench_figures *figures) {
    struct line line = {.length = 0};
    put_text(&line, "{\"event\":\"");
    put_text(&line, event);
    put_text(&line, "\"");
    put_words(&line, "system", row->system);
    put_words(&line, "op", row->op);
    put_words(&line, "how", row->how);
    put_field(&line, "minimum", figures->minimum);
    put_field(&line, "median", figures->median);
    put_field(&line, "maximum", figures->maximum);
    put_field(&line, "samples", figures->samples);
    put_field(&line, "moved", figures->moved);
    put_text(&line, "}\n");
    peer_put(line.text);
}

void bench_skip(const char *system, const char *op, const char *reason) {
    struct line line = {.length = 0};
    put_text(&line, "{\"event\":\"skipped\"");
    put_words(&line, "system", system);
    put_words(&line, "op", op);
    put_words(&line, "reason", reason);
    put_text(&line, "}\n");
    peer_put(line.text);
}

void bench_report(const struct bench *row, const struct bench_figures *figures) {
    if (figures->trouble != (const char *)0)
        bench_skip(row->system, row->op, figures->trouble);
    else
        report("bench", row, figures);
}

void bench_row(const char *system, const char *op, const char *how, uint32_t (*once)(void), uint32_t empty,
               uint32_t moved) {
    const struct bench row = {.system = system, .op = op, .how = how, .once = once, .empty = empty, .moved = moved};
    const struct bench_figures figures = bench_take(&row);
    bench_report(&row, &figures);
}

unsigned bench_best(const struct bench *ways, unsigned count) {
    struct bench_figures best = {.trouble = "there is no way to do it"};
    unsigned chosen = count;
    for (unsigned i = 0; i < count; i++) {
        const struct bench_figures figures = bench_take(&ways[i]);
        if (figures.trouble != (const char *)0) {
            if (chosen == count) best.trouble = figures.trouble;
            continue;
        }
        report("candidate", &ways[i], &figures);
        if (chosen < count && figures.minimum - figures.moved >= best.minimum - best.moved) continue;
        best = figures;
        chosen = i;
    }
    struct bench row = ways[chosen < count ? chosen : 0];
    bench_report(&row, &best);
    if (row.also != (const char *)0) {
        row.op = row.also;
        bench_report(&row, &best);
    }
    return chosen;
}
