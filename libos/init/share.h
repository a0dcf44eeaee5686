// SPDX-License-Identifier: MIT
// How many of the frames that move each application of a group is to have. Pure: init's lease.c calls it once in every
// round of the slice vector, the unit test with numbers of its own.
//
// Global replacement by fault frequency. An application that faults although it has all the frames it is to have gets
// one more for each fault of the round: of those that nobody has, or of the application that faults least, if it itself
// faults more often by a quarter; at most an eighth of what that one has, in a round. Which pages go for that the
// losing application's own policy says. The measure is that of page-fault frequency (Chu, Opderbeck, AFIPS FJCC 1972),
// here not against a fixed bound but against the other applications'. So there is no protection between them: whoever
// faults much takes from whoever faults little, as under every global replacement.
//
// The frequency is the number of faults of the rounds so far, each round's weighing an eighth less in the next.
#pragma once
#include <stdint.h>

struct share_party {
    bool running;
    uint64_t held, target; // frames it has and is to have
    uint64_t faults;       // in all, by its own account
    uint64_t known;        // of these those that the frequency knows
    uint64_t recent;       // those of the last round
    uint64_t frequency;
};

constexpr uint64_t SHARE_LEAST = 8;      // frames that nobody is asked for
constexpr uint64_t SHARE_FAULT = 256;    // what the frequency counts for a fault in this round
constexpr uint64_t SHARE_MOST = 1 << 20; // faults of a round that are believed

// One round: brings the frequencies up to date and moves frames from at most one application to one, by changing their
// targets. `spare` is how many frames are in no target.
void share_round(struct share_party *parties, unsigned count, uint64_t spare);
