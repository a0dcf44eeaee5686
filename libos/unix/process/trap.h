// SPDX-License-Identifier: MIT
// Events, and whose time it is.
#pragma once
#include "pe/pe.h"

constexpr uint64_t EVENT_SLICE = 1ull << EXO_EVENT_slice_begin;
constexpr uint64_t EVENT_DISK = 1ull << EXO_EVENT_disk;

uint64_t events_take(void); // those that have come since

// Time is given to the running thread (times.c).
struct thread;
void times_start(void);
void times_switch(struct thread *from);
void times_idle(void); // what passed since then is nobody's
void times_slice(struct thread *thread, bool in_user);
