// SPDX-License-Identifier: MIT
// Touches the pages of a region as a trace file says, and nothing else of it.
//
//   replay trace=FILE [pages=N]
//
// A line is `PAGE` or `PAGE R` (one read of the page) or `PAGE W` (one write), decimal. Without pages=N the file is
// read once beforehand to find its highest page; with it, a page from N on is a bad line.
//
// Every page holds its own number and a version, in its first and in its last word. A read checks both, a write
// checks them and stores the next version; the versions that must be found are kept outside of the region. So each
// line is one reference to one page, a page that was only read stays clean, and whatever the pager loses, mixes up
// or tears is found at the next touch. The trace goes through a static buffer: nothing but the region is paged.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "apps/region.h"

enum {
    PAGES_MOST = 65536,
    BUFFER = 4096,
    LINE_MOST = 64,
    DIGITS_MOST = 19,
    PAGE_WORDS = REGION_PAGE / sizeof(uint64_t)
};

struct reference {
    uint64_t page;
    bool write;
};

// `bytes` ends with what was read last, behind the rest of what was read before.
struct trace {
    const char *name;
    int descriptor;
    uint64_t line;   // number of the line looked at last, from 1 on
    uint64_t pages;  // page numbers are below this
    const char *at;  // of `bytes`: those not yet used
    const char *end; // a newline stands here
    bool ended;      // nothing more is in the file
    char bytes[LINE_MOST + BUFFER + 1];
};

static uint32_t versions[PAGES_MOST];

// How often each line of the trace has been carried out so far: position of the next one. A policy that knows the
// future (OPT) takes from it where in the trace the program is.
volatile uint64_t replay_position;

static void open_trace(struct trace *trace, const char *name, uint64_t pages) {
    trace->name = name;
    trace->line = 0;
    trace->pages = pages;
    trace->at = trace->end = trace->bytes + LINE_MOST;
    trace->ended = false;
    trace->descriptor = open(name, O_RDONLY);
    if (trace->descriptor < 0) app_refuse("cannot open the trace \"%s\": %s", name, strerror(errno));
}

// Reads more, so that LINE_MOST bytes are there or all that are left.
static void read_on(struct trace *trace) {
    char *const place = trace->bytes + LINE_MOST;
    while (!trace->ended && trace->end - trace->at < LINE_MOST) {
        const size_t rest = (size_t)(trace->end - trace->at);
        memmove(place - rest, trace->at, rest);
        const ssize_t got = read(trace->descriptor, place, BUFFER);
        if (got < 0) app_refuse("cannot read the trace \"%s\" in line %" PRIu64, trace->name, trace->line);
        trace->ended = got == 0;
        place[got] = '\n';
        trace->at = place - rest;
        trace->end = place + got;
    }
}

__attribute__((noreturn)) static void refuse_line(const struct trace *trace) {
    char text[LINE_MOST + 1];
    size_t length = 0;
    for (const char *at = trace->at; at < trace->end && *at != '\n' && length < LINE_MOST; at++)
        text[length++] = *at >= ' ' && *at <= '~' ? *at : '?';
    text[length] = 0;
    app_refuse("%s:%" PRIu64 ": expected \"PAGE\", \"PAGE R\" or \"PAGE W\" with a PAGE from 0 to %" PRIu64
               ", not \"%s\"",
               trace->name, trace->line, trace->pages - 1, text);
}

// Returns false at the end of the file.
static bool next_reference(struct trace *trace, struct reference *reference) {
    trace->line++;
    if (trace->end - trace->at < LINE_MOST) {
        read_on(trace);
        if (trace->at == trace->end) return false;
    }
    const char *at = trace->at;
    uint64_t page = 0;
    for (unsigned digit; (digit = (unsigned)(*at - '0')) <= 9; at++) page = page * 10 + digit;
    const bool decimal = at != trace->at && at - trace->at <= DIGITS_MOST;
    const char kind = at[0] == ' ' && (at[1] == 'R' || at[1] == 'W') ? at[1] : 0;
    if (kind) at += 2;
    if (!decimal || *at != '\n' || page >= trace->pages) refuse_line(trace);
    trace->at = at < trace->end ? at + 1 : at;
    *reference = (struct reference){page, kind == 'W'};
    return true;
}

static uint64_t pages_of(struct trace *trace, const char *name) {
    struct reference reference;
    uint64_t pages = 0;
    open_trace(trace, name, PAGES_MOST);
    while (next_reference(trace, &reference))
        if (reference.page >= pages) pages = reference.page + 1;
    close(trace->descriptor);
    if (pages == 0) app_refuse("%s:1: expected at least one line \"PAGE\", \"PAGE R\" or \"PAGE W\"", name);
    return pages;
}

// What the first and the last word of a page hold; never 0, which an empty page would hold.
static uint64_t stamp(uint64_t page, uint32_t version) {
    return (page + 1) << 32 | version;
}

static void initial(uint64_t page, uint64_t words[PAGE_WORDS]) {
    words[0] = words[PAGE_WORDS - 1] = stamp(page, 0);
}

static void check_word(const struct trace *trace, const char *which, uint64_t found,
                       const struct reference *reference) {
    uint64_t expected = stamp(reference->page, versions[reference->page]);
    if (found != expected)
        app_fail("line %" PRIu64 " touches page %" PRIu64 " in version %" PRIu32 ", but its %s word is %" PRIx64
                 ", which %s",
                 trace->line, reference->page, versions[reference->page], which, found,
                 found == 0                      ? "is no page's"
                 : found >> 32 == expected >> 32 ? "is another version's"
                                                 : "is another page's");
}

// One reference. Returns the word read.
static uint64_t touch(const struct trace *trace, volatile uint64_t *words, const struct reference *reference) {
    uint64_t first = words[0], last = words[PAGE_WORDS - 1];
    check_word(trace, "first", first, reference);
    check_word(trace, "last", last, reference);
    if (reference->write) words[0] = words[PAGE_WORDS - 1] = stamp(reference->page, ++versions[reference->page]);
    return first;
}

int main(int argc, char **argv) {
    static struct app_argument arguments[] = {
        {.name = "trace"},
        {.name = "pages", .least = 1, .most = PAGES_MOST, .number = 0},
    };
    static struct trace trace;
    struct reference reference;
    uint64_t references = 0, writes = 0, checksum = 0;
    APP_ARGUMENTS(argc, argv, arguments);
    const char *name = arguments[0].text;
    if (!name) app_refuse("it needs a trace file: replay trace=FILE");

    uint64_t pages = arguments[1].number ? arguments[1].number : pages_of(&trace, name);
    uint64_t *region = region_or_memory(pages, initial);
    open_trace(&trace, name, pages);
    for (; next_reference(&trace, &reference); references++) {
        replay_position = references;
        checksum = app_mix(checksum + touch(&trace, region + reference.page * PAGE_WORDS, &reference));
        writes += reference.write;
    }
    close(trace.descriptor);
    printf("replay: %" PRIu64 " references to %" PRIu64 " pages, %" PRIu64 " of them writes\n", references, pages,
           writes);
    return app_passed(checksum);
}
