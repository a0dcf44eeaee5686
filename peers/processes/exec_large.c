// SPDX-License-Identifier: MIT
// A large program for the rows exec.large and exec.large.touch: EXEC_CONSTANT bytes that are only read and EXEC_DATA
// that are written. With the argument `touch` it does that, a byte of each page; else it ends at once.
#include "peers/processes/rows.h"
#include <string.h>

enum { PAGE = 4096 };

static const char constant[EXEC_CONSTANT] = {1};
static char data[EXEC_DATA] = {1};

int main(int count, char **words) {
    if (count < 2 || strcmp(words[1], "touch") != 0) return 0;
    const volatile char *from = constant;
    volatile char *to = data;
    for (long at = 0; at < EXEC_CONSTANT; at += PAGE) (void)from[at];
    for (long at = 0; at < EXEC_DATA; at += PAGE) to[at] = 2;
    return 0;
}
