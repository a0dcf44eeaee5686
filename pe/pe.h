// SPDX-License-Identifier: MIT
// The PE page: the part of a processor environment that its library OS reads and writes.
//
// The kernel writes save areas, pending bits and results here, and reads only the mask, the busy flags, the deadline
// and the argument area, each once per use. Nothing the kernel's own safety rests on is in this page: entry points,
// bindings and state are in the PE's private frame, which nobody can map.
//
// Exceptions (upcalls fault, exception, syscall) use `exception`. The processor itself pushes error … ss there, so
// a fault while `busy` is set has overwritten the earlier one: it goes to double_fault, and a third ends the PE.
// Events use `interrupt`: the kernel sets a bit of `pending` and, unless the bit is masked or `interrupt_busy` or
// `exception.busy` is set, saves the whole context and enters `interrupt` once, whatever the number of bits.
// To return, a library OS restores the registers itself, clears the busy flag and jumps; the kernel has no part.
// Messages that others post through gates are put into `messages`, in turn: the kernel counts `posted`, the library OS
// `taken`; they are never more than EXO_MESSAGES apart.
#pragma once
#include "pe/types.h"

constexpr uint32_t EXO_ABI_VERSION = 1;

enum exo_upcall : uint64_t {
#define UPCALL(number, name, sentence) EXO_UPCALL_##name = number,
#include "pe/upcalls.def"
#undef UPCALL
    EXO_UPCALLS,
};

enum exo_event : uint64_t {
#define EVENT(bit, name, sentence) EXO_EVENT_##name = bit,
#include "pe/upcalls.def"
#undef EVENT
    EXO_EVENTS,
};

// Exception save area. rax, rcx and r11 are saved by the kernel because entering with sysretq uses them up; the
// six words from `error` on have the order in which the processor pushes them.
struct exo_exception {
    uint64_t rax, rcx, r11;
    uint64_t cr2;    // fault: the address that was used
    uint64_t vector; // exception and double_fault: the processor's vector; 256: a system call
    uint64_t busy;   // bit 0: in use, bit 1: in use by the double_fault entry. The library OS clears it last
    uint64_t error;  // fault: bit 0 entry was present, 1 write, 2 user, 4 instruction fetch
    uint64_t rip, cs, rflags, rsp, ss;
};

// A whole interrupted context.
struct exo_context {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
};

// A message posted through a gate. Caller and number are the kernel's word.
struct exo_message {
    uint64_t caller; // id of the PE that posted it
    uint64_t number; // of the gate
    uint64_t words[4];
};
constexpr uint32_t EXO_MESSAGES = 8;

constexpr size_t EXO_ARGS_SIZE = 3072;

struct exo_pe_page {
    uint32_t abi_version;
    uint32_t reserved0;
    uint64_t id; // this PE's number, never reused within a run
    uint64_t call_deadline; // time stamp from which on a call through a gate is given up; 0: never (pe/gate.h)
    uint64_t reserved1;
    struct exo_exception exception;
    uint64_t resume_rip; // scratch for the library OS's resume sequences
    uint64_t interrupt_resume_rip;
    uint64_t pending;        // events not yet taken; the kernel sets bits, the library OS clears them (atomically)
    uint64_t mask;           // events that must not enter `interrupt` now
    uint64_t interrupt_busy; // the interrupt save area is in use
    uint64_t slices;         // slices begun
    uint64_t excess;         // times the end of a slice was overrun past the grace time
    uint64_t trace[2];       // with tracing on: time-stamp counter at detection and at the upcall of the last fault
    struct exo_context interrupt;
    uint32_t posted, taken; // messages, modulo 2^32
    struct exo_message messages[EXO_MESSAGES];
    uint8_t reserved2[1024 - 352 - EXO_MESSAGES * sizeof(struct exo_message)];
    uint8_t args[EXO_ARGS_SIZE]; // what a call reads or writes beyond its registers
};
static_assert(sizeof(struct exo_pe_page) == EXO_PAGE_SIZE);
static_assert(offsetof(struct exo_pe_page, exception.ss) + 8 == 128); // 16-byte aligned: the CPU pushes down from here
static_assert(offsetof(struct exo_pe_page, args) == 1024);

// What calls pass through args.
struct exo_tlb_update {
    exo_paddr slot;
    exo_entry entry;
};
constexpr uint64_t EXO_BATCH_MAX = EXO_ARGS_SIZE / sizeof(struct exo_tlb_update);

struct exo_harvest {
    uint64_t accessed[8]; // bit i: entry i of the range had its A bit set (only if `bits` asked for it)
    uint64_t dirty[8];
};

struct exo_binding {
    enum exo_kind kind;
    uint64_t rights, first, count;
};

enum exo_pe_status : uint64_t {
    EXO_PE_NEW,
    EXO_PE_READY,
    EXO_PE_WAITING, // by pe_wait
    EXO_PE_ENDED,
    EXO_PE_RESTING, // by gate_reply: a call through a gate can enter it
    EXO_PE_CALLING, // in gate_call, until the reply
};

// How a PE ended; the low 32 bits of `status` are pe_exit's argument or, for the others, the vector.
enum exo_pe_end : uint64_t {
    EXO_END_EXIT,         // pe_exit
    EXO_END_NO_ENTRY,     // an upcall whose entry was never set
    EXO_END_TRIPLE_FAULT, // a fault in the double_fault entry
    EXO_END_DESTROYED,
};

struct exo_pe_state {
    enum exo_pe_status state;
    enum exo_pe_end end;
    uint64_t status;
    uint64_t address; // for ends by a fault: the faulting instruction
};
