// SPDX-License-Identifier: MIT
// After each request the key is replaced by bytes of the stream that nobody gets, so that what was handed out before
// can't be computed from what is in memory.
#include "libos/unix/process/random.h"
#include "libos/core/start.h"
#include "libos/unix/calls.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/clock.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <string.h>

constexpr unsigned BLOCK = 64;

static uint32_t key[8];

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
    *a += *b, *d = __builtin_rotateleft32(*d ^ *a, 16);
    *c += *d, *b = __builtin_rotateleft32(*b ^ *c, 12);
    *a += *b, *d = __builtin_rotateleft32(*d ^ *a, 8);
    *c += *d, *b = __builtin_rotateleft32(*b ^ *c, 7);
}

static void block(uint32_t counter, uint8_t out[BLOCK]) {
    const uint32_t first[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, key[0],  key[1], key[2], key[3],
                                key[4],     key[5],     key[6],     key[7],     counter, 0,      0,      0};
    uint32_t x[16];
    memcpy(x, first, sizeof(x));
    for (unsigned i = 0; i < 10; i++) {
        quarter(&x[0], &x[4], &x[8], &x[12]);
        quarter(&x[1], &x[5], &x[9], &x[13]);
        quarter(&x[2], &x[6], &x[10], &x[14]);
        quarter(&x[3], &x[7], &x[11], &x[15]);
        quarter(&x[0], &x[5], &x[10], &x[15]);
        quarter(&x[1], &x[6], &x[11], &x[12]);
        quarter(&x[2], &x[7], &x[8], &x[13]);
        quarter(&x[3], &x[4], &x[9], &x[14]);
    }
    for (unsigned i = 0; i < 16; i++) x[i] += first[i];
    memcpy(out, x, BLOCK);
}

void random_bytes(void *to, size_t bytes) {
    uint8_t stream[BLOCK];
    block(0, stream);
    uint32_t next[8];
    memcpy(next, stream, sizeof(next));
    size_t done = bytes < BLOCK - sizeof(next) ? bytes : BLOCK - sizeof(next);
    memcpy(to, stream + sizeof(next), done);
    for (uint32_t counter = 1; done < bytes; counter++) {
        const size_t part = bytes - done < BLOCK ? bytes - done : BLOCK;
        block(counter, stream);
        memcpy((uint8_t *)to + done, stream, part);
        done += part;
    }
    memcpy(key, next, sizeof(key));
    __asm__ volatile("" ::"r"(stream) : "memory");
}

void random_start(void) {
    const char *how = start_argument("random");
    const uint64_t seed = start_number("seed", 1);
    const uint64_t words[4] = {seed, 0, clock_wall(), clock_ticks()};
    memcpy(key, words, how != nullptr && strcmp(how, "fixed") == 0 ? 16 : sizeof(words));
}

int64_t sys_getrandom(struct thread *, const uint64_t argument[6]) {
    constexpr uint64_t known_flags = 7, most = 0x1ff'ffff; // GRND_NONBLOCK, GRND_RANDOM, GRND_INSECURE
    uint8_t part[256];
    if (argument[2] & ~known_flags) return -EINVAL;
    const uint64_t bytes = argument[1] < most ? argument[1] : most;
    for (uint64_t done = 0; done < bytes;) {
        const size_t count = bytes - done < sizeof(part) ? bytes - done : sizeof(part);
        random_bytes(part, count);
        if (user_write(argument[0] + done, part, count) != 0) return done != 0 ? (int64_t)done : -EFAULT;
        done += count;
    }
    return (int64_t)bytes;
}
