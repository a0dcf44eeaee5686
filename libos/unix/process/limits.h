// SPDX-License-Identifier: MIT
#pragma once
#include "libos/unix/process/process.h"

void limits_start(struct process *process); // of the first process
