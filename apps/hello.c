// SPDX-License-Identifier: MIT
// The first program: says hello, shows the arguments it got and, if a file is named, reads it.
//
//   hello [file=NAME] [WORD …]
//
// The checksum is FNV-1a over the words and the file's bytes, so that any other machine can compute it too.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "apps/app.h"

static const uint64_t fnv_basis = 0xcbf29ce484222325u;

static uint64_t fnv1a(uint64_t hash, const char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    return hash;
}

// Adds a whole file to the hash. Its length by lseek must be what read delivered.
static uint64_t read_file(uint64_t hash, const char *name) {
    static char buffer[4096];
    uint64_t bytes = 0, lines = 0;
    ssize_t got;
    int file = open(name, O_RDONLY);
    if (file < 0) app_refuse("cannot open the file \"%s\": %s", name, strerror(errno));
    while ((got = read(file, buffer, sizeof buffer)) > 0) {
        hash = fnv1a(hash, buffer, (size_t)got);
        for (ssize_t i = 0; i < got; i++) lines += buffer[i] == '\n';
        bytes += (uint64_t)got;
    }
    if (got < 0) app_refuse("cannot read the file \"%s\" past byte %" PRIu64, name, bytes);
    off_t length = lseek(file, 0, SEEK_END);
    if (length < 0 || (uint64_t)length != bytes)
        app_fail("\"%s\" has %lld bytes but %" PRIu64 " were read", name, (long long)length, bytes);
    close(file);
    printf("%s: %" PRIu64 " bytes, %" PRIu64 " lines\n", name, bytes, lines);
    return hash;
}

int main(int argc, char **argv) {
    uint64_t hash = fnv_basis;
    app_begin(argc, argv);

    puts("Hello, world.");
    for (int i = 0; i < argc; i++) {
        printf("argument %d: %s\n", i, argv[i]);
        if (i && !strncmp(argv[i], "file=", 5))
            hash = read_file(hash, argv[i] + 5);
        else if (i)
            hash = fnv1a(hash, argv[i], strlen(argv[i]));
    }
    return app_passed(hash);
}
