// SPDX-License-Identifier: MIT
// Generated traces, byte for byte: SHA-256 of the text that `bindery-sim --generate` prints. The digests were made by
// an independent generator.
#include "libos/pager/sim/trace.h"
#include "libos/pager/policy.h"
#include "tests/unit/simulator_sha256.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *sha256;
} expected[] = {
    {"anomaly", "2bd821b610c43c1a103c1119125cadd8de2f7afdbe60222ee7f8cf414c3b7d1c"},
    {"dirtymix", "ff25c8491921d66efd77359b082a3f2d2d4ec93812f58cd772903c65d79ba230"},
    {"loop1100", "95d09a2d5cfe4b3395b6ea6940238fa6a31e0a616f02516fcbcd3baf05e76699"},
    {"loopzipf", "749052420f859e36f18ce9a49c015b3444045cdfddaf7b99e6e8a5aac90087a2"},
    {"matmul128", "6729bd21f4523d18dd55af0a04933a1361ed2b7b2f3f1cd7e6eb06fb781bbff2"},
    {"phases", "4f075df56143c6c6e91159e9a710aef08ccc79faa24eaa63a07d5b2eb760e9d5"},
    {"scanmix", "01af0fbb43232878ef98cca96510169bf219cd9f26a8832947c525cffabd8acb"},
    {"textbook", "9b837bfb540118ccc89e6d839daa4cf4f07c4e529ea332eca115ad5ce9de35c5"},
    {"twopool", "defb3f6e8ee7aba98cf4b3e53f6d408f1bb86458e9c3ab11ce4c3e1eb45e890a"},
    {"uniform", "792db158b66b9fae2d575c75275390669175e0543a4bb92c9499dc3e034094b7"},
    {"zipf05", "0a353b6d7d7ad2f735900fa09a8f960fc6ffb5eed2768137441c216c8104d869"},
    {"zipf10", "cdc7a2ebfd548916ad1aa5dfb2b89a629563b0115d849819519139a05337b829"},
};

static void digest(const char *name, char hex[65]) {
    struct trace *trace = trace_new(name);
    struct sha256 state = sha256_begin();
    cr_assert(trace_generate(trace, name), "%s", name);
    for (size_t i = 0; i < trace->length; i++) {
        const uint32_t reference = trace->reference[i];
        char line[32];
        const char *kind = !trace->has_writes ? "" : reference_writes(reference) ? " W" : " R";
        const int length = snprintf(line, sizeof line, "%lu%s\n", trace->number[reference_page(reference)], kind);
        sha256_add(&state, line, (size_t)length);
    }
    sha256_end(&state, hex);
    trace_free(trace);
}

Test(simulator, sha256_is_that_of_the_standard) {
    struct sha256 state = sha256_begin();
    char hex[65];
    sha256_add(&state, "abc", 3);
    sha256_end(&state, hex);
    cr_expect_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); // FIPS 180-4, example
}

Test(simulator, generated_traces_have_their_digests) {
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char hex[65];
        digest(expected[i].name, hex);
        cr_expect_str_eq(hex, expected[i].sha256, "%s", expected[i].name);
    }
}

Test(simulator, every_generated_trace_has_a_digest_here) {
    for (const struct trace_recipe *recipe = trace_recipes; recipe->name != nullptr; recipe++) {
        bool found = false;
        for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
            found |= strcmp(recipe->name, expected[i].name) == 0;
        cr_expect(found, "%s", recipe->name);
    }
}

Test(simulator, next_uses_link_the_references_of_a_page) {
    struct trace *trace = trace_new("next");
    for (const char *page = "70121"; *page != '\0'; page++) trace_add(trace, (uint64_t)*page << 40, false);
    uint32_t *next = trace_next_uses(trace);
    const uint32_t wanted[] = {POLICY_NONE, POLICY_NONE, 4, POLICY_NONE, POLICY_NONE};
    cr_expect_arr_eq(next, wanted, sizeof wanted);
    cr_expect_eq(trace->pages, 4);
    cr_expect_eq(trace->number[3], (uint64_t)'2' << 40);
    free(next);
    trace_free(trace);
}
