// SPDX-License-Identifier: MIT
#include "libos/unix/process/gaps.h"

constexpr uint64_t LENGTH_MOST = 4096; // of a function whose length is not known

// ---- Functions in order

static void sink(struct function *list, unsigned count, unsigned at) {
    while (2 * at + 1 < count) {
        unsigned larger = 2 * at + 1;
        if (larger + 1 < count && list[larger + 1].first > list[larger].first) larger++;
        if (list[at].first >= list[larger].first) return;
        const struct function kept = list[at];
        list[at] = list[larger];
        list[larger] = kept;
        at = larger;
    }
}

// By heapsort, whose time has a bound, whatever a program's tables hold.
unsigned functions_order(struct function *list, unsigned count) {
    for (unsigned i = count / 2; i-- > 0;) sink(list, count, i);
    for (unsigned end = count; end-- > 1;) {
        const struct function largest = list[0];
        list[0] = list[end];
        list[end] = largest;
        sink(list, end, 0);
    }
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++) {
        struct function *last = kept == 0 ? nullptr : &list[kept - 1];
        if (last == nullptr || last->first != list[i].first) {
            list[kept++] = list[i];
            continue;
        }
        if (last->bytes < list[i].bytes) last->bytes = list[i].bytes;
        last->entered |= list[i].entered;
    }
    uint64_t farthest = 0;
    for (unsigned i = 0; i < kept; i++) {
        const uint64_t next = i + 1 < kept ? list[i + 1].first - list[i].first : 0;
        if (list[i].bytes == 0 && list[i].entered && next <= LENGTH_MOST) list[i].bytes = (uint32_t)next;
        const uint64_t end = list[i].first + list[i].bytes;
        list[i].covered = end < farthest;
        if (end > farthest) farthest = end;
    }
    return kept;
}

uint64_t gap_behind(const struct function *list, unsigned count, unsigned index) {
    const uint64_t end = list[index].first + list[index].bytes;
    if (list[index].bytes == 0 || list[index].covered || index + 1 == count || list[index + 1].first < end) return 0;
    return list[index + 1].first - end;
}

// ---- Bytes

// The bytes of an instruction that does not fall through: return, jump, ud2, hlt, int3. 0: it is none of these.
static unsigned last_length(const uint8_t *code, uint64_t room) {
    if (room >= 1 && (code[0] == 0xc3 || code[0] == 0xcc || code[0] == 0xf4)) return 1;
    if (room >= 2 && (code[0] == 0xeb || (code[0] == 0x0f && code[1] == 0x0b) || (code[0] == 0xf3 && code[1] == 0xc3)))
        return 2;
    if (room >= 2 && code[0] == 0xff && (code[1] & 0xf8) == 0xe0) return 2; // jmp *%rax…
    if (room >= 3 && code[0] == 0x41 && code[1] == 0xff && (code[2] & 0xf8) == 0xe0) return 3;
    return room >= 5 && code[0] == 0xe9 ? 5 : 0;
}

bool gap_is_closed(const uint8_t *code, uint64_t bytes, const uint8_t *reached, bool function_end) {
    constexpr uint64_t LONGEST = 5;
    for (uint64_t length = 1; length <= LONGEST && length <= bytes; length++) {
        const uint8_t *last = &code[bytes - length];
        if (reached[bytes - length] == 0) continue;
        return last_length(last, length) == length || (function_end && length == LONGEST && last[0] == 0xe8);
    }
    return false;
}

// A nop of one of the forms that the processor's manuals advise: prefixes, then 90, or 0f 1f with an address.
static unsigned nop_length(const uint8_t *at, uint64_t room) {
    uint64_t length = 0;
    while (length < room && (at[length] == 0x66 || at[length] == 0x2e)) length++;
    if (length < room && at[length] == 0x90) return (unsigned)length + 1;
    if (room - length < 3 || at[length] != 0x0f || at[length + 1] != 0x1f) return 0;
    static const uint8_t forms[][2] = {{0x00, 3}, {0x40, 4}, {0x44, 5}, {0x80, 7}, {0x84, 8}};
    for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (at[length + 2] == forms[i][0] && forms[i][1] <= room - length) return (unsigned)length + forms[i][1];
    return 0;
}

bool gap_is_filler(const uint8_t *gap, uint64_t bytes) {
    for (uint64_t at = 0; at < bytes;) {
        const unsigned length = gap[at] == 0xcc ? 1 : nop_length(&gap[at], bytes - at);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

uint64_t gap_inside(const uint8_t *code, uint64_t bytes, const uint8_t *reached, uint64_t from, uint64_t to) {
    for (uint64_t last = from; last < to; last++) {
        const unsigned length = reached[last] == 0 ? 0 : last_length(&code[last], bytes - last);
        const uint64_t at = last + length;
        if (length == 0 || at + GAP_LEAST >= bytes || !gap_is_closed(code, at, reached, false)) continue;
        uint64_t end = at;
        while (end < bytes && reached[end] == 0) end++;
        if (end < bytes && end - at >= GAP_LEAST && gap_is_filler(&code[at], end - at)) return at;
    }
    return bytes;
}
