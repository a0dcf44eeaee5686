// SPDX-License-Identifier: MIT
// Taking back what was done on the authority of a binding, in bounded parts.
#pragma once
#include "exo/pe.h"

// Each does a bounded part. OK: all is done; AGAIN: call again; BUSY: a disk transfer must end first, or it would take
// away the caller's own PE.
[[nodiscard]] enum exo_error reclaim_descendants(struct sb_binding *source);
[[nodiscard]] enum exo_error reclaim_drop(struct sb_binding *binding);
[[nodiscard]] enum exo_error reclaim_pe(struct pe *pe);
