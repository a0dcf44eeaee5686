// SPDX-License-Identifier: MIT
// Lengths of instructions: AMD64 Architecture Programmer's Manual, volume 3, 1.2 (encoding) and appendix A (opcodes).
// Only what compilers put before system calls; anything else ends the search.
#include "libos/unix/process/sites.h"
#include <string.h>
#include <sys/syscall.h>

constexpr unsigned MOST = 15, LOOKED_AT = MOST + 8; // bytes of an instruction, and what is looked at to know its length
enum reach : uint8_t { TARGET = 1, REACHED = 2 };   // of each byte: an instruction begins there, and was it followed
enum operands : unsigned { NONE = 0, IMMEDIATE1 = 1, IMMEDIATE4 = 4, IMMEDIATE8 = 8, MODRM = 16, UNKNOWN = 64 };

// ModRM, SIB and displacement.
static unsigned modrm_length(const uint8_t *at) {
    const unsigned mode = at[0] >> 6, memory = at[0] & 7;
    if (mode == 3) return 1;
    const bool sib = memory == 4;
    const unsigned base = sib ? at[1] & 7 : memory;
    const unsigned displacement = mode == 1 ? 1 : mode == 2 || base == 5 ? 4 : 0;
    return 1 + sib + displacement;
}

static unsigned one_byte(uint8_t code, uint8_t modrm, bool wide) {
    const unsigned group = modrm >> 3 & 7;
    if (code < 0x40) { // add or adc sbb and sub xor cmp
        static const unsigned of[8] = {MODRM, MODRM, MODRM, MODRM, IMMEDIATE1, IMMEDIATE4, UNKNOWN, UNKNOWN};
        return of[code & 7];
    }
    if (code >= 0x50 && code <= 0x5f) return NONE;       // push pop
    if (code >= 0x70 && code <= 0x7f) return IMMEDIATE1; // jcc
    if (code >= 0x84 && code <= 0x8b) return MODRM;      // test xchg mov
    if (code >= 0xb0 && code <= 0xb7) return IMMEDIATE1; // mov
    if (code >= 0xb8 && code <= 0xbf) return wide ? IMMEDIATE8 : IMMEDIATE4;
    switch (code) {
    case 0x63:
    case 0x8d:
    case 0xd0 ... 0xd3: return MODRM; // movsxd lea shifts
    case 0x68:
    case 0xa9:
    case 0xe8: return IMMEDIATE4; // push test call
    case 0x6a:
    case 0xa8: return IMMEDIATE1;
    case 0x69:
    case 0x81: return MODRM | IMMEDIATE4; // imul add…
    case 0x6b:
    case 0x80:
    case 0x83:
    case 0xc0:
    case 0xc1: return MODRM | IMMEDIATE1;                        // imul add… shifts
    case 0xc6: return group == 0 ? MODRM | IMMEDIATE1 : UNKNOWN; // mov
    case 0xc7: return group == 0 ? MODRM | IMMEDIATE4 : UNKNOWN;
    case 0x90 ... 0x99:
    case 0x9c:
    case 0x9d:
    case 0xa4:
    case 0xa5:
    case 0xaa:
    case 0xab:
    case 0xc9: return NONE; // nop xchg cdqe cqo pushfq popfq movs stos leave
    case 0xf6: return group >= 2 ? MODRM : group == 0 ? MODRM | IMMEDIATE1 : UNKNOWN;
    case 0xf7: return group >= 2 ? MODRM : group == 0 ? MODRM | IMMEDIATE4 : UNKNOWN;
    case 0xff: return group <= 2 || group == 6 ? MODRM : UNKNOWN; // inc dec call push
    default: return UNKNOWN;
    }
}

static unsigned two_bytes(uint8_t code) {
    if (code >= 0x40 && code <= 0x4f) return MODRM;      // cmov
    if (code >= 0x80 && code <= 0x8f) return IMMEDIATE4; // jcc
    if (code >= 0x90 && code <= 0x9f) return MODRM;      // setcc
    switch (code) {
    case 0x05: return NONE; // syscall
    case 0x10:
    case 0x11:
    case 0x1e:
    case 0x1f:
    case 0x28:
    case 0x29:
    case 0x57:
    case 0x6f:
    case 0x7f:
    case 0xa3:
    case 0xab:
    case 0xaf:
    case 0xb0:
    case 0xb1:
    case 0xb3:
    case 0xb6:
    case 0xb7:
    case 0xbc ... 0xbf:
    case 0xc0:
    case 0xc1: return MODRM; // moves of vectors, nop, xorps, bt bts imul cmpxchg btr movzx bsf bsr movsx xadd
    default: return UNKNOWN;
    }
}

// The same where LOOKED_AT bytes can be read; may be more than there are.
static unsigned length_of(const uint8_t *at) {
    unsigned length = 0;
    bool prefixed = false, wide = false;
    while (at[length] == 0x66 || at[length] == 0xf2 || at[length] == 0xf3 || at[length] == 0x64 || at[length] == 0x2e
           || at[length] == 0xf0) {
        if (at[length] == 0x66 || at[length] == 0xf2 || at[length] == 0xf3) prefixed = true;
        if (++length == 4) return 0;
    }
    if ((at[length] & 0xf0) == 0x40) wide = at[length++] & 8;
    unsigned operands;
    if (at[length] == 0x0f) {
        operands = two_bytes(at[length + 1]);
        length += 2;
    } else {
        operands = one_byte(at[length], at[length + 1], wide);
        length++;
    }
    if (operands == UNKNOWN) return 0;
    if (prefixed && (operands & IMMEDIATE4)) return 0; // 0x66 makes it two bytes
    if (operands & MODRM) length += modrm_length(&at[length]);
    length += operands & 15;
    return length <= MOST ? length : 0;
}

unsigned site_length(const uint8_t *code, uint64_t room) {
    if (room >= LOOKED_AT) return length_of(code);
    uint8_t last[LOOKED_AT] = {};
    memcpy(last, code, room);
    const unsigned length = length_of(last);
    return length <= room ? length : 0;
}

// Is this number moved to eax, or rax, directly before the `syscall`?
static bool number_before(const uint8_t *code, const uint8_t *reached, uint64_t at, uint8_t number) {
    const uint8_t to_eax[] = {0xb8, number, 0, 0, 0}, to_rax[] = {0x48, 0xc7, 0xc0, number, 0, 0, 0};
    if (at >= sizeof(to_eax) && reached[at - sizeof(to_eax)]
        && !memcmp(&code[at - sizeof(to_eax)], to_eax, sizeof(to_eax)))
        return true;
    return at >= sizeof(to_rax) && reached[at - sizeof(to_rax)]
           && !memcmp(&code[at - sizeof(to_rax)], to_rax, sizeof(to_rax));
}

// Behind these calls there need not be code.
static bool is_last(const uint8_t *code, const uint8_t *reached, uint64_t at) {
    return number_before(code, reached, at, SYS_exit) || number_before(code, reached, at, SYS_exit_group)
           || number_before(code, reached, at, SYS_rt_sigreturn);
}

static bool move_before(const uint8_t *code, const uint8_t *reached, uint64_t at) {
    if (at < MOVE_BYTES || !reached[at - MOVE_BYTES] || (code[at - MOVE_BYTES] & 0xf8) != 0xb8) return false;
    for (unsigned i = 1; i < MOVE_BYTES; i++)
        if (reached[at - i]) return false;
    return true;
}

static bool is_syscall(const uint8_t *code, uint64_t at, uint64_t bytes) {
    return bytes - at >= 2 && code[at] == 0x0f && code[at + 1] == 0x05;
}

// Where a direct jump leads to, as an offset into the function; `bytes` or more: out of it, or it is no direct jump.
static uint64_t jump_target(const uint8_t *code, uint64_t at, uint64_t bytes) {
    const uint64_t room = bytes - at;
    int32_t by = 0;
    if (room >= 2 && (code[at] == 0xeb || (code[at] & 0xf0) == 0x70)) return at + 2 + (uint64_t)(int8_t)code[at + 1];
    if (room >= 5 && code[at] == 0xe9) {
        __builtin_memcpy(&by, &code[at + 1], sizeof(by));
        return at + 5 + (uint64_t)by;
    }
    if (room >= 6 && code[at] == 0x0f && (code[at + 1] & 0xf0) == 0x80) {
        __builtin_memcpy(&by, &code[at + 2], sizeof(by));
        return at + 6 + (uint64_t)by;
    }
    return bytes;
}

// Decodes from `at` as long as one instruction falls through to the next, and to where it was already. The lowest
// address that a jump leads back to and that was passed over; `bytes`: there is none.
static uint64_t follow(const uint8_t *code, uint64_t bytes, uint64_t at, uint8_t *reached) {
    uint64_t lowest = bytes;
    while (at < bytes && reached[at] != REACHED) {
        const unsigned length = site_length(&code[at], bytes - at);
        const uint64_t target = jump_target(code, at, bytes);
        reached[at] = REACHED;
        if (target < bytes && reached[target] == 0) {
            reached[target] = TARGET;
            if (target < lowest) lowest = target;
        }
        if (length == 0 || (is_syscall(code, at, bytes) && is_last(code, reached, at))) break;
        at += length;
    }
    return lowest;
}

// Each time that a jump leads back, at least one more byte is reached: so it ends.
void sites_reach(const uint8_t *code, uint64_t bytes, uint8_t *reached) {
    memset(reached, 0, bytes);
    if (bytes != 0) reached[0] = TARGET;
    for (uint64_t at = 0; at < bytes;) {
        const uint64_t back = reached[at] == TARGET ? follow(code, bytes, at, reached) : bytes;
        at = back < at ? back : at + 1;
    }
}

bool site_next(const uint8_t *code, uint64_t bytes, const uint8_t *reached, uint64_t *at, struct site *found) {
    for (; *at < bytes; ++*at) {
        if (reached[*at] == 0 || !is_syscall(code, *at, bytes)) continue;
        // Unwinders know a signal's frame by the bytes of that call.
        *found = (struct site){.instruction = *at,
                               .rewritable = !number_before(code, reached, *at, SYS_rt_sigreturn),
                               .moves = move_before(code, reached, *at)};
        ++*at;
        return true;
    }
    return false;
}
