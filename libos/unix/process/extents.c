// SPDX-License-Identifier: MIT
// Records of .eh_frame: a length, and a CIE (common to many functions) or an FDE (one function, and where its CIE is).
#include "libos/unix/process/extents.h"
#include <string.h>

constexpr uint8_t RELATIVE_4 = 0x1b, ABSOLUTE_4 = 0x03; // encodings of addresses (DW_EH_PE_…)
constexpr uint64_t LENGTH = 4, POINTER = 4;

struct reader {
    const uint8_t *at, *end;
    bool bad;
};

static uint8_t take(struct reader *reader) {
    if (reader->at == reader->end) reader->bad = true;
    return reader->bad ? 0 : *reader->at++;
}

static uint32_t take_4(struct reader *reader) {
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) value |= (uint32_t)take(reader) << 8 * i;
    return value;
}

// A number in LEB128, whose value does not matter.
static void pass_number(struct reader *reader) {
    while (take(reader) & 0x80) {
    }
}

// How a CIE's functions give their addresses; 0: not in a way that is read here.
static uint8_t encoding_of(struct reader cie) {
    if (take_4(&cie) != 0) return 0; // it is none
    const uint8_t version = take(&cie);
    if (version != 1 && version != 3) return 0;
    const uint8_t *letters = cie.at;
    if (take(&cie) != 'z') return 0;
    while (take(&cie) != 0) {
    }
    pass_number(&cie); // alignment of code, of data, the return address's register, and the length of what follows
    pass_number(&cie);
    pass_number(&cie);
    pass_number(&cie);
    for (const uint8_t *letter = letters + 1; !cie.bad && *letter != 0; letter++) {
        if (*letter == 'R') {
            const uint8_t encoding = take(&cie);
            return cie.bad ? 0 : encoding;
        }
        const uint8_t encoding = take(&cie);
        if (*letter == 'L') continue;
        if (*letter != 'P' || ((encoding & 7) != 3 && (encoding & 7) != 4 && (encoding & 7) != 0)) return 0;
        take_4(&cie);
        if ((encoding & 7) != 3) take_4(&cie);
    }
    return 0;
}

// The function of an FDE, whose bytes behind the length are `record`.
static bool function_of(const uint8_t *section, uint64_t bytes, uint64_t address, struct reader record,
                        struct extent *found) {
    const uint64_t here = (uint64_t)(record.at - section);
    const uint32_t distance = take_4(&record);
    if (record.bad || distance == 0 || distance > here || here - distance + LENGTH > bytes) return false;
    struct reader cie = {section + (here - distance), section + bytes, false};
    const uint32_t length = take_4(&cie);
    if (length > bytes - (here - distance + LENGTH)) return false;
    cie.end = cie.at + length;
    const uint8_t encoding = encoding_of(cie);
    const uint32_t first = take_4(&record), count = take_4(&record);
    if (record.bad || (encoding != RELATIVE_4 && encoding != ABSOLUTE_4)) return false;
    const uint64_t from = encoding == RELATIVE_4 ? address + here + POINTER + (uint64_t)(int32_t)first : first;
    *found = (struct extent){from, count};
    return true;
}

bool extent_next(const uint8_t *section, uint64_t bytes, uint64_t address, uint64_t *at, struct extent *found) {
    while (*at <= bytes && bytes - *at > LENGTH) {
        struct reader record = {section + *at, section + bytes, false};
        const uint32_t length = take_4(&record);
        if (length == 0 || length > bytes - *at - LENGTH) return false; // the end, also of what has 64-bit lengths
        record.end = record.at + length;
        *at += LENGTH + length;
        if (function_of(section, bytes, address, record, found)) return true;
    }
    return false;
}
