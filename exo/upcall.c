// SPDX-License-Identifier: MIT
// Events: pending bits, and the one way in through the `interrupt` entry. Page faults and exceptions don't come here:
// their upcall is the architecture's short path (arch/x86_64/entry.S).
#include "exo/arch/arch.h"
#include "exo/pe.h"

// Events that are pending and that the PE wants to hear of now. The mask and the pending word are the library OS's to
// write; a wrong value there harms only itself.
static uint64_t events_due(struct pe *pe) {
    const struct exo_pe_page *page = pe_page(pe);
    return __atomic_load_n(&page->pending, __ATOMIC_RELAXED) & ~__atomic_load_n(&page->mask, __ATOMIC_RELAXED);
}

void upcall_post(struct pe *pe, enum exo_event event) {
    __atomic_fetch_or(&pe_page(pe)->pending, 1ull << event, __ATOMIC_RELAXED);
    if ((pe->state != EXO_PE_WAITING && pe->state != EXO_PE_RESTING) || events_due(pe) == 0) return;
    if (pe->state == EXO_PE_RESTING) gate_wake(pe);
    pe->state = EXO_PE_READY;
}

void upcall_deliver(struct pe *pe) {
    const struct pe_entry entry = pe->entry[EXO_UPCALL_interrupt];
    struct exo_pe_page *page = pe_page(pe);
    if (events_due(pe) == 0 || page->interrupt_busy != 0 || page->exception.busy != 0 || entry.address == 0) return;
    page->interrupt = pe->context;
    page->interrupt_busy = 1;
    pe->context = (struct exo_context){.rip = entry.address, .rsp = entry.stack, .rflags = 0x202};
}
