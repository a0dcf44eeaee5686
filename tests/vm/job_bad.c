// SPDX-License-Identifier: MIT
// A job that misbehaves as its first argument says. Linked with libos/core alone, whose default handlers end the PE
// with a line on the console; whatever it does, its neighbours and init go on.
#include "libos/core/print.h"
#include "libos/core/space.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include <string.h>

[[noreturn]] static void spins(void) {
    for (;;) __asm__ volatile("");
}

// Ends every entry, then faults.
static void forgets_its_entries(void) {
    for (uint64_t upcall = 0; upcall < EXO_UPCALLS; upcall++)
        (void)exo_pe_set_entry((exo_handle){0}, upcall, (exo_vaddr){0}, (exo_vaddr){0});
    *(volatile int *)8 = 1;
}

// Unmaps the page of its own fault handler's stack and code, and faults.
static void saws_its_branch_off(void) {
    for (uint64_t page = MAP_IMAGE; page < MAP_IMAGE + 0x10'0000; page += EXO_PAGE_SIZE)
        if (page >> EXO_PAGE_SHIFT != (uint64_t)saws_its_branch_off >> EXO_PAGE_SHIFT)
            (void)space_unmap((exo_vaddr){page});
}

// Takes every frame it can get, and touches each.
static void takes_all_memory(void) {
    uint64_t taken = 0;
    for (exo_frame frame; (frame = frames_take()).raw != 0; taken++) continue;
    report("{\"event\":\"result\",\"job\":%lu,\"name\":\"taken\",\"value\":\"%lu\"}", start->job, taken);
    if (frames_take().raw != 0 || frames_left() != 0) pe_end(1);
    pe_end(0);
}

// Calls with random words, for a while. The few that would end it or take its own memory away are left out.
static void calls_at_random(void) {
    uint64_t state = 0x9e37'79b9'7f4a'7c15, words[6], refused = 0;
    for (unsigned i = 0; i < 20'000; i++) {
        for (unsigned word = 0; word < 6; word++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            // Small numbers and its own handles and frames come often, so that calls get past their first check.
            words[word] = state >> 60 < 4   ? state >> 8 & 0xff
                          : state >> 60 < 6 ? start->frames.raw
                          : state >> 60 < 8 ? start->pool_first.raw + (state >> 8 & 63)
                          : state >> 60 < 9 ? start->extent.raw
                                            : state;
        }
        const uint64_t number = words[0] % EXO_CALLS;
        if (number == EXO_CALL_pe_exit || number == EXO_CALL_binding_drop || number == EXO_CALL_binding_revoke
            || number == EXO_CALL_console_write || number == EXO_CALL_pe_set_entry || number == EXO_CALL_pe_wait)
            continue;
        refused += exo_trap5(number, words[1], words[2], words[3], words[4], words[5]).error != EXO_OK;
    }
    report("{\"event\":\"result\",\"job\":%lu,\"name\":\"refused\",\"value\":\"%lu\"}", start->job, refused);
    pe_end(0);
}

// Takes every leased frame, names frames that are not its own as given back, and gives none back. Ends when one of the
// pages that it has mapped is gone.
static void keeps(void) {
    struct start_lease *lease = &start->lease;
    const exo_vaddr first = {MAP_HEAP};
    static bool mine[1024];
    uint64_t pages = 0;
    if (!space_reserve(first, 512)) pe_end(1);
    for (;; lease->faults = 0) {
        for (; lease->taken != __atomic_load_n(&lease->lent, __ATOMIC_ACQUIRE); lease->taken++) {
            const typeof(lease->offers[0]) offer = lease->offers[lease->taken % START_LEASE_RING];
            const exo_vaddr page = {first.raw + pages++ % 512 * EXO_PAGE_SIZE};
            const exo_entry entry = exo_entry_for(offer.frame, EXO_READ | EXO_WRITE);
            if (exo_frame_retype(offer.handle, offer.frame, 1, EXO_FRAME_DATA).error != EXO_OK
                || exo_tlb_set(space_tables, space_slot(page), offer.handle, entry, (exo_vaddr){0}).error != EXO_OK)
                pe_end(2);
            mine[offer.frame.raw - lease->first.raw] = true;
            *(volatile uint64_t *)page.raw = 0x5ec2e7;
        }
        for (uint64_t i = 0, place = 0; pages == 60 && i < lease->count && place < 20; i++) {
            if (!mine[i]) lease->returns[place++].raw = lease->first.raw + i;
            lease->given = place;
        }
        for (uint64_t i = 0; i < pages; i++) {
            if (space_entry((exo_vaddr){first.raw + i * EXO_PAGE_SIZE}) & EXO_ENTRY_PRESENT) continue;
            report("{\"event\":\"result\",\"job\":%lu,\"name\":\"lost\",\"value\":\"yes\"}", start->job);
            pe_end(0);
        }
    }
}

static void reads_kernel_memory(void) {
    (void)*(volatile uint64_t *)0xffff'8000'0000'1000;
}
static void writes_the_frame_table(void) {
    *(volatile uint64_t *)EXO_FRAME_TABLE = 0;
}
static void writes_its_own_text(void) {
    *(volatile uint8_t *)(uint64_t)spins = 0xcc;
}
static void runs_its_data(void) {
    ((void (*)(void))(uint64_t)start)();
}
[[noreturn]] static void overruns_its_stack(void) {
    for (;;) __asm__ volatile("pushq %rax");
}
static void halts(void) {
    __asm__ volatile("hlt");
}
static void exits_at_once(void) {
    pe_end(77);
}

static const struct {
    const char *name;
    void (*run)(void);
} ways[] = {
    {"spins", spins},
    {"forgets_its_entries", forgets_its_entries},
    {"saws_its_branch_off", saws_its_branch_off},
    {"takes_all_memory", takes_all_memory},
    {"calls_at_random", calls_at_random},
    {"keeps", keeps},
    {"reads_kernel_memory", reads_kernel_memory},
    {"writes_the_frame_table", writes_the_frame_table},
    {"writes_its_own_text", writes_its_own_text},
    {"runs_its_data", runs_its_data},
    {"overruns_its_stack", overruns_its_stack},
    {"halts", halts},
    {"exits_at_once", exits_at_once},
};

int main(int argc, char **argv) {
    for (unsigned i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++)
        if (strcmp(argv[1], ways[i].name) == 0) ways[i].run();
    return 99; // unknown, or it survived what it should not have
}
