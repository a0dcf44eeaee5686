// SPDX-License-Identifier: MIT
// See share.h.
#include "libos/init/share.h"

static void update(struct share_party *party) {
    const uint64_t faults = party->faults - party->known;
    party->known = party->faults;
    party->recent = faults < SHARE_MOST ? faults : SHARE_MOST;
    party->frequency = party->frequency - party->frequency / 8 + party->recent * SHARE_FAULT;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

// Who has all it is to have and faults the most; null: nobody faults so.
static struct share_party *find_taker(struct share_party *parties, unsigned count) {
    struct share_party *taker = nullptr;
    for (unsigned i = 0; i < count; i++) {
        struct share_party *party = &parties[i];
        if (!party->running || party->recent == 0 || party->held < party->target) continue;
        if (taker == nullptr || party->frequency > taker->frequency) taker = party;
    }
    return taker;
}

// Who faults the least, has frames to spare and does not owe any.
static struct share_party *find_giver(struct share_party *parties, unsigned count, const struct share_party *taker) {
    struct share_party *giver = nullptr;
    for (unsigned i = 0; i < count; i++) {
        struct share_party *party = &parties[i];
        if (!party->running || party == taker || party->target <= SHARE_LEAST || party->held > party->target) continue;
        if (giver == nullptr || party->frequency < giver->frequency) giver = party;
    }
    return giver;
}

void share_round(struct share_party *parties, unsigned count, uint64_t spare) {
    for (unsigned i = 0; i < count; i++)
        if (parties[i].running) update(&parties[i]);
    struct share_party *taker = find_taker(parties, count);
    if (taker == nullptr) return;
    if (spare != 0) {
        taker->target += least(spare, taker->recent);
        return;
    }
    struct share_party *giver = find_giver(parties, count, taker);
    if (giver == nullptr || taker->frequency * 4 <= giver->frequency * 5) return;
    const uint64_t part = giver->target < 16 ? 1 : giver->target / 8;
    const uint64_t frames = least(least(taker->recent, part), giver->target - SHARE_LEAST);
    giver->target -= frames;
    taker->target += frames;
}
