// SPDX-License-Identifier: MIT
// A replacement policy: pure decisions over page numbers and frame slots. One C file, one `const struct policy`.
//
//   struct policy_state { uint32_t frames, hand; };         // all it remembers; each policy's file defines its own
//   static size_t my_state_size(uint32_t frames, uint32_t pages) { return sizeof(struct policy_state); }
//   static uint32_t my_victim(struct policy_state *s, uint32_t incoming) { … return slot; }
//   const struct policy policy_my = { .name = "my", .sees = POLICY_SEES_BITS, .victim = my_victim, … };
//
// in policy/my.c, which the build finds by itself; `./bindery new policy my` writes a first version.
//
// The same file is built into the library OS, where its calls are made by the fault handler and the bits are those
// of the page table, and into the host simulator, where both are simulated. It allocates nothing, does no I/O and
// keeps everything in the state it is handed.
//
// The pager has C frames in slots 0 … C-1. At each fault, in this order:
//   1. fault(page)              always, before anything else
//   2. victim(page) → slot      only if no slot is free; then removed(page, slot) for the page in it. If the
//                               instruction that faults has brought that page in itself, as it needs several at once,
//                               the page of the next slot with another one goes, and removed is told of that
//   3. inserted(page, slot)     the page's entry has A = D = 0; the restarted access then sets A, and D if a write
// Slots are filled in order 0, 1, …; afterwards a new page takes its victim's slot.
// touched(slot) is called for every reference, the faulting one included and then after inserted, and only for
// policies whose `sees` asks for it. If an instruction loses a page to a further fault of its own, that page faults and
// is touched again.
//
// C is the most that a region may have. A policy with `surplus` has fewer pages in memory when it wants to: it is asked
// for pages to give up, again and again until it names none (or one that the instruction which faults has brought in),
// and `removed` is told of each. It is asked at each fault,
// after fault; one that sees every reference instead before each reference. A page that faults takes the slot that
// became free last, and a victim is wanted only when C pages are in memory. So such a policy asks for a further frame
// by not giving one up.
//
// Nor need all C slots be filled when the pager's budget has shrunk (pager.h): then a victim is wanted earlier. An
// empty slot looks like a page that is in use (accessed, dirty, needed at once); a policy that names it as the victim
// all the same is asked again, and in the end the page in the next slot goes.
#pragma once
#include <stddef.h>
#include <stdint.h>

constexpr uint32_t POLICY_NONE = UINT32_MAX; // no page, no slot, no position

enum policy_sees : uint8_t {
    POLICY_SEES_FAULTS,     // nothing but fault, victim, removed, inserted
    POLICY_SEES_BITS,       // also the accessed and dirty bits, through struct policy_view
    POLICY_SEES_REFERENCES, // also touched for every reference: a real run takes a fault for each change of page
    POLICY_SEES_FUTURE,     // also the reference string to come: OPT
};

enum policy_bits : uint8_t { POLICY_ACCESSED = 1, POLICY_DIRTY = 2 };

typedef void policy_bits_from(void *pager, uint32_t slot, uint32_t count, uint8_t *bits);

// What a policy is told when it starts, and how it reads bits. Owned by the pager, unchanged while the policy runs.
struct policy_view {
    uint32_t frames;                                    // C, at least the policy's `minimum`
    uint32_t pages;                                     // page numbers are below this
    uint64_t seed;                                      // for policies that draw numbers; 1 unless the user says so
    bool starts_clear;                                  // A of a new page stays 0 at its first access: papers'
                                                        // simulators do so, hardware never does
    void *pager;                                        // passed back to the functions below
    uint8_t (*bits)(void *pager, uint32_t slot);        // POLICY_ACCESSED | POLICY_DIRTY of the page in a slot;
                                                        // both if the slot is empty
    policy_bits_from *bits_from;                        // the same of `count` slots from `slot` on, for those
                                                        // that look at many (look_at in policy/clock.h)
    void (*clear_accessed)(void *pager, uint32_t slot); // and make the next access set it again
    void (*clear_accessed_all)(void *pager);            // of every resident page
    uint32_t (*next_use)(void *pager, uint32_t slot);   // POLICY_SEES_FUTURE: position of the next reference to the
                                                        // page in a slot, POLICY_NONE if there is none
    uint64_t (*now)(void *pager);                       // policies with `timed`: the number of the reference that is
                                                        // being made, from 0 on
    uint64_t (*number)(void *pager, uint32_t page);     // what a policy with `hashes` hashes for a page; null: the
                                                        // page itself. The simulator gives the trace's own number,
                                                        // as it has renumbered pages
};

struct policy_state; // each policy's file defines its own

struct policy {
    const char *name;   // as in the CLI, the tables and the plots: lower case, digits, '_'
    const char *title;  // a line for people
    const char *source; // paper or definition
    enum policy_sees sees;
    bool timed;                                            // it looks at the clock: view.now
    bool hashes;                                           // it decides by hashes of page numbers: pages numbered in
                                                           // another way have other victims
    uint32_t minimum;                                      // frames it needs
    size_t (*state_size)(uint32_t frames, uint32_t pages); // bytes; the pager zeroes them before `start`
    void (*start)(struct policy_state *state, const struct policy_view *view); // may keep the view pointer
    void (*fault)(struct policy_state *state, uint32_t page);                  // may be null
    uint32_t (*victim)(struct policy_state *state, uint32_t incoming);
    void (*removed)(struct policy_state *state, uint32_t page, uint32_t slot);  // may be null
    void (*inserted)(struct policy_state *state, uint32_t page, uint32_t slot); // may be null
    void (*touched)(struct policy_state *state, uint32_t slot);                 // may be null
    uint32_t (*surplus)(struct policy_state *state); // slot of a page to give up, or POLICY_NONE; may be null
};

// All policies that are built in, in the order of all lists (policy/policies.def); the list ends with a null pointer.
extern const struct policy *const policies[];

// The policy of a name, or null.
const struct policy *policy_find(const char *name);
