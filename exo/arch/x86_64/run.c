// SPDX-License-Identifier: MIT
// Giving the CPU to a PE, and idling.
#include "exo/arch/arch.h"
#include "exo/arch/x86_64/machine.h"
#include "exo/arch/x86_64/offsets.h"
#include "exo/call.h"
#include "exo/frame.h"
#include "exo/pe.h"

[[noreturn]] void context_enter(const struct exo_context *context);

static_assert(PE_SAVE_END == EXO_PAGE_SIZE + offsetof(struct exo_pe_page, resume_rip));

// Whose address space, FPU and segment bases are in the processor: the PE into whose save area exceptions go, which the
// short path of gates (gate.S) changes, too. Null before the first.
static struct pe *loaded(void) {
    const uint64_t end = boot_cpu.task.stack[0];
    return end == 0 ? nullptr : (struct pe *)(end - PE_SAVE_END);
}

void arch_switch(struct pe *from, struct pe *to) {
    constexpr uint32_t user_gs_base = 0xc0000102;
    if (from != nullptr) {
        __asm__ volatile("fxsave64 %0" : "=m"(from->fpu));
        __asm__ volatile("rdfsbase %0" : "=r"(from->fs_base));
        from->gs_base = arch_msr_read(user_gs_base);
    }
    __asm__ volatile("fxrstor64 %0" ::"m"(to->fpu));
    __asm__ volatile("wrfsbase %0" ::"r"(to->fs_base));
    arch_msr_write(user_gs_base, to->gs_base);
    boot_cpu.task.stack[0] = (uint64_t)to + PE_SAVE_END;
    __asm__ volatile("movq %0, %%cr3" ::"r"(to->root) : "memory");
    frame_tlb_flushed();
}

void arch_fpu_init(uint8_t state[512]) {
    for (unsigned i = 0; i < 512; i++) state[i] = 0;
    *(uint16_t *)&state[0] = 0x37f;   // x87 control word: all exceptions masked, double extended precision
    *(uint32_t *)&state[24] = 0x1f80; // MXCSR: all exceptions masked
}

// Sleeps until one interrupt has been handled.
static void idle(void) {
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

void leave_kernel(void) {
    struct pe *pe;
    while ((pe = slice_pick()) == nullptr) idle();
    struct pe *const from = loaded();
    if (pe != from) arch_switch(from, pe);
    upcall_deliver(pe);
    context_enter(&pe->context);
}

// What the short path of gates has refused, and why. (That it would now be allowed can't be.)
struct exo_result call_gate_call(exo_handle gate) {
    const struct sb_found found = gate_find(gate);
    return (struct exo_result){found.error != EXO_OK ? found.error : EXO_BUSY, 0};
}
