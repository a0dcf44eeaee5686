// SPDX-License-Identifier: MIT
// An application. It knows of no library OS: the same file links with any of them.
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    enum { WORDS = 1 << 16 };
    int *words = malloc(WORDS * sizeof *words);
    if (words == NULL) return 1;
    long sum = 0;
    for (int i = 0; i < WORDS; i++) words[i] = i;
    for (int i = 0; i < WORDS; i++) sum += words[i];
    printf("hello, %s: the sum is %ld\n", argc > 1 ? argv[1] : "world", sum);
    free(words);
    return 0;
}
