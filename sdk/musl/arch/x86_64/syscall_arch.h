// SPDX-License-Identifier: MIT
// How musl's own functions make system calls, in the place of musl's file of this name: by a call through __sysinfo,
// which musl sets to AT_SYSINFO where there is one (../../src/internal/x86_64/defsysinfo.s says what it is else).
// Number and arguments are in the registers where the instruction `syscall` has them, and so is the result.
//
// The call stores its return address below the stack pointer, so all of musl is compiled with -mno-red-zone.
// musl compiles this as C99. No VDSO_USEFUL: libos/unix has no vdso.

#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)
#define IPC_64            0

#define BINDERY_CALL(...)                                                                                              \
    __asm__ __volatile__("call *__sysinfo(%%rip)" : "+a"(n) : __VA_ARGS__ : "rcx", "r11", "memory", "cc");             \
    return n

static inline long __syscall0(long n) {
    __asm__ __volatile__("call *__sysinfo(%%rip)" : "+a"(n)::"rcx", "r11", "memory", "cc");
    return n;
}

static inline long __syscall1(long n, long a) {
    BINDERY_CALL("D"(a));
}

static inline long __syscall2(long n, long a, long b) {
    BINDERY_CALL("D"(a), "S"(b));
}

static inline long __syscall3(long n, long a, long b, long c) {
    BINDERY_CALL("D"(a), "S"(b), "d"(c));
}

static inline long __syscall4(long n, long a, long b, long c, long d) {
    register long r10 __asm__("r10") = d;
    BINDERY_CALL("D"(a), "S"(b), "d"(c), "r"(r10));
}

static inline long __syscall5(long n, long a, long b, long c, long d, long e) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    BINDERY_CALL("D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8));
}

static inline long __syscall6(long n, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    BINDERY_CALL("D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9));
}

#undef BINDERY_CALL
