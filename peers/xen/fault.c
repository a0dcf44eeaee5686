// SPDX-License-Identifier: MIT
// A store to a page that is not mapped, in parts and whole, resolved by a handler in C that has a frame ready.
//
// Entry ends at the first instruction in the guest kernel. What the handler maps needs no flush of the TLB: an entry
// that is not present is never held there.
#include "peers/xen/guest.h"
#include "peers/xen/space.h"

static void unmap(void) {
    must(xen_update_va_mapping(space_page(0), 0, XEN_FLUSH_PAGE), "unmapping a page");
}

[[gnu::always_inline]] static inline void map(void) {
    if (xen_update_va_mapping(space_page(0), space_writable[0], XEN_FLUSH_NONE) != 0) refused("mapping a page");
}
static void map_on_fault(uint64_t address, struct fault_frame *frame) {
    (void)address, (void)frame;
    map();
}
static void map_and_stamp(uint64_t address, struct fault_frame *frame) {
    map_on_fault(address, frame);
    stamped = bench_stamp();
}

static uint32_t bind_by_address(void) {
    unmap();
    const uint32_t before = bench_stamp();
    map();
    return bench_stamp() - before;
}
static uint32_t bind_by_slot(void) {
    unmap();
    const uint32_t before = bench_stamp();
    const struct xen_update update = {space_slot(0), space_writable[0]};
    if (xen_mmu_update(&update, 1) != 0) refused("mapping a page by its slot");
    return bench_stamp() - before;
}

static uint32_t whole(void) {
    unmap();
    const struct bench_touch stamps = mode->touch(space_page(0));
    return stamps.after - stamps.before;
}
static uint32_t entry(void) {
    unmap();
    const uint32_t before = mode->touch(space_page(0)).before;
    return stamped - before;
}
static uint32_t resume(void) {
    unmap();
    const uint32_t after = mode->touch(space_page(0)).after;
    return after - stamped;
}

void measure_faults(void) {
    MEASURE_CHEAPEST("fault.bind", nullptr, bench_empty(), {"update_va_mapping", bind_by_address, 0},
                     {"mmu_update", bind_by_slot, 0});
    fault_handler = map_on_fault;
    measure("fault.whole", "handler maps by update_va_mapping", whole, touched());
    enter_faults_at(mode->stamped_entry);
    measure("fault.entry", "to the guest kernel's first instruction", entry, touched() - 1);
    enter_faults_at(mode->entry);
    fault_handler = map_and_stamp;
    measure("fault.resume",
            mode->entry == fault_of_user ? "registers, hypercall iret" : "registers, flags and a return, without Xen",
            resume, touched());
}
