// SPDX-License-Identifier: MIT
// For builds without libzstd.
#include "libos/pager/sim/zstd.h"
#include <stdlib.h>

void zstd_require(const char *path) {
    fprintf(stderr,
            "bindery-sim: %s: zstd is needed, and this program was built without it; install libzstd-dev, remove the "
            "build folder and build again\n",
            path);
    exit(3);
}

// Nobody comes here: whoever needs zstd asks first.
struct zstd_reader *zstd_reader_new(FILE *, const void *, size_t) {
    abort();
}

struct zstd_writer *zstd_writer_new(FILE *) {
    abort();
}

void zstd_reader_free(struct zstd_reader *) {}

void zstd_writer_free(struct zstd_writer *) {}

bool zstd_read(struct zstd_reader *, void *, size_t, size_t *, const char **) {
    abort();
}

bool zstd_write(struct zstd_writer *, const void *, size_t) {
    abort();
}

bool zstd_finish(struct zstd_writer *) {
    abort();
}
