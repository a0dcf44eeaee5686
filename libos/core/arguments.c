// SPDX-License-Identifier: MIT
// See arguments.h.
#include "libos/core/arguments.h"
#include <string.h>

bool arguments_split(struct arguments *arguments, char *text) {
    static char program[] = "program";
    bool complete = true, own = false;
    arguments->words = 0;
    arguments->argc = 1;
    while (true) {
        while (*text == ' ') *text++ = '\0';
        if (*text == '\0') break;
        char *word = text;
        while (*text != ' ' && *text != '\0') text++;
        const bool last = *text == '\0';
        *text = '\0';
        if (!own && strcmp(word, "--") == 0)
            own = true;
        else if (own && arguments->argc < (int)ARGUMENT_WORDS)
            arguments->argv[arguments->argc++] = word;
        else if (!own && arguments->words < ARGUMENT_WORDS)
            arguments->word[arguments->words++] = word;
        else
            complete = false;
        if (last) break;
        text++;
    }
    arguments->argv[arguments->argc] = nullptr;
    char *name = (char *)arguments_find(arguments, "app");
    arguments->argv[0] = name == nullptr ? program : name;
    return complete;
}

const char *arguments_find(const struct arguments *arguments, const char *name) {
    const size_t length = strlen(name);
    for (unsigned i = 0; i < arguments->words; i++) {
        const char *word = arguments->word[i];
        if (strncmp(word, name, length) == 0 && word[length] == '=') return word + length + 1;
    }
    return nullptr;
}

static int digit_of(char c, unsigned base) {
    int value = -1;
    if (c >= '0' && c <= '9')
        value = c - '0';
    else if (c >= 'a' && c <= 'f')
        value = c - 'a' + 10;
    else if (c >= 'A' && c <= 'F')
        value = c - 'A' + 10;
    return value < (int)base ? value : -1;
}

bool arguments_number(const char *text, uint64_t *number) {
    unsigned base = 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    if (*text == '\0') return false;
    uint64_t value = 0;
    for (; *text != '\0'; text++) {
        const int digit = digit_of(*text, base);
        if (digit < 0 || __builtin_mul_overflow(value, (uint64_t)base, &value)
            || __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    *number = value;
    return true;
}
