// SPDX-License-Identifier: MIT
// offsets.h, checked against the structures it speaks of.
#include "exo/arch/x86_64/offsets.h"
#include "exo/pe.h"

#define IS(number, type, member) static_assert((number) == offsetof(type, member))
IS(CPU_CURRENT, struct cpu, current);
IS(CPU_SCRATCH, struct cpu, scratch);
IS(CPU_KERNEL_STACK, struct cpu, kernel_stack);
IS(CPU_SAVE_AREA, struct cpu, save_area);

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
static_assert(NUMBER_OF_CALLS == EXO_CALLS);

IS(PE_CONTEXT, struct pe, context);
