// SPDX-License-Identifier: MIT
// The kernel as an ordinary process, for unit tests, fuzzing and simulation.
//
//     host_boot(1000, 64);                                     // frames, disk blocks
//     struct pe *pe = host_current();                          // the first PE, which holds everything
//     struct exo_result r = host_frame_retype(pe, frames, …);  // an exo-call made by a PE, as by its stub
//     host_store(pe, (exo_vaddr){0x5000}, 7);                  // an access by its code: done, or a fault
//     host_tick();                                             // the timer's deadline passes
//     host_disk_run(1);                                        // the disk finishes one transfer and interrupts
//     cr_expect_null(host_audit());
//
// The portable kernel is the real one. What is simulated: physical memory (the frame table and the tables that every
// PE sees included), an MMU that walks the real tables and sets A and D bits, a TLB as unhelpful as a real one may be
// (nothing leaves it but by a flush, and tables above level 1 are cached too), the timer, the disk and the consoles.
// Not simulated: user code (the test acts for it) and the exception path, which is the architecture's.
// The kernel's state is global, so one machine runs at a time; host_boot ends the one before. A panic of the kernel
// aborts the process with its sentence.
#pragma once
#include "exo/pe.h"
#include "pe/pe.h"
#include "pe/types.h"

// Starts a machine, ready in its first PE. At least 100 frames. The boot package has one image without segments.
void host_boot(uint64_t frames, uint64_t disk_blocks);

// The frames from here to the end are the first PE's and still free.
exo_frame host_free_first(void);

// --- PEs

// Who runs; null: the CPU idles.
struct pe *host_current(void);

// Gives the CPU to a ready PE, whatever the slice vector says.
void host_run(struct pe *pe);

// The PE that a handle of another names.
struct pe *host_pe(struct pe *holder, exo_handle handle);

// An exo-call by a PE, which is given the CPU first if it does not run. Afterwards whoever the kernel picks runs.
struct exo_result host_call(struct pe *pe, uint64_t number, const uint64_t words[5]);

// The same by name: host_<call>(pe, arguments …).
// clang-format off
#define HOST_WORD(x) ({ uint64_t word_; static_assert(sizeof(x) == 8); __builtin_memcpy(&word_, &(x), 8); word_; })
#define ARGS0() (struct pe * caller_), ()
#define ARGS1(A, a) (struct pe * caller_, A a), (HOST_WORD(a))
#define ARGS2(A, a, B, b) (struct pe * caller_, A a, B b), (HOST_WORD(a), HOST_WORD(b))
#define ARGS3(A, a, B, b, C, c) (struct pe * caller_, A a, B b, C c), (HOST_WORD(a), HOST_WORD(b), HOST_WORD(c))
#define ARGS4(A, a, B, b, C, c, D, d) \
    (struct pe * caller_, A a, B b, C c, D d), (HOST_WORD(a), HOST_WORD(b), HOST_WORD(c), HOST_WORD(d))
#define ARGS5(A, a, B, b, C, c, D, d, E, e) \
    (struct pe * caller_, A a, B b, C c, D d, E e), \
        (HOST_WORD(a), HOST_WORD(b), HOST_WORD(c), HOST_WORD(d), HOST_WORD(e))
#define HOST_UNWRAP(...) __VA_ARGS__
#define HOST_STUB(number, name, parameters, words) \
    static inline struct exo_result host_##name parameters { \
        return host_call(caller_, number, (const uint64_t[5]){HOST_UNWRAP words}); \
    }
#define HOST_STUB_EXPANDED(...) HOST_STUB(__VA_ARGS__)
#define CALL(number, name, arguments, ...) HOST_STUB_EXPANDED(number, name, arguments)
#include "pe/calls.def"
#undef CALL
#undef HOST_STUB_EXPANDED
#undef HOST_STUB
#undef HOST_UNWRAP
// clang-format on

// --- Memory as the code of a PE sees it. Each gives the PE the CPU first if it does not run.

struct host_access {
    bool ok;        // false: a page fault
    uint64_t value; // what was loaded
};

// An 8-byte access at an address that is a multiple of 8; execution reads nothing but needs the right.
struct host_access host_load(struct pe *pe, exo_vaddr address);
struct host_access host_store(struct pe *pe, exo_vaddr address, uint64_t value);
struct host_access host_execute(struct pe *pe, exo_vaddr address);

// --- Time

// Nanoseconds until the deadline that the kernel has set; 0: none.
uint64_t host_deadline(void);

// The deadline passes: the timer interrupts.
void host_tick(void);

// --- Disk

// Transfers under way.
unsigned host_disk_pending(void);

// The disk finishes up to `count` transfers, oldest first, moves their data now and interrupts once.
void host_disk_run(unsigned count);

// The next transfer to be finished fails with this error, and moves nothing.
void host_disk_fail(enum exo_error error);

// A block's 4096 bytes.
uint8_t *host_disk_block(uint64_t block);

// --- The rest

// What was written to a console since the boot, NUL-terminated (the last 64 KiB of it).
const char *host_console(enum exo_device console);

// Bytes for console_read to find.
void host_console_type(const char *text);
void host_console_room(unsigned bytes); // the consoles take so many bytes and refuse one

// Whether machine_off was called, and with what. The machine must be booted again before the next call.
bool host_is_off(uint64_t *status);

// Checks the kernel's books against each other and against the machine: bindings; reference counts of all frames
// against a recount of all tables; pins against the disk; that no TLB holds anything of a frame that has become
// something else since. Null if all agrees, else what does not.
const char *host_audit(void);
