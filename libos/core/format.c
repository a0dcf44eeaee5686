// SPDX-License-Identifier: MIT
// The formatter behind print and report: integers and strings, no floating point, no state. Pure.
#include "libos/core/print.h"

struct text {
    char *at;
    size_t room;   // bytes that still fit, without the NUL
    size_t length; // of the whole text, also what didn't fit
};

struct conversion {
    bool left, zeros, alternate;
    size_t width;
    size_t precision; // SIZE_MAX: none given
    unsigned longs;   // 0: int, 1 and more: 64 bits
};

static void put(struct text *text, char c) {
    text->length++;
    if (text->room == 0) return;
    text->room--;
    *text->at++ = c;
}

static void put_field(struct text *text, const struct conversion *as, const char *bytes, size_t count) {
    const size_t padding = as->width > count ? as->width - count : 0;
    if (!as->left)
        for (size_t i = 0; i < padding; i++) put(text, ' ');
    for (size_t i = 0; i < count; i++) put(text, bytes[i]);
    if (as->left)
        for (size_t i = 0; i < padding; i++) put(text, ' ');
}

static void put_number(struct text *text, struct conversion *as, uint64_t value, unsigned base, bool negative) {
    char digits[32];
    size_t at = sizeof(digits);
    const size_t least = as->precision == SIZE_MAX ? 1 : as->precision < 20 ? as->precision : 20;
    for (; value != 0 || sizeof(digits) - at < least; value /= base) digits[--at] = "0123456789abcdef"[value % base];
    const size_t prefix = (negative ? 1 : 0) + (as->alternate && base == 16 ? 2 : 0);
    if (as->zeros && !as->left)
        while (at > 3 && sizeof(digits) - at + prefix < as->width) digits[--at] = '0';
    if (as->alternate && base == 16) {
        digits[--at] = 'x';
        digits[--at] = '0';
    }
    if (negative) digits[--at] = '-';
    put_field(text, as, digits + at, sizeof(digits) - at);
}

static void put_string(struct text *text, struct conversion *as, const char *string) {
    size_t length = 0;
    if (string == nullptr) string = "(null)";
    while (length < as->precision && string[length] != '\0') length++;
    put_field(text, as, string, length);
}

// Reads flags, width, precision and length behind a '%'; returns what follows.
static const char *read_conversion(const char *format, struct conversion *as, va_list *list) {
    *as = (struct conversion){.precision = SIZE_MAX};
    for (;; format++) {
        if (*format == '-')
            as->left = true;
        else if (*format == '0')
            as->zeros = true;
        else if (*format == '#')
            as->alternate = true;
        else
            break;
    }
    while (*format >= '0' && *format <= '9') as->width = as->width * 10 + (size_t)(*format++ - '0');
    if (*format == '.') {
        as->precision = 0;
        if (*++format == '*') {
            as->precision = (size_t)va_arg(*list, int);
            format++;
        }
        while (*format >= '0' && *format <= '9') as->precision = as->precision * 10 + (size_t)(*format++ - '0');
    }
    while (*format == 'l' || *format == 'z' || *format == 'j') {
        as->longs++;
        format++;
    }
    return format;
}

size_t format_list(char *buffer, size_t size, const char *format, va_list arguments) {
    struct text text = {buffer, size == 0 ? 0 : size - 1, 0};
    va_list list;
    va_copy(list, arguments);
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put(&text, *format);
            continue;
        }
        struct conversion as;
        format = read_conversion(format + 1, &as, &list);
        switch (*format) {
        case 'd':
        case 'i': {
            const int64_t value = as.longs != 0 ? va_arg(list, int64_t) : va_arg(list, int);
            put_number(&text, &as, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, value < 0);
            break;
        }
        case 'u':
            put_number(&text, &as, as.longs != 0 ? va_arg(list, uint64_t) : va_arg(list, unsigned), 10, false);
            break;
        case 'x':
            put_number(&text, &as, as.longs != 0 ? va_arg(list, uint64_t) : va_arg(list, unsigned), 16, false);
            break;
        case 'p':
            as.alternate = true;
            put_number(&text, &as, (uint64_t)va_arg(list, void *), 16, false);
            break;
        case 'c': {
            const char c = (char)va_arg(list, int);
            put_field(&text, &as, &c, 1);
            break;
        }
        case 's': put_string(&text, &as, va_arg(list, const char *)); break;
        case '%': put(&text, '%'); break;
        default: // unknown: as it stands, and nothing more can be known of the arguments
            put(&text, '%');
            format--;
        }
    }
    va_end(list);
    if (size != 0) *text.at = '\0';
    return text.length;
}

size_t format_text(char *buffer, size_t size, const char *format, ...) {
    va_list list;
    va_start(list, format);
    const size_t length = format_list(buffer, size, format, list);
    va_end(list);
    return length;
}
