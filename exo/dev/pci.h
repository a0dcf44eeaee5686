// SPDX-License-Identifier: MIT
// The least of PCI that lets the kernel find one device and map what its capabilities name.
//
// Configuration space is reached through ports 0xcf8 and 0xcfc (PCI Local Bus 3.0, 3.2.2.3.2), so only the first 256
// bytes of it. Only bus 0 is searched: bridges are not followed. Base addresses are those that the firmware gave.
#pragma once
#include "pe/types.h"

constexpr uint8_t PCI_CAPABILITY_VENDOR = 0x09;
constexpr uint8_t PCI_CAPABILITY_MSIX = 0x11;

// A function's place, ready to be written to port 0xcf8; raw 0 names none.
typedef struct { uint32_t raw; } pci_function;

// Reads and writes of configuration space; `offset` is a multiple of the width.
uint8_t pci_read8(pci_function function, uint8_t offset);
uint16_t pci_read16(pci_function function, uint8_t offset);
uint32_t pci_read32(pci_function function, uint8_t offset);
void pci_write16(pci_function function, uint8_t offset, uint16_t value);
void pci_write32(pci_function function, uint8_t offset, uint32_t value);

// The first function on bus 0 with these numbers, or none.
pci_function pci_find(uint16_t vendor, uint16_t device);

// The offset of the first capability with this identifier behind `after` (0: from the start), or 0. Ends on a list
// that has been bent into a circle.
uint8_t pci_capability(pci_function function, uint8_t identifier, uint8_t after);

// Maps `bytes` bytes of a memory BAR from `offset` on, uncached. Null if the BAR is none, was given no address, or
// does not hold the range. Memory decoding is off for an instant: nobody else may be using the device.
volatile void *pci_map(pci_function function, uint8_t bar, uint32_t offset, uint32_t bytes);

// Lets the function answer to memory accesses and start DMA and messages, and stops its interrupt pin.
void pci_enable(pci_function function);

// Turns MSI-X on with every table entry masked but entry 0, which sends `vector` to a CPU. False if the function has
// no MSI-X or its table can't be mapped.
[[nodiscard]] bool pci_enable_msix(pci_function function, uint8_t vector, uint32_t apic_id);
