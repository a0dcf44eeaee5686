// SPDX-License-Identifier: MIT
// libCacheSim's oracleGeneral form: records of 24 bytes, little-endian, without padding.
//
//   offset 0   4 bytes   time in seconds            written: 0      read: ignored
//          4   8 bytes   id of the object           page + 1: some programs have no id 0
//         12   4 bytes   size of the object         written: 1      read: ignored, every object is one page
//         16   8 bytes   number of the next reference to it, counted from 1 as in libCacheSim's own files, or -1
//                        if there is none                                 read: ignored
//
// What the form has no place for is lost: whether a reference writes, and which ones an instruction makes together. Ids
// may be any numbers; an id of 0 is the page 2^64 - 1, so that every file can be written back as it was.
#include "libos/pager/policy.h"
#include "libos/pager/sim/formats.h"
#include "libos/pager/sim/sink.h"
#include "libos/pager/sim/source.h"
#include <stdio.h>
#include <stdlib.h>

static uint64_t get(const unsigned char *bytes, unsigned size) {
    uint64_t value = 0;
    for (unsigned i = size; i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

static void put(unsigned char *bytes, unsigned size, uint64_t value) {
    for (unsigned i = 0; i < size; i++) bytes[i] = (unsigned char)(value >> 8 * i);
}

bool oracle_general_read(struct trace *trace, struct source *source) {
    const unsigned char *record;
    for (size_t number = 1; (record = source_record(source, ORACLE_GENERAL_RECORD)) != nullptr; number++) {
        if (!trace_add_or_full(trace, get(record + 4, 8) - 1, false)) {
            snprintf(source->error, source->error_size,
                     "%s: record %zu: more than %u references, or than 2^30 different pages", source->path, number,
                     UINT32_MAX - 1);
            return false;
        }
    }
    const size_t left = source_peek(source, &record, 1);
    if (left == 0 || source->failed) return true;
    snprintf(source->error, source->error_size, "%s: truncated: record %zu has %zu of its %zu bytes", source->path,
             trace->length + 1, left, ORACLE_GENERAL_RECORD);
    return false;
}

bool oracle_general_write(const struct trace *trace, struct sink *sink) {
    uint32_t *next = trace_next_uses(trace);
    bool good = true;
    for (size_t i = 0; good && i < trace->length; i++) {
        unsigned char record[ORACLE_GENERAL_RECORD];
        put(record, 4, 0);
        put(record + 4, 8, trace->number[reference_page(trace->reference[i])] + 1);
        put(record + 12, 4, 1);
        put(record + 16, 8, next[i] == POLICY_NONE ? UINT64_MAX : next[i] + 1ull);
        good = sink_write(sink, record, sizeof record);
    }
    free(next);
    return good;
}
