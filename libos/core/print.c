// SPDX-License-Identifier: MIT
// Consoles. A text is made on the stack first and then copied to the argument area with events held: so a fault on
// the text's own memory cannot spoil the area, and no event handler can between copying and the call.
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include <string.h>

static_assert(PRINT_LINE <= EXO_ARGS_SIZE);

// `bytes` is memory that doesn't fault; count at most EXO_ARGS_SIZE.
static bool put(exo_handle device, const void *bytes, size_t count) {
    while (true) { // until a host that is slow to read has taken all
        const uint64_t held = events_hold();
        memcpy(pe_page()->args, bytes, count);
        const struct exo_result result = exo_console_write(device, count);
        events_release(held);
        if (result.error != EXO_AGAIN) return result.error == EXO_OK;
        bytes = (const char *)bytes + result.value;
        count -= result.value;
    }
}

size_t device_write(exo_handle device, const void *bytes, size_t count) {
    size_t done = 0;
    while (done < count) {
        char part[PRINT_LINE];
        const size_t size = count - done < sizeof(part) ? count - done : sizeof(part);
        memcpy(part, (const char *)bytes + done, size);
        if (!put(device, part, size)) break;
        done += size;
    }
    return done;
}

void print(const char *format, ...) {
    char line[PRINT_LINE];
    va_list list;
    va_start(list, format);
    const size_t length = format_list(line, sizeof(line), format, list);
    va_end(list);
    (void)put(start->console, line, length < sizeof(line) ? length : sizeof(line) - 1);
}

void report(const char *format, ...) {
    char line[PRINT_LINE];
    va_list list;
    va_start(list, format);
    const size_t length = format_list(line, sizeof(line), format, list);
    va_end(list);
    if (length >= sizeof(line)) {
        print("job %lu: a report of %lu bytes is too long: %.40s…\n", start->job, length, line);
        return;
    }
    line[length] = '\n'; // in place of the NUL
    (void)put(start->report, line, length + 1);
}
