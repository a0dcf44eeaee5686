// SPDX-License-Identifier: MIT
#include "tests/torture/memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct memory_now memory_now(void) {
    struct memory_now now = {-1, -1, -1};
    char name[32];
    long value;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file != nullptr && fscanf(file, "%31[^:]: %ld kB\n", name, &value) == 2) {
        if (strcmp(name, "MemAvailable") == 0) now.available = value;
        if (strcmp(name, "SwapFree") == 0) now.swap = value;
        if (strcmp(name, "Slab") == 0) now.heap = value;
    }
    if (file != nullptr) fclose(file);
    return now;
}

int torture(void) {
    const char *times = getenv("BINDERY_TORTURE");
    return times != nullptr && atoi(times) > 1 ? atoi(times) : 1;
}
