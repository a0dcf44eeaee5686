// SPDX-License-Identifier: MIT
// The policies that see every reference. Expected faults on generated traces come from simulators written by others or
// apart from this one: libCacheSim (commit aa0fc40) for most, the author's program for lirs_jiang, a program written
// from the paper for lirs_paper and lirs_paper_s2. ARC and LRU-2 are compared, victim by victim, with models that have
// nothing in common with them: arrays of pages and a p in floating point, and a search of the whole past.
#include "libos/pager/policy/lcg.h"
#include "libos/pager/sim/simulate.h"
#include <criterion/criterion.h>
#include <string.h>

struct cell {
    const char *trace, *policy;
    uint32_t frames;
    uint64_t faults;
};

// clang-format off
static const struct cell exact[] = {
    {"anomaly", "mru", 3, 7}, {"anomaly", "lfu", 3, 10}, {"anomaly", "arc", 3, 10}, {"anomaly", "lirs_paper", 3, 8},
    {"anomaly", "lirs_paper_s2", 3, 8}, {"anomaly", "clock0", 3, 10}, {"anomaly", "clock0_2bit", 3, 10},
    {"anomaly", "sieve0", 3, 10}, {"anomaly", "mru", 4, 6}, {"anomaly", "lfu", 4, 8}, {"anomaly", "twoq_lcs", 4, 9},
    {"anomaly", "arc", 4, 7}, {"anomaly", "lirs_paper", 4, 7}, {"anomaly", "lirs_paper_s2", 4, 7},
    {"anomaly", "slru4", 4, 7}, {"anomaly", "clock0", 4, 8}, {"anomaly", "clock0_2bit", 4, 8},
    {"anomaly", "sieve0", 4, 8}, {"textbook", "mru", 3, 16}, {"textbook", "lfu", 3, 11}, {"textbook", "arc", 3, 13},
    {"textbook", "lirs_paper", 3, 13}, {"textbook", "lirs_paper_s2", 3, 13}, {"textbook", "clock0", 3, 11},
    {"textbook", "clock0_2bit", 3, 11}, {"textbook", "sieve0", 3, 11}, {"textbook", "mru", 4, 12},
    {"textbook", "lfu", 4, 9}, {"textbook", "twoq_lcs", 4, 10}, {"textbook", "arc", 4, 9},
    {"textbook", "lirs_paper", 4, 9}, {"textbook", "lirs_paper_s2", 4, 9}, {"textbook", "slru4", 4, 8},
    {"textbook", "clock0", 4, 8}, {"textbook", "clock0_2bit", 4, 8}, {"textbook", "sieve0", 4, 8},
    {"dirtymix", "mru", 100, 184722}, {"dirtymix", "lfu", 100, 76849}, {"dirtymix", "twoq_lcs", 100, 83048},
    {"dirtymix", "arc", 100, 81274}, {"dirtymix", "lirs_paper", 100, 82518}, {"dirtymix", "lirs_paper_s2", 100, 80348},
    {"dirtymix", "s3fifo_t1", 100, 78648}, {"dirtymix", "s3fifo_t2", 100, 78579}, {"dirtymix", "slru4", 100, 80379},
    {"dirtymix", "clock0", 100, 94746}, {"dirtymix", "clock0_2bit", 100, 91551}, {"dirtymix", "sieve0", 100, 76350},
    {"dirtymix", "mru", 800, 114510}, {"dirtymix", "lfu", 800, 27430}, {"dirtymix", "twoq_lcs", 800, 30906},
    {"dirtymix", "arc", 800, 30079}, {"dirtymix", "lirs_paper", 800, 28439}, {"dirtymix", "lirs_paper_s2", 800, 28439},
    {"dirtymix", "s3fifo_t1", 800, 28146}, {"dirtymix", "s3fifo_t2", 800, 28282}, {"dirtymix", "slru4", 800, 27446},
    {"dirtymix", "clock0", 800, 30865}, {"dirtymix", "clock0_2bit", 800, 29042}, {"dirtymix", "sieve0", 800, 26400},
    {"phases", "mru", 620, 179060}, {"phases", "lfu", 620, 180578}, {"phases", "twoq_lcs", 620, 50348},
    {"phases", "arc", 620, 48500}, {"phases", "lirs_paper", 620, 51083}, {"phases", "lirs_paper_s2", 620, 51083},
    {"phases", "s3fifo_t1", 620, 51704}, {"phases", "s3fifo_t2", 620, 52246}, {"phases", "slru4", 620, 53735},
    {"phases", "clock0", 620, 48205}, {"phases", "clock0_2bit", 620, 49316}, {"phases", "sieve0", 620, 67864},
    {"phases", "lirs_jiang", 620, 51084}, {"phases", "mru", 1240, 159231}, {"phases", "lfu", 1240, 161076},
    {"phases", "twoq_lcs", 1240, 7296}, {"phases", "arc", 1240, 6414}, {"phases", "lirs_paper", 1240, 11008},
    {"phases", "lirs_paper_s2", 1240, 11008}, {"phases", "s3fifo_t1", 1240, 10089},
    {"phases", "s3fifo_t2", 1240, 11174}, {"phases", "slru4", 1240, 8079}, {"phases", "clock0", 1240, 6619},
    {"phases", "clock0_2bit", 1240, 8988}, {"phases", "sieve0", 1240, 13543}, {"phases", "lirs_jiang", 1240, 11019},
    {"twopool", "mru", 1003, 89290}, {"twopool", "lfu", 1003, 45608}, {"twopool", "twoq_lcs", 1003, 45725},
    {"twopool", "arc", 1003, 45541}, {"twopool", "lirs_paper", 1003, 45597}, {"twopool", "lirs_paper_s2", 1003, 45583},
    {"twopool", "s3fifo_t1", 1003, 45550}, {"twopool", "s3fifo_t2", 1003, 45532}, {"twopool", "clock0", 1003, 45683},
    {"twopool", "clock0_2bit", 1003, 45687}, {"twopool", "sieve0", 1003, 45608},
    {"twopool", "lirs_jiang", 1003, 45597}, {"loop1100", "mru", 1000, 11000}, {"loop1100", "lfu", 1000, 110000},
    {"loop1100", "twoq_lcs", 1000, 20090}, {"loop1100", "arc", 1000, 110000}, {"loop1100", "lirs_paper", 1000, 11990},
    {"loop1100", "lirs_paper_s2", 1000, 11990}, {"loop1100", "s3fifo_t1", 1000, 27598},
    {"loop1100", "s3fifo_t2", 1000, 21532}, {"loop1100", "slru4", 1000, 35750}, {"loop1100", "clock0", 1000, 110000},
    {"loop1100", "clock0_2bit", 1000, 110000}, {"loop1100", "sieve0", 1000, 110000},
    {"loop1100", "lirs_jiang", 1000, 11990}, {"loop1100", "mru", 1099, 1199}, {"loop1100", "lfu", 1099, 110000},
    {"loop1100", "twoq_lcs", 1099, 2318}, {"loop1100", "arc", 1099, 110000}, {"loop1100", "lirs_paper", 1099, 2189},
    {"loop1100", "lirs_paper_s2", 1099, 2189}, {"loop1100", "s3fifo_t1", 1099, 7402},
    {"loop1100", "s3fifo_t2", 1099, 6007}, {"loop1100", "clock0", 1099, 110000},
    {"loop1100", "clock0_2bit", 1099, 110000}, {"loop1100", "sieve0", 1099, 110000},
    {"loop1100", "lirs_jiang", 1099, 2189}, {"uniform", "mru", 500, 180268}, {"uniform", "lfu", 500, 179956},
    {"uniform", "twoq_lcs", 500, 180131}, {"uniform", "arc", 500, 180118}, {"uniform", "lirs_paper", 500, 180007},
    {"uniform", "lirs_paper_s2", 500, 180116}, {"uniform", "s3fifo_t1", 500, 180000},
    {"matmul128", "slru4", 33, 540704}, {"matmul128", "slru4", 34, 540704}, {"phases", "slru4", 310, 126099},
    {"twopool", "slru4", 4013, 31524}, {"twopool", "slru4", 6019, 22803}, {"uniform", "slru4", 250, 190019},
    {"uniform", "s3fifo_t2", 500, 179919}, {"uniform", "slru4", 500, 180066}, {"uniform", "clock0", 500, 180304},
    {"uniform", "clock0_2bit", 500, 180291}, {"uniform", "sieve0", 500, 180147},
    {"uniform", "lirs_jiang", 500, 180010}, {"loopzipf", "mru", 800, 180428}, {"loopzipf", "lfu", 800, 152279},
    {"loopzipf", "twoq_lcs", 800, 153187}, {"loopzipf", "arc", 800, 151609}, {"loopzipf", "lirs_paper", 800, 116799},
    {"loopzipf", "lirs_paper_s2", 800, 114886}, {"loopzipf", "s3fifo_t1", 800, 151311},
    {"loopzipf", "s3fifo_t2", 800, 151870}, {"loopzipf", "slru4", 800, 129975}, {"loopzipf", "clock0", 800, 175432},
    {"loopzipf", "clock0_2bit", 800, 172072}, {"loopzipf", "sieve0", 800, 152279},
    {"loopzipf", "lirs_jiang", 800, 116799},    {"loopzipf", "lirs_paper", 100, 192441},
    {"loopzipf", "lirs_paper_s2", 100, 188870},
    {"loopzipf", "lirs_jiang", 100, 192594},
    {"dirtymix", "wtinylfu", 100, 78664}, {"dirtymix", "wtinylfu", 800, 26311}, {"phases", "wtinylfu", 310, 129021},
    {"phases", "wtinylfu", 620, 66899}, {"phases", "wtinylfu", 1240, 43877}, {"twopool", "wtinylfu", 1003, 45505},
    {"twopool", "wtinylfu", 6019, 22520}, {"scanmix", "wtinylfu", 2100, 42859}, {"loop1100", "wtinylfu", 1000, 12384},
    {"loop1100", "wtinylfu", 1050, 15292}, {"loop1100", "wtinylfu", 1099, 2830}, {"uniform", "wtinylfu", 500, 180088},
    {"uniform", "wtinylfu", 2000, 120689}, {"loopzipf", "wtinylfu", 400, 161040}, {"loopzipf", "wtinylfu", 1600, 47814},
};
// clang-format on

static const struct trace *trace_of(const char *name) {
    static struct trace *trace; // cells of the same trace stand together
    if (trace == nullptr || strcmp(trace->name, name) != 0) {
        trace_free(trace);
        trace = trace_new(name);
        cr_assert(trace_generate(trace, name));
    }
    return trace;
}

static uint64_t faults(const struct policy *policy, const struct trace *trace, uint32_t frames) {
    const struct simulation options = {.policy = policy, .trace = trace, .frames = frames, .seed = 1};
    struct simulation_counts counts = {};
    cr_assert(simulate(&options, &counts), "%s with %u frames", policy->name, frames);
    return counts.faults;
}

Test(policy, faults_of_those_that_see_every_reference_are_those_of_other_simulators) {
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
        const struct cell *cell = &exact[i];
        const struct policy *policy = policy_find(cell->policy);
        cr_assert_not_null(policy, "%s", cell->policy);
        const uint64_t found = faults(policy, trace_of(cell->trace), cell->frames);
        cr_expect_eq(found, cell->faults, "%s, %s, %u frames: %lu faults, not %lu", cell->trace, cell->policy,
                     cell->frames, found, cell->faults);
    }
}

Test(policy, nothing_beats_the_optimum_on_generated_traces) {
    for (const struct trace_recipe *recipe = trace_recipes; recipe->name != nullptr; recipe++) {
        const struct trace *trace = trace_of(recipe->name);
        if (trace->length > 500000) continue; // for time: the policies are the same, and so is the optimum
        const uint32_t frames = trace->pages / 4 < 4 ? 4 : trace->pages / 4 > 600 ? 600 : trace->pages / 4;
        const uint64_t least = faults(policy_find("opt"), trace, frames);
        for (const struct policy *const *each = policies; *each != nullptr; each++) {
            if (frames < (*each)->minimum) continue;
            cr_expect_geq(faults(*each, trace, frames), least, "%s on %s", (*each)->name, recipe->name);
        }
    }
}

// ---- models ----

constexpr unsigned LENGTH = 1500, PAGES = 40;

struct victims {
    uint32_t pages[LENGTH];
    unsigned count;
};

static void note(void *context, uint32_t page) {
    struct victims *victims = context;
    victims->pages[victims->count++] = page;
}

static void simulated(const char *policy, const struct trace *trace, uint32_t frames, struct victims *victims) {
    const struct simulation options = {.policy = policy_find(policy),
                                       .trace = trace,
                                       .frames = frames,
                                       .seed = 1,
                                       .evicted = note,
                                       .context = victims};
    struct simulation_counts counts;
    cr_assert(simulate(&options, &counts));
}

// A hot set, a loop, repeats and single pages, in shares that differ from trace to trace.
static struct trace *random_trace(uint64_t *x) {
    struct trace *trace = trace_new("random");
    const uint64_t hot = 1 + lcg_draw(x, 8), looped = 2 + lcg_draw(x, 20), shares = 2 + lcg_draw(x, 4);
    for (unsigned i = 0; i < LENGTH; i++) {
        const uint64_t kind = lcg_draw(x, shares);
        const uint64_t page = kind == 0 ? lcg_draw(x, hot) : kind == 1 ? hot + i % looped : lcg_draw(x, PAGES);
        trace_add(trace, page, false);
    }
    return trace;
}

// Position of the last reference to a page before `end`, from 1; 0 if there is none.
static size_t last_use(const struct trace *trace, size_t end, uint32_t page) {
    while (end > 0 && reference_page(trace->reference[end - 1]) != page) end--;
    return end;
}

static void lru2_model(const struct trace *trace, uint32_t frames, struct victims *victims) {
    bool resident[PAGES] = {};
    uint32_t used = 0;
    for (size_t i = 0; i < trace->length; i++) {
        const uint32_t page = reference_page(trace->reference[i]);
        if (resident[page]) continue;
        resident[page] = true;
        if (used < frames) {
            used++;
            continue;
        }
        uint32_t victim = POLICY_NONE;
        size_t victim_last = 0, victim_before = 0;
        for (uint32_t other = 0; other < trace->pages; other++) {
            if (!resident[other] || other == page) continue;
            const size_t last = last_use(trace, i, other), before = last_use(trace, last - 1, other);
            if (victim != POLICY_NONE && (before > victim_before || (before == victim_before && last > victim_last)))
                continue;
            victim = other;
            victim_last = last;
            victim_before = before;
        }
        resident[victim] = false;
        note(victims, victim);
    }
}

// Pages, the least recently used one first.
struct pages {
    uint32_t at[PAGES];
    unsigned count;
};

static bool take(struct pages *pages, uint32_t page) {
    for (unsigned i = 0; i < pages->count; i++) {
        if (pages->at[i] != page) continue;
        memmove(&pages->at[i], &pages->at[i + 1], (--pages->count - i) * sizeof *pages->at);
        return true;
    }
    return false;
}

static void put(struct pages *pages, uint32_t page) {
    pages->at[pages->count++] = page;
}

static uint32_t take_first(struct pages *pages) {
    const uint32_t page = pages->at[0];
    take(pages, page);
    return page;
}

struct arc_model {
    struct pages t1, t2, b1, b2;
    double p;
};

static void arc_replace(struct arc_model *m, bool in_b2, struct victims *victims) {
    const bool first = m->t1.count > 0 && (m->t1.count > m->p || (in_b2 && m->t1.count == m->p));
    const uint32_t page = take_first(first ? &m->t1 : &m->t2);
    put(first ? &m->b1 : &m->b2, page);
    note(victims, page);
}

static double larger(double a, double b) {
    return a > b ? a : b;
}

// The paper's figure 4, case by case.
static void arc_refer(struct arc_model *m, uint32_t page, uint32_t frames, struct victims *victims) {
    const double b1 = m->b1.count, b2 = m->b2.count;
    if (take(&m->t1, page) || take(&m->t2, page)) {
        put(&m->t2, page);
    } else if (take(&m->b1, page)) {
        m->p = m->p + larger(b2 / b1, 1);
        if (m->p > frames) m->p = frames;
        arc_replace(m, false, victims);
        put(&m->t2, page);
    } else if (take(&m->b2, page)) {
        m->p = larger(m->p - larger(b1 / b2, 1), 0);
        arc_replace(m, true, victims);
        put(&m->t2, page);
    } else {
        const unsigned all = m->t1.count + m->t2.count + m->b1.count + m->b2.count;
        if (m->t1.count + m->b1.count == frames) {
            if (m->t1.count < frames) {
                take_first(&m->b1);
                arc_replace(m, false, victims);
            } else {
                note(victims, take_first(&m->t1));
            }
        } else if (all >= frames) {
            if (all == 2 * frames) take_first(&m->b2);
            arc_replace(m, false, victims);
        }
        put(&m->t1, page);
    }
}

static void arc_model(const struct trace *trace, uint32_t frames, struct victims *victims) {
    struct arc_model m = {};
    for (size_t i = 0; i < trace->length; i++) {
        arc_refer(&m, reference_page(trace->reference[i]), frames, victims);
    }
}

static void expect_as_model(const char *policy, void (*model)(const struct trace *, uint32_t, struct victims *)) {
    uint64_t x = 7;
    for (unsigned round = 0; round < 200; round++) {
        struct trace *trace = random_trace(&x);
        const uint32_t frames = 1 + (uint32_t)lcg_draw(&x, 20);
        struct victims found = {}, wanted = {};
        simulated(policy, trace, frames, &found);
        model(trace, frames, &wanted);
        cr_assert_eq(found.count, wanted.count, "%s, trace %u, %u frames: %u victims, not %u", policy, round, frames,
                     found.count, wanted.count);
        for (unsigned i = 0; i < wanted.count; i++) {
            cr_assert_eq(found.pages[i], wanted.pages[i], "%s, trace %u, %u frames, victim %u: %u, not %u", policy,
                         round, frames, i, found.pages[i], wanted.pages[i]);
        }
        trace_free(trace);
    }
}

Test(policy, lru2_is_a_search_of_the_whole_past) {
    expect_as_model("lru2", lru2_model);
}

Test(policy, arc_in_integers_is_arc_in_floating_point) {
    expect_as_model("arc", arc_model);
}
