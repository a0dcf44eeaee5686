// SPDX-License-Identifier: MIT
// The simulated disk. Transfers start as late as they may, with disk_begin, and data moves as late as it can: when
// the transfer ends.
#include <string.h>
#include "exo/arch/host/machine.h"
#include "exo/dev/disk.h"
#include "exo/ring.h"

struct transfer {
    unsigned slot;
    enum exo_ring_operation operation;
    uint64_t block;
    exo_paddr frame;
};

static uint8_t *blocks;
static uint64_t block_count;
static struct transfer pending[DISK_SLOTS]; // oldest first
static unsigned pending_count, begun, finishing;
static enum exo_error failure;

void disk_make(uint64_t count) {
    block_count = count;
    blocks = calloc(count, EXO_PAGE_SIZE);
    HOST_REQUIRE(blocks != nullptr || count == 0);
    pending_count = begun = finishing = 0;
    failure = EXO_OK;
}

void disk_take_down(void) {
    finishing = begun = pending_count;
    disk_interrupt();
    free(blocks);
    blocks = nullptr;
    block_count = 0;
}

void disk_init(void) {}

uint64_t disk_blocks(void) {
    return block_count;
}

void disk_start(unsigned slot, enum exo_ring_operation operation, uint64_t block, exo_paddr frame) {
    HOST_REQUIRE(slot < DISK_SLOTS && pending_count < DISK_SLOTS && operation <= EXO_RING_FLUSH);
    for (unsigned i = 0; i < pending_count; i++) HOST_REQUIRE(pending[i].slot != slot);
    if (operation != EXO_RING_FLUSH) HOST_REQUIRE(block < block_count && frame.raw % EXO_PAGE_SIZE == 0);
    pending[pending_count++] = (struct transfer){slot, operation, block, frame};
}

void disk_begin(void) {
    begun = pending_count;
}

static void move(const struct transfer *transfer) {
    if (transfer->operation == EXO_RING_FLUSH) return;
    uint8_t *memory = arch_frame((exo_frame){transfer->frame.raw >> EXO_PAGE_SHIFT});
    uint8_t *block = blocks + transfer->block * EXO_PAGE_SIZE;
    if (transfer->operation == EXO_RING_READ)
        memcpy(memory, block, EXO_PAGE_SIZE);
    else
        memcpy(block, memory, EXO_PAGE_SIZE);
}

void disk_interrupt(void) {
    for (; finishing > 0 && begun > 0; finishing--) {
        const struct transfer done = pending[0];
        memmove(pending, pending + 1, --pending_count * sizeof *pending);
        begun--;
        const enum exo_error error = failure;
        failure = EXO_OK;
        if (error == EXO_OK) move(&done);
        ring_complete(done.slot, error);
    }
    finishing = 0;
}

void host_disk_run(unsigned count) {
    finishing = count;
    disk_interrupt();
    cpu_leave_kernel();
}

void host_disk_fail(enum exo_error error) {
    failure = error;
}

unsigned host_disk_pending(void) {
    return pending_count;
}

uint8_t *host_disk_block(uint64_t block) {
    HOST_REQUIRE(block < block_count);
    return blocks + block * EXO_PAGE_SIZE;
}

unsigned disk_pins(exo_frame frame) {
    unsigned pins = 0;
    for (unsigned i = 0; i < pending_count; i++)
        pins += pending[i].operation != EXO_RING_FLUSH && pending[i].frame.raw >> EXO_PAGE_SHIFT == frame.raw;
    return pins;
}
