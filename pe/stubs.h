// SPDX-License-Identifier: MIT
// The user side of every exo-call, made from calls.def: [[nodiscard]] struct exo_result exo_<name>(…).
#pragma once
#include "pe/types.h"

// Any 8-byte argument as the word that travels in the register.
#define EXO_WORD(x) ({ uint64_t word_; static_assert(sizeof(x) == 8); __builtin_memcpy(&word_, &(x), 8); word_; })

// In rax a call's number n is ~n: so they are the highest numbers there are, and no system call of another interface.
// One trap per number of arguments, so that a stub loads no register that its call does not read. The kernel keeps
// rbx, rbp, rsp and r12–r15; it returns every other register changed.
#define EXO_TRAP(outputs, ...)                                                                   \
    struct exo_result result;                                                                    \
    __asm__ volatile("syscall"                                                                   \
                     : "=a"(result.error), "=d"(result.value) outputs                            \
                     : "0"(~number) __VA_ARGS__                                                  \
                     : "rcx", "r9", "r11", "memory" EXO_TRAP_UNUSED);                            \
    return result
#define COMMA ,

#define EXO_TRAP_UNUSED , "rdi", "rsi", "r8", "r10"
[[nodiscard]] static inline struct exo_result exo_trap0(uint64_t number) {
    EXO_TRAP();
}
#undef EXO_TRAP_UNUSED
#define EXO_TRAP_UNUSED , "rsi", "r8", "r10"
[[nodiscard]] static inline struct exo_result exo_trap1(uint64_t number, uint64_t a) {
    EXO_TRAP(COMMA "+D"(a));
}
#undef EXO_TRAP_UNUSED
#define EXO_TRAP_UNUSED , "r8", "r10"
[[nodiscard]] static inline struct exo_result exo_trap2(uint64_t number, uint64_t a, uint64_t b) {
    EXO_TRAP(COMMA "+D"(a) COMMA "+S"(b));
}
[[nodiscard]] static inline struct exo_result exo_trap3(uint64_t number, uint64_t a, uint64_t b, uint64_t c) {
    EXO_TRAP(COMMA "+D"(a) COMMA "+S"(b), , "1"(c));
}
#undef EXO_TRAP_UNUSED
#define EXO_TRAP_UNUSED , "r8"
[[nodiscard]] static inline struct exo_result exo_trap4(uint64_t number, uint64_t a, uint64_t b, uint64_t c,
                                                        uint64_t d) {
    register uint64_t r10 __asm__("r10") = d;
    EXO_TRAP(COMMA "+D"(a) COMMA "+S"(b) COMMA "+r"(r10), , "1"(c));
}
#undef EXO_TRAP_UNUSED
#define EXO_TRAP_UNUSED
[[nodiscard]] static inline struct exo_result exo_trap5(uint64_t number, uint64_t a, uint64_t b, uint64_t c,
                                                        uint64_t d, uint64_t e) {
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    EXO_TRAP(COMMA "+D"(a) COMMA "+S"(b) COMMA "+r"(r10) COMMA "+r"(r8), , "1"(c));
}
#undef EXO_TRAP_UNUSED
#undef EXO_TRAP

#define ARGS0() (void), exo_trap0, ()
#define ARGS1(A, a) (A a), exo_trap1, (, EXO_WORD(a))
#define ARGS2(A, a, B, b) (A a, B b), exo_trap2, (, EXO_WORD(a), EXO_WORD(b))
#define ARGS3(A, a, B, b, C, c) (A a, B b, C c), exo_trap3, (, EXO_WORD(a), EXO_WORD(b), EXO_WORD(c))
#define ARGS4(A, a, B, b, C, c, D, d) \
    (A a, B b, C c, D d), exo_trap4, (, EXO_WORD(a), EXO_WORD(b), EXO_WORD(c), EXO_WORD(d))
#define ARGS5(A, a, B, b, C, c, D, d, E, e) \
    (A a, B b, C c, D d, E e), exo_trap5, (, EXO_WORD(a), EXO_WORD(b), EXO_WORD(c), EXO_WORD(d), EXO_WORD(e))
#define UNWRAP(...) __VA_ARGS__
#define STUB(number, name, parameters, trap, words) \
    [[nodiscard]] static inline struct exo_result exo_##name parameters { return trap(number UNWRAP words); }
#define STUB_EXPANDED(...) STUB(__VA_ARGS__)
#define CALL(number, name, arguments, errors, sentence) STUB_EXPANDED(number, name, arguments)
#define CALL_MESSAGE(...)
#include "pe/calls.def"
#undef CALL
#undef STUB_EXPANDED
#undef STUB
#undef UNWRAP
#undef COMMA
