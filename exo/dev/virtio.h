// SPDX-License-Identifier: MIT
// A virtio device over PCI, and its split virtqueue: layouts and numbers of VIRTIO 1.2 (sections in brackets).
// Only what a driver of one queue needs; legacy devices are not driven.
#pragma once
#include "exo/dev/pci.h"
#include "pe/types.h"

constexpr uint16_t VIRTIO_VENDOR = 0x1af4;
constexpr uint16_t VIRTIO_DEVICE_BLOCK = 0x1042;

constexpr uint64_t VIRTIO_FEATURE_VERSION_1 = 1ull << 32;

// Descriptors of a queue; a power of two, as large as QEMU offers for a block device.
constexpr uint16_t VIRTIO_QUEUE_SIZE = 256;

// [2.7.5]
struct virtio_descriptor {
    uint64_t address; // physical
    uint32_t bytes;
    uint16_t flags;
    uint16_t next;
};
constexpr uint16_t VIRTIO_DESCRIPTOR_NEXT = 1;  // the chain goes on at `next`
constexpr uint16_t VIRTIO_DESCRIPTOR_WRITE = 2; // the device writes it, else it reads it

// [2.7.6] What the driver hands over: heads of descriptor chains.
struct virtio_available {
    uint16_t flags;
    uint16_t index; // heads ever put in
    uint16_t head[VIRTIO_QUEUE_SIZE];
    uint16_t event; // of a feature that is not agreed on
};

// [2.7.8] What the device hands back. Written behind the compiler's back, and not to be believed.
struct virtio_used {
    uint16_t flags;
    uint16_t index; // elements ever put in
    struct virtio_used_element {
        uint32_t head;
        uint32_t bytes; // written to the chain
    } element[VIRTIO_QUEUE_SIZE];
    uint16_t event; // likewise
};

// A queue in static kernel memory. The kernel's memory is contiguous only page by page, so no part crosses a page.
struct virtio_queue {
    alignas(EXO_PAGE_SIZE) struct virtio_descriptor descriptor[VIRTIO_QUEUE_SIZE];
    struct virtio_available available;
    alignas(4) volatile struct virtio_used used;
};
static_assert(sizeof(struct virtio_descriptor) == 16);
static_assert(sizeof(struct virtio_descriptor[VIRTIO_QUEUE_SIZE]) == EXO_PAGE_SIZE);
static_assert(sizeof(struct virtio_queue) == 2 * EXO_PAGE_SIZE);

// A device that virtio_open has found.
struct virtio_device {
    volatile struct virtio_common *common;
    volatile void *config; // the device type's own fields
    uint32_t config_bytes;
    volatile uint16_t *doorbell; // of queue 0
    uint64_t features;           // agreed on
};

// Finds a device, resets it, agrees on `wanted` features as far as they are offered (VERSION_1 is a must), gives it
// `queue` as its queue 0 with `vector` for its interrupt, and sets it going. False leaves no device running.
[[nodiscard]] bool virtio_open(struct virtio_device *device, uint16_t identity, uint64_t wanted,
                               struct virtio_queue *queue, uint8_t vector);

// Changes whenever the device changes its config fields [2.5].
uint8_t virtio_config_generation(const struct virtio_device *device);

// Puts a chain into the queue. The device may look at once, and does so when it is notified.
void virtio_offer(struct virtio_queue *queue, uint16_t head);
void virtio_notify(const struct virtio_device *device);
