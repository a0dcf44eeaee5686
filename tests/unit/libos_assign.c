// SPDX-License-Identifier: MIT
// Policies for regions: reading the start argument, what each region gets, and what is refused.
#include "libos/unix/linked/assign.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct assignment all;

static const struct assigned *found(const char *region, const char *policy, uint64_t frames) {
    const struct assigned *of = assign_find(&all, region);
    cr_expect_str_eq(of->policy->name, policy, "%s has %s", region, of->policy->name);
    cr_expect_eq(of->frames, frames, "%s has %lu frames", region, of->frames);
    return of;
}

Test(assign, one_policy_is_for_everything) {
    cr_assert(assign_read(&all, "clockpro", 64), "%s", all.problem);
    cr_expect_not(all.is_map);
    found("heap", "clockpro", 0);
    found("table", "clockpro", 0);
    cr_expect_eq(all.rest, 64);
}

Test(assign, a_map_names_regions_and_ends_with_its_default) {
    cr_assert(assign_read(&all, "index=clockpro@100,table=lifo@200,default=fifo", 350), "%s", all.problem);
    cr_expect(all.is_map);
    const struct assigned *index = found("index", "clockpro", 100);
    cr_expect(index->used);
    found("table", "lifo", 200);
    cr_expect_not(found("heap", "fifo", 0)->used, "the default is nobody's own");
    cr_expect_eq(all.rest, 50);
}

Test(assign, without_a_total_nothing_is_known_of_the_rest) {
    cr_assert(assign_read(&all, "index=fifo@100,default=lifo", 0), "%s", all.problem);
    cr_expect_eq(all.rest, 0);
    cr_assert(assign_read(&all, "index=fifo,default=lifo@3", 5), "%s", all.problem);
    found("other", "lifo", 3);
    cr_expect_eq(all.rest, 2);
}

Test(assign, several_without_frames_of_their_own_share_the_rest) {
    cr_assert(assign_read(&all, "a=fifo,b=lifo@30,default=clock1", 100), "%s", all.problem);
    cr_expect_eq(all.sharers, 2);
    cr_expect_eq(all.rest, 70);
    cr_assert(assign_read(&all, "a=fifo@1,b=lifo@30,default=clock1", 100), "%s", all.problem);
    cr_expect_eq(all.sharers, 1);
}

Test(assign, what_is_wrong_is_said) {
    static const struct {
        const char *text, *said;
        uint64_t total;
    } cases[] = {
        {"clok1", "there is no policy clok1", 0},
        {"", "there is no policy ", 0},
        {"a=clok1,default=fifo", "there is no policy clok1", 0},
        {"a=fifo@5", "it ends without a default", 0},
        {"a=fifo@5,clock1,default=fifo", "clock1 does not say which region", 0},
        {"a=fifo@5,a=lifo@5,default=fifo", "region a is there twice", 0},
        {"a=fifo@5,default=fifo,default=lifo", "region default is there twice", 0},
        {"default=fifo,a=fifo@5", "a comes after the default", 0},
        {"A=fifo@5,default=fifo", "a region can't be called \"A\"", 0},
        {"=fifo@5,default=fifo", "a region can't be called \"\"", 0},
        {"a=fifo@0,default=fifo", "0 is no number of frames for region a", 0},
        {"a=fifo@,default=fifo", " is no number of frames for region a", 0},
        {"a=fifo@5%,default=fifo", "5% is no number of frames for region a", 0},
        {"a=fifo,default=fifo", "2 regions share frames; say how many there are", 0},
        {"a=fifo@5,default=fifo", "the regions' own frames are 5, and there are 5 in all", 5},
        {"a=fifo@5,default=fifo@5", "the regions' own frames are 10, and there are 9 in all", 9},
        {"a=fifo@1,b=fifo@1,c=fifo@1,d=fifo@1,e=fifo@1,f=fifo@1,g=fifo@1,h=fifo@1,default=fifo", "at most 8", 0},
        {"a23456789012345678901234567890123=fifo@1,default=fifo", "a region can't be called", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_not(assign_read(&all, cases[i].text, cases[i].total), "%s", cases[i].text);
        cr_expect_not_null(strstr(all.problem, cases[i].said), "%s: %s", cases[i].text, all.problem);
    }
}

Test(assign, a_text_too_long_is_refused_whole) {
    char text[600];
    snprintf(text, sizeof text, "a=fifo@%0590d", 1);
    cr_expect_not(assign_read(&all, text, 0));
    cr_expect_str_eq(all.problem, "too long");
}

Test(assign, names_of_regions) {
    for (const char *const *name = (const char *const[]){"a", "table_2", "9", nullptr}; *name != nullptr; name++)
        cr_expect(assign_is_name(*name), "%s", *name);
    for (const char *const *name = (const char *const[]){"", "default", "Table", "a b", "a,b", nullptr};
         *name != nullptr; name++)
        cr_expect_not(assign_is_name(*name), "%s", *name);
}
