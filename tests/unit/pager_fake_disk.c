// SPDX-License-Identifier: MIT
// The disk of pager_fake.h.
#include "libos/pager/policy/lcg.h"
#include "tests/unit/pager_fake.h"
#include <criterion/criterion.h>
#include <string.h>

constexpr uint64_t SPOILT = 0xdead'dead'dead'deadu;
constexpr unsigned PLACES_MOST = 64;

static struct transfer {
    bool started;
    enum exo_ring_operation operation;
    exo_frame frame;
    uint64_t block;
    uint32_t tag;
    uint64_t before[FAKE_WORDS]; // what the frame of a write held when it was put
} waited, put[PLACES_MOST];
static bool waited_active;
static unsigned put_count, transfers;
static uint64_t draw = 77;

unsigned fake_under_way(void) {
    return put_count;
}

bool fake_in_transfer(exo_frame frame) {
    for (unsigned i = 0; i < put_count; i++) {
        if (put[i].frame.raw == frame.raw) return true;
    }
    return false;
}

static bool block_in_transfer(uint64_t block) {
    for (unsigned i = 0; i < put_count; i++) {
        if (put[i].block == block) return true;
    }
    return false;
}

static void begin(struct transfer *transfer, enum exo_ring_operation operation, exo_frame frame, uint64_t block,
                  uint32_t tag) {
    cr_assert_lt(block, FAKE_BLOCKS);
    cr_assert_not(fake_in_transfer(frame), "frame %lu is in a transfer already", frame.raw);
    cr_assert_not(block_in_transfer(block), "block %lu is in a transfer already", block);
    uint64_t *memory = fake_memory(frame);
    *transfer = (struct transfer){.operation = operation, .frame = frame, .block = block, .tag = tag};
    for (unsigned i = 0; i < FAKE_WORDS && operation == EXO_RING_READ; i++) memory[i] = SPOILT;
    memcpy(transfer->before, memory, EXO_PAGE_SIZE);
}

static enum exo_error finish(const struct transfer *transfer) {
    if (++transfers == fake.fail_transfer) return EXO_DEVICE;
    const bool reads = transfer->operation == EXO_RING_READ;
    uint64_t *memory = fake_memory(transfer->frame), *block = fake.disk[transfer->block];
    memcpy(reads ? memory : block, reads ? block : memory, EXO_PAGE_SIZE);
    fake.disk_reads += reads;
    fake.disk_writes += !reads;
    return EXO_OK;
}

bool machine_disk_start(enum exo_ring_operation operation, exo_frame frame, uint64_t block) {
    cr_assert_not(waited_active, "a transfer is under way");
    begin(&waited, operation, frame, block, 0);
    waited_active = true;
    return true;
}

enum exo_error machine_disk_finish(void) {
    cr_assert(waited_active, "no transfer is under way");
    waited_active = false;
    return finish(&waited);
}

void machine_steady(void) {}

void machine_count_waits(void) {}

uint64_t machine_waited(void) {
    return 0;
}

bool machine_disk_put(enum exo_ring_operation operation, exo_frame frame, uint64_t block, uint32_t tag) {
    cr_assert_leq(tag, MACHINE_TAG_MOST);
    if (put_count >= (fake.places == 0 ? FAKE_PLACES : fake.places)) return false;
    cr_assert_not(fake_is_mapped(frame), "frame %lu of a transfer is mapped", frame.raw);
    begin(&put[put_count], operation, frame, block, tag);
    put_count++;
    if (fake.on_put != nullptr) fake.on_put(operation, block);
    return true;
}

static unsigned started(void) {
    unsigned count = 0;
    for (unsigned i = 0; i < put_count; i++) count += put[i].started;
    return count;
}

// Starts the oldest that are not started.
void machine_disk_kick(void) {
    unsigned left = fake.kick_takes == 0 ? PLACES_MOST : fake.kick_takes;
    fake.kicks++;
    for (unsigned i = 0; i < put_count && left > 0; i++) {
        left -= !put[i].started;
        put[i].started = true;
    }
}

// As libos/core/disk.c does, what a kick has left in the ring is offered again when a completion is waited for.
bool machine_disk_take(bool wait, uint32_t *tag, enum exo_error *error) {
    if (wait && started() == 0 && fake.kick_takes != 0) machine_disk_kick();
    if (put_count == 0) return false;
    cr_assert(!wait || started() != 0, "requests that were never kicked are waited for");
    if (started() == 0 || (!wait && fake.late != 0 && lcg_draw(&draw, fake.late) != 0)) return false;
    unsigned which = (unsigned)lcg_draw(&draw, put_count);
    while (!put[which].started) which = (which + 1) % put_count;
    const struct transfer *over = &put[which];
    cr_assert_not(fake_is_mapped(over->frame), "frame %lu was mapped during its transfer", over->frame.raw);
    cr_assert_arr_eq(fake_memory(over->frame), over->before, EXO_PAGE_SIZE, "frame %lu was changed in its transfer",
                     over->frame.raw);
    *error = finish(over);
    *tag = over->tag;
    memmove(&put[which], &put[which + 1], (put_count - which - 1) * sizeof *put);
    put_count--;
    return true;
}
