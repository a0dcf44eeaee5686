// SPDX-License-Identifier: MIT
// What sites.h says of the length of each instruction that it is given: 16 bytes of code in, one byte out. For
// site_lengths.py.
#include "libos/unix/process/sites.h"
#include <stdio.h>

int main(void) {
    uint8_t code[16];
    while (fread(code, sizeof code, 1, stdin) == 1) putchar((int)site_length(code, sizeof code));
    return ferror(stdin) || fflush(stdout) != 0;
}
