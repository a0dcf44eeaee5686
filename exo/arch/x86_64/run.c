// SPDX-License-Identifier: MIT
// Giving the CPU to a PE, and idling.
#include "exo/arch/arch.h"
#include "exo/arch/x86_64/machine.h"
#include "exo/arch/x86_64/offsets.h"
#include "exo/call.h"
#include "exo/frame.h"
#include "exo/pe.h"

[[noreturn]] void context_enter(const struct exo_context *context);
[[noreturn]] void idle(void); // until an interrupt has been handled; then leave_kernel again

static_assert(PE_SAVE_END == EXO_PAGE_SIZE + offsetof(struct exo_pe_page, resume_rip));

// Whose address space, FPU and segment bases are in the processor: the PE into whose save area exceptions go, which the
// short path of gates (gate.S) changes, too. Null before the first.
static struct pe *loaded(void) {
    const uint64_t end = boot_cpu.task.stack[0];
    return end == 0 ? nullptr : (struct pe *)(end - PE_SAVE_END);
}

// Makes the user's base of GS another and returns the old one. The segment selectors, which mean nothing in 64-bit mode
// but can be written and read, become what they always were, lest one PE see what another has put there; FS loses its
// base by that.
static uint64_t segments_exchange(uint64_t base) {
    uint64_t old;
    __asm__ volatile("swapgs; rdgsbase %0; movl %1, %%ds; movl %1, %%es; movl %1, %%fs; movl %1, %%gs;"
                     "wrgsbase %2; swapgs"
                     : "=&r"(old)
                     : "r"(SELECTOR_USER_DATA), "r"(base));
    return old;
}

void arch_switch(struct pe *from, struct pe *to) {
    if (from != nullptr) {
        __asm__ volatile("fxsave64 %0" : "=m"(from->fpu));
        __asm__ volatile("rdfsbase %0" : "=r"(from->fs_base));
    }
    __asm__ volatile("fxrstor64 %0" ::"m"(to->fpu));
    const uint64_t gs_base = segments_exchange(to->gs_base);
    if (from != nullptr) from->gs_base = gs_base;
    __asm__ volatile("wrfsbase %0" ::"r"(to->fs_base));
    boot_cpu.task.stack[0] = (uint64_t)to + PE_SAVE_END;
    __asm__ volatile("movq %0, %%cr3" ::"r"(to->root) : "memory");
    frame_tlb_flushed();
}

void arch_fpu_init(uint8_t state[512]) {
    for (unsigned i = 0; i < 512; i++) state[i] = 0;
    *(uint16_t *)&state[0] = 0x37f;   // x87 control word: all exceptions masked, double extended precision
    *(uint32_t *)&state[24] = 0x1f80; // MXCSR: all exceptions masked
}

void leave_kernel(void) {
    struct pe *const pe = slice_pick(), *const from = loaded();
    if (pe == nullptr) idle();
    if (pe != from) arch_switch(from, pe);
    upcall_deliver(pe);
    context_enter(&pe->context);
}

// What the short path of gates has refused, and why. (That it would now be allowed can't be.)
struct exo_result call_gate_call(exo_handle gate) {
    const struct sb_found found = gate_find(gate);
    return (struct exo_result){found.error != EXO_OK ? found.error : EXO_BUSY, 0};
}
