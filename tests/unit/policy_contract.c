// SPDX-License-Identifier: MIT
// What the pager relies on, whatever the policy: every file of libos/pager/policy is put through this, new ones as
// well. A pager that is nothing but arrays plays the rules of policy.h, and at times takes another page than the
// victim, or has fewer pages in memory than there are slots, as the real one may. Victims must be slots that hold a
// page, the policy must look at no more than it says it sees, and the same run must give the same victims.
#include "libos/pager/policy/lcg.h"
#include "libos/pager/policy.h"
#include <criterion/criterion.h>
#include <stdlib.h>

constexpr uint32_t LENGTH = 3000, MOST_PAGES = 90;

struct world {
    const struct policy *policy;
    struct policy_view view;
    struct policy_state *state;
    uint32_t used, resident, limit; // slots filled at some time, those with a page, how many may have one
    uint32_t empty[MOST_PAGES];     // slots that became empty, the latest last
    uint32_t empty_count;
    uint32_t page_in[MOST_PAGES], slot_of[MOST_PAGES], next_use[LENGTH];
    uint8_t bits[MOST_PAGES];
    uint32_t position; // of the reference that is made
    uint64_t victims;  // a digest of what the policy chose
    bool takes_others; // at times another page than the victim goes
    const uint32_t *reference;
};

static const char *name_of(const struct world *world) {
    return world->policy->name;
}

static uint8_t view_bits(void *pager, uint32_t slot) {
    struct world *world = pager;
    cr_assert_geq(world->policy->sees, POLICY_SEES_BITS, "%s reads bits and says it sees faults only", name_of(world));
    cr_assert_lt(slot, world->view.frames, "%s reads the bits of slot %u", name_of(world), slot);
    return world->bits[slot];
}

static void view_bits_from(void *pager, uint32_t slot, uint32_t count, uint8_t *bits) {
    for (uint32_t i = 0; i < count; i++) bits[i] = view_bits(pager, slot + i);
}

static void view_clear(void *pager, uint32_t slot) {
    struct world *world = pager;
    cr_assert_geq(world->policy->sees, POLICY_SEES_BITS, "%s clears bits and says it sees faults only", name_of(world));
    cr_assert_lt(slot, world->view.frames, "%s clears a bit of slot %u", name_of(world), slot);
    if (world->page_in[slot] != POLICY_NONE) world->bits[slot] &= (uint8_t)~POLICY_ACCESSED;
}

static void view_clear_all(void *pager) {
    struct world *world = pager;
    for (uint32_t slot = 0; slot < world->view.frames; slot++) view_clear(world, slot);
}

static uint32_t view_next_use(void *pager, uint32_t slot) {
    struct world *world = pager;
    cr_assert_eq(world->policy->sees, POLICY_SEES_FUTURE, "%s asks for the future", name_of(world));
    cr_assert_lt(slot, world->view.frames, "%s asks for the next use of slot %u", name_of(world), slot);
    if (world->page_in[slot] == POLICY_NONE) return 0;
    for (uint32_t i = world->position; i < LENGTH; i++)
        if (world->reference[i] == world->page_in[slot]) return i;
    return POLICY_NONE;
}

static uint64_t view_now(void *pager) {
    struct world *world = pager;
    cr_assert(world->policy->timed, "%s looks at the clock and does not say so", name_of(world));
    return world->position;
}

// Hot pages, a loop and some at random; page 0 and the last one among them.
static void write_references(uint32_t *reference, uint32_t pages, uint64_t seed) {
    uint64_t x = seed;
    for (uint32_t i = 0; i < LENGTH; i++) {
        const uint64_t kind = lcg_draw(&x, 4);
        reference[i] = (uint32_t)(kind == 0   ? lcg_draw(&x, pages < 5 ? pages : 5)
                                  : kind == 1 ? i / 3 % pages
                                              : lcg_draw(&x, pages));
    }
}

static void evict(struct world *world, uint32_t slot) {
    const uint32_t page = world->page_in[slot];
    world->slot_of[page] = world->page_in[slot] = POLICY_NONE;
    world->bits[slot] = POLICY_ACCESSED | POLICY_DIRTY;
    world->empty[world->empty_count++] = slot;
    world->resident--;
    if (world->policy->removed != nullptr) world->policy->removed(world->state, page, slot);
}

// The victim holds a page unless the pager has emptied slots; then the policy is asked again, and in the end another
// page goes.
static void make_room(struct world *world, uint64_t *x, uint32_t incoming) {
    const bool full = world->limit == world->view.frames;
    uint32_t slot = 0;
    for (uint32_t tries = 0; tries <= world->view.frames - world->resident; tries++) {
        slot = world->policy->victim(world->state, incoming);
        cr_assert_lt(slot, world->view.frames, "%s with %u frames: victim slot %u", name_of(world), world->view.frames,
                     slot);
        if (world->page_in[slot] != POLICY_NONE) break;
        cr_assert_not(full, "%s with %u frames: victim slot %u holds no page", name_of(world), world->view.frames,
                      slot);
    }
    if (world->takes_others && lcg_draw(x, 8) == 0) slot = (uint32_t)lcg_draw(x, world->view.frames);
    while (world->page_in[slot] == POLICY_NONE) slot = (slot + 1) % world->view.frames;
    world->victims = world->victims * 31 + world->page_in[slot];
    evict(world, slot);
}

static void give_up(struct world *world) {
    const struct policy *policy = world->policy;
    if (policy->surplus == nullptr) return;
    for (uint32_t slot; (slot = policy->surplus(world->state)) != POLICY_NONE;) {
        cr_assert_lt(slot, world->used, "%s gives up slot %u", name_of(world), slot);
        cr_assert_neq(world->page_in[slot], POLICY_NONE, "%s gives up slot %u, which is empty", name_of(world), slot);
        world->victims = world->victims * 31 + world->page_in[slot];
        evict(world, slot);
    }
}

static void load(struct world *world, uint64_t *x, uint32_t page) {
    const struct policy *policy = world->policy;
    if (policy->fault != nullptr) policy->fault(world->state, page);
    if (policy->sees < POLICY_SEES_REFERENCES) give_up(world);
    while (world->resident >= world->limit) make_room(world, x, page);
    const uint32_t slot = world->empty_count != 0 ? world->empty[--world->empty_count] : world->used++;
    world->resident++;
    world->page_in[slot] = page;
    world->slot_of[page] = slot;
    world->bits[slot] = 0;
    if (policy->inserted != nullptr) policy->inserted(world->state, page, slot);
}

static void touch(struct world *world, uint64_t *x, uint32_t page) {
    const struct policy *policy = world->policy;
    if (policy->sees >= POLICY_SEES_REFERENCES) give_up(world);
    if (world->slot_of[page] == POLICY_NONE) load(world, x, page);
    world->bits[world->slot_of[page]] |= POLICY_ACCESSED | (lcg_draw(x, 3) == 0 ? POLICY_DIRTY : 0);
    world->position++;
    if (policy->touched != nullptr) policy->touched(world->state, world->slot_of[page]);
}

enum play { AS_CHOSEN, TAKES_OTHERS, MOVES_FRAMES };

// Plays a run and returns the digest of the victims. The state has exactly the bytes that the policy asked for, so that
// the address sanitizer sees a step beyond them.
static uint64_t play(const struct policy *policy, uint32_t frames, uint32_t pages, enum play how) {
    uint32_t reference[LENGTH];
    write_references(reference, pages, frames + pages);
    struct world *world = calloc(1, sizeof *world);
    cr_assert_not_null(world);
    *world =
        (struct world){.policy = policy, .takes_others = how == TAKES_OTHERS, .limit = frames, .reference = reference};
    world->view = (struct policy_view){.frames = frames,
                                       .pages = pages,
                                       .seed = 1,
                                       .pager = world,
                                       .bits = view_bits,
                                       .bits_from = view_bits_from,
                                       .clear_accessed = view_clear,
                                       .clear_accessed_all = view_clear_all,
                                       .next_use = view_next_use,
                                       .now = view_now};
    world->state = calloc(1, policy->state_size(frames, pages));
    cr_assert_not_null(world->state);
    for (uint32_t page = 0; page < MOST_PAGES; page++) {
        world->slot_of[page] = world->page_in[page] = POLICY_NONE;
        world->bits[page] = POLICY_ACCESSED | POLICY_DIRTY;
    }
    policy->start(world->state, &world->view);
    uint64_t x = 7;
    for (uint32_t i = 0; i < LENGTH; i++) {
        if (how == MOVES_FRAMES && i % 50 == 0)
            world->limit = policy->minimum + (uint32_t)lcg_draw(&x, frames - policy->minimum + 1);
        touch(world, &x, reference[i]);
    }
    const uint64_t victims = world->victims;
    free(world->state);
    free(world);
    return victims;
}

static void play_all_sizes(const struct policy *policy, enum play how) {
    const uint32_t least = policy->minimum, sizes[] = {least, least + 1, least + 13, MOST_PAGES - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        cr_assert_lt(sizes[i], MOST_PAGES, "%s needs more frames than this test has pages", policy->name);
        const uint64_t first = play(policy, sizes[i], MOST_PAGES, how);
        cr_expect_eq(play(policy, sizes[i], MOST_PAGES, how), first,
                     "%s with %u frames: other victims in the same run, so it keeps something outside its state",
                     policy->name, sizes[i]);
    }
}

TestSuite(policy_contract, .timeout = 60); // a policy that looks for its victim for ever has failed

#define POLICY(name)                                                                                                   \
    Test(policy_contract, name##_is_complete_and_has_the_name_of_its_file) {                                           \
        const struct policy *policy = policy_find(#name);                                                              \
        cr_assert_not_null(policy, "policy_" #name " has another .name");                                              \
        cr_assert(policy->title != nullptr && policy->source != nullptr && policy->minimum > 0);                       \
        cr_assert(policy->state_size != nullptr && policy->start != nullptr && policy->victim != nullptr);             \
        cr_assert(policy->touched == nullptr || policy->sees >= POLICY_SEES_REFERENCES,                                \
                  "touched is not called for a policy that doesn't see references");                                   \
    }                                                                                                                  \
    Test(policy_contract, name##_names_victims_that_hold_pages) {                                                      \
        play_all_sizes(policy_find(#name), AS_CHOSEN);                                                                 \
    }                                                                                                                  \
    Test(policy_contract, name##_copes_with_pages_that_it_did_not_choose) {                                            \
        play_all_sizes(policy_find(#name), TAKES_OTHERS);                                                              \
    }                                                                                                                  \
    Test(policy_contract, name##_copes_with_frames_that_come_and_go) {                                                 \
        play_all_sizes(policy_find(#name), MOVES_FRAMES);                                                              \
    }
#include "libos/pager/policy/policies.def"
#undef POLICY
