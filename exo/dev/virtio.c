// SPDX-License-Identifier: MIT
// Starting a virtio device over PCI: capabilities, features, one queue, one interrupt vector (VIRTIO 1.2, 3.1 and 4.1).
#include "exo/dev/virtio.h"
#include "exo/arch/x86_64/machine.h"

// [4.1.4] Where a structure lies: a vendor capability.
constexpr uint8_t CAPABILITY_TYPE = 3;
constexpr uint8_t CAPABILITY_BAR = 4;
constexpr uint8_t CAPABILITY_OFFSET = 8;
constexpr uint8_t CAPABILITY_BYTES = 12;
constexpr uint8_t CAPABILITY_MULTIPLIER = 16; // of the notify structure only
constexpr uint8_t CAPABILITY_SIZE = 20;

enum structure : uint8_t { STRUCTURE_COMMON = 1, STRUCTURE_NOTIFY = 2, STRUCTURE_DEVICE = 4 };

// [4.1.4.3] 64-bit fields are written as two halves.
struct virtio_common {
    uint32_t device_feature_select;
    uint32_t device_feature;
    uint32_t driver_feature_select;
    uint32_t driver_feature;
    uint16_t config_vector;
    uint16_t queues;
    uint8_t status;
    uint8_t generation;
    uint16_t queue_select;
    uint16_t queue_size;
    uint16_t queue_vector;
    uint16_t queue_enable;
    uint16_t queue_notify_offset;
    uint32_t queue_descriptor[2];
    uint32_t queue_available[2];
    uint32_t queue_used[2];
};
static_assert(sizeof(struct virtio_common) == 56);

// [2.1]
constexpr uint8_t STATUS_ACKNOWLEDGE = 1;
constexpr uint8_t STATUS_DRIVER = 2;
constexpr uint8_t STATUS_DRIVER_OK = 4;
constexpr uint8_t STATUS_FEATURES_OK = 8;
constexpr uint8_t STATUS_FAILED = 128;

constexpr uint16_t NO_VECTOR = 0xffff;
constexpr unsigned RESET_READS = 1'000'000; // until a device that does not come out of reset is given up

// A structure as a capability describes it; bytes is 0 if there is none.
struct place {
    uint8_t bar, capability;
    uint32_t offset, bytes;
};

// The first structure of a type; later ones are alternatives that the device likes less.
static struct place place_find(pci_function function, enum structure type) {
    uint8_t at = 0;
    while ((at = pci_capability(function, PCI_CAPABILITY_VENDOR, at))) {
        if (at > 256 - CAPABILITY_SIZE || pci_read8(function, at + CAPABILITY_TYPE) != type) continue;
        return (struct place){.bar = pci_read8(function, at + CAPABILITY_BAR),
                              .capability = at,
                              .offset = pci_read32(function, at + CAPABILITY_OFFSET),
                              .bytes = pci_read32(function, at + CAPABILITY_BYTES)};
    }
    return (struct place){};
}

static bool reset(volatile struct virtio_common *common) {
    common->status = 0;
    for (unsigned reads = 0; reads < RESET_READS; reads++)
        if (common->status == 0) return true;
    return false;
}

// [3.1.1] steps 4 to 6. VERSION_1 is in the upper word, and a device that lacks it is refused.
static bool negotiate(struct virtio_device *device, uint64_t wanted) {
    volatile struct virtio_common *common = device->common;
    common->device_feature_select = 0;
    uint64_t offered = common->device_feature;
    common->device_feature_select = 1;
    offered |= (uint64_t)common->device_feature << 32;
    if (!(offered & VIRTIO_FEATURE_VERSION_1)) return false;

    device->features = offered & (wanted | VIRTIO_FEATURE_VERSION_1);
    common->driver_feature_select = 0;
    common->driver_feature = (uint32_t)device->features;
    common->driver_feature_select = 1;
    common->driver_feature = device->features >> 32;
    common->status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
    return common->status & STATUS_FEATURES_OK;
}

static void write_halves(volatile uint32_t halves[2], const volatile void *part) {
    const uint64_t address = arch_kernel_paddr((const void *)part).raw;
    halves[0] = (uint32_t)address;
    halves[1] = address >> 32;
}

// [4.1.5.1.3] Gives the device its queue 0, which interrupts through entry 0 of the MSI-X table.
static bool start_queue(volatile struct virtio_common *common, const struct virtio_queue *queue) {
    common->config_vector = NO_VECTOR;
    common->queue_select = 0;
    if (common->queue_size < VIRTIO_QUEUE_SIZE) return false;
    common->queue_size = VIRTIO_QUEUE_SIZE;
    common->queue_vector = 0;
    if (common->queue_vector != 0) return false;
    write_halves(common->queue_descriptor, queue->descriptor);
    write_halves(common->queue_available, &queue->available);
    write_halves(common->queue_used, &queue->used);
    common->queue_enable = 1;
    return true;
}

// [4.1.4.4] Maps the doorbell of the queue that is selected.
static bool map_doorbell(struct virtio_device *device, pci_function function) {
    const struct place notify = place_find(function, STRUCTURE_NOTIFY);
    if (!notify.bytes) return false;
    const uint64_t multiplier = pci_read32(function, notify.capability + CAPABILITY_MULTIPLIER);
    const uint64_t within = multiplier * device->common->queue_notify_offset;
    if (within % 2 || within + 2 > notify.bytes || notify.offset + within > UINT32_MAX) return false;
    device->doorbell = pci_map(function, notify.bar, notify.offset + (uint32_t)within, 2);
    return device->doorbell;
}

bool virtio_open(struct virtio_device *device, uint16_t identity, uint64_t wanted, struct virtio_queue *queue,
                 uint8_t vector) {
    const pci_function function = pci_find(VIRTIO_VENDOR, identity);
    if (!function.raw) return false;
    const struct place common = place_find(function, STRUCTURE_COMMON);
    const struct place config = place_find(function, STRUCTURE_DEVICE);
    if (common.bytes < sizeof *device->common) return false;
    device->common = pci_map(function, common.bar, common.offset, sizeof *device->common);
    device->config = pci_map(function, config.bar, config.offset, config.bytes);
    device->config_bytes = config.bytes;
    if (!device->common || !device->config) return false;

    pci_enable(function);
    if (!reset(device->common)) return false;
    device->common->status = STATUS_ACKNOWLEDGE;
    device->common->status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
    if (!negotiate(device, wanted) || !pci_enable_msix(function, vector, arch_apic_id())
        || !start_queue(device->common, queue) || !map_doorbell(device, function)) {
        device->common->status = STATUS_FAILED;
        return false;
    }
    device->common->status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK;
    return true;
}

uint8_t virtio_config_generation(const struct virtio_device *device) {
    return device->common->generation;
}

void virtio_offer(struct virtio_queue *queue, uint16_t head) {
    struct virtio_available *available = &queue->available;
    available->head[available->index % VIRTIO_QUEUE_SIZE] = head;
    // The device may look as soon as the index has moved: chain and head must be in memory before it.
    __atomic_store_n(&available->index, available->index + 1, __ATOMIC_RELEASE);
}

void virtio_notify(const struct virtio_device *device) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST); // the processor keeps stores in order, the compiler need not
    *device->doorbell = 0;                   // the queue's number
}
