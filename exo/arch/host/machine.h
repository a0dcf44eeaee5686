// SPDX-License-Identifier: MIT
// What the files of this folder share.
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include "exo/arch/arch.h"
#include "exo/arch/host/host.h"
#include "exo/frame.h"

// A wrong use of the simulated machine, by the kernel or by a test, ends the process.
#define HOST_REQUIRE(condition)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: required: %s\n", __FILE__, __LINE__, #condition);                                  \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

// memory.c
void memory_make(uint64_t frames);
void memory_take_down(void);
exo_frame memory_root(void);          // the kernel's own root table
uint32_t memory_use(exo_frame frame); // how often the frame has been given a type

// mmu.c
void mmu_flush_all(void);
void mmu_load(struct pe *pe); // whose tables are walked from now on
const char *mmu_audit(void);

// cpu.c
void cpu_reset(void);
void cpu_leave_kernel(void); // the end of every interrupt
extern struct pe *host_loaded;

// gate.c
struct exo_result short_path_gate_call(exo_handle gate);
struct exo_result short_path_gate_reply(void);

// disk.c
void disk_make(uint64_t blocks);
void disk_take_down(void);
unsigned disk_pins(exo_frame frame); // transfers under way that move data of a frame

// console.c
void console_reset(void);
