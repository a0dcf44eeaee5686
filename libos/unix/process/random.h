// SPDX-License-Identifier: MIT
// Random bytes for programs: the ChaCha20 stream (RFC 8439) of a key. The key is made from the start argument seed=N
// and the time, or, with `random=fixed`, from the seed alone, so that a run can be repeated.
#pragma once
#include "pe/types.h"

void random_start(void);
void random_bytes(void *to, size_t bytes);
