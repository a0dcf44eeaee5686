// SPDX-License-Identifier: MIT
// Destroying PEs that others block: chains deeper than one call can go down, circles, and others who destroy the same.
#include "tests/unit/kernel_world.h"

TestSuite(kernel_chain, .init = world_begin, .fini = world_end);

constexpr unsigned DEEP = 1'300; // one call goes down 1,024 at most

// A machine on which the first PE has frames for so many PEs of three frames each.
static exo_frame boot_for(unsigned pes) {
    world_of(3ull * pes + 700, 64);
    return next_frame;
}

static exo_handle pe_make_at(struct pe *maker, exo_handle frames, exo_frame at) {
    return (exo_handle){MUST(host_pe_create(maker, frames, at, 3))};
}

static void start_on_root(struct pe *maker, exo_handle pe, exo_handle root) {
    MUST(host_pe_set_root(maker, pe, root, parts.table4));
    MUST(host_pe_start(maker, pe, 0));
}

// PEs of which each has made the next one, on frames from `at` on, and holds it before all other bindings. All stand on
// the first PE's root; the frames of all but the outermost are granted from `source`. The first PE's handle of that.
static exo_handle made_of_each_other(exo_frame at, unsigned count, struct pe *pes[], exo_handle source) {
    const uint64_t end = at.raw + 3ull * count;
    struct pe *maker = first;
    exo_handle frames = FRAMES, root = FRAMES, outermost = {};
    for (unsigned i = 0; i < count; i++, at.raw += 3) {
        const exo_handle made = pe_make_at(maker, frames, at);
        if (i == 0) outermost = made;
        pes[i] = host_pe(maker, made);
        start_on_root(maker, made, root);
        if (i + 1 == count) break;
        // So that the next PE's binding comes before the other two: the search for a free place goes round, and has
        // come so far, as if the places before had been used and given up.
        pes[i]->bindings.search = PE_BINDINGS_PER_FRAME - 2;
        const exo_handle own = {
            MUST(host_binding_grant(maker, i == 0 ? source : frames, made, at.raw + 3, end - at.raw - 3, EXO_ALL))};
        root = (exo_handle){
            MUST(host_binding_grant(maker, root, made, parts.table4.raw, 1, EXO_READ | EXO_WRITE | EXO_GRANT))};
        maker = pes[i];
        frames = own;
    }
    return outermost;
}

static void expect_free(exo_frame at, unsigned pes) {
    for (uint64_t i = 0; i < 3ull * pes; i++) cr_assert_eq(info((exo_frame){at.raw + i})->type, EXO_FRAME_FREE);
    EXPECT_BOOKS();
}

// Calls of this kind until one is no AGAIN, at most so many.
#define WITHIN(most, call)                                                                                             \
    ({                                                                                                                 \
        unsigned calls_ = 1;                                                                                           \
        struct exo_result last_;                                                                                       \
        while ((last_ = (call)).error == EXO_AGAIN && calls_ <= (most)) calls_++;                                      \
        cr_expect_leq(calls_, most, "no end to " #call);                                                               \
        last_.error;                                                                                                   \
    })

Test(kernel_chain, of_pes_that_made_each_other_ends_in_as_many_calls_as_it_is_deep) {
    static struct pe *pes[DEEP];
    const exo_frame at = boot_for(DEEP);
    const exo_handle outermost = made_of_each_other(at, DEEP, pes, FRAMES);
    cr_expect_eq(WITHIN(DEEP, host_pe_destroy(first, outermost)), EXO_OK);
    expect_free(at, DEEP);
}

// Siblings, of which each owns the frames that the next one is made of.
Test(kernel_chain, of_pes_that_own_each_other_ends_in_as_many_calls_as_it_is_deep) {
    static exo_handle pes[1'000]; // near as many as the first PE's table takes
    const exo_frame at = boot_for(1'000);
    for (unsigned i = 0; i < 1'000; i++) pes[i] = pe_make_at(first, FRAMES, (exo_frame){at.raw + 3 * i});
    for (unsigned i = 0; i + 1 < 1'000; i++)
        MUST(host_binding_grant(first, FRAMES, pes[i], at.raw + 3 * (i + 1), 3, EXO_ALL));
    cr_expect_eq(WITHIN(1'000, host_pe_destroy(first, pes[0])), EXO_OK);
    expect_free(at, 1'000);
}

Test(kernel_chain, that_is_taken_back_with_its_frames_comes_to_its_end) {
    static struct pe *pes[DEEP];
    const exo_frame at = boot_for(DEEP);
    made_of_each_other(at, DEEP, pes, FRAMES);
    const exo_handle all = {MUST(host_binding_derive(first, FRAMES, at.raw, 3ull * DEEP, EXO_ALL))};
    cr_expect_eq(WITHIN(2 * DEEP, host_binding_drop(first, all)), EXO_OK);
    expect_free(at, DEEP);
}

// A deep PE that holds itself, or one near the outermost, and destroys in vain: its call would end with its own end.
Test(kernel_chain, whose_end_destroys_the_chain_too_all_the_time_comes_to_its_end) {
    static struct pe *pes[DEEP];
    const exo_frame at = boot_for(DEEP);
    const exo_handle outermost = made_of_each_other(at, DEEP, pes, FRAMES);
    struct pe *last = pes[DEEP - 1];
    // The grant that its maker could make, made by hand: no handle of pes[10] goes down the chain otherwise.
    const struct sb_made near = sb_derive(pes[10]->binding, &last->bindings, pes[10]->frame.raw, 1, EXO_ALL);
    cr_assert_eq(near.error, EXO_OK);
    unsigned calls = 0;
    enum exo_error error;
    do {
        if (last->state == EXO_PE_READY && sb_find_any(&last->bindings, near.handle).error == EXO_OK) {
            const enum exo_error vain = host_pe_destroy(last, near.handle).error;
            cr_assert(vain == EXO_AGAIN || vain == EXO_BUSY);
        }
        error = host_pe_destroy(first, outermost).error;
    } while (error == EXO_AGAIN && ++calls < DEEP);
    cr_expect_eq(error, EXO_OK);
    expect_free(at, DEEP);
}

// Two who destroy overlapping chains by turns, with a circle in them: neither begins anew for ever because of the
// other.
Test(kernel_chain, that_another_destroys_a_part_of_by_turns_comes_to_its_end) {
    static struct pe *pes[DEEP];
    const exo_frame at = boot_for(DEEP + 10);
    const exo_handle outermost = made_of_each_other(at, DEEP, pes, FRAMES);
    next_frame.raw = at.raw + 3 * DEEP;
    const struct other helper = make_other((exo_frame){0}, 0, 0);
    const struct sb_made middle = sb_derive(pes[5]->binding, &helper.pe->bindings, pes[5]->frame.raw, 1, EXO_ALL);
    struct sb_binding *const frames = &first->bindings.bindings[EXO_FIRST_FRAMES];
    cr_assert_eq(sb_derive(frames, &pes[DEEP - 1]->bindings, pes[10]->frame.raw, 3, EXO_ALL).error, EXO_OK);
    enum exo_error of_first = EXO_AGAIN, of_helper = EXO_AGAIN;
    unsigned calls = 0;
    while (of_first == EXO_AGAIN && calls++ < 2 * DEEP) {
        if (of_helper == EXO_AGAIN) of_helper = host_pe_destroy(helper.pe, middle.handle).error;
        of_first = host_pe_destroy(first, outermost).error;
    }
    cr_expect_eq(of_first, EXO_OK);
    cr_expect(of_helper == EXO_OK || of_helper == EXO_HANDLE || of_helper == EXO_AGAIN);
    expect_free(at, DEEP);
}

Test(kernel_chain, does_not_take_a_pe_for_an_older_one_on_its_frames) {
    static struct pe *pes[1'100];
    const exo_frame at = boot_for(1'100);
    const exo_handle inner = {MUST(host_binding_derive(first, FRAMES, at.raw + 3, 3 * 1'099, EXO_ALL))};
    const exo_handle outermost = made_of_each_other(at, 1'100, pes, inner);
    EXPECT(AGAIN, host_pe_destroy(first, outermost)); // it is to go on at the deepest one reached
    const exo_frame deepest = pes[0]->deepest.frame;
    cr_assert_gt(deepest.raw, at.raw + 3'000);
    EXPECT(OK, REPEAT(host_binding_revoke(first, inner)));
    const exo_handle innocent = pe_make_at(first, FRAMES, deepest);
    EXPECT(OK, REPEAT(host_pe_destroy(first, outermost)));
    EXPECT(OK, host_pe_read(first, innocent));
    cr_expect_neq(host_pe(first, innocent)->state, EXO_PE_ENDED);
}

// a owns the frames of b, which has made c: c goes first, and b is not forgotten over it.
Test(kernel_chain, forgets_nobody_that_waited_for_a_third) {
    const exo_frame at = next_frame;
    const exo_handle a = pe_make_at(first, FRAMES, at), b = pe_make_at(first, FRAMES, (exo_frame){at.raw + 3});
    next_frame.raw += 9;
    const exo_handle frames_of_b = {MUST(host_binding_grant(first, FRAMES, b, at.raw + 6, 3, EXO_ALL))};
    start_on_root(first, b, FRAMES);
    pe_make_at(host_pe(first, b), frames_of_b, (exo_frame){at.raw + 6});
    MUST(host_binding_grant(first, FRAMES, a, at.raw + 3, 3, EXO_ALL));
    EXPECT(OK, REPEAT(host_pe_destroy(first, a)));
    expect_free(at, 3);
}

// A destruction that somebody began and gave up leaves nothing behind where frames are freed by another.
Test(kernel_chain, takes_over_what_another_began_and_gave_up) {
    const exo_frame at = next_frame;
    exo_handle pe[3];
    for (unsigned i = 0; i < 3; i++) pe[i] = pe_make_at(first, FRAMES, (exo_frame){at.raw + 3 * i});
    next_frame.raw += 9;
    struct pe *given_up = host_pe(first, pe[2]);
    MUST(host_binding_grant(first, FRAMES, pe[0], at.raw + 3, 3, EXO_ALL)); // 0 owns 1, which owns 2
    MUST(host_binding_grant(first, FRAMES, pe[1], at.raw + 6, 3, EXO_ALL));
    pe_end(given_up, EXO_END_DESTROYED, 0, 0);
    given_up->chain = UINT64_MAX; // as a chain of another leaves it
    EXPECT(OK, REPEAT(host_pe_destroy(first, pe[0])));
    expect_free(at, 3);
}

Test(kernel_chain, that_leads_to_the_caller_begins_anew_each_time) {
    const exo_frame at = next_frame;
    const exo_handle outer = pe_make_at(first, FRAMES, at);
    next_frame.raw += 3;
    const struct other inner = make_other((exo_frame){0}, 0, 0);
    MUST(host_binding_grant(first, FRAMES, outer, inner.frames.raw, 3, EXO_ALL));
    const exo_handle of_outer = {MUST(host_binding_grant(first, outer, inner.handle, at.raw, 1, EXO_ALL))};
    EXPECT(BUSY, host_pe_destroy(inner.pe, of_outer));
    cr_expect_eq(host_pe(first, outer)->deepest.frame.raw, 0);
    EXPECT(BUSY, host_pe_destroy(inner.pe, of_outer));
    EXPECT(OK, REPEAT(host_pe_destroy(first, outer)));
    EXPECT(HANDLE, host_pe_read(first, inner.handle));
}

// It would end with its maker, in the middle of its call. The maker has ended then, and is left to who made it.
Test(kernel_chain, of_a_maker_whose_frames_its_own_pe_takes_back_comes_to_its_end_by_another) {
    struct pe *pes[2];
    const exo_frame at = next_frame;
    next_frame.raw += 6;
    const exo_handle maker = made_of_each_other(at, 2, pes, FRAMES);
    const struct sb_made owner =
        sb_derive(&first->bindings.bindings[EXO_FIRST_FRAMES], &pes[1]->bindings, at.raw, 3, EXO_ALL);
    cr_assert_eq(owner.error, EXO_OK);
    cr_expect_eq(REPEAT(host_binding_drop(pes[1], owner.handle)).error, EXO_BUSY);
    cr_expect_eq(pes[0]->state, EXO_PE_ENDED);
    cr_expect_eq(pes[1]->state, EXO_PE_READY);
    EXPECT(OK, REPEAT(host_pe_destroy(first, maker)));
    expect_free(at, 2);
}

// --- Others who map again what is being freed, whenever they are given the CPU

Test(kernel_chain, a_neighbour_that_maps_frames_again_does_not_keep_them) {
    world_of(MANY_FRAMES, 0);
    constexpr unsigned pages = 40;
    const exo_frame data = take_frames(pages, EXO_FRAME_DATA);
    const struct other other = make_other(data, pages, READ_WRITE);
    const exo_handle owned = {MUST(host_binding_derive(first, FRAMES, data.raw, pages, EXO_ALL))};
    unsigned calls = 0;
    enum exo_error error;
    do {
        for (unsigned i = 0; i < pages; i++) {
            const exo_vaddr page = {0x5000 + i * EXO_PAGE_SIZE};
            const enum exo_error again = other_map(&other, page, (exo_frame){data.raw + i}, READ_WRITE).error;
            cr_assert(again == EXO_OK || again == EXO_TYPE);
            (void)host_store(other.pe, page, calls); // so that its TLB holds what it still has
        }
        error = host_binding_drop(first, owned).error;
        EXPECT_BOOKS();
    } while (error == EXO_AGAIN && ++calls < 12);
    cr_expect_eq(error, EXO_OK);
    for (unsigned i = 0; i < pages; i++) {
        cr_expect_not(host_load(other.pe, (exo_vaddr){0x5000 + i * EXO_PAGE_SIZE}).ok);
        cr_expect_eq(info((exo_frame){data.raw + i})->type, EXO_FRAME_FREE);
        cr_expect_eq(info((exo_frame){data.raw + i})->maps, 0);
    }
}

// Nobody else runs meanwhile, so that no switch of address spaces flushes the TLB.
Test(kernel_chain, who_maps_frames_again_itself_loses_them_from_its_tlb_too) {
    world_of(MANY_FRAMES, 0);
    const exo_vaddr window = {0x40'0000};
    const exo_frame data = take_frames(1, EXO_FRAME_DATA);
    const exo_handle owned = {MUST(host_binding_derive(first, FRAMES, data.raw, 1, EXO_ALL))};
    unsigned calls = 0;
    enum exo_error error;
    do {
        (void)map(window, data, READ_WRITE);
        (void)host_store(first, window, calls);
        error = host_binding_drop(first, owned).error;
    } while (error == EXO_AGAIN && ++calls < 12);
    cr_expect_eq(error, EXO_OK);
    cr_expect_not(host_load(first, window).ok);
}

Test(kernel_chain, a_maker_that_maps_a_pes_page_again_does_not_keep_it) {
    world_of(MANY_FRAMES, 0);
    const exo_vaddr window = {0x40'0000};
    const struct other other = make_other((exo_frame){0}, 0, 0);
    unsigned calls = 0;
    enum exo_error error;
    do {
        const enum exo_error again = map(window, (exo_frame){other.frames.raw + 1}, READ_WRITE).error;
        cr_assert(again == EXO_OK || again == EXO_TYPE);
        (void)host_store(first, window, calls);
        error = host_pe_destroy(first, other.handle).error;
        EXPECT_BOOKS();
    } while (error == EXO_AGAIN && ++calls < 12);
    cr_expect_eq(error, EXO_OK);
    cr_expect_not(host_load(first, window).ok);
}

// --- Random families: who made whom, who owns whose frames, who else destroys meanwhile

constexpr unsigned FAMILY = 9, FAMILY_FRAMES = 140'000; // so many that a call hardly comes through one PE

struct family {
    exo_frame at; // three frames each
    struct pe *pe[FAMILY];
    unsigned maker[FAMILY]; // FAMILY: the first PE
    bool owns[FAMILY][FAMILY];
};

static uint64_t drawn;
static unsigned draw(unsigned below) {
    drawn = drawn * 6364136223846793005 + 1442695040888963407;
    return (unsigned)(drawn >> 33) % below;
}

static void family_make(struct family *family) {
    *family = (struct family){.at = next_frame};
    for (unsigned i = 0; i < FAMILY; i++) {
        const exo_frame at = {family->at.raw + 3 * i};
        const unsigned maker = family->maker[i] = i == 0 || draw(4) == 0 ? FAMILY : draw(i);
        struct pe *by = maker == FAMILY ? first : family->pe[maker];
        exo_handle frames = FRAMES;
        if (maker != FAMILY) {
            const struct sb_made given =
                sb_derive(&first->bindings.bindings[EXO_FIRST_FRAMES], &by->bindings, at.raw, 3, EXO_ALL);
            cr_assert_eq(given.error, EXO_OK);
            frames = given.handle;
            family->owns[maker][i] = true;
        }
        family->pe[i] = host_pe(by, pe_make_at(by, frames, at));
        frame_mapped(parts.table4); // as set_root and start do it, which need no authority here
        family->pe[i]->root = parts.table4.raw << EXO_PAGE_SHIFT;
        family->pe[i]->state = EXO_PE_READY;
    }
    for (unsigned i = 0; i < FAMILY; i++) {
        const unsigned owner = draw(FAMILY), owned = draw(FAMILY);
        const struct sb_made made = sb_derive(&first->bindings.bindings[EXO_FIRST_FRAMES], &family->pe[owner]->bindings,
                                              family->at.raw + 3 * owned, 3, EXO_ALL);
        cr_assert_eq(made.error, EXO_OK);
        family->owns[owner][owned] = true;
    }
}

// Who ends with one of the family.
static void closure(const struct family *family, unsigned of, bool ends[FAMILY]) {
    ends[of] = true;
    for (unsigned i = 0; i < FAMILY; i++)
        if (!ends[i] && (family->maker[i] == of || family->owns[of][i])) closure(family, i, ends);
}

static bool made_by_one_of(const struct family *family, unsigned which, const bool ends[FAMILY]) {
    for (unsigned at = family->maker[which]; at != FAMILY; at = family->maker[at])
        if (ends[at]) return true;
    return false;
}

static bool gone(const struct family *family, unsigned which) {
    return info((exo_frame){family->at.raw + 3 * which})->type == EXO_FRAME_FREE;
}

// Whatever a family is like, and whoever of it destroys others of it at the same time, the destruction of one comes to
// its end; and if nobody else destroys, then exactly those have ended that had to.
Test(kernel_chain, of_a_random_family_comes_to_its_end_and_forgets_nobody) {
    for (unsigned round = 0; round < 60; round++) {
        world_of(FAMILY_FRAMES, 0);
        drawn = round;
        struct family family;
        family_make(&family);
        const unsigned wanted = draw(FAMILY);
        const struct sb_made top =
            sb_derive(family.pe[wanted]->binding, &first->bindings, family.pe[wanted]->frame.raw, 1, EXO_ALL);
        struct {
            unsigned by;
            exo_handle pe;
        } others[4];
        for (unsigned i = 0; i < 4; i++) {
            const unsigned of = draw(FAMILY);
            others[i].by = draw(FAMILY);
            others[i].pe = sb_derive(family.pe[of]->binding, &family.pe[others[i].by]->bindings,
                                     family.pe[of]->frame.raw, 1, EXO_ALL)
                               .handle;
        }
        bool ends[FAMILY] = {};
        closure(&family, wanted, ends);
        enum exo_error error = EXO_AGAIN;
        for (unsigned calls = 0; error == EXO_AGAIN; calls++) {
            cr_assert_lt(calls, 200, "no end in round %u", round);
            for (unsigned i = 0; i < 4 && round % 2 == 1; i++)
                if (!gone(&family, others[i].by) && family.pe[others[i].by]->state == EXO_PE_READY)
                    (void)host_pe_destroy(family.pe[others[i].by], others[i].pe);
            error = host_pe_destroy(first, top.handle).error;
        }
        cr_assert(error == EXO_OK || error == EXO_HANDLE);
        cr_expect(gone(&family, wanted));
        // Others may have ended the one by whom a third would have ended; and who made the PE wanted would have to end
        // before it, and after.
        if (round % 2 == 0 && !made_by_one_of(&family, wanted, ends))
            for (unsigned i = 0; i < FAMILY; i++)
                if (ends[i]) cr_expect(gone(&family, i), "round %u: %u was forgotten", round, i);
        for (unsigned i = 0; i < FAMILY && round % 2 == 0; i++)
            if (!ends[i]) cr_expect_eq(family.pe[i]->state, EXO_PE_READY);
        EXPECT_BOOKS();
    }
}
