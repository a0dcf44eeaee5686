// SPDX-License-Identifier: MIT
// Moving bytes where a fault may not be served: user.S. Addresses are the user's or the library OS's; they are not
// checked here. A fault that is served goes unseen.
#pragma once
#include "pe/types.h"

uint64_t user_copy(void *to, const void *from, uint64_t bytes); // bytes that were not copied
uint64_t user_clear(void *to, uint64_t bytes);                  // bytes that were not cleared
