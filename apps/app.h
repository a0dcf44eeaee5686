// SPDX-License-Identifier: MIT
// What every application shares: its arguments, its numbers, its verdict.
//
//   static struct app_argument arguments[] = {
//       {.name = "n", .least = 2, .most = 1024, .number = 192}, // a number with its limits and its default
//       {.name = "file", .text = "american-english"},           // most 0: a word
//   };
//   APP_ARGUMENTS(argc, argv, arguments);
//   …
//   if (wrong) app_fail("word %lu of the product is wrong", i);   // exit status 1
//   return app_passed(checksum);                                  // exit status 0
//
// Applications are C17 and one file each, so that `cc -O2 -I. apps/matmul.c` builds the same source for Linux. They
// know nothing of the library OS under them but the two functions below, which are weak: natively they are absent.
// Only malloc's memory is paged, so whatever must not disturb a measurement is in static buffers.
#ifndef APPS_APP_H
#define APPS_APP_H
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Offered by a library OS (libos/core/print.h and start.h).
__attribute__((weak, format(printf, 1, 2))) void report(const char *format, ...);
__attribute__((weak)) uint64_t start_number(const char *name, uint64_t otherwise);

enum app_status { APP_PASSED = 0, APP_FAILED = 1, APP_USAGE = 2 };

struct app_argument {
    const char *name;
    uint64_t least, most; // limits of a number; most 0: the argument is a word
    uint64_t number;      // default, then the value
    const char *text;     // the same for a word; null: none
};

static const char *app_name = "app";

// Ends with APP_FAILED: the application's own check has found a wrong result.
__attribute__((noreturn, format(printf, 1, 2), unused)) static void app_fail(const char *format, ...) {
    char text[256];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    fprintf(stderr, "%s: wrong result: %s\n", app_name, text);
    exit(APP_FAILED);
}

// Ends with APP_USAGE: what was asked for cannot be done.
__attribute__((noreturn, format(printf, 1, 2), unused)) static void app_refuse(const char *format, ...) {
    char text[512];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    fprintf(stderr, "%s: %s\n", app_name, text);
    exit(APP_USAGE);
}

// The decimal number that `text` is, or false if it is anything else or does not fit.
__attribute__((unused)) static bool app_decimal(const char *text, uint64_t *number) {
    uint64_t value = 0;
    if (!*text) return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || value > (UINT64_MAX - 9) / 10) return false;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *number = value;
    return true;
}

// Learns the application's name, with which its sentences begin.
static void app_begin(int argc, char **argv) {
    if (argc > 0 && argv[0]) app_name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
}

__attribute__((unused)) static void app_set(struct app_argument *argument, const char *value) {
    if (!argument->most) {
        if (!*value) app_refuse("%s needs a value", argument->name);
        argument->text = value;
    } else if (!app_decimal(value, &argument->number) || argument->number < argument->least
               || argument->number > argument->most) {
        app_refuse("%s must be a number from %" PRIu64 " to %" PRIu64 ", not \"%s\"", argument->name, argument->least,
                   argument->most, value);
    }
}

// Reads the command line into `list`: `name=value` words in any order, and bare words, which fill in order the
// arguments that were not named. Anything else ends with one sentence and APP_USAGE.
__attribute__((unused)) static void app_arguments(int argc, char **argv, struct app_argument *list, size_t count) {
    size_t next = 0;
    bool named[8] = {false};
    app_begin(argc, argv);
    for (int word = 1; word < argc; word++) {
        size_t length = strcspn(argv[word], "="), i = 0;
        while (i < count && (strlen(list[i].name) != length || strncmp(list[i].name, argv[word], length))) i++;
        if (argv[word][length] && i < count) {
            named[i] = true;
            app_set(&list[i], argv[word] + length + 1);
            continue;
        }
        while (next < count && named[next]) next++;
        if (next == count || (argv[word][length] && list[next].most)) {
            char names[128] = "nothing";
            for (size_t j = 0, at = 0; j < count && at < sizeof names; j++)
                at += (size_t)snprintf(names + at, sizeof names - at, "%s%s=", j ? ", " : "", list[j].name);
            app_refuse("\"%s\" is one argument too many or has a name that it does not know; it takes %s", argv[word],
                       names);
        }
        app_set(&list[next++], argv[word]);
    }
}
#define APP_ARGUMENTS(argc, argv, list) app_arguments(argc, argv, list, sizeof(list) / sizeof *(list))

// Says on the console and on the report channel that the check has passed; returns main's status.
__attribute__((unused)) static int app_passed(uint64_t checksum) {
    printf("%s: checksum %016" PRIx64 ", verified\n", app_name, checksum);
    if (report)
        report("{\"event\":\"result\",\"job\":%" PRIu64 ",\"name\":\"checksum\",\"value\":\"%016" PRIx64 "\"}",
               start_number ? start_number("job", 0) : 0, checksum);
    return APP_PASSED;
}

// Memory that the library OS pages. Ends with APP_USAGE if there is not enough.
__attribute__((unused)) static void *app_memory(uint64_t bytes) {
    void *memory = bytes <= SIZE_MAX ? malloc(bytes ? bytes : 1) : NULL;
    if (!memory) app_refuse("there is no memory for %" PRIu64 " KiB more", (bytes + 1023) / 1024);
    return memory;
}

// A bijection of 64-bit words that spreads every bit (the finaliser of SplitMix64, Steele et al., OOPSLA 2014).
__attribute__((unused)) static inline uint64_t app_mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

// The next number below n of a linear congruential generator (Knuth's MMIX constants); n at most 2^48.
__attribute__((unused)) static inline uint64_t app_random(uint64_t *state, uint64_t n) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 16) % n;
}

#endif
