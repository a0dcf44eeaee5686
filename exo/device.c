// SPDX-License-Identifier: MIT
// Devices that are bound as a whole: two byte channels and the power switch.
#include "exo/call.h"

#define FIND_DEVICE(variable, handle, rights)                                                                          \
    FIND(binding_, handle, DEVICE, rights);                                                                            \
    const enum exo_device variable = binding_->first

struct exo_result call_console_write(exo_handle device, uint64_t count) {
    FIND_DEVICE(console, device, EXO_WRITE);
    CHECK(console == EXO_CONSOLE || console == EXO_REPORT, VALUE);
    CHECK(count <= EXO_ARGS_SIZE, VALUE);
    const volatile uint8_t *bytes = pe_page(arch_current())->args;
    for (uint64_t i = 0; i < count; i++)
        if (!arch_console_write(console, bytes[i])) return (struct exo_result){EXO_AGAIN, i};
    return done(count);
}

struct exo_result call_console_read(exo_handle device) {
    FIND_DEVICE(console, device, EXO_READ);
    CHECK(console == EXO_CONSOLE, VALUE);
    const int byte = arch_console_read(console);
    CHECK(byte >= 0, AGAIN);
    return done((uint64_t)byte);
}

struct exo_result call_machine_off(exo_handle device, uint64_t status) {
    FIND_DEVICE(power, device, EXO_WRITE);
    CHECK(power == EXO_POWER && status < 64, VALUE);
    arch_off(status);
}

struct exo_result call_null(void) {
    return done(0);
}
