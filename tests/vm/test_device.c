// SPDX-License-Identifier: MIT
// Devices that are bound as a whole: console, report channel, power.
#include "tests/vm/rig.h"

TEST(a_console_writes_at_most_the_argument_area) {
    CHECK_EQUAL(OK(exo_console_write(CONSOLE, 0)), 0);
    for (unsigned i = 0; i < 5; i++) rig_page()->args[i] = "test\n"[i];
    CHECK_EQUAL(OK(exo_console_write(CONSOLE, 5)), 5);
    CHECK_ERROR(exo_console_write(CONSOLE, EXO_ARGS_SIZE + 1), VALUE);
    CHECK_ERROR(exo_console_write(CONSOLE, ~0ull), VALUE);
}

TEST(a_console_without_input_says_again) {
    CHECK_ERROR(exo_console_read(CONSOLE), AGAIN);
}

TEST(power_is_no_console_and_a_console_no_power) {
    CHECK_ERROR(exo_console_write(POWER, 0), VALUE);
    CHECK_ERROR(exo_console_read(POWER), VALUE);
    CHECK_ERROR(exo_console_read(REPORT), VALUE);
    CHECK_ERROR(exo_machine_off(CONSOLE, 0), VALUE);
}

TEST(the_host_is_handed_a_status_below_64) {
    CHECK_ERROR(exo_machine_off(POWER, 64), VALUE);
    CHECK_ERROR(exo_machine_off(POWER, ~0ull), VALUE);
    CHECK_ERROR(exo_machine_off(POWER, 1ull << 32), VALUE);
}

TEST(the_machine_describes_itself) {
    CHECK_EQUAL(rig_machine()->abi_version, EXO_ABI_VERSION);
    CHECK(rig_machine()->cpus >= 1);
    CHECK(rig_machine()->slice_nanoseconds > rig_machine()->grace_nanoseconds);
    CHECK(rig_machine()->grace_nanoseconds > 0);
    CHECK(rig_machine()->disk_blocks > 0);
    // A slice of busy waiting is as long by the time-stamp counter as the machine says, to a quarter.
    const volatile uint64_t *slices = &rig_page()->slices;
    for (uint64_t begun = *slices; *slices == begun;) {}
    const uint64_t start_ticks = __builtin_ia32_rdtsc();
    for (uint64_t begun = *slices; *slices == begun;) {}
    const uint64_t ticks = __builtin_ia32_rdtsc() - start_ticks;
    const uint64_t expected = rig_machine()->slice_nanoseconds * (rig_machine()->ticks_per_second / 1000) / 1'000'000;
    CHECK(ticks > expected - expected / 4 && ticks < expected + expected / 4);
}
