// SPDX-License-Identifier: MIT
// PCI configuration space, base addresses and MSI-X. Everything read from a device is checked before it is used.
#include "exo/dev/pci.h"
#include "exo/arch/x86_64/machine.h"

constexpr uint16_t PORT_ADDRESS = 0xcf8;
constexpr uint16_t PORT_DATA = 0xcfc;
constexpr uint32_t ADDRESS_ENABLE = 1u << 31;

// Offsets in the header of type 0 (PCI Local Bus 3.0, 6.1).
constexpr uint8_t HEADER_IDENTITY = 0x00;
constexpr uint8_t HEADER_COMMAND = 0x04;
constexpr uint8_t HEADER_STATUS = 0x06;
constexpr uint8_t HEADER_TYPE = 0x0e;
constexpr uint8_t HEADER_BARS = 0x10;
constexpr uint8_t HEADER_CAPABILITIES = 0x34;

constexpr uint16_t COMMAND_MEMORY = 1 << 1;
constexpr uint16_t COMMAND_MASTER = 1 << 2;
constexpr uint16_t COMMAND_NO_PIN = 1 << 10;
constexpr uint16_t STATUS_CAPABILITIES = 1 << 4;
constexpr uint8_t TYPE_MANY_FUNCTIONS = 1 << 7;

constexpr uint32_t BAR_PORTS = 1;      // ports, not memory
constexpr uint32_t BAR_WIDTH = 3 << 1; // the field, and
constexpr uint32_t BAR_64 = 2 << 1;    // its value for an address that takes the next BAR too
constexpr uint32_t BAR_FLAGS = 0xf;
constexpr unsigned BARS = 6;

static void select(pci_function function, uint8_t offset) {
    arch_port_out32(PORT_ADDRESS, function.raw | (offset & 0xfc));
}

uint8_t pci_read8(pci_function function, uint8_t offset) {
    select(function, offset);
    return arch_port_in8(PORT_DATA + (offset & 3));
}

uint16_t pci_read16(pci_function function, uint8_t offset) {
    select(function, offset);
    return arch_port_in16(PORT_DATA + (offset & 2));
}

uint32_t pci_read32(pci_function function, uint8_t offset) {
    select(function, offset);
    return arch_port_in32(PORT_DATA);
}

void pci_write16(pci_function function, uint8_t offset, uint16_t value) {
    select(function, offset);
    arch_port_out16(PORT_DATA + (offset & 2), value);
}

void pci_write32(pci_function function, uint8_t offset, uint32_t value) {
    select(function, offset);
    arch_port_out32(PORT_DATA, value);
}

pci_function pci_find(uint16_t vendor, uint16_t device) {
    for (uint32_t slot = 0; slot < 32; slot++) {
        uint32_t functions = 1;
        for (uint32_t number = 0; number < functions; number++) {
            const pci_function function = {ADDRESS_ENABLE | slot << 11 | number << 8};
            const uint32_t identity = pci_read32(function, HEADER_IDENTITY);
            if (identity == ((uint32_t)device << 16 | vendor)) return function;
            if (identity != UINT32_MAX && pci_read8(function, HEADER_TYPE) & TYPE_MANY_FUNCTIONS) functions = 8;
        }
    }
    return (pci_function){0};
}

uint8_t pci_capability(pci_function function, uint8_t identifier, uint8_t after) {
    if (!(pci_read16(function, HEADER_STATUS) & STATUS_CAPABILITIES)) return 0;
    uint8_t offset = pci_read8(function, after ? after + 1 : HEADER_CAPABILITIES) & 0xfc;
    // A capability takes at least 4 bytes behind the header of 64, so a longer list runs in a circle.
    for (unsigned left = (256 - 64) / 4; left && offset >= 64; left--) {
        if (pci_read8(function, offset) == identifier) return offset;
        offset = pci_read8(function, offset + 1) & 0xfc;
    }
    return 0;
}

// A memory BAR's address and size in bytes; size 0 if it is none or has no address.
struct bar {
    uint64_t address, bytes;
};

// What a BAR register keeps of all ones: its writable bits (PCI Local Bus 3.0, 6.2.5.1).
static uint32_t bar_probe(pci_function function, uint8_t offset, uint32_t now) {
    pci_write32(function, offset, UINT32_MAX);
    const uint32_t kept = pci_read32(function, offset);
    pci_write32(function, offset, now);
    return kept;
}

static struct bar bar_read(pci_function function, uint8_t index) {
    if (index >= BARS) return (struct bar){};
    const uint8_t offset = HEADER_BARS + 4 * index;
    const uint32_t low = pci_read32(function, offset);
    const bool wide = (low & BAR_WIDTH) == BAR_64;
    if (low & BAR_PORTS || (wide && index == BARS - 1)) return (struct bar){};
    const uint32_t high = wide ? pci_read32(function, offset + 4) : 0;

    const uint16_t command = pci_read16(function, HEADER_COMMAND);
    pci_write16(function, HEADER_COMMAND, command & ~COMMAND_MEMORY);
    const uint32_t kept_low = bar_probe(function, offset, low) & ~BAR_FLAGS;
    const uint32_t kept_high = wide ? bar_probe(function, offset + 4, high) : kept_low ? UINT32_MAX : 0;
    pci_write16(function, HEADER_COMMAND, command);

    const uint64_t address = (uint64_t)high << 32 | (low & ~BAR_FLAGS);
    const uint64_t kept = (uint64_t)kept_high << 32 | kept_low;
    return address ? (struct bar){address, -kept} : (struct bar){};
}

volatile void *pci_map(pci_function function, uint8_t bar, uint32_t offset, uint32_t bytes) {
    const struct bar window = bar_read(function, bar);
    if (!bytes || offset >= window.bytes || bytes > window.bytes - offset) return nullptr;
    const uint64_t address = window.address + offset;
    const uint64_t within = address % EXO_PAGE_SIZE;
    volatile uint8_t *page = arch_device_map((exo_paddr){address - within}, within + bytes);
    return page ? page + within : nullptr;
}

void pci_enable(pci_function function) {
    const uint16_t command = pci_read16(function, HEADER_COMMAND);
    pci_write16(function, HEADER_COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_PIN);
}

// A line of the MSI-X table, and the capability's fields (PCI Local Bus 3.0, 6.8.2).
struct msix_entry {
    uint32_t address_low, address_high, data, control;
};
constexpr uint8_t MSIX_CONTROL = 2;
constexpr uint8_t MSIX_TABLE = 4;
constexpr uint16_t MSIX_CONTROL_ENABLE = 1 << 15;
constexpr uint16_t MSIX_CONTROL_MASK_ALL = 1 << 14;
constexpr uint32_t MSIX_ENTRY_MASKED = 1;
constexpr uint32_t MESSAGE_ADDRESS = 0xfee0'0000; // physical mode, fixed delivery (Intel SDM vol. 3, 11.11)

bool pci_enable_msix(pci_function function, uint8_t vector, uint32_t apic_id) {
    const uint8_t capability = pci_capability(function, PCI_CAPABILITY_MSIX, 0);
    if (!capability || capability > 256 - 12) return false;
    const uint16_t control = pci_read16(function, capability + MSIX_CONTROL);
    const uint32_t table = pci_read32(function, capability + MSIX_TABLE);
    const uint32_t entries = (control & 0x7ff) + 1;
    volatile struct msix_entry *entry = pci_map(function, table & 7, table & ~7u, entries * sizeof *entry);
    if (!entry) return false;

    pci_write16(function, capability + MSIX_CONTROL, control | MSIX_CONTROL_ENABLE | MSIX_CONTROL_MASK_ALL);
    for (uint32_t i = 1; i < entries; i++) entry[i].control = MSIX_ENTRY_MASKED;
    entry[0].address_low = MESSAGE_ADDRESS | apic_id << 12;
    entry[0].address_high = 0;
    entry[0].data = vector;
    entry[0].control = 0;
    pci_write16(function, capability + MSIX_CONTROL, (control | MSIX_CONTROL_ENABLE) & ~MSIX_CONTROL_MASK_ALL);
    return true;
}
