// SPDX-License-Identifier: MIT
// The rig: what a test image of this folder stands on. Each image is booted as the first PE, with every resource of
// the machine in its hands and no library OS in between, so that a test sees the kernel and nothing else.
//
//   TEST(retype_zeroes_a_frame) {
//       const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);      // set-up
//       …
//       CHECK_EQUAL(*word, 0);                                      // awaited result
//       rig_release(frame, 1);                                      // afterwards nothing may be left: checked
//   }
//
// A test that checks anything false ends there and is reported with line and values. After each test the rig compares
// the frame table and the number of free places in its binding table with those before it.
#pragma once
#include "pe/layout.h"
#include "pe/package.h"
#include "pe/pe.h"
#include "pe/ring.h"
#include "pe/stubs.h"
#include "pe/tlb.h"

struct rig_test {
    const char *name;
    void (*run)(void);
};

#define TEST(test_name)                                                                                                \
    static void test_##test_name(void);                                                                                \
    [[gnu::used, gnu::retain, gnu::section("rig_tests")]] static const struct rig_test line_##test_name = {            \
        #test_name, test_##test_name};                                                                                 \
    static void test_##test_name(void)

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            rig_failed(__FILE_NAME__, __LINE__, #condition, false, 0, 1);                                              \
            return;                                                                                                    \
        }                                                                                                              \
    } while (0)

#define CHECK_EQUAL(actual, wanted)                                                                                    \
    do {                                                                                                               \
        const uint64_t actual_ = (uint64_t)(actual), wanted_ = (uint64_t)(wanted);                                     \
        if (actual_ != wanted_) {                                                                                      \
            rig_failed(__FILE_NAME__, __LINE__, #actual " is " #wanted, true, actual_, wanted_);                       \
            return;                                                                                                    \
        }                                                                                                              \
    } while (0)

// A call's error, by its short name: CHECK_ERROR(exo_pe_read(handle), HANDLE).
#define CHECK_ERROR(call, name) CHECK_EQUAL((call).error, EXO_##name)

// The value of a call that must succeed.
#define OK(call)                                                                                                       \
    ({                                                                                                                 \
        const struct exo_result result_ = (call);                                                                      \
        if (result_.error != EXO_OK) {                                                                                 \
            rig_failed(__FILE_NAME__, __LINE__, #call " is OK", true, result_.error, EXO_OK);                          \
            return;                                                                                                    \
        }                                                                                                              \
        result_.value;                                                                                                 \
    })

void rig_failed(const char *file, int line, const char *what, bool values, uint64_t actual, uint64_t wanted);

// For set-up that a test does not mean to check: a failure is reported and ends the whole boot.
void rig_need(bool condition, const char *sentence);

// What a loop in a test is at, for the report of a failure.
void rig_context(const char *what, uint64_t value);

// A figure for the report of a test that succeeds.
void rig_note(const char *text, uint64_t value);

// The bindings of the first PE.
#define FRAMES ((exo_handle){1 << 16 | EXO_FIRST_FRAMES})
#define PACKAGE ((exo_handle){1 << 16 | EXO_FIRST_PACKAGE})
#define DISK ((exo_handle){1 << 16 | EXO_FIRST_DISK})
#define SLICES ((exo_handle){1 << 16 | EXO_FIRST_SLICES})
#define CONSOLE ((exo_handle){1 << 16 | EXO_FIRST_CONSOLE})
#define REPORT ((exo_handle){1 << 16 | EXO_FIRST_REPORT})
#define POWER ((exo_handle){1 << 16 | EXO_FIRST_POWER})
#define SELF ((exo_handle){0})

// Words that are no handle of a test: place 0, an unused place, places past the table, generations never reached.
constexpr uint64_t RIG_FORGED[] = {
    1,
    1 << 16,
    1 << 16 | 800,
    1 << 16 | 0xffff,
    2 << 16 | EXO_FIRST_FRAMES,
    EXO_FIRST_FRAMES,
    1000ull << 16 | EXO_FIRST_FRAMES,
    1ull << 63 | 1 << 16 | EXO_FIRST_FRAMES,
    1ull << 48 | EXO_FIRST_FRAMES,
    ~0ull,
};

// A binding derived from one of the test's, which must work; dropped by rig_drop.
exo_handle rig_derive(exo_handle source, uint64_t first, uint64_t count, uint64_t rights);
void rig_drop(exo_handle binding);

// What binding_read says of a binding.
struct exo_binding rig_binding(exo_handle binding);

// Revokes until all is done; the error is OK or what stopped it.
enum exo_error rig_revoke(exo_handle source);

extern struct exo_first rig; // what the kernel told

static inline const struct exo_machine *rig_machine(void) {
    return (const struct exo_machine *)EXO_MACHINE_INFO;
}
static inline volatile struct exo_pe_page *rig_page(void) {
    return (volatile struct exo_pe_page *)EXO_FIRST_PE_PAGE;
}
static inline const volatile struct exo_frame_info *rig_frame_info(exo_frame frame) {
    return (const volatile struct exo_frame_info *)EXO_FRAME_TABLE + frame.raw;
}

// A run of frames of a type (free included), taken from a pool that starts anew with each test.
exo_frame rig_frames(uint64_t count, enum exo_frame_type type);

// Begins the pool anew within a test; what was taken must have been released.
void rig_rewind(void);

// Makes frames free again. They must be mapped nowhere.
void rig_release(exo_frame first, uint64_t count);

// Addresses that a test can use as it likes: RIG_PAGES pages, mapped by one level-1 table.
constexpr uint64_t RIG_WINDOW = 0x60'0000;
constexpr uint64_t RIG_PAGES = 512;

// Where the level-1 tables of the first 8 MiB can be read, and where children's PE pages are seen.
constexpr uint64_t RIG_IMAGE = 0x40'0000; // where the image begins
constexpr uint64_t RIG_TABLES = 0x5e'0000;
constexpr uint64_t RIG_CHILDREN = 0x5f'0000;

// The physical address of the table entry for an address below 8 MiB of this address space.
exo_paddr rig_slot(uint64_t address);

// Maps and unmaps a page of the window. Mapping must succeed.
void *rig_map(uint64_t address, exo_frame frame, uint64_t rights);
uint64_t rig_unmap(uint64_t address);

// Links a level-1 table of its own at RIG_ELSEWHERE, which a test can let a child write to; and unlinks and frees it.
constexpr uint64_t RIG_ELSEWHERE = 20ull << 20;
exo_frame rig_elsewhere(void);
void rig_elsewhere_end(exo_frame table);

// The live entry of an address below 8 MiB, and the frame that it names.
static inline uint64_t rig_entry(uint64_t address) {
    return ((const volatile uint64_t *)RIG_TABLES)[address >> EXO_PAGE_SHIFT];
}
static inline exo_frame rig_frame_at(uint64_t address) {
    return exo_entry_frame((exo_entry){rig_entry(address)});
}

// Whether an access works. If not, the fault's address and error code are kept.
bool rig_reads(const void *address);
bool rig_writes(const void *address);   // writes back what it finds
bool rig_executes(const void *address); // calls it; it must return
extern uint64_t rig_fault_address, rig_fault_error;

void rig_copy(void *to, const void *from, uint64_t bytes);
