// SPDX-License-Identifier: MIT
// Ends that take long: PEs that made each other, deeper than one call can go down, and one with a full table. They come
// about all the same, in calls that are bounded each.
#include "tests/vm/rig.h"

constexpr unsigned DEEP = 1'100; // a call goes down 1,024 PEs at most
constexpr uint64_t PLACES = 63;  // of a PE with one frame of bindings

// What each PE tells the next one, which begins when it has nothing more to do.
static struct {
    exo_handle frames, root, slices; // the next one's
    exo_frame next;                  // frames not yet used
    unsigned made;
    const char *failed;
} chain;
alignas(16) static uint8_t stack[4096]; // one is enough: whoever has made the next PE never goes on

static uint64_t must(struct exo_result result, const char *what) {
    if (result.error != EXO_OK && chain.failed == nullptr) chain.failed = what;
    return result.value;
}

static void revoke(exo_handle source) {
    while (exo_binding_revoke(source).error == EXO_AGAIN) continue;
}

static void link_next(void);

// Makes a PE with what `chain` names, and gives it all that is needed to make another, and the position. Its binding
// comes to stand before all others of its maker's, so that it is the first that its maker's end meets.
static exo_handle make_next(void) {
    const exo_handle frames = chain.frames, root = chain.root, slices = chain.slices;
    const exo_frame at = chain.next;
    const exo_handle made = {must(exo_pe_create(frames, at, 3), "a PE can't be made")};
    // All but three of the next one's places are used and given back: the search for free ones goes round.
    const exo_handle spent = {
        must(exo_binding_derive(slices, 1, 1, EXO_READ | EXO_GRANT), "a position can't be derived")};
    for (unsigned i = 0; i < PLACES - 3; i++)
        must(exo_binding_grant(spent, made, 1, 1, EXO_READ), "a place can't be used");
    revoke(spent);
    must(exo_binding_drop(spent), "a binding can't be dropped");
    chain.next.raw += 3;
    const uint64_t left = 3 * (DEEP - ++chain.made);
    if (left != 0) chain.frames.raw = must(exo_binding_grant(frames, made, chain.next.raw, left, EXO_ALL), "no frames");
    chain.root.raw =
        must(exo_binding_grant(root, made, rig.table4.raw, 1, EXO_READ | EXO_WRITE | EXO_GRANT), "no root");
    chain.slices.raw = must(exo_binding_grant(slices, made, 1, 1, EXO_READ | EXO_WRITE | EXO_GRANT), "no position");
    const exo_vaddr entry = {(uint64_t)link_next}, top = {(uint64_t)stack + sizeof stack - 8};
    must(exo_pe_set_root(made, root, rig.table4), "no address space");
    must(exo_pe_set_entry(made, EXO_UPCALL_start, entry, top), "no entry");
    must(exo_pe_start(made, 0), "a PE can't be started");
    must(exo_slice_set(slices, 1, made), "the position can't be given on");
    return made;
}

static void link_next(void) {
    if (chain.made < DEEP && chain.failed == nullptr) make_next();
    while (true) (void)exo_pe_yield(SELF);
}

struct destroyed {
    enum exo_error error;
    uint64_t calls, longest; // of AGAIN; in ticks
};

// Destroys a PE in at most so many calls, and finds out how long the longest took: instructions, in this machine.
static struct destroyed destroy(exo_handle pe, uint64_t most) {
    struct destroyed done = {};
    do {
        const uint64_t begun = __builtin_ia32_rdtsc();
        done.error = exo_pe_destroy(pe).error;
        const uint64_t took = __builtin_ia32_rdtsc() - begun;
        if (took > done.longest) done.longest = took;
    } while (done.error == EXO_AGAIN && ++done.calls < most);
    rig_note("calls", done.calls);
    rig_note("longest", done.longest);
    return done;
}

// About 110 for each of the 16,384 units that a call may spend.
constexpr uint64_t BOUND = 1'800'000;

TEST(a_pe_with_a_full_table_ends_in_calls_that_are_bounded) {
    constexpr uint64_t parts = 18;
    const exo_frame at = rig_frames(parts, EXO_FRAME_FREE);
    const exo_handle pe = {OK(exo_pe_create(FRAMES, at, parts))};
    uint64_t held = 0;
    while (exo_binding_grant(SLICES, pe, 1, 1, EXO_READ).error == EXO_OK) held++;
    CHECK_EQUAL(held, 16 * 64 - 1);
    const struct destroyed done = destroy(pe, 100);
    CHECK_EQUAL(done.error, EXO_OK);
    CHECK(done.longest <= BOUND);
    rig_release(at, parts);
}

TEST(pes_that_made_each_other_end_in_as_many_calls_as_they_are_deep) {
    const exo_frame at = rig_frames(3 * DEEP, EXO_FRAME_FREE);
    const exo_handle position = rig_derive(SLICES, 1, 1, EXO_READ | EXO_WRITE | EXO_GRANT);
    chain = (typeof(chain)){.frames = FRAMES, .root = FRAMES, .slices = position, .next = at};
    const exo_handle outermost = make_next();
    for (unsigned turns = 0; chain.made < DEEP && turns < 5'000; turns++) OK(exo_pe_yield(SELF));
    rig_need(chain.failed == nullptr && chain.made == DEEP, "a chain of PEs can't be made");

    const struct destroyed done = destroy(outermost, DEEP);
    CHECK_EQUAL(done.error, EXO_OK);
    CHECK(done.longest <= BOUND);
    rig_drop(position);
    rig_release(at, 3 * DEEP);
}
