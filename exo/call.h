// SPDX-License-Identifier: MIT
// What every handler of an exo-call shares: its prototype, made from calls.def, and how it checks.
//
// A handler first checks everything without side effects (CHECK), then acts and cannot fail.
#pragma once
#include "exo/arch/arch.h"
#include "exo/pe.h"
#include "pe/types.h"

#define CHECK(condition, failure) \
    do {                          \
        if (!(condition)) return (struct exo_result){EXO_##failure, 0}; \
    } while (0)

// Finds a binding of the caller or returns the error to it.
#define FIND(variable, handle, kind, needed)                                                            \
    struct sb_binding *variable;                                                                        \
    do {                                                                                                \
        const struct sb_found found_ = sb_find(&arch_current()->bindings, handle, EXO_KIND_##kind, needed); \
        if (found_.error != EXO_OK) return (struct exo_result){found_.error, 0};                        \
        variable = found_.binding;                                                                      \
    } while (0)

static inline struct exo_result done(uint64_t value) { return (struct exo_result){EXO_OK, value}; }

// Whether an address is one that a library OS may use, 0 included.
static inline bool is_user_address(exo_vaddr address) { return address.raw < EXO_USER_END; }

#define ARGS0() (void)
#define ARGS1(A, a) (A a)
#define ARGS2(A, a, B, b) (A a, B b)
#define ARGS3(A, a, B, b, C, c) (A a, B b, C c)
#define ARGS4(A, a, B, b, C, c, D, d) (A a, B b, C c, D d)
#define ARGS5(A, a, B, b, C, c, D, d, E, e) (A a, B b, C c, D d, E e)
#define CALL(number, name, arguments, ...) struct exo_result call_##name arguments;
#include "pe/calls.def"
#undef CALL
