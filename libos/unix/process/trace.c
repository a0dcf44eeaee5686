// SPDX-License-Identifier: MIT
#include "libos/unix/process/trace.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/signal.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

struct shape {
    const char *name, *shapes;
};

#define CALL(number, name, shapes, sentence) [number] = {#name, shapes},
static const struct shape shapes[] = {
#include "libos/unix/files/calls.def"
#include "libos/unix/memory/calls.def"
#include "libos/unix/process/calls.def"
};
#undef CALL
constexpr uint64_t SHAPES = sizeof(shapes) / sizeof(shapes[0]);

#define NUMBER_NAME(number, name) [number] = #name,
#define ERROR_NAME(number, name)
static const char *const call_names[] = {
#include <names.inc>
};
#undef NUMBER_NAME
#undef ERROR_NAME
#define NUMBER_NAME(number, name)
#define ERROR_NAME(number, name) [number] = #name,
static const char *const error_names[] = {
#include <names.inc>
};
constexpr uint64_t CALL_NAMES = sizeof(call_names) / sizeof(call_names[0]);
constexpr int64_t ERROR_NAMES = sizeof(error_names) / sizeof(error_names[0]);

// A JSON string's contents. What doesn't fit is cut.
static void escape(char *to, size_t room, const char *from) {
    char *const end = to + room - 7;
    for (; *from != 0 && to < end; from++) {
        const unsigned char byte = (unsigned char)*from;
        if (byte == '"' || byte == '\\') {
            *to++ = '\\';
            *to++ = (char)byte;
        } else if (byte < 0x20 || byte == 0x7f)
            to += format_text(to, 7, "\\u%04x", byte);
        else
            *to++ = (char)byte;
    }
    *to = 0;
}

void notice(const char *format, ...) {
    char line[TRACE_LINE + 100], escaped[2 * sizeof(line)];
    va_list list;
    va_start(list, format);
    format_list(line, sizeof(line), format, list);
    va_end(list);
    escape(escaped, sizeof(escaped), line);
    report("{\"event\":\"notice\",\"job\":%lu,\"text\":\"%s\"}", start->job, escaped);
}

// ---- What is missing

constexpr unsigned REMEMBERED = 128;
static struct {
    char program[PROCESS_NAME];
    uint64_t number;
} missing[REMEMBERED];
static unsigned missing_count;

void call_missing(const struct process *process, uint64_t number) {
    const unsigned known = missing_count < REMEMBERED ? missing_count : REMEMBERED;
    for (unsigned i = 0; i < known; i++)
        if (missing[i].number == number && strcmp(missing[i].program, process->name) == 0) return;
    const unsigned place = missing_count++ % REMEMBERED;
    memcpy(missing[place].program, process->name, PROCESS_NAME);
    missing[place].number = number;
    const char *name = number < CALL_NAMES ? call_names[number] : nullptr;
    notice("%s: system call %lu (%s) is not served; the program gets ENOSYS", process->name, number,
           name != nullptr ? name : "unknown");
    report("{\"event\":\"missing\",\"job\":%lu,\"number\":%lu,\"name\":\"%s\"}", start->job, number,
           name != nullptr ? name : "");
}

void trace_signal(const struct signal_info *info, uint64_t instruction) {
    constexpr uint64_t with_address =
        1ull << SIGSEGV | 1ull << SIGBUS | 1ull << SIGILL | 1ull << SIGFPE | 1ull << SIGTRAP;
    const bool fault = info->code > 0 && (with_address >> info->signal & 1) != 0;
    const int32_t tid = thread_current()->tid;
    if (fault)
        notice("[%d] --- signal %d, address %#lx, at instruction %#lx", tid, info->signal, info->address, instruction);
    else
        notice("[%d] --- signal %d, at instruction %#lx", tid, info->signal, instruction);
}

// ---- Each call

static size_t put_string(char *to, size_t room, uint64_t address) {
    char text[65];
    const int64_t length = address == 0 ? -EFAULT : user_string(text, address, sizeof(text));
    if (address == 0) return format_text(to, room, "NULL");
    if (length == -EFAULT) return format_text(to, room, "%#lx", address);
    if (length < 0) text[sizeof(text) - 1] = 0; // longer than is shown
    if (length < 0 && user_read(text, address, sizeof(text) - 1) != 0) return format_text(to, room, "%#lx", address);
    return format_text(to, room, "'%s'%s", text, length < 0 ? "…" : "");
}

static size_t put_octal(char *to, size_t room, uint64_t value) {
    char digits[24], *at = digits + sizeof digits - 1;
    for (*at = 0; at == digits + sizeof digits - 1 || value != 0; value >>= 3) *--at = (char)('0' + value % 8);
    return format_text(to, room, "%s%s", *at == '0' ? "" : "0", at);
}

static size_t put_argument(char *to, size_t room, char shape, uint64_t value) {
    switch (shape) {
    case 's': return put_string(to, room, value);
    case 'd':
    case 'S': return format_text(to, room, "%d", (int)value);
    case 'u': return format_text(to, room, "%lu", value);
    case 'o': return put_octal(to, room, value);
    case 'p': return value == 0 ? format_text(to, room, "NULL") : format_text(to, room, "%#lx", value);
    default: return format_text(to, room, "%#lx", value);
    }
}

void trace_call(char line[TRACE_LINE], uint64_t number, const uint64_t argument[6]) {
    const struct shape *shape = number < SHAPES && shapes[number].name != nullptr ? &shapes[number] : nullptr;
    const char *name = shape != nullptr ? shape->name : number < CALL_NAMES ? call_names[number] : nullptr;
    size_t at = 0;
    if (name != nullptr)
        at = format_text(line, TRACE_LINE, "%s(", name);
    else
        at = format_text(line, TRACE_LINE, "call_%lu(", number);
    const char *letters = shape != nullptr ? shape->shapes : "xxxxxx";
    for (unsigned i = 0; letters[i] != 0 && at < TRACE_LINE - 1; i++) {
        if (i != 0) at += format_text(line + at, TRACE_LINE - at, ", ");
        if (at < TRACE_LINE) at += put_argument(line + at, TRACE_LINE - at, letters[i], argument[i]);
    }
    if (at < TRACE_LINE) format_text(line + at, TRACE_LINE - at, ")");
}

void trace_wait(struct thread *thread) {
    const char *line = thread->traced;
    thread->traced = nullptr;
    notice("[%d] %s waits", thread->tid, line);
}

void trace_result(const char *line, int64_t result) {
    const int32_t tid = thread_current()->tid;
    const char *error = result < 0 && result > -ERROR_NAMES ? error_names[-result] : nullptr;
    if (error != nullptr)
        notice("[%d] %s = -1 %s", tid, line, error);
    else if (result >= 0 && result < 0x10'0000)
        notice("[%d] %s = %ld", tid, line, result);
    else
        notice("[%d] %s = %#lx", tid, line, (uint64_t)result);
}
