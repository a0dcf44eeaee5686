// SPDX-License-Identifier: MIT
// ARC's p in integers, digit by digit: its quotients and sums are those of IEEE double precision, which the processor
// computes here. The policy's file is included for its inner functions, under another name than the one linked in.
#define policy_arc policy_arc_of_this_test
#include "libos/pager/policy/arc.c"
#include "libos/pager/policy/lcg.h"
#include <criterion/criterion.h>

static fixed fixed_of(double x) {
    return (fixed)(x * 0x1p64); // exact: a power of two, and x is at least 2^-52 or 0
}

// From 1 on, with numbers of each length about as often.
static uint32_t number(uint64_t *x) {
    return 1 + (uint32_t)(lcg_draw(x, 1ull << 31) >> lcg_draw(x, 31));
}

Test(policy, arc_divides_as_a_double_does) {
    uint64_t x = 3;
    for (unsigned i = 0; i < 3000000; i++) {
        const uint32_t one = number(&x), other = number(&x);
        const uint32_t a = one > other ? one : other, b = one > other ? other : one;
        cr_assert(ratio(a, b) == fixed_of((double)a / b), "%u / %u", a, b);
    }
}

Test(policy, arc_adds_and_subtracts_as_a_double_does) {
    uint64_t x = 5;
    double p = 0;
    fixed q = 0;
    for (unsigned i = 0; i < 3000000; i++) {
        const uint32_t one = number(&x), other = number(&x);
        const double step = one > other ? (double)one / other : (double)other / one;
        if (lcg_draw(&x, 2) == 0 && p < 0x1p40) {
            p = p + step;
            q = rounded(q + fixed_of(step));
        } else {
            p = p > step ? p - step : 0;
            q = q > fixed_of(step) ? rounded(q - fixed_of(step)) : 0;
        }
        cr_assert(q == fixed_of(p), "after %u steps: %a", i, p);
    }
}
