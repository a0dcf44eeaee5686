// SPDX-License-Identifier: MIT
// What of Xen's paravirtual interface (x86-64) the guest uses: numbers, layouts, hypercalls.
//
// Source: Xen's public headers as Debian's libxen-dev 4.17 has them (xen.h, arch-x86/xen-x86_64.h, callback.h,
// physdev.h, vcpu.h). Only the numbers are taken over, so that package is not needed.
//
// A hypercall is one `syscall` instruction: number in rax, arguments in rdi, rsi, rdx, r10; rcx and r11 are lost. Xen
// offers a page of stubs that do the same and save rcx and r11 as well; doing without is the cheaper way.
#pragma once
#ifndef __ASSEMBLER__
#include <stdint.h>
#endif

#define XEN_SET_TRAP_TABLE 0
#define XEN_MMU_UPDATE 1
#define XEN_STACK_SWITCH 3
#define XEN_MULTICALL 13
#define XEN_UPDATE_VA_MAPPING 14
#define XEN_VERSION 17
#define XEN_CONSOLE_IO 18
#define XEN_IRET 23
#define XEN_VCPU_OP 24
#define XEN_MMUEXT_OP 26
#define XEN_CALLBACK_OP 30
#define XEN_PHYSDEV_OP 33

#define XEN_SELF 0x7ff0 // the calling domain, where one has to be named
#define XEN_CS 0xe033   // flat 64-bit code of guest kernel and guest user: both run in ring 3
#define XEN_SS 0xe02b
#define XEN_VCPU_CR2 16 // offset in the shared page of the first processor's fault address

#ifndef __ASSEMBLER__
enum { XEN_FLUSH_NONE = 0, XEN_FLUSH_ALL = 1, XEN_FLUSH_PAGE = 2 }; // UVMF_: of this processor's TLB
enum xen_extended {                                                 // MMUEXT_
    XEN_PIN_L4 = 3,
    XEN_NEW_BASE = 5,
    XEN_FLUSH_LOCAL = 6,
    XEN_FLUSH_PAGE_LOCAL = 7,
    XEN_NEW_USER_BASE = 15,
};
enum { XEN_CONSOLE_WRITE = 0, XEN_STOP_PERIODIC_TIMER = 7, XEN_SET_IOPL = 6 };
enum { XEN_CALLBACK_REGISTER = 0, XEN_CALLBACK_SYSCALL = 2 };

// What Xen hands to a guest at its start; later fields are not used.
struct xen_start {
    char magic[32];
    uint64_t pages;
    uint64_t shared_info; // machine address
    uint32_t flags;
    uint64_t store_frame;
    uint32_t store_channel;
    uint64_t console[2];
    uint64_t level4; // virtual address of the initial top-level page table
    uint64_t table_frames;
    uint64_t machine_frames; // virtual address of an array: guest frame number to machine frame number
};
static_assert(__builtin_offsetof(struct xen_start, level4) == 88);
static_assert(__builtin_offsetof(struct xen_start, machine_frames) == 104);

struct xen_trap {
    uint8_t vector, flags;
    uint16_t cs;
    uint64_t address;
};
struct xen_callback {
    uint16_t type, flags;
    uint64_t address;
};
struct xen_update { // of a page-table entry; the low bits of `slot`, a machine address, are 0: MMU_NORMAL_PT_UPDATE
    uint64_t slot, entry;
};
struct xen_operation { // mmuext_op: the argument is a machine frame number or a virtual address
    uint32_t op;
    uint64_t argument, second;
};
struct xen_call { // one of a multicall
    uint64_t number, result, arguments[6];
};

[[gnu::always_inline]] static inline int64_t xen_hypercall(uint64_t number, uint64_t a, uint64_t b, uint64_t c,
                                                           uint64_t d) {
    int64_t result;
    register uint64_t r10 __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10)
                     : "0"(number)
                     : "rcx", "r11", "memory");
    return result;
}

// Two arguments, where the registers of the others need not be set.
[[gnu::always_inline]] static inline int64_t xen_hypercall2(uint64_t number, uint64_t a, uint64_t b) {
    int64_t result;
    __asm__ volatile("syscall" : "=a"(result), "+D"(a), "+S"(b) : "0"(number) : "rcx", "rdx", "r10", "r11", "memory");
    return result;
}

[[gnu::always_inline]] static inline int64_t xen_hypercall3(uint64_t number, uint64_t a, uint64_t b, uint64_t c) {
    int64_t result;
    __asm__ volatile("syscall" : "=a"(result), "+D"(a), "+S"(b), "+d"(c) : "0"(number) : "rcx", "r10", "r11", "memory");
    return result;
}

// Changes the entry that maps `address` in the current address space.
[[gnu::always_inline]] static inline int64_t xen_update_va_mapping(uint64_t address, uint64_t entry, uint64_t flush) {
    return xen_hypercall3(XEN_UPDATE_VA_MAPPING, address, entry, flush);
}

[[gnu::always_inline]] static inline int64_t xen_mmu_update(const struct xen_update *updates, uint64_t count) {
    return xen_hypercall(XEN_MMU_UPDATE, (uint64_t)updates, count, 0, XEN_SELF);
}

[[gnu::always_inline]] static inline int64_t xen_mmuext(const struct xen_operation *operations, uint64_t count) {
    return xen_hypercall(XEN_MMUEXT_OP, (uint64_t)operations, count, 0, XEN_SELF);
}

[[gnu::always_inline]] static inline int64_t xen_multicall(struct xen_call *calls, uint64_t count) {
    return xen_hypercall2(XEN_MULTICALL, (uint64_t)calls, count);
}
#endif
