// SPDX-License-Identifier: MIT
// Blocked matrix multiply, C = A·B, of n × n doubles in row-major order.
//
//   matmul [n=192] [block=48]
//
// Blocks of rows that are longer than a page make each block touch few words on many pages: little of what LRU keeps
// is what the next block needs (LRU takes several times the faults of OPT at a quarter of the memory).
// The elements are integers below 16, so every product and sum is exact and so is the check: A and B must still be
// what was stored, and C·r = A·(B·r) for random vectors r, which a wrong C passes with probability 2^-16 each
// (Freivalds 1977).
#include "apps/app.h"

enum { N_MOST = 1024, ROUNDS = 4 };

static uint64_t n, block;

static void fill(double *matrix, uint64_t seed) {
    for (uint64_t i = 0; i < n * n; i++) matrix[i] = (double)app_random(&seed, 16);
}

static void check_unchanged(const char *name, const double *matrix, uint64_t seed) {
    for (uint64_t i = 0; i < n * n; i++)
        if (matrix[i] != (double)app_random(&seed, 16))
            app_fail("row %" PRIu64 ", column %" PRIu64 " of %s has changed", i / n, i % n, name);
}

static uint64_t lesser(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

// Adds the product of one block of A and one block of B to a block of C.
static void multiply_block(const double *a, const double *b, double *c, uint64_t i0, uint64_t k0, uint64_t j0) {
    uint64_t i1 = lesser(i0 + block, n), k1 = lesser(k0 + block, n), j1 = lesser(j0 + block, n);
    for (uint64_t i = i0; i < i1; i++)
        for (uint64_t k = k0; k < k1; k++) {
            double factor = a[i * n + k];
            for (uint64_t j = j0; j < j1; j++) c[i * n + j] += factor * b[k * n + j];
        }
}

static void multiply(const double *a, const double *b, double *c) {
    for (uint64_t i = 0; i < n * n; i++) c[i] = 0;
    for (uint64_t i = 0; i < n; i += block)
        for (uint64_t j = 0; j < n; j += block)
            for (uint64_t k = 0; k < n; k += block) multiply_block(a, b, c, i, k, j);
}

// An element as the integer that it must be.
static uint64_t integer(double element) {
    if (!(element >= 0 && element < 1 << 18) || (double)(uint64_t)element != element)
        app_fail("an element is %s", element < 0 ? "negative" : "no integer, or too large");
    return (uint64_t)element;
}

// out = matrix · in. With n ≤ 1024, r below 2^16, A and B below 2^4 and C below 2^18 every sum stays below 2^45.
static void apply(const double *matrix, const uint64_t *in, uint64_t *out) {
    for (uint64_t i = 0; i < n; i++) {
        out[i] = 0;
        for (uint64_t j = 0; j < n; j++) out[i] += integer(matrix[i * n + j]) * in[j];
    }
}

static uint64_t checksum_of(const double *matrix) {
    uint64_t checksum = 0;
    for (uint64_t i = 0; i < n * n; i++) checksum = app_mix(checksum ^ integer(matrix[i]));
    return checksum;
}

static void check_product(const double *a, const double *b, const double *c) {
    static uint64_t r[N_MOST], br[N_MOST], abr[N_MOST], cr[N_MOST];
    uint64_t seed = 3;
    for (int round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 0; i < n; i++) r[i] = app_random(&seed, 1 << 16);
        apply(b, r, br);
        apply(a, br, abr);
        apply(c, r, cr);
        for (uint64_t i = 0; i < n; i++)
            if (cr[i] != abr[i]) app_fail("row %" PRIu64 " of the product is wrong", i);
    }
}

int main(int argc, char **argv) {
    static struct app_argument arguments[] = {
        {.name = "n", .least = 1, .most = N_MOST, .number = 192},
        {.name = "block", .least = 1, .most = N_MOST, .number = 48},
    };
    APP_ARGUMENTS(argc, argv, arguments);
    n = arguments[0].number;
    block = arguments[1].number;

    uint64_t bytes = n * n * sizeof(double);
    double *a = app_memory(bytes), *b = app_memory(bytes), *c = app_memory(bytes);
    fill(a, 1);
    fill(b, 2);
    multiply(a, b, c);
    uint64_t checksum = checksum_of(c);
    check_product(a, b, c);
    check_unchanged("A", a, 1);
    check_unchanged("B", b, 2);

    if (checksum_of(c) != checksum) app_fail("the product has changed while it was checked");
    printf("matmul: n=%" PRIu64 " block=%" PRIu64 "\n", n, block);
    free(a);
    free(b);
    free(c);
    return app_passed(checksum);
}
