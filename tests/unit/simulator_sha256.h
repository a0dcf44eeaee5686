// SPDX-License-Identifier: MIT
// SHA-256 (FIPS 180-4), so that tests can hold digests which others have made.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct sha256 {
    uint32_t hash[8];
    uint64_t bytes;
    uint8_t block[64];
};

// The first 32 fractional bits of the n-th root (2: square, 3: cube) of a small prime, found by bisection.
static inline uint32_t sha256_root(uint64_t prime, unsigned n) {
    unsigned __int128 low = 0, high = (unsigned __int128)1 << 38; // root * 2^32
    while (high - low > 1) {
        unsigned __int128 middle = (low + high) / 2;
        // Compare middle^n with prime * 2^(32 n); middle < 2^37, so middle^3 < 2^111 fits.
        const bool above = n == 2 ? middle * middle > (unsigned __int128)prime << 64
                                  : middle * middle * middle > (unsigned __int128)prime << 96;
        if (above)
            high = middle;
        else
            low = middle;
    }
    return (uint32_t)low;
}

static inline const uint32_t *sha256_constants(void) { // 64 of rounds, then 8 of the first hash
    static uint32_t constant[72];
    for (unsigned found = 0, prime = 2; found < 64; prime++) {
        bool composite = false;
        for (unsigned divisor = 2; divisor * divisor <= prime; divisor++) composite |= prime % divisor == 0;
        if (composite) continue;
        if (found < 8) constant[64 + found] = sha256_root(prime, 2);
        constant[found++] = sha256_root(prime, 3);
    }
    return constant;
}

static inline uint32_t sha256_turn(uint32_t x, unsigned n) {
    return x >> n | x << (32 - n);
}

static inline void sha256_block(struct sha256 *s) {
    static const uint32_t *constant;
    if (constant == nullptr) constant = sha256_constants();
    uint32_t w[64], h[8];
    for (unsigned i = 0; i < 16; i++) {
        const uint8_t *b = s->block + 4 * i;
        w[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    }
    for (unsigned i = 16; i < 64; i++) {
        const uint32_t a = sha256_turn(w[i - 15], 7) ^ sha256_turn(w[i - 15], 18) ^ w[i - 15] >> 3;
        const uint32_t b = sha256_turn(w[i - 2], 17) ^ sha256_turn(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + a + w[i - 7] + b;
    }
    memcpy(h, s->hash, sizeof h);
    for (unsigned i = 0; i < 64; i++) {
        const uint32_t e = sha256_turn(h[4], 6) ^ sha256_turn(h[4], 11) ^ sha256_turn(h[4], 25);
        const uint32_t a = sha256_turn(h[0], 2) ^ sha256_turn(h[0], 13) ^ sha256_turn(h[0], 22);
        const uint32_t one = h[7] + e + ((h[4] & h[5]) ^ (~h[4] & h[6])) + constant[i] + w[i];
        const uint32_t two = a + ((h[0] & h[1]) ^ (h[0] & h[2]) ^ (h[1] & h[2]));
        memmove(h + 1, h, 7 * sizeof *h);
        h[4] += one;
        h[0] = one + two;
    }
    for (unsigned i = 0; i < 8; i++) s->hash[i] += h[i];
}

static inline struct sha256 sha256_begin(void) {
    struct sha256 s = {};
    memcpy(s.hash, sha256_constants() + 64, sizeof s.hash);
    return s;
}

static inline void sha256_add(struct sha256 *s, const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        s->block[s->bytes++ % 64] = ((const uint8_t *)bytes)[i];
        if (s->bytes % 64 == 0) sha256_block(s);
    }
}

static inline void sha256_end(struct sha256 *s, char hex[65]) {
    const uint64_t bits = s->bytes * 8;
    sha256_add(s, "\x80", 1);
    while (s->bytes % 64 != 56) sha256_add(s, "", 1);
    for (int shift = 56; shift >= 0; shift -= 8) sha256_add(s, &(uint8_t){(uint8_t)(bits >> shift)}, 1);
    for (unsigned i = 0; i < 8; i++) snprintf(hex + 8 * i, 9, "%08x", s->hash[i]);
}
