// SPDX-License-Identifier: MIT
// Lengths of instructions: AMD64 Architecture Programmer's Manual, volume 3, 1.2 (encoding) and appendix A (opcodes).
// Only what compilers put before system calls; anything else ends the search.
#include "libos/unix/process/sites.h"
#include <string.h>
#include <sys/syscall.h>

constexpr unsigned MOST = 15;
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
    case 0xa9: return IMMEDIATE4; // push test
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
    case 0x90:
    case 0x98:
    case 0x99: return NONE; // nop cdqe cqo
    case 0xf6: return group >= 2 ? MODRM : group == 0 ? MODRM | IMMEDIATE1 : UNKNOWN;
    case 0xf7: return group >= 2 ? MODRM : group == 0 ? MODRM | IMMEDIATE4 : UNKNOWN;
    case 0xff: return group <= 1 || group == 6 ? MODRM : UNKNOWN; // inc dec push
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
    case 0xaf:
    case 0xb6:
    case 0xb7:
    case 0xbe:
    case 0xbf: return MODRM; // moves of vectors, nop, xorps, imul, movzx, movsx
    default: return UNKNOWN;
    }
}

unsigned site_length(const uint8_t *code, uint64_t room) {
    uint8_t at[MOST + 8] = {};
    memcpy(at, code, room < MOST ? room : MOST);
    unsigned length = 0;
    bool prefixed = false, wide = false;
    while (at[length] == 0x66 || at[length] == 0xf2 || at[length] == 0xf3 || at[length] == 0x64) {
        if (at[length] != 0x64) prefixed = true;
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
    return length <= MOST && length <= room ? length : 0;
}

// Behind these there need not be code; and unwinders know the bytes before rt_sigreturn.
static bool not_rewritten(uint32_t number) {
    return number == SYS_exit || number == SYS_exit_group || number == SYS_rt_sigreturn;
}

bool site_next(const uint8_t *code, uint64_t bytes, uint64_t *at, struct site *found) {
    while (*at < bytes) {
        const uint64_t here = *at, room = bytes - here;
        const unsigned length = site_length(&code[here], room);
        if (length == 0) return false;
        *at = here + length;
        if (code[here] != 0xb8 || room < SITE_BYTES || code[here + 5] != 0x0f || code[here + 6] != 0x05) continue;
        uint32_t number;
        memcpy(&number, &code[here + 1], sizeof(number));
        if (not_rewritten(number)) return false;
        *at = here + SITE_BYTES;
        *found = (struct site){here, number};
        return true;
    }
    return false;
}
