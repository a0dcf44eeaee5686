// SPDX-License-Identifier: MIT
// Traces as text: a line is `PAGE`, `PAGE R`, `PAGE W` or `PAGE M`, decimal, and ends with a newline, also after a
// carriage return. The last line may lack it.
//
// A `+` before the page joins the reference to the one of the line before: one instruction makes both, in this order,
// and needs all of its pages in memory at once. `M` is then a page that it reads first and writes when all pages are
// there, as `add` to a number that lies across two pages does; on a line by itself it is the same as `W`.
#include "libos/pager/sim/formats.h"
#include "libos/pager/sim/sink.h"
#include "libos/pager/sim/source.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

constexpr size_t LONGEST = 4096; // line; longer ones are bad whatever they hold

// Takes a line apart, but for a `+` before it; false if it is not one of the forms.
static bool parse(const char *line, size_t length, uint64_t *page, char *kind) {
    size_t at = 0;
    *page = 0;
    *kind = '\0';
    for (; at < length && line[at] >= '0' && line[at] <= '9'; at++) {
        if (__builtin_mul_overflow(*page, 10, page) || __builtin_add_overflow(*page, line[at] - '0', page))
            return false;
    }
    if (at == 0 || length > LONGEST) return false;
    if (at == length) return true;
    if (at + 2 != length || line[at] != ' ') return false;
    *kind = line[at + 1];
    return *kind == 'R' || *kind == 'W' || *kind == 'M';
}

static void refuse(const struct source *source, size_t number, const char *line, size_t length) {
    char shown[41];
    if (length > sizeof shown - 1) length = sizeof shown - 1;
    for (size_t i = 0; i < length; i++) shown[i] = isprint((unsigned char)line[i]) ? line[i] : '?';
    shown[length] = '\0';
    snprintf(source->error, source->error_size,
             "%s:%zu: expected a decimal page number, then nothing, ' R', ' W' or ' M'; found \"%s\"", source->path,
             number, shown);
}

static void refuse_full(const struct source *source, size_t number) {
    snprintf(source->error, source->error_size, "%s:%zu: more than %u references, or than 2^30 different pages",
             source->path, number, UINT32_MAX - 1);
}

static void refuse_join(const struct source *source, size_t number) {
    snprintf(source->error, source->error_size,
             "%s:%zu: '+' joins a reference to the one of the line before; there is none, or it is the last of %u",
             source->path, number, GROUP_MOST);
}

bool text_read(struct trace *trace, struct source *source) {
    const char *line;
    size_t length;
    for (size_t number = 1; (line = source_line(source, &length)) != nullptr; number++) {
        uint64_t page;
        char kind;
        while (length > 0 && line[length - 1] == '\r') length--;
        const bool joined = length > 0 && line[0] == '+';
        if (!parse(line + joined, length - joined, &page, &kind)) {
            refuse(source, number, line, length);
            return false;
        }
        const bool writes = kind == 'W' || kind == 'M';
        if (joined && trace_is_full(trace)) {
            refuse_full(source, number);
            return false;
        }
        if (joined && (number == 1 || !trace_join(trace, page, writes))) {
            refuse_join(source, number);
            return false;
        }
        if (!joined && !trace_add_or_full(trace, page, writes)) {
            refuse_full(source, number);
            return false;
        }
        if (kind == 'M') trace_late(trace);
        trace->has_writes |= kind != '\0';
    }
    return true;
}

size_t text_line(const struct trace *trace, size_t at, char line[TEXT_LINE]) {
    const uint32_t reference = trace->reference[at];
    const struct group *group = trace_group_at(trace, at);
    const bool joined = group != nullptr && at != group->first;
    const bool late = group != nullptr && group->late >> (at - group->first) & 1;
    const char *kind = !trace->has_writes ? "" : late ? " M" : reference_writes(reference) ? " W" : " R";
    return (size_t)snprintf(line, TEXT_LINE, "%s%" PRIu64 "%s\n", joined ? "+" : "",
                            trace->number[reference_page(reference)], kind);
}

bool text_write(const struct trace *trace, struct sink *sink) {
    for (size_t i = 0; i < trace->length; i++) {
        char line[TEXT_LINE];
        if (!sink_write(sink, line, text_line(trace, i, line))) return false;
    }
    return true;
}
