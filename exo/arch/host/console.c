// SPDX-License-Identifier: MIT
// The simulated consoles: what is written is kept, what is to be read comes from the test.
#include <string.h>
#include "exo/arch/host/machine.h"

constexpr unsigned CONSOLES = 2, KEPT = 65536;
static char written[CONSOLES][KEPT + 1];
static unsigned length[CONSOLES];
static const char *typed = "";
static unsigned room = ~0u; // bytes that are taken before one is refused

void console_reset(void) {
    memset(length, 0, sizeof length);
    typed = "";
    room = ~0u;
}

bool arch_console_write(enum exo_device console, uint8_t byte) {
    HOST_REQUIRE(console < CONSOLES);
    if (room-- == 0) return false;
    if (length[console] == KEPT) memmove(written[console], written[console] + 1, --length[console]);
    written[console][length[console]++] = (char)byte;
    return true;
}

void host_console_room(unsigned bytes) {
    room = bytes;
}

int arch_console_read(enum exo_device console) {
    HOST_REQUIRE(console < CONSOLES);
    return *typed != 0 ? (uint8_t)*typed++ : -1;
}

const char *host_console(enum exo_device console) {
    HOST_REQUIRE(console < CONSOLES);
    written[console][length[console]] = 0;
    return written[console];
}

void host_console_type(const char *text) {
    typed = text;
}
