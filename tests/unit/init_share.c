// SPDX-License-Identifier: MIT
// How frames are shared out by fault frequency: who gets, who gives, and how many.
#include "libos/init/share.h"
#include <criterion/criterion.h>

static struct share_party two[2];

static void begin(uint64_t one, uint64_t other) {
    two[0] = (struct share_party){.running = true, .held = one, .target = one};
    two[1] = (struct share_party){.running = true, .held = other, .target = other};
}

static void faults(uint64_t one, uint64_t other, uint64_t spare) {
    two[0].faults += one;
    two[1].faults += other;
    share_round(two, 2, spare);
}

static void expect(uint64_t one, uint64_t other) {
    cr_expect_eq(two[0].target, one, "%lu, not %lu", two[0].target, one);
    cr_expect_eq(two[1].target, other, "%lu, not %lu", two[1].target, other);
}

Test(share, nobody_faults_and_nothing_moves) {
    begin(100, 100);
    faults(0, 0, 50);
    expect(100, 100);
}

Test(share, spare_frames_go_first_one_for_a_fault) {
    begin(100, 100);
    faults(3, 0, 50);
    expect(103, 100);
    two[0].held = 103;
    faults(30, 0, 20);
    expect(123, 100);
}

Test(share, who_faults_more_takes_of_who_faults_less_a_frame_for_a_fault_and_an_eighth_at_most) {
    begin(100, 100);
    faults(5, 2, 0);
    expect(105, 95);
    begin(100, 100);
    faults(50, 0, 0);
    expect(112, 88);
}

Test(share, nobody_gets_more_before_it_has_what_it_is_to_have) {
    begin(100, 100);
    two[0].held = 99;
    faults(9, 0, 0);
    expect(100, 100);
}

Test(share, nobody_gives_before_it_has_given_what_it_owes) {
    begin(100, 100);
    two[1].held = 101;
    faults(9, 0, 0);
    expect(100, 100);
}

Test(share, frequencies_that_differ_by_less_than_a_quarter_move_nothing) {
    begin(100, 100);
    faults(12, 10, 0);
    expect(100, 100);
    begin(100, 100);
    faults(13, 10, 0);
    expect(112, 88);
}

Test(share, the_past_counts_less_and_less) {
    begin(100, 100);
    faults(20, 20, 0);
    for (unsigned i = 0; i < 20; i++) faults(0, 0, 0);
    faults(0, 4, 0); // 20 faults weigh a fourteenth by now on both sides
    expect(96, 104);
}

Test(share, the_least_stays_with_everybody) {
    begin(10, 100);
    for (unsigned i = 0; i < 30; i++) {
        faults(0, 5, 0);
        two[0].held = two[0].target;
        two[1].held = two[1].target;
    }
    expect(SHARE_LEAST, 110 - SHARE_LEAST);
}

Test(share, who_has_ended_neither_gets_nor_gives) {
    begin(100, 100);
    two[0].running = false;
    faults(9, 5, 0);
    expect(100, 100);
}

Test(share, an_absurd_number_of_faults_is_believed_up_to_a_bound) {
    begin(100, 100);
    two[0].known = 7;
    two[0].faults = 6; // less than before
    faults(0, 1, 0);
    cr_expect_leq(two[0].frequency, SHARE_MOST * SHARE_FAULT);
    cr_expect_eq(two[0].target + two[1].target, 200);
}
