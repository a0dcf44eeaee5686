// SPDX-License-Identifier: MIT
// Asserts offsets.h against the C layout. Holds no code.
#include "libos/core/offsets.h"
#include "libos/core/map.h"
#include "libos/core/upcall.h"
#include "pe/package.h"
#include "pe/pe.h"

static_assert(OFFSET_PE_PAGE == MAP_BASE + EXO_FIRST_PE_PAGE);
static_assert(MAP_START_INFO + EXO_PAGE_SIZE == MAP_PE_PAGE && MAP_PE_PAGE + EXO_PAGE_SIZE == MAP_WINDOW);
static_assert(MAP_FILES_END <= MAP_PAGER && MAP_PAGER_END <= MAP_HEAP);
static_assert(MAP_WINDOW + MAP_TABLES * EXO_PAGE_SIZE == MAP_IMAGE);
static_assert(MAP_HEAP == MAP_BASE + EXO_FIRST_PACKAGE_VA);

#define PAGE(name, member) static_assert(OFFSET_##name == offsetof(struct exo_pe_page, member))
PAGE(EXCEPTION, exception);
PAGE(PENDING, pending);
PAGE(MASK, mask);
PAGE(INTERRUPT_BUSY, interrupt_busy);
PAGE(INTERRUPT, interrupt);

#define EXCEPTION(name, member) static_assert(EXCEPTION_##name == offsetof(struct exo_exception, member))
EXCEPTION(RAX, rax);
EXCEPTION(RCX, rcx);
EXCEPTION(R11, r11);
EXCEPTION(CR2, cr2);
EXCEPTION(VECTOR, vector);
EXCEPTION(BUSY, busy);
EXCEPTION(ERROR, error);
EXCEPTION(RIP, rip);
EXCEPTION(RFLAGS, rflags);
EXCEPTION(RSP, rsp);

// What entry.S pushes, from the stack pointer up.
static_assert(offsetof(struct upcall_registers, r10) == 0 && offsetof(struct upcall_registers, rdi) == 40);
static_assert(offsetof(struct upcall_syscall, registers) == 0 && offsetof(struct upcall_syscall, rax) == 48);
static_assert(offsetof(struct upcall_syscall, rsp) == 72 && sizeof(struct upcall_syscall) == 80);
