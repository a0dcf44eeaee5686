// SPDX-License-Identifier: MIT
// The links of a chain of PEs that are destroyed: which of them is believed, and who waits for whom.
//
// `top` has made `middle`, which owns the frames that `aside` stands on, and one more; `aside` was made by the first
// PE. The machine is so large that a pass over its frames takes several calls, so that much can happen between them.
#include "tests/unit/kernel_world.h"

static exo_handle top, aside, of_middle; // the first PE's handles
static struct pe *top_pe, *middle_pe, *aside_pe;
static exo_frame aside_at;

static exo_handle made_at(struct pe *maker, exo_handle frames, exo_frame at) {
    return (exo_handle){MUST(host_pe_create(maker, frames, at, 3))};
}

// What the first PE could give by grants, had it been asked.
static exo_handle given(struct sb_binding *source, struct pe *to, uint64_t at, uint64_t count) {
    const struct sb_made made = sb_derive(source, &to->bindings, at, count, EXO_ALL);
    cr_assert_eq(made.error, EXO_OK);
    return made.handle;
}

static void begin(void) {
    world_of(MANY_FRAMES, 0);
    struct sb_binding *const all = &first->bindings.bindings[EXO_FIRST_FRAMES];
    const uint64_t at = next_frame.raw;
    aside_at = (exo_frame){at + 6};
    next_frame.raw += 9;
    const exo_frame one_more = take_frames(1, EXO_FRAME_DATA);
    top = made_at(first, FRAMES, (exo_frame){at});
    top_pe = host_pe(first, top);
    aside = made_at(first, FRAMES, aside_at);
    aside_pe = host_pe(first, aside);
    const exo_handle frames = given(all, top_pe, at + 3, 3);
    MUST(host_pe_set_root(first, top, FRAMES, parts.table4));
    MUST(host_pe_start(first, top, 0));
    middle_pe = host_pe(top_pe, made_at(top_pe, frames, (exo_frame){at + 3}));
    of_middle = given(middle_pe->binding, first, middle_pe->frame.raw, 1);
    given(all, middle_pe, aside_at.raw, 3);
    given(all, middle_pe, one_more.raw, 1);
}

TestSuite(kernel_chain_links, .init = begin, .fini = world_end);

static bool owns_aside(void) {
    return middle_pe->bindings.bindings[1].kind != EXO_KIND_NONE;
}

static bool is_there(exo_frame pe) {
    return info(pe)->type == EXO_FRAME_PE;
}

// Somebody begins the destruction of `aside`; then that of `top` comes so far that `aside` is next after `middle`.
static void put_aside_behind(void) {
    EXPECT(AGAIN, host_pe_destroy(first, aside));
    for (unsigned calls = 0; owns_aside(); calls++) {
        cr_assert_lt(calls, 20);
        EXPECT(AGAIN, host_pe_destroy(first, top));
    }
    cr_assert_eq(middle_pe->below.raw, aside_at.raw);
}

Test(kernel_chain_links, lead_to_no_pe_that_was_made_since_where_another_stood) {
    put_aside_behind();
    EXPECT(OK, REPEAT(host_pe_destroy(first, aside)));
    const exo_handle innocent = made_at(first, FRAMES, aside_at);
    EXPECT(OK, REPEAT(host_pe_destroy(first, top)));
    EXPECT(OK, host_pe_read(first, innocent));
    cr_expect_eq(host_pe(first, innocent)->state, EXO_PE_NEW);
}

Test(kernel_chain_links, lead_on_from_a_pe_that_was_put_between) {
    put_aside_behind();
    const uint64_t mark = top_pe->chain;
    for (unsigned calls = 0; is_there(aside_at); calls++) {
        cr_assert_lt(calls, 20);
        EXPECT(AGAIN, host_pe_destroy(first, top));
    }
    cr_expect_eq(top_pe->chain, mark, "the way down has begun anew");
    EXPECT(OK, REPEAT(host_pe_destroy(first, top)));
}

// A PE that was not to be destroyed goes before the binding that ends it: behind that, it could be forgotten.
Test(kernel_chain_links, are_not_all_that_tells_of_a_pe_that_still_runs) {
    enum exo_error error = EXO_AGAIN;
    for (unsigned calls = 0; error == EXO_AGAIN; calls++) {
        cr_assert_lt(calls, 40);
        error = host_pe_destroy(first, top).error;
        if (error == EXO_AGAIN && is_there(middle_pe->frame) && !owns_aside())
            (void)host_pe_destroy(first, of_middle); // which makes it the end of a chain of its own
    }
    cr_expect_eq(error, EXO_OK);
    cr_expect_not(is_there(aside_at));
}

// A third who destroys `middle` meanwhile makes it the end of a chain of its own, so that nothing leads to `aside` any
// more. It has ended, and goes when its frames are taken back.
Test(kernel_chain_links, that_are_lost_to_a_third_leave_a_pe_to_the_owner_of_its_frames) {
    put_aside_behind();
    (void)host_pe_destroy(first, of_middle);
    EXPECT(OK, REPEAT(host_pe_destroy(first, top)));
    if (is_there(aside_at)) cr_expect_eq(aside_pe->state, EXO_PE_ENDED);
    const exo_handle frames = {MUST(host_binding_derive(first, FRAMES, aside_at.raw, 3, EXO_ALL))};
    EXPECT(OK, REPEAT(host_binding_drop(first, frames)));
    cr_expect_eq(info(aside_at)->type, EXO_FRAME_FREE);
}
