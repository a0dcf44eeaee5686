// SPDX-License-Identifier: MIT
// External sort of the lines of a text file.
//
//   sort [file=american-english] [output=sort.out] [run=65536] [reverse=1]
//
// Lines are collected in an arena of `run` bytes; a full arena is sorted and kept as a run in paged memory; at the end
// all runs are merged into the output file. With reverse=1 lines compare from their last byte backwards, so that
// words come out by their endings, as in a rhyming dictionary. The order is that of unsigned bytes.
// Check: the output is read again; it must be in order, and have as many lines and bytes and the same multiset of
// lines (the sum of their hashes) as the input.
//
// A line is held as it is compared (backwards if reverse=1) behind a two-byte length. File buffers are static, so the
// arena and the runs are all that is paged. Lengths and offsets found in paged memory are checked before use.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "apps/app.h"

enum {
    LINE_MOST = 4095,
    RUNS_MOST = 1024,
    RUN_MOST = 1 << 18,
    BUFFER = 4096,
    LENGTH = sizeof(uint16_t),
    INDEX_MOST = RUN_MOST / (LENGTH + sizeof(uint32_t)), // lines of an arena, if all are empty
};

struct file {
    const char *name;
    int descriptor;
    size_t at, end; // reading: the buffer's bytes not yet used; writing: end is how many wait
    char buffer[BUFFER];
};

// What the output must have in common with the input.
struct summary {
    uint64_t lines, bytes, hash;
};

// The arena: lines from the front, their offsets from the back, in reverse order of arrival.
struct arena {
    char *bytes;
    uint32_t size, used, lines;
};

struct run {
    char *first, *at, *end;
};

static bool reverse;
static struct arena arena;
static struct run runs[RUNS_MOST];
static uint32_t run_count;

static void open_file(struct file *file, const char *name, int flags) {
    file->name = name;
    file->at = file->end = 0;
    file->descriptor = open(name, flags, 0666);
    if (file->descriptor < 0) app_refuse("cannot open the file \"%s\": %s", name, strerror(errno));
}

static void turn(char *line, uint32_t length) {
    for (uint32_t i = 0, j = length; i + 1 < j; i++) {
        char byte = line[i];
        line[i] = line[--j];
        line[j] = byte;
    }
}

// Copies the next line, as it is compared and without its newline, to `line` (LINE_MOST bytes) and counts it.
// Returns false at the end of the file. The last line needs no newline.
static bool read_line(struct file *file, struct summary *summary, char *line, uint32_t *length) {
    for (*length = 0;;) {
        if (file->at == file->end) {
            ssize_t got = read(file->descriptor, file->buffer, BUFFER);
            if (got < 0) app_refuse("cannot read the file \"%s\" past line %" PRIu64, file->name, summary->lines);
            if (got == 0 && *length == 0) return false;
            if (got == 0) break;
            file->at = 0;
            file->end = (size_t)got;
        }
        char byte = file->buffer[file->at++];
        if (byte == '\n') break;
        if (*length == LINE_MOST)
            app_refuse("%s:%" PRIu64 ": expected a line of at most %d bytes", file->name, summary->lines + 1,
                       LINE_MOST);
        line[(*length)++] = byte;
    }
    if (reverse) turn(line, *length);
    uint64_t hash = *length;
    for (uint32_t i = 0; i < *length; i++) hash = hash * 31 + (unsigned char)line[i];
    summary->hash += app_mix(hash);
    summary->lines++;
    summary->bytes += *length + 1;
    return true;
}

static void flush(struct file *file) {
    for (size_t done = 0; done < file->end;) {
        ssize_t put = write(file->descriptor, file->buffer + done, file->end - done);
        if (put <= 0) app_refuse("cannot write all of the output to the file \"%s\": %s", file->name, strerror(errno));
        done += (size_t)put;
    }
    file->end = 0;
}

// Writes a line and its newline the way round it was read.
static void write_line(struct file *file, const char *line, uint32_t length) {
    for (uint32_t i = 0; i <= length; i++) {
        if (file->end == BUFFER) flush(file);
        file->buffer[file->end++] = i == length ? '\n' : line[reverse ? length - 1 - i : i];
    }
}

// The length of the line held at `at`, which must end before `end`.
static uint32_t length_at(const char *at, const char *end) {
    uint16_t length;
    if (end - at < LENGTH) app_fail("a line begins outside of its run");
    memcpy(&length, at, LENGTH);
    if (end - at - LENGTH < length) app_fail("a line is longer than its run");
    return length;
}

static int compare(const char *a, uint32_t a_length, const char *b, uint32_t b_length) {
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

// The offsets of the arena's lines.
static uint32_t *arena_index(void) {
    return (uint32_t *)(void *)(arena.bytes + arena.size) - arena.lines;
}

// The line at an offset of the arena.
static const char *arena_line(uint32_t offset, uint32_t *length) {
    if (offset >= arena.used) app_fail("the index of a run leads outside of it");
    *length = length_at(arena.bytes + offset, arena.bytes + arena.used);
    return arena.bytes + offset + LENGTH;
}

// Merge sort of `count` offsets by the lines that they lead to. Not qsort, so that every libc makes the same
// references.
static void sort_offsets(uint32_t *index, uint32_t count) {
    static uint32_t scratch[INDEX_MOST / 2];
    uint32_t half = count / 2, left = 0, right = half, to = 0;
    if (count < 2) return;
    sort_offsets(index, half);
    sort_offsets(index + half, count - half);
    memcpy(scratch, index, half * sizeof *index);
    while (left < half && right < count) {
        uint32_t a_length, b_length;
        const char *a = arena_line(scratch[left], &a_length), *b = arena_line(index[right], &b_length);
        index[to++] = compare(a, a_length, b, b_length) <= 0 ? scratch[left++] : index[right++];
    }
    memcpy(index + to, scratch + left, (half - left) * sizeof *index);
}

// Sorts the arena into a run of its own and empties it.
static void finish_run(void) {
    if (arena.lines == 0) return;
    if (run_count == RUNS_MOST) app_refuse("more than %d runs; give a larger run=", RUNS_MOST);
    uint32_t *index = arena_index();
    sort_offsets(index, arena.lines);
    struct run *run = &runs[run_count++];
    run->first = run->at = app_memory(arena.used);
    run->end = run->first + arena.used;
    for (uint32_t i = 0; i < arena.lines; i++) {
        uint32_t length;
        const char *line = arena_line(index[i], &length);
        if ((size_t)(run->end - run->at) < length + LENGTH) app_fail("a run grew while it was sorted");
        memcpy(run->at, line - LENGTH, length + LENGTH);
        run->at += length + LENGTH;
    }
    run->end = run->at;
    run->at = run->first;
    arena.used = arena.lines = 0;
}

static void collect_line(const char *line, uint32_t length) {
    if (arena.used + LENGTH + length + (arena.lines + 1) * sizeof(uint32_t) > arena.size) finish_run();
    uint16_t short_length = (uint16_t)length;
    memcpy(arena.bytes + arena.used, &short_length, LENGTH);
    memcpy(arena.bytes + arena.used + LENGTH, line, length);
    arena.lines++;
    *arena_index() = arena.used;
    arena.used += LENGTH + length;
}

static bool run_before(const struct run *a, const struct run *b) {
    return compare(a->at + LENGTH, length_at(a->at, a->end), b->at + LENGTH, length_at(b->at, b->end)) < 0;
}

// Restores the heap order (the least line first) of `count` runs below place `at`.
static void sift(struct run **heap, uint32_t count, uint32_t at) {
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && run_before(heap[child + 1], heap[child])) child++;
        if (!run_before(heap[child], heap[at])) return;
        struct run *run = heap[at];
        heap[at] = heap[child];
        heap[child] = run;
    }
}

static void merge_runs(struct file *output) {
    static struct run *heap[RUNS_MOST];
    uint32_t count = run_count;
    for (uint32_t i = 0; i < count; i++) heap[i] = &runs[i];
    for (uint32_t i = count / 2; i-- > 0;) sift(heap, count, i);
    while (count > 0) {
        struct run *run = heap[0];
        uint32_t length = length_at(run->at, run->end);
        write_line(output, run->at + LENGTH, length);
        run->at += LENGTH + length;
        if (run->at == run->end) heap[0] = heap[--count];
        if (count > 0) sift(heap, count, 0);
    }
    flush(output);
}

static void check_output(struct file *file, const struct summary *input) {
    static char lines[2][LINE_MOST];
    uint32_t length[2] = {0, 0};
    struct summary output = {0, 0, 0};
    while (read_line(file, &output, lines[output.lines % 2], &length[output.lines % 2])) {
        uint64_t now = (output.lines - 1) % 2, before = output.lines % 2;
        if (output.lines > 1 && compare(lines[before], length[before], lines[now], length[now]) > 0)
            app_fail("%s:%" PRIu64 ": the line belongs before the one above it", file->name, output.lines);
    }
    if (output.lines != input->lines || output.bytes != input->bytes)
        app_fail("%" PRIu64 " lines with %" PRIu64 " bytes became %" PRIu64 " with %" PRIu64, input->lines,
                 input->bytes, output.lines, output.bytes);
    if (output.hash != input->hash) app_fail("the output does not hold the lines of the input");
}

int main(int argc, char **argv) {
    static struct app_argument arguments[] = {
        {.name = "file", .text = "american-english"},
        {.name = "output", .text = "sort.out"},
        {.name = "run", .least = 2 * LINE_MOST, .most = RUN_MOST, .number = 65536},
        {.name = "reverse", .least = 0, .most = 1, .number = 1},
    };
    static struct file file, output;
    static char line[LINE_MOST];
    uint32_t length;
    struct summary input = {0, 0, 0};
    APP_ARGUMENTS(argc, argv, arguments);
    reverse = arguments[3].number;
    arena.size = (uint32_t)(arguments[2].number & ~(uint64_t)3);

    if (!strcmp(arguments[0].text, arguments[1].text)) app_refuse("the output needs another name than the input");
    open_file(&file, arguments[0].text, O_RDONLY);
    open_file(&output, arguments[1].text, O_WRONLY | O_CREAT | O_TRUNC);
    arena.bytes = app_memory(arena.size);
    while (read_line(&file, &input, line, &length)) collect_line(line, length);
    finish_run();
    close(file.descriptor);

    merge_runs(&output);
    if (fsync(output.descriptor) != 0 || close(output.descriptor) != 0)
        app_refuse("cannot finish the file \"%s\": %s", output.name, strerror(errno));
    free(arena.bytes);
    for (uint32_t i = 0; i < run_count; i++) free(runs[i].first);

    open_file(&file, arguments[1].text, O_RDONLY);
    check_output(&file, &input);
    close(file.descriptor);
    printf("sort: %" PRIu64 " lines, %" PRIu64 " bytes, %" PRIu32 " runs\n", input.lines, input.bytes, run_count);
    return app_passed(input.hash);
}
