// SPDX-License-Identifier: MIT
// offsets.h, checked against the structures it speaks of.
#include "exo/arch/x86_64/offsets.h"
#include "exo/arch/x86_64/cpu.h"
#include "exo/pe.h"

#define IS(number, type, member) static_assert((number) == offsetof(type, member))
IS(CPU_CURRENT, struct cpu, current);
IS(CPU_SCRATCH, struct cpu, scratch);
IS(CPU_KERNEL_STACK, struct cpu, kernel_stack);
static_assert(CPU_SAVE_AREA
              == (long)offsetof(struct x86_cpu, task.stack[0]) - (long)offsetof(struct x86_cpu, cpu));

#define SAVED(number, member)                                                                                          \
    static_assert((number) + (long)offsetof(struct exo_pe_page, exception.error)                                       \
                  == (long)offsetof(struct exo_pe_page, member))
SAVED(SAVE_RAX, exception.rax);
SAVED(SAVE_RCX, exception.rcx);
SAVED(SAVE_R11, exception.r11);
SAVED(SAVE_CR2, exception.cr2);
SAVED(SAVE_VECTOR, exception.vector);
SAVED(SAVE_BUSY, exception.busy);
SAVED(SAVE_ERROR, exception.error);
SAVED(SAVE_RIP, exception.rip);
SAVED(SAVE_CS, exception.cs);
SAVED(SAVE_RFLAGS, exception.rflags);
SAVED(SAVE_RSP, exception.rsp);
SAVED(SAVE_END, resume_rip);
SAVED(SAVE_TRACE0, trace[0]);
SAVED(SAVE_TRACE1, trace[1]);

static_assert(SAVE_ENTRY(0) + (long)EXO_PAGE_SIZE + (long)offsetof(struct exo_pe_page, exception.error)
              == (long)offsetof(struct pe, entry));
static_assert(sizeof(struct pe_entry) == 16 && offsetof(struct pe_entry, stack) == 8);
static_assert(UPCALL_FAULT == EXO_UPCALL_fault && UPCALL_EXCEPTION == EXO_UPCALL_exception);
static_assert(UPCALL_SYSCALL == EXO_UPCALL_syscall && UPCALL_DOUBLE_FAULT == EXO_UPCALL_double_fault);
// entry.S tells gate_call from foreign numbers by the same comparison: it must be the last call.
static_assert(NUMBER_OF_CALLS == EXO_CALLS && NUMBER_OF_GATE_CALL == EXO_CALL_gate_call);
static_assert(NUMBER_OF_GATE_CALL == NUMBER_OF_CALLS - 1);

static_assert(PE_ENTRY_GATE == offsetof(struct pe, entry[EXO_UPCALL_gate].address));
static_assert(PE_STACK_GATE == offsetof(struct pe, entry[EXO_UPCALL_gate].stack));
IS(PE_CONTEXT, struct pe, context);
IS(PE_FS_BASE, struct pe, fs_base);
IS(PE_ROOT, struct pe, root);
IS(PE_TABLE_SIZE, struct pe, bindings.size);
IS(PE_ID, struct pe, id);
IS(PE_STATE, struct pe, state);
IS(PE_CALLER, struct pe, caller);
IS(PE_CALLING, struct pe, calling);
static_assert(PE_PENDING == EXO_PAGE_SIZE + offsetof(struct exo_pe_page, pending));
static_assert(PE_MASK == EXO_PAGE_SIZE + offsetof(struct exo_pe_page, mask));
static_assert(PE_TABLE == 2 * EXO_PAGE_SIZE); // as pe_make lays it out

static_assert(1 << SB_SHIFT == sizeof(struct sb_binding));
IS(SB_FIRST, struct sb_binding, first);
IS(SB_TAG, struct sb_binding, tag);
IS(SB_CALLABLE, struct sb_binding, callable);

static_assert(STATE_READY == EXO_PE_READY && STATE_RESTING == EXO_PE_RESTING && STATE_CALLING == EXO_PE_CALLING);
