// SPDX-License-Identifier: MIT
// The calls' numbers for assembly: CALL_<name>, as a symbol of the assembler's. A call is made with its complement:
//   movq $~CALL_null, %rax
//   syscall
#pragma once
#define CALL(number, name, ...) .set CALL_##name, number
#include "pe/calls.def"
#undef CALL
