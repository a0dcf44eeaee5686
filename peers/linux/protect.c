// SPDX-License-Identifier: MIT
// Protection by mprotect: prot1, prot100 (to reading only) and unprot1, unprot100 (back to reading and writing), each
// one call, on pages that were written to.
//
// Candidates are private and shared pages, and, for one page, a page that is an area of its own (nothing to split or
// merge in the kernel's books) or one within a larger area. The 100 pages are one area of just that size.
#include "peers/linux/linux.h"
#include <sys/mman.h>
#include <sys/syscall.h>

struct way {
    enum region_kind kind;
    unsigned pages;
    bool inside; // of an area with more pages on both sides
};

static uintptr_t region, mapped; // what is protected; what it is part of
static size_t bytes, mapped_pages;

static void prepare(const void *with) {
    const struct way *way = with;
    region_free(mapped, mapped_pages);
    bytes = way->pages * (size_t)PAGE;
    mapped_pages = way->pages + (way->inside ? 2 : 0);
    mapped = region_map(way->kind, mapped_pages, false, 0);
    region = mapped + (way->inside ? PAGE : 0);
}

[[gnu::always_inline]] static inline uint32_t change(long rights) {
    const uint32_t before = bench_stamp();
    const long result = call3(SYS_mprotect, (long)region, (long)bytes, rights);
    const uint32_t after = bench_stamp();
    return result == 0 ? after - before : bench_trouble("mprotect was refused");
}
static void write_all(void) {
    for (size_t at = 0; at < bytes; at += PAGE) *(volatile char *)(region + at) = 1;
}
static uint32_t protect(void) {
    (void)change(BOTH);
    write_all();
    return change(READ);
}
static uint32_t unprotect(void) {
    (void)change(READ);
    const uint32_t took = change(BOTH);
    write_all();
    return took;
}

// Measures one operation, which Appel and Li have too, or (null) have not.
static void measure(const char *op, const char *also, uint32_t (*once)(void), const struct way *ways,
                    const char *const *words, unsigned count) {
    struct bench candidates[4];
    const uint32_t empty = bench_empty();
    for (unsigned i = 0; i < count; i++)
        candidates[i] = (struct bench){.system = "linux",
                                       .op = op,
                                       .how = words[i],
                                       .once = once,
                                       .empty = empty,
                                       .prepare = prepare,
                                       .with = &ways[i],
                                       .also = also};
    (void)bench_best(candidates, count);
}

void part_protect(void) {
    static const struct way one[] = {
        {REGION_PRIVATE, 1, false}, {REGION_SHARED, 1, false}, {REGION_PRIVATE, 1, true}, {REGION_SHARED, 1, true}};
    static const char *const one_words[] = {
        "mprotect, private page, an area of its own", "mprotect, shared page, an area of its own",
        "mprotect, private page within an area", "mprotect, shared page within an area"};
    static const struct way all[] = {{REGION_PRIVATE, PAGES, false}, {REGION_SHARED, PAGES, false}};
    static const char *const all_words[] = {"mprotect, one call, private pages", "mprotect, one call, shared pages"};
    measure("prot1", "appel-li.prot1", protect, one, one_words, 4);
    measure("unprot1", nullptr, unprotect, one, one_words, 4);
    measure("prot100", "appel-li.prot100", protect, all, all_words, 2);
    measure("unprot100", "appel-li.unprot100", unprotect, all, all_words, 2);
}
