// SPDX-License-Identifier: MIT
// Runs on the machine that builds: both ways back from a signal (trap.c) restore every register, the flags, the vector
// registers and the red zone, though the handler and what it calls change all of them. Prints TAP.
#define _GNU_SOURCE
#include "peers/linux/linux.h"
#include "peers/linux/trap.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { GENERAL = 14, VECTORS = 16, RED_ZONE = 16, DIRTY_FLAGS = 0x8d5 }; // CF PF AF ZF SF OF

// The interrupted code's state, as probe loads it before its store and saves it behind.
static struct state {
    uint64_t general[GENERAL]; // rax rbx rcx rdx rsi rbp r8 … r15; rdi has the page
    uint64_t flags, moved;     // how far rsp is from where it was
    alignas(16) uint8_t vector[VECTORS][16];
    uint64_t red_zone[RED_ZONE];
} loaded, saved;

void probe(void *page);

#define EACH_GENERAL(x)                                                                                                \
    x("rax", 0) x("rbx", 8) x("rcx", 16) x("rdx", 24) x("rsi", 32) x("rbp", 40) x("r8", 48) x("r9", 56) x("r10", 64)   \
        x("r11", 72) x("r12", 80) x("r13", 88) x("r14", 96) x("r15", 104)
#define EACH_VECTOR(x)                                                                                                 \
    x("0") x("1") x("2") x("3") x("4") x("5") x("6") x("7") x("8") x("9") x("10") x("11") x("12") x("13") x("14")      \
        x("15")
#define LOAD_GENERAL(name, at) "movq loaded+" #at ", %" name "\n"
#define SAVE_GENERAL(name, at) "movq %" name ", saved+" #at "\n"
#define LOAD_VECTOR(number) "movdqa loaded+128+16*" number ", %xmm" number "\n"
#define SAVE_VECTOR(number) "movdqa %xmm" number ", saved+128+16*" number "\n"
#define SAVE_FLAGS "pushfq\n popq saved+112\n"
static_assert(offsetof(struct state, flags) == 112 && offsetof(struct state, moved) == 120);
static_assert(offsetof(struct state, vector) == 128 && offsetof(struct state, red_zone) == 384);

__asm__(
    ".text\n"
    "probe:\n"
    "pushq %rbx\n pushq %rbp\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
    "pushq loaded+112\n popfq\n"
    "movq %rsp, saved+120\n"
    ".set at, 0\n .rept 16\n movq loaded+384+at, %rax\n movq %rax, -128+at(%rsp)\n .set at, at+8\n .endr\n" EACH_VECTOR(
        LOAD_VECTOR) EACH_GENERAL(LOAD_GENERAL) "movb $1, (%rdi)\n" EACH_GENERAL(SAVE_GENERAL)
        EACH_VECTOR(SAVE_VECTOR) ".set at, 0\n .rept 16\n movq -128+at(%rsp), %rax\n movq %rax, saved+384+at\n .set "
                                 "at, at+8\n .endr\n" SAVE_FLAGS "subq %rsp, saved+120\n"
                                 "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbp\n popq %rbx\n"
                                 "retq\n");

void give_up(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("Bail out! ");
    vprintf(format, arguments);
    exit(1);
}
long must(long result, const char *what) {
    if (result < 0) give_up("%s failed", what);
    return result;
}

// Changes what a handler may change, and the stack below it.
static void unprotect_and_disturb(int signal, siginfo_t *info, void *context) {
    volatile uint8_t stack[8192];
    (void)signal;
    (void)context;
    for (size_t i = 0; i < sizeof stack; i++) stack[i] = 0xa5;
    __asm__ volatile(
        "pcmpeqd %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm7; movdqa %%xmm0, %%xmm15; movq $-1, %%r8; movq %%r8, "
        "%%r9; movq %%r8, %%r10; movq %%r8, %%r11; std; cld; stc" ::
            : "xmm0", "xmm7", "xmm15", "r8", "r9", "r10", "r11", "cc");
    must(mprotect((void *)((uintptr_t)info->si_addr & -(uintptr_t)PAGE), PAGE, PROT_READ | PROT_WRITE), "mprotect");
}

static bool restored(enum trap_return back, uint64_t flags, char *page) {
    uint8_t *bytes = (uint8_t *)&loaded;
    for (size_t i = 0; i < sizeof loaded; i++) bytes[i] = (uint8_t)(i * 37 + 11);
    loaded.flags = 0x202 | flags;
    loaded.moved = 0;
    memset(&saved, 0, sizeof saved);
    must(mprotect(page, PAGE, PROT_NONE), "mprotect");
    trap_handle(SIGSEGV, unprotect_and_disturb, back);
    probe(page);
    saved.flags &= 0x202 | DIRTY_FLAGS;
    return *page == 1 && memcmp(&loaded, &saved, sizeof loaded) == 0;
}

int main(void) {
    char *page = mmap(nullptr, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) give_up("mmap failed");
    static const char *const ways[] = {"rt_sigreturn", "resuming in user mode"};
    printf("1..2\n");
    for (unsigned way = 0; way < 2; way++) {
        const bool good = restored(way, 0, page) && restored(way, DIRTY_FLAGS, page);
        printf("%sok %u - trap / %s restores the interrupted code\n", good ? "" : "not ", way + 1, ways[way]);
    }
    return 0;
}
