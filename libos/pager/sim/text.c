// SPDX-License-Identifier: MIT
// Traces as text: a line is `PAGE`, `PAGE R` or `PAGE W`, decimal, and ends with a newline, also after a carriage
// return. The last line may lack it.
#include "libos/pager/sim/formats.h"
#include "libos/pager/sim/sink.h"
#include "libos/pager/sim/source.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

constexpr size_t LONGEST = 4096; // line; longer ones are bad whatever they hold

// Takes a line apart; false if it is not one of the three forms.
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
    return *kind == 'R' || *kind == 'W';
}

static void refuse(const struct source *source, size_t number, const char *line, size_t length) {
    char shown[41];
    if (length > sizeof shown - 1) length = sizeof shown - 1;
    for (size_t i = 0; i < length; i++) shown[i] = isprint((unsigned char)line[i]) ? line[i] : '?';
    shown[length] = '\0';
    snprintf(source->error, source->error_size,
             "%s:%zu: expected a decimal page number, then nothing, ' R' or ' W'; found \"%s\"", source->path, number,
             shown);
}

bool text_read(struct trace *trace, struct source *source) {
    const char *line;
    size_t length;
    for (size_t number = 1; (line = source_line(source, &length)) != nullptr; number++) {
        uint64_t page;
        char kind;
        while (length > 0 && line[length - 1] == '\r') length--;
        if (!parse(line, length, &page, &kind)) {
            refuse(source, number, line, length);
            return false;
        }
        if (!trace_add_or_full(trace, page, kind == 'W')) {
            snprintf(source->error, source->error_size, "%s:%zu: more than %u references, or than 2^30 different pages",
                     source->path, number, UINT32_MAX - 1);
            return false;
        }
        trace->has_writes |= kind != '\0';
    }
    return true;
}

size_t text_line(const struct trace *trace, size_t at, char line[TEXT_LINE]) {
    const uint32_t reference = trace->reference[at];
    const char *kind = !trace->has_writes ? "" : reference_writes(reference) ? " W" : " R";
    return (size_t)snprintf(line, TEXT_LINE, "%" PRIu64 "%s\n", trace->number[reference_page(reference)], kind);
}

bool text_write(const struct trace *trace, struct sink *sink) {
    for (size_t i = 0; i < trace->length; i++) {
        char line[TEXT_LINE];
        if (!sink_write(sink, line, text_line(trace, i, line))) return false;
    }
    return true;
}
