// SPDX-License-Identifier: MIT
// The disk: one virtio block device, driven through one queue (VIRTIO 1.2, 5.2).
//
// Each slot owns three descriptors, a request header and a status byte for good, so that starting a transfer fills in
// what differs and allocates nothing:
//
//   descriptor 3s: header (device reads) → 3s + 1: the frame → 3s + 2: status (device writes)
//
// The device moves data straight between disk and frame. What it reports is checked before it is used: an element
// of the used ring that names no transfer under way is counted and otherwise ignored. A device that writes
// where it was not told to can't be held off without an IOMMU (design §9, non-goals).
#include "exo/dev/disk.h"
#include "exo/arch/x86_64/machine.h"
#include "exo/dev/virtio.h"
#include "exo/ring.h"

constexpr unsigned CHAIN = 3;
static_assert(DISK_SLOTS * CHAIN <= VIRTIO_QUEUE_SIZE);

constexpr uint64_t FEATURE_FLUSH = 1ull << 9;

constexpr uint64_t SECTOR_SIZE = 512;
constexpr uint64_t SECTORS_PER_BLOCK = EXO_PAGE_SIZE / SECTOR_SIZE;

enum request_type : uint32_t { REQUEST_READ = 0, REQUEST_WRITE = 1, REQUEST_FLUSH = 4 };
enum request_status : uint8_t { STATUS_OK = 0, STATUS_NONE = 0xff }; // all others are failures

struct request {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

struct config {
    uint32_t capacity[2]; // sectors
};

// What the device reads and writes besides frames. No request and no status crosses a page.
static struct {
    alignas(EXO_PAGE_SIZE) struct request request[DISK_SLOTS];
    volatile uint8_t status[DISK_SLOTS];
    uint8_t ignored[SECTOR_SIZE]; // what a read that stands in for a flush brings
} shared;
static_assert(sizeof shared == EXO_PAGE_SIZE);

static struct virtio_queue queue;

static struct {
    struct virtio_device device;
    uint64_t blocks;              // 0: no disk
    uint64_t malformed;           // elements of the used ring that named no transfer under way
    uint32_t awaited[DISK_SLOTS]; // bytes that the device will have written, status included; 0: the slot is idle
    uint16_t seen;                // elements of the used ring ever looked at
} disk;

static uint64_t capacity(void) {
    const volatile struct config *config = disk.device.config;
    // Two halves make one value only if the device did not change them in between.
    for (unsigned tries = 0; tries < 100; tries++) {
        const uint8_t before = virtio_config_generation(&disk.device);
        const uint64_t sectors = config->capacity[0] | (uint64_t)config->capacity[1] << 32;
        if (virtio_config_generation(&disk.device) == before) return sectors;
    }
    return 0;
}

void disk_init(void) {
    for (unsigned slot = 0; slot < DISK_SLOTS; slot++) {
        struct virtio_descriptor *chain = &queue.descriptor[slot * CHAIN];
        chain[0].address = arch_kernel_paddr(&shared.request[slot]).raw;
        chain[0].bytes = sizeof shared.request[slot];
        chain[0].flags = VIRTIO_DESCRIPTOR_NEXT;
        chain[0].next = slot * CHAIN + 1;
        chain[1].next = slot * CHAIN + 2;
        chain[2].address = arch_kernel_paddr((const void *)&shared.status[slot]).raw;
        chain[2].bytes = sizeof shared.status[slot];
        chain[2].flags = VIRTIO_DESCRIPTOR_WRITE;
    }
    if (virtio_open(&disk.device, VIRTIO_DEVICE_BLOCK, FEATURE_FLUSH, &queue, ARCH_VECTOR_DISK)
        && disk.device.config_bytes >= sizeof(struct config))
        disk.blocks = capacity() / SECTORS_PER_BLOCK;
}

uint64_t disk_blocks(void) {
    return disk.blocks;
}

// Fills in what a slot's chain does not hold already, and makes it available.
static void start(unsigned slot, enum request_type type, uint64_t sector, uint64_t address, uint32_t bytes) {
    struct virtio_descriptor *chain = &queue.descriptor[slot * CHAIN];
    const bool reads = type == REQUEST_READ;
    shared.request[slot] = (struct request){.type = type, .sector = sector};
    shared.status[slot] = STATUS_NONE;
    chain[0].next = slot * CHAIN + (bytes ? 1 : 2);
    chain[1].address = address;
    chain[1].bytes = bytes;
    chain[1].flags = VIRTIO_DESCRIPTOR_NEXT | (reads ? VIRTIO_DESCRIPTOR_WRITE : 0);
    disk.awaited[slot] = 1 + (reads ? bytes : 0);
    virtio_offer(&queue, slot * CHAIN);
}

void disk_start(unsigned slot, enum exo_ring_operation operation, uint64_t block, exo_paddr frame) {
    const uint64_t sector = block * SECTORS_PER_BLOCK;
    switch (operation) {
    case EXO_RING_READ: start(slot, REQUEST_READ, sector, frame.raw, EXO_PAGE_SIZE); return;
    case EXO_RING_WRITE: start(slot, REQUEST_WRITE, sector, frame.raw, EXO_PAGE_SIZE); return;
    case EXO_RING_FLUSH:
        // A device without the feature writes through [5.2.5.2]: what has completed is on the disk already, and only
        // an answer is wanted. Any request brings one.
        if (disk.device.features & FEATURE_FLUSH)
            start(slot, REQUEST_FLUSH, 0, 0, 0);
        else
            start(slot, REQUEST_READ, 0, arch_kernel_paddr(shared.ignored).raw, SECTOR_SIZE);
        return;
    }
}

void disk_begin(void) {
    virtio_notify(&disk.device);
}

// Ends the transfer that an element of the used ring names, if it names one.
static void finish(uint32_t head, uint32_t bytes) {
    const uint32_t slot = head / CHAIN;
    if (head % CHAIN || slot >= DISK_SLOTS || !disk.awaited[slot]) {
        disk.malformed++;
        return;
    }
    // A short read left part of the frame as it was; that is no success.
    const bool good = shared.status[slot] == STATUS_OK && bytes == disk.awaited[slot];
    disk.awaited[slot] = 0; // idle before it is told: ring_complete may start the next transfer in this slot
    ring_complete(slot, good ? EXO_OK : EXO_DEVICE);
}

void disk_interrupt(void) {
    if (!disk.blocks) return;
    // One look at the index: what comes later raises an interrupt of its own. Each transfer under way accounts for
    // one element, so the index of an honest device is never further ahead than there are slots.
    const uint16_t index = __atomic_load_n(&queue.used.index, __ATOMIC_ACQUIRE);
    if ((uint16_t)(index - disk.seen) > DISK_SLOTS) {
        disk.malformed++;
        disk.seen = index - DISK_SLOTS;
    }
    while (disk.seen != index) {
        const volatile struct virtio_used_element *element = &queue.used.element[disk.seen++ % VIRTIO_QUEUE_SIZE];
        finish(element->head, element->bytes);
    }
}
