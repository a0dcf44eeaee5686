// SPDX-License-Identifier: MIT
// See policy_bits_models.h. A page has its facts in `struct page`; a queue is an array of pages, the oldest first.
#include "tests/unit/policy_bits_models.h"
#include <stdlib.h>
#include <string.h>

struct page {
    bool resident, dirty;
    unsigned uses;           // since they were last cleared, as far as they are counted
    uint64_t time;           // wsclock: of last use
    uint64_t number, joined; // mglru: generation, and when the page joined it
};

struct queue {
    uint32_t *page;
    unsigned length;
};

struct world {
    struct model *model;
    struct page *page;
    uint32_t last; // page loaded by the previous fault
    struct queue queue[4];
    double target;                    // car: the paper's p
    uint64_t oldest, youngest, joins; // mglru: generations, and how often a page has joined one
};

static struct world world_begin(struct model *model) {
    struct world world = {.model = model, .last = UINT32_MAX};
    world.page = calloc(model->trace->pages, sizeof *world.page);
    for (unsigned i = 0; i < 4; i++) world.queue[i].page = calloc(model->trace->length + 1, sizeof(uint32_t));
    model->evictions = model->faults = 0;
    return world;
}

static void world_end(struct world *world) {
    free(world->page);
    for (unsigned i = 0; i < 4; i++) free(world->queue[i].page);
}

static void push(struct queue *queue, uint32_t page) {
    queue->page[queue->length++] = page;
}

static uint32_t take(struct queue *queue, unsigned at) {
    const uint32_t page = queue->page[at];
    memmove(queue->page + at, queue->page + at + 1, (--queue->length - at) * sizeof page);
    return page;
}

static bool take_page(struct queue *queue, uint32_t page) {
    for (unsigned at = 0; at < queue->length; at++) {
        if (queue->page[at] == page) {
            take(queue, at);
            return true;
        }
    }
    return false;
}

static bool has(const struct queue *queue, uint32_t page) {
    for (unsigned at = 0; at < queue->length; at++) {
        if (queue->page[at] == page) return true;
    }
    return false;
}

static void evict(struct world *world, uint32_t page) {
    world->page[page].resident = false;
    world->page[page].dirty = false;
    world->model->victims[world->model->evictions++] = page;
}

// The deferred clear, for the policies that have it.
static void clear_last(struct world *world) {
    if (world->last != UINT32_MAX && world->page[world->last].resident && !world->model->starts_clear)
        world->page[world->last].uses = 0;
}

// Plays the trace; `fault` makes room for a page, if it needs to, and finds it a place.
static void play(struct model *model, void (*fault)(struct world *world, uint32_t page)) {
    struct world world = world_begin(model);
    for (size_t i = 0; i < model->trace->length; i++) {
        const uint32_t number = reference_page(model->trace->reference[i]);
        struct page *page = &world.page[number];
        if (!page->resident) {
            model->faults++;
            fault(&world, number);
            page->resident = true;
            page->uses = !model->starts_clear;
            world.last = number;
        } else if (page->uses < (model->most_uses == 0 ? 1 : model->most_uses)) {
            page->uses++;
        }
        page->dirty |= reference_writes(model->trace->reference[i]);
    }
    world_end(&world);
}

// queue[0] is the clock from the hand on; a page that is passed goes to its end.
static void wsclock_fault(struct world *world, uint32_t page) {
    struct queue *clock = &world->queue[0];
    const uint64_t now = world->model->faults, window = world->model->frames / 2;
    unsigned at = 0, turn = clock->length;
    if (turn == world->model->frames) {
        unsigned first_left = UINT32_MAX, longest_ago = 0;
        for (at = 0; at < turn; at++) {
            struct page *each = &world->page[clock->page[at]];
            if (each->uses > 0) each->time = now;
            each->uses = 0;
            const bool left = each->time + window < now;
            if (left && !each->dirty) break;
            if (left && first_left == UINT32_MAX) first_left = at;
            if (each->time < world->page[clock->page[longest_ago]].time) longest_ago = at;
        }
        if (at == turn) at = first_left != UINT32_MAX ? first_left : longest_ago;
        for (unsigned passed = 0; passed < at; passed++) push(clock, take(clock, 0));
        evict(world, take(clock, 0));
    }
    push(clock, page);
    world->page[page].time = now;
}

void model_wsclock(struct model *model) {
    play(model, wsclock_fault);
}

// The paper's figure 2. queue: T1, T2, B1, B2.
static void car_replace(struct world *world) {
    struct queue *t1 = &world->queue[0], *t2 = &world->queue[1], *b1 = &world->queue[2], *b2 = &world->queue[3];
    for (;;) {
        const bool once = t1->length >= (world->target > 1 ? world->target : 1);
        const uint32_t page = take(once ? t1 : t2, 0);
        if (world->page[page].uses == 0) {
            push(once ? b1 : b2, page);
            evict(world, page);
            return;
        }
        world->page[page].uses = 0;
        push(t2, page);
    }
}

static double car_share(const struct model *model, unsigned other, unsigned own) {
    const double share = (double)other / own;
    if (share < 1) return 1;
    return model->real_numbers ? share : (double)(uint64_t)(share * 65536) / 65536;
}

static void car_fault(struct world *world, uint32_t page) {
    struct queue *t1 = &world->queue[0], *t2 = &world->queue[1], *b1 = &world->queue[2], *b2 = &world->queue[3];
    const unsigned c = world->model->frames;
    clear_last(world);
    const bool in_b1 = has(b1, page), in_b2 = has(b2, page);
    if (t1->length + t2->length == c) {
        car_replace(world);
        if (!in_b1 && !in_b2 && t1->length + b1->length == c)
            take(b1, 0);
        else if (!in_b1 && !in_b2 && t1->length + t2->length + b1->length + b2->length == 2 * c)
            take(b2, 0);
    }
    if (in_b1) {
        const double more = world->target + car_share(world->model, b2->length, b1->length);
        world->target = more < c ? more : c;
    } else if (in_b2) {
        const double less = world->target - car_share(world->model, b1->length, b2->length);
        world->target = less > 0 ? less : 0;
    }
    take_page(b1, page);
    take_page(b2, page);
    push(in_b1 || in_b2 ? t2 : t1, page);
}

void model_car(struct model *model) {
    play(model, car_fault);
}

// queue: small, main, memory of evicted pages.
static void s3fifo_evict(struct world *world) {
    struct queue *small = &world->queue[0], *main = &world->queue[1], *ghost = &world->queue[2];
    const unsigned c = world->model->frames, share = c / 10;
    const bool main_is_over = main->length > c - share;
    for (;;) {
        const bool from_main = main_is_over || small->length == 0;
        const uint32_t page = take(from_main ? main : small, 0);
        struct page *facts = &world->page[page];
        if (facts->uses == 0) {
            evict(world, page);
            if (from_main) return;
            push(ghost, page);
            if (ghost->length > c * 9ull / 10) take(ghost, 0);
            return;
        }
        facts->uses = from_main ? facts->uses - 1 : 0;
        push(main, page);
    }
}

static void s3fifo_fault(struct world *world, uint32_t page) {
    clear_last(world);
    const bool remembered = take_page(&world->queue[2], page);
    if (world->queue[0].length + world->queue[1].length == world->model->frames) s3fifo_evict(world);
    push(&world->queue[remembered ? 1 : 0], page);
}

void model_s3fifo(struct model *model) {
    play(model, s3fifo_fault);
}

// queue[0] is the frames: the page in each slot.
static unsigned members(const struct world *world, uint64_t number) {
    unsigned count = 0;
    for (unsigned at = 0; at < world->queue[0].length; at++)
        count += world->page[world->queue[0].page[at]].number == number;
    return count;
}

static void join_youngest(struct world *world, struct page *page) {
    page->number = world->youngest;
    page->joined = ++world->joins;
}

static bool new_generation_is_due(const struct world *world) {
    const unsigned frames = world->model->frames, generations = (unsigned)(world->youngest - world->oldest) + 1;
    if (generations == 4) return false;
    if (generations == 2) return true;
    return members(world, world->youngest) > frames / 2.0 || members(world, world->oldest) < frames / 4.0;
}

// Pages are looked at in the order of their slots.
static void open_new_generation(struct world *world) {
    for (unsigned slot = 0; slot < world->queue[0].length; slot++) {
        struct page *page = &world->page[world->queue[0].page[slot]];
        if (page->uses > 0 && page->number != world->youngest) join_youngest(world, page);
        page->uses = 0;
    }
    world->youngest++;
}

static void drop_empty_generations(struct world *world) {
    while (world->youngest > world->oldest + 1 && members(world, world->oldest) == 0) world->oldest++;
}

// The slot of the page that joined the oldest generation first, or none.
static unsigned oldest_slot(const struct world *world) {
    unsigned found = UINT32_MAX;
    uint64_t first = UINT64_MAX;
    for (unsigned slot = 0; slot < world->queue[0].length; slot++) {
        const struct page *page = &world->page[world->queue[0].page[slot]];
        if (page->number != world->oldest || page->joined >= first) continue;
        first = page->joined;
        found = slot;
    }
    return found;
}

static void mglru_fault(struct world *world, uint32_t page) {
    struct queue *frames = &world->queue[0];
    if (world->youngest == 0) world->youngest = 1;
    unsigned slot = frames->length;
    while (frames->length == world->model->frames) {
        drop_empty_generations(world);
        if (new_generation_is_due(world)) {
            open_new_generation(world);
            drop_empty_generations(world);
        }
        slot = oldest_slot(world);
        if (slot == UINT32_MAX) continue;
        struct page *candidate = &world->page[frames->page[slot]];
        if (candidate->uses == 0) break;
        candidate->uses = 0;
        join_youngest(world, candidate);
    }
    if (slot < frames->length)
        evict(world, frames->page[slot]);
    else
        frames->length++;
    frames->page[slot] = page;
    join_youngest(world, &world->page[page]);
}

void model_mglru(struct model *model) {
    play(model, mglru_fault);
}
