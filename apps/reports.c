// SPDX-License-Identifier: MIT
// Reports on a table of sales: each scans the whole table and looks prices up in one of several price lists.
//
//   reports [table=256] [list=96] [districts=8] [reports=5] [advise=0]
//
// What would the year's sales have brought by the prices of each district? A district has a price list, a hash table of
// `list` pages, which is built when its first report is made, and kept. It gets `reports` reports, each on one of 32
// groups of goods: the table of sales, `table` pages, is read from beginning to end, the price of each sale of the
// group is looked up, and what it comes to is appended to the output. So there are three kinds of memory, as in a
// database:
//
//   table    scanned again and again. Once it is larger than its frames, what was used longest ago is what comes next
//   prices   a working set used at random, which moves to the next district after some reports
//   output   a stream: written once, read once at the very end
//
// No one policy suits all three: what keeps part of a loop in memory doesn't let go of the list of the last district,
// and what follows the working set throws out each page of the table just before it is needed. That is the point of the
// program; each is a region, so that it can be given a policy of its own.
//
// With advise=1 it says what it knows: that it reads the table in order, and that the list of a district whose reports
// are done is not needed for now.
//
// All sales and prices follow from their numbers. The check computes every report from the numbers alone.
#include <sys/mman.h>
#include "apps/region.h"

enum { GROUPS = 32, TABLES_MOST = 4096 };

struct sale {
    uint64_t item; // its group is item mod GROUPS
    uint64_t quantity, customer, day;
};

// A line of a price list. Item 0 marks a free one.
struct price {
    uint64_t item, price, words[6];
};

enum { SALES_A_PAGE = REGION_PAGE / sizeof(struct sale), PRICES_A_PAGE = REGION_PAGE / sizeof(struct price) };

struct shop {
    uint64_t sales, items, lines; // of the table; different items, and lines of each price list
    const struct sale *table;
    struct price *prices;
    uint64_t *output, outputs, outputs_most;
};

static uint64_t item_of(const struct shop *shop, uint64_t sale) {
    return app_mix(sale + 1) % shop->items + 1;
}

static uint64_t quantity_of(uint64_t sale) {
    return app_mix(~sale) % 9 + 1;
}

static uint64_t price_of(uint64_t district, uint64_t item) {
    return app_mix(district << 32 | item) % 10000 + 1;
}

// The line of an item, or the free one where it belongs.
static struct price *find(const struct shop *shop, struct price *list, uint64_t item) {
    uint64_t at = app_mix(item) % shop->lines;
    for (uint64_t i = 0; i < shop->lines; i++, at = at + 1 == shop->lines ? 0 : at + 1)
        if (list[at].item == item || list[at].item == 0) return &list[at];
    app_fail("the price list has no line for item %" PRIu64, item);
}

static void build_table(const struct shop *shop, struct sale *table) {
    for (uint64_t sale = 0; sale < shop->sales; sale++)
        table[sale] = (struct sale){item_of(shop, sale), quantity_of(sale), app_mix(sale) % 1000, sale % 365};
}

static void build_list(const struct shop *shop, uint64_t district) {
    struct price *list = shop->prices + district * shop->lines;
    for (uint64_t item = 1; item <= shop->items; item++)
        *find(shop, list, item) = (struct price){.item = item, .price = price_of(district, item)};
}

static void make_report(struct shop *shop, uint64_t district, uint64_t group) {
    struct price *list = shop->prices + district * shop->lines;
    for (uint64_t i = 0; i < shop->sales; i++) {
        const struct sale *sale = &shop->table[i];
        if (sale->item % GROUPS != group) continue;
        const struct price *price = find(shop, list, sale->item);
        if (price->item != sale->item) app_fail("item %" PRIu64 " has no price", sale->item);
        if (shop->outputs == shop->outputs_most) app_fail("there are more sales than there were");
        shop->output[shop->outputs++] = sale->quantity * price->price;
    }
}

static uint64_t group_of(uint64_t district, uint64_t report) {
    return (district * 7 + report) % GROUPS;
}

// Compares the output with what the numbers alone give. Returns its checksum.
static uint64_t check(const struct shop *shop, uint64_t districts, uint64_t reports) {
    uint64_t at = 0, checksum = 0;
    for (uint64_t district = 0; district < districts; district++) {
        for (uint64_t report = 0; report < reports; report++) {
            for (uint64_t sale = 0; sale < shop->sales; sale++) {
                uint64_t item = item_of(shop, sale);
                if (item % GROUPS != group_of(district, report)) continue;
                uint64_t wanted = quantity_of(sale) * price_of(district, item);
                if (at == shop->outputs || shop->output[at] != wanted)
                    app_fail("line %" PRIu64 " of the output, report %" PRIu64 " of district %" PRIu64, at, report,
                             district);
                checksum = app_mix(checksum + shop->output[at++]);
            }
        }
    }
    if (at != shop->outputs) app_fail("%" PRIu64 " lines too many", shop->outputs - at);
    return checksum;
}

static uint64_t lines_of_all(const struct shop *shop, uint64_t districts, uint64_t reports) {
    uint64_t in_group[GROUPS] = {0}, lines = 0;
    for (uint64_t sale = 0; sale < shop->sales; sale++) in_group[item_of(shop, sale) % GROUPS]++;
    for (uint64_t district = 0; district < districts; district++)
        for (uint64_t report = 0; report < reports; report++) lines += in_group[group_of(district, report)];
    return lines;
}

static void say(void *pages, uint64_t count, int advice) {
    int error = posix_madvise(pages, count * REGION_PAGE, advice);
    if (error) app_fail("posix_madvise has refused what it should take: error %d", error);
}

int main(int argc, char **argv) {
    static struct app_argument arguments[] = {
        {.name = "table", .least = 1, .most = TABLES_MOST, .number = 256},
        {.name = "list", .least = 1, .most = TABLES_MOST, .number = 96},
        {.name = "districts", .least = 1, .most = 64, .number = 8},
        {.name = "reports", .least = 1, .most = GROUPS, .number = 5},
        {.name = "advise", .least = 0, .most = 1, .number = 0},
    };
    APP_ARGUMENTS(argc, argv, arguments);
    uint64_t pages = arguments[0].number, list = arguments[1].number, districts = arguments[2].number;
    uint64_t reports = arguments[3].number, advise = arguments[4].number;
    struct shop shop = {.sales = pages * SALES_A_PAGE, .lines = list * PRICES_A_PAGE};
    shop.items = shop.lines / 4 * 3;
    shop.outputs_most = lines_of_all(&shop, districts, reports);
    struct sale *table = region_of_pages("table", pages);
    shop.table = table;
    shop.prices = region_of_pages("prices", districts * list);
    shop.output = region_of_pages("output", shop.outputs_most * sizeof *shop.output / REGION_PAGE + 1);

    build_table(&shop, table);
    if (advise) say(table, pages, POSIX_MADV_SEQUENTIAL);
    for (uint64_t district = 0; district < districts; district++) {
        build_list(&shop, district);
        for (uint64_t report = 0; report < reports; report++) make_report(&shop, district, group_of(district, report));
        if (advise) say(shop.prices + district * shop.lines, list, POSIX_MADV_DONTNEED);
    }
    uint64_t checksum = check(&shop, districts, reports);
    printf("reports: %" PRIu64 " reports on %" PRIu64 " sales, %" PRIu64 " lines\n", districts * reports, shop.sales,
           shop.outputs);
    return app_passed(checksum);
}
