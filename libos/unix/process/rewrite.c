// SPDX-License-Identifier: MIT
// Rewrites system calls of a static program when it is first loaded, in one of two forms. It is done to a copy of its
// code, which is kept (images.h).
//
//   before   syscall        after   jmp gap     gap   jmp veneer     veneer   lea back(%rip), %rcx
//   back:    …              back:   …                                         mov $entry_site, %r11d
//                                                                             jmp *%r11
//
//   before   mov $39, %eax  after   jmp veneer                       veneer   mov $39, %eax, and then as above
//            syscall                syscall
//   back:    …              back:   …
//
// A gap lies within 127 bytes: what fills up to where code goes on (gaps.h), and is reached by nobody. Why it is safe:
// one instruction changes, for one as long, so whoever comes to it, by whatever way, comes to the other. Nothing is
// pushed, so what lies below the stack pointer is kept; registers and flags are as after the instruction, rcx included;
// page 0 stays unmapped. A call that is made again after a signal (restart.c) is made by the two bytes before `back`.
// A signal's handler sees a thread that was on the way as one that is about to make the call (rewrite_hide). Taken for
// granted: functions lie where symbols and .eh_frame say, no jump leads into the inside of an instruction or into what
// fills up, and the program doesn't read its own code.
//
// Not rewritten: dynamic programs, what sites.h does not find, and sites with neither a gap nor a mov near them.
#include "libos/unix/process/rewrite.h"
#include "libos/core/heap.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/functions.h"
#include "libos/unix/process/images.h"
#include "libos/unix/process/sites.h"
#include <string.h>

constexpr uint64_t CODE_MOST = 4096, WORD = 8; // bytes of a function that are looked at
constexpr unsigned LEFT_MOST = 512;            // sites that are counted as left alone, each once
constexpr int64_t BEFORE = 128, LATER = 127;   // where a jump of two bytes leads to, from its end

static bool rewriting;
void entry_site(void); // entry.S

// The three instructions of a veneer, and the jump to it.
struct [[gnu::packed]] veneer {
    uint8_t lea[3];
    int32_t back;
    uint8_t load[2];
    uint32_t entry;
    uint8_t jump[3];
};
struct [[gnu::packed]] jump {
    uint8_t jump;
    int32_t by;
};
constexpr uint64_t VENEER_BYTES = 16, LEA_BYTES = 7, LOAD_BYTES = 6;
constexpr unsigned JUMP_BYTES = 5;
static_assert(sizeof(struct veneer) == VENEER_BYTES && sizeof(struct jump) == JUMP_BYTES);
static_assert(JUMP_BYTES == MOVE_BYTES && JUMP_BYTES == GAP_LEAST);

static struct veneer veneer_to(int32_t back) {
    return (struct veneer){{0x48, 0x8d, 0x0d}, back, {0x41, 0xbb}, (uint32_t)(uint64_t)entry_site, {0x41, 0xff, 0xe3}};
}

static uint64_t min(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

struct looked {
    uint8_t code[CODE_MOST + WORD], reached[CODE_MOST];
};

struct rewriter {
    const struct program *program;
    struct functions functions;
    uint64_t window;      // where the copy can be read and written
    uint64_t first, next; // of the veneers
    unsigned sites, left_count;
    uint64_t left[LEFT_MOST];
    unsigned index;           // of the function whose sites are rewritten …
    struct looked here, near; // … and that function, and another whose gap is wanted
};

void rewrite_start(void) {
    rewriting = start_number("rewrite", 0) != 0;
}

// Code of the program, as far as it is rewritten.
static bool code_read(const struct rewriter *state, void *to, uint64_t at, uint64_t bytes) {
    const uint64_t place = image_place(&state->program->image, state->window, at, bytes);
    return place != 0 && user_read(to, place, bytes) == 0;
}
static bool code_write(const struct rewriter *state, uint64_t at, const void *from, uint64_t bytes) {
    const uint64_t place = image_place(&state->program->image, state->window, at, bytes);
    return place != 0 && user_write(place, from, bytes) == 0;
}
static bool veneers_write(const struct rewriter *state, uint64_t at, const void *from, uint64_t bytes) {
    return user_write(state->window + (at - state->first), from, bytes) == 0;
}

// The bytes of the gap behind a function that can be used.
static unsigned gap_of(struct rewriter *state, unsigned index) {
    struct function *function = &state->functions.list[index];
    if (function->looked) return function->gap;
    function->looked = true;
    const uint64_t gap = gap_behind(state->functions.list, state->functions.count, index);
    uint8_t filler[GAP_MOST];
    if (gap < GAP_LEAST || gap > GAP_MOST || function->bytes > CODE_MOST) return 0;
    if (!code_read(state, filler, function->first + function->bytes, gap) || !gap_is_filler(filler, gap)) return 0;
    struct looked *looked = index == state->index ? &state->here : &state->near;
    if (looked == &state->near) {
        if (!code_read(state, looked->code, function->first, function->bytes)) return 0;
        sites_reach(looked->code, function->bytes, looked->reached);
    }
    if (gap_is_closed(looked->code, function->bytes, looked->reached, true)) function->gap = (uint8_t)gap;
    return function->gap;
}

// Does a jump of two bytes that ends at `back` lead there?
static bool reaches(uint64_t back, uint64_t at) {
    const int64_t by = (int64_t)(at - back);
    return by >= -BEFORE && by <= LATER;
}

// Room for a jump in the gap behind a function; 0: there is none.
static uint64_t gap_take(struct rewriter *state, unsigned index, uint64_t back) {
    const unsigned gap = gap_of(state, index);
    struct function *function = &state->functions.list[index];
    const uint64_t at = function->first + function->bytes + function->used;
    if (function->used + JUMP_BYTES > gap || !reaches(back, at)) return 0;
    function->used += JUMP_BYTES;
    return at;
}

// The same inside of the function that is looked at, whose copy is changed as the function will be.
static uint64_t gap_take_inside(struct looked *here, uint64_t first, uint64_t bytes, uint64_t back) {
    const uint64_t offset = back - first, from = offset > BEFORE ? offset - BEFORE : 0;
    const uint64_t at = gap_inside(here->code, bytes, here->reached, from, min(offset + LATER, bytes));
    if (at == bytes || !reaches(back, first + at)) return 0;
    here->code[at] = 0xe9;
    here->reached[at] = 1;
    return first + at;
}

// The same anywhere: in the function, behind it, behind those around it.
static uint64_t gap_near(struct rewriter *state, unsigned index, uint64_t bytes, uint64_t back) {
    const struct function *list = state->functions.list;
    uint64_t found = gap_take_inside(&state->here, list[index].first, bytes, back);
    for (unsigned i = index; found == 0 && i < state->functions.count && list[i].first <= back + LATER; i++)
        found = gap_take(state, i, back);
    for (unsigned i = index; found == 0 && i-- > 0 && list[i].first + list[i].bytes + GAP_MOST + BEFORE > back;)
        found = gap_take(state, i, back);
    return found;
}

static bool is_near(int64_t by) {
    return by == (int32_t)by;
}

// Writes a veneer whose last instructions come back to `back`, and, if a mov is to be done first, a copy of that. Where
// it begins; 0: it cannot be written.
static uint64_t veneer_write(struct rewriter *state, uint64_t back, const uint8_t *move) {
    const uint64_t first = state->next, moved = move != nullptr ? MOVE_BYTES : 0;
    const int64_t by = (int64_t)(back - (first + moved + LEA_BYTES));
    if (first + moved + VENEER_BYTES > state->first + VENEERS_BYTES || !is_near(by)) return 0;
    const struct veneer code = veneer_to((int32_t)by);
    if (move != nullptr && !veneers_write(state, first, move, MOVE_BYTES)) return 0;
    if (!veneers_write(state, first + moved, &code, sizeof(code))) return 0;
    state->next += move != nullptr ? 2 * VENEER_BYTES : VENEER_BYTES;
    state->sites++;
    return first;
}

static bool jump_write(const struct rewriter *state, uint64_t at, uint64_t to) {
    const int64_t by = (int64_t)(to - (at + JUMP_BYTES));
    const struct jump jump = {0xe9, (int32_t)by};
    return to != 0 && is_near(by) && code_write(state, at, &jump, sizeof(jump));
}

// False: there is no room for its veneer, or no memory.
static bool site_rewrite(struct rewriter *state, uint64_t at, uint64_t gap) {
    const uint64_t back = at + SITE_BYTES;
    const uint8_t site[SITE_BYTES] = {0xeb, (uint8_t)(gap - back)};
    return jump_write(state, gap, veneer_write(state, back, nullptr)) && code_write(state, at, site, sizeof(site));
}

static bool move_rewrite(struct rewriter *state, uint64_t at, const uint8_t *move) {
    return jump_write(state, at - MOVE_BYTES, veneer_write(state, at + SITE_BYTES, move));
}

static void count_left(struct rewriter *state, uint64_t at) {
    for (unsigned i = 0; i < state->left_count; i++)
        if (state->left[i] == at) return;
    if (state->left_count < LEFT_MOST) state->left[state->left_count++] = at;
}

// The bytes of a word that are `byte` have their highest bit set; of the others hardly one.
static uint64_t bytes_like(const uint8_t *word, uint8_t byte) {
    constexpr uint64_t ONES = 0x0101'0101'0101'0101;
    uint64_t differences;
    __builtin_memcpy(&differences, word, sizeof(differences)); // no call, without a hosted library
    differences ^= byte * ONES;
    return (differences - ONES) & ~differences & 0x80 * ONES;
}

// Most functions have none. May look at what is left of another function, which is harmless.
static bool has_site(const uint8_t *code, uint64_t bytes) {
    for (uint64_t at = 0; at + 1 < bytes; at += WORD) {
        const uint64_t second = bytes_like(&code[at + 1], 0x05);
        if (second == 0 || (second & bytes_like(&code[at], 0x0f)) == 0) continue;
        for (unsigned i = 0; i < WORD && at + i + 1 < bytes; i++)
            if (code[at + i] == 0x0f && code[at + i + 1] == 0x05) return true;
    }
    return false;
}

// Functions may overlap: a site that was rewritten already is a jump out of the other, which ends a path.
static bool function_rewrite(struct rewriter *state, unsigned index) {
    const struct function *function = &state->functions.list[index];
    const uint64_t bytes = function->bytes < CODE_MOST ? function->bytes : CODE_MOST;
    struct looked *here = &state->here;
    if (bytes < SITE_BYTES || !code_read(state, here->code, function->first, bytes)) return true;
    if (!has_site(here->code, bytes)) return true;
    sites_reach(here->code, bytes, here->reached);
    state->index = index;
    struct site site;
    for (uint64_t at = 0; site_next(here->code, bytes, here->reached, &at, &site);) {
        const uint64_t instruction = function->first + site.instruction;
        const uint64_t gap = site.rewritable ? gap_near(state, index, bytes, instruction + SITE_BYTES) : 0;
        bool more = true;
        if (gap != 0)
            more = site_rewrite(state, instruction, gap);
        else if (site.rewritable && site.moves)
            more = move_rewrite(state, instruction, &here->code[site.instruction - MOVE_BYTES]);
        else
            count_left(state, instruction);
        if (!more) return false;
    }
    return true;
}

// Finds a program's sites, and makes its image. Null: there is no memory.
static struct image *image_of(const struct program *program, uint64_t version) {
    struct rewriter *state = heap_allocate_zeroed(sizeof(*state));
    if (state == nullptr) return nullptr;
    state->program = program;
    state->first = state->next = image_veneers(&program->image);
    struct image *image = nullptr;
    if (functions_of(program, &state->functions)) image = image_make(program, version, &state->window);
    if (image != nullptr) {
        bool whole = true; // if not, something may be half written
        for (unsigned i = 0; i < state->functions.count && whole; i++) whole = function_rewrite(state, i);
        if (!whole) state->sites = 0;
        image_keep(program, image, state->window, whole ? state->next - state->first : 0);
        report("{\"event\":\"rewritten\",\"job\":%lu,\"sites\":%u,\"left\":%u}", start->job, state->sites,
               state->left_count);
    }
    heap_release(state->functions.list);
    heap_release(state);
    return image;
}

void rewrite_program(const struct program *program) {
    if (!rewriting || program->interpreter_file != nullptr) return;
    struct object *object = object_of(program->file);
    if (object == nullptr) return;
    const uint64_t version = object_version(object);
    struct image *image = image_find(version);
    if (image == nullptr) image = image_of(program, version);
    if (image != nullptr) image_map(program, image);
}

// ---- A thread that is on the way

// Where the call of a veneer comes back to; 0: none of ours begins here, its mov left out.
static uint64_t veneer_back(uint64_t at) {
    struct veneer found;
    if (user_read(&found, at, sizeof(found)) != 0) return 0;
    const struct veneer ours = veneer_to(found.back);
    return memcmp(&found, &ours, sizeof(ours)) == 0 ? at + LEA_BYTES + (uint64_t)(int64_t)found.back : 0;
}

// Where the thread would be without us; 0: it is nowhere else.
static uint64_t place_of(const struct exo_context *user) {
    const uint64_t rip = user->rip;
    if (rip == (uint64_t)entry_site) return user->rcx - SITE_BYTES;
    if (!rewriting) return 0;
    uint64_t back = veneer_back(rip);
    if (back == 0) back = veneer_back(rip - LEA_BYTES);
    if (back == 0) back = veneer_back(rip - LEA_BYTES - LOAD_BYTES);
    struct jump code;
    if (back != 0 || user_read(&code, rip, sizeof(code)) != 0) return back != 0 ? back - SITE_BYTES : 0;
    if ((code.jump & 0xf8) == 0xb8 && (back = veneer_back(rip + MOVE_BYTES)) != 0)
        return back - SITE_BYTES - MOVE_BYTES;
    if (code.jump == 0xe9) back = veneer_back(rip + JUMP_BYTES + (uint64_t)(int64_t)code.by);
    return back != 0 ? back - SITE_BYTES : 0;
}

void rewrite_hide(struct exo_context *user) {
    const uint64_t place = place_of(user);
    if (place != 0) user->rip = place;
}
