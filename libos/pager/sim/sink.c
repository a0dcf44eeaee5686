// SPDX-License-Identifier: MIT
// See sink.h.
#include "libos/pager/sim/sink.h"
#include "libos/pager/sim/memory.h"
#include "libos/pager/sim/zstd.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail(struct sink *sink, const char *why) {
    snprintf(sink->error, sink->error_size, "%s: %s", sink->path, why);
    return false;
}

bool sink_open(struct sink *sink, const char *path, bool compressed, char *error, size_t error_size) {
    *sink = (struct sink){.path = path, .error = error, .error_size = error_size};
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode))
        return fail(sink, "is there and is no file that could be replaced");
    if (compressed) zstd_require(path);
    const size_t length = strlen(path) + sizeof ".partial-XXXXXX";
    sink->partial = memory_grow(nullptr, length);
    snprintf(sink->partial, length, "%s.partial-XXXXXX", path);
    const int descriptor = mkstemp(sink->partial);
    if (descriptor < 0 || (sink->file = fdopen(descriptor, "w")) == nullptr) {
        fail(sink, strerror(errno));
        if (descriptor >= 0) {
            close(descriptor);
            unlink(sink->partial);
        }
        free(sink->partial);
        return false;
    }
    const mode_t mask = umask(0); // a temporary file is made for its owner only
    umask(mask);
    fchmod(descriptor, 0666 & ~mask);
    if (compressed) sink->zstd = zstd_writer_new(sink->file);
    return true;
}

bool sink_write(struct sink *sink, const void *bytes, size_t size) {
    return sink->zstd != nullptr ? zstd_write(sink->zstd, bytes, size) : fwrite(bytes, 1, size, sink->file) == size;
}

bool sink_close(struct sink *sink, bool good) {
    good = good && (sink->zstd == nullptr || zstd_finish(sink->zstd)) && fflush(sink->file) == 0;
    if (!good) fail(sink, strerror(errno));
    fclose(sink->file);
    if (good && rename(sink->partial, sink->path) != 0) good = fail(sink, strerror(errno));
    if (!good) unlink(sink->partial);
    zstd_writer_free(sink->zstd);
    free(sink->partial);
    return good;
}
