// SPDX-License-Identifier: MIT
// Entering a signal handler and coming back from it: Linux's frame on the user's stack, as libcs, debuggers and
// garbage collectors read and change it.
//
//   stack pointer of the handler →  address of the restorer, struct ucontext, siginfo; above them the vector state, as
//                                   fxsave64 writes it; above that the 128 bytes that the interrupted code may use
#include "libos/unix/calls.h"
#include "libos/unix/map.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/exec.h"
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

void entry_procedure(void), procedure_again(void), procedure_return(void); // entry.S

struct machine_context {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, trap, mask, cr2;
    uint64_t vector; // address of the vector state
    uint64_t reserved[8];
};
static_assert(sizeof(struct machine_context) == 256);

struct frame {
    uint64_t restorer;
    uint64_t flags, link; // struct ucontext from here on
    uint64_t stack;
    uint32_t stack_flags, padding;
    uint64_t stack_bytes;
    struct machine_context machine;
    uint64_t mask;
    struct signal_info info;
};
static_assert(sizeof(struct frame) == 8 + 304 + 128 && offsetof(struct frame, machine) == 8 + 40);

constexpr uint64_t CONTEXT_HAS_SS = 2, CONTEXT_STRICT_SS = 4; // UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS
constexpr uint64_t RED_ZONE = 128, VECTOR_BYTES = 512;
constexpr uint64_t USER_CODE = 0x33, USER_DATA = 0x2b; // as on Linux
// Carry, parity, adjust, zero, sign, direction, overflow, alignment check, identification.
constexpr uint64_t FLAGS_OF_USER = 0x240cd5;
constexpr uint64_t FLAGS_ALWAYS = 0x202;
constexpr uint32_t ON_STACK = 1, STACK_DISABLED = 2, STACK_AUTODISARM = 1u << 31;

static bool on_signal_stack(const struct thread *self, uint64_t stack) {
    return !(self->signal_stack_flags & (STACK_DISABLED | STACK_AUTODISARM)) && stack > self->signal_stack
           && stack - self->signal_stack <= self->signal_stack_bytes;
}

static uint64_t stack_for(const struct thread *self, const struct signal_action *action) {
    const uint64_t stack = self->user->rsp;
    const bool other = (action->flags & SA_ONSTACK) && self->signal_stack_bytes != 0
                       && !(self->signal_stack_flags & STACK_DISABLED) && !on_signal_stack(self, stack);
    return other ? self->signal_stack + self->signal_stack_bytes : stack - RED_ZONE;
}

static void machine_save(struct machine_context *to, const struct thread *self, uint64_t mask) {
    const struct exo_context *user = self->user;
    *to = (struct machine_context){
        .r8 = user->r8,
        .r9 = user->r9,
        .r10 = user->r10,
        .r11 = user->r11,
        .r12 = user->r12,
        .r13 = user->r13,
        .r14 = user->r14,
        .r15 = user->r15,
        .rdi = user->rdi,
        .rsi = user->rsi,
        .rbp = user->rbp,
        .rbx = user->rbx,
        .rdx = user->rdx,
        .rax = user->rax,
        .rcx = user->rcx,
        .rsp = user->rsp,
        .rip = user->rip,
        .rflags = user->rflags,
        .cs = USER_CODE,
        .ss = USER_DATA,
        .error = self->fault_error,
        .trap = self->fault_trap,
        .mask = mask,
        .cr2 = self->fault_address,
    };
}

bool signal_frame(struct thread *self, const struct signal_action *action, const struct signal_info *info) {
    struct exo_context *user = self->user;
    const uint64_t before = self->mask_replaced ? self->blocked_before : self->blocked;
    const uint64_t vector = (stack_for(self, action) - VECTOR_BYTES) & ~63ull;
    const uint64_t at = ((vector - sizeof(struct frame)) & ~15ull) - 8;
    struct frame frame = {
        .restorer = action->restorer,
        .flags = CONTEXT_HAS_SS | CONTEXT_STRICT_SS,
        .stack = self->signal_stack,
        .stack_flags = self->signal_stack_bytes == 0      ? STACK_DISABLED
                       : on_signal_stack(self, user->rsp) ? ON_STACK
                                                          : 0,
        .stack_bytes = self->signal_stack_bytes,
        .mask = before,
        .info = *info,
    };
    machine_save(&frame.machine, self, before);
    frame.machine.vector = vector;
    __asm__ volatile("fxsave64 %0" : "=m"(self->vector));
    memset(self->vector + 464, 0, 48); // what software may use: no extended state follows
    if (user_write(vector, self->vector, VECTOR_BYTES) != 0 || user_write(at, &frame, sizeof(frame)) != 0) return false;

    self->mask_replaced = false;
    thread_set_blocked(self, before | action->mask | (action->flags & SA_NODEFER ? 0 : signal_bit(info->signal)));
    user->rsp = at;
    user->rip = action->handler;
    user->rax = 0;
    user->rdi = (uint64_t)info->signal;
    user->rsi = at + offsetof(struct frame, info);
    user->rdx = at + offsetof(struct frame, flags);
    user->rflags &= ~(uint64_t)0x500; // direction, trap
    return unix_is_user(action->handler, 1);
}

static bool vector_load(struct thread *self, uint64_t from) {
    if (from == 0) {
        vector_clear(self);
        return true;
    }
    if (user_read(self->vector, from, VECTOR_BYTES) != 0) return false;
    uint32_t control;
    memcpy(&control, self->vector + 24, sizeof(control));
    control &= 0xffff; // reserved bits of MXCSR are an exception
    memcpy(self->vector + 24, &control, sizeof(control));
    __asm__ volatile("fxrstor64 %0" ::"m"(self->vector));
    return true;
}

static void machine_load(struct exo_context *user, const struct machine_context *from) {
    *user = (struct exo_context){
        .rax = from->rax,
        .rbx = from->rbx,
        .rcx = from->rcx,
        .rdx = from->rdx,
        .rsi = from->rsi,
        .rdi = from->rdi,
        .rbp = from->rbp,
        .rsp = from->rsp,
        .r8 = from->r8,
        .r9 = from->r9,
        .r10 = from->r10,
        .r11 = from->r11,
        .r12 = from->r12,
        .r13 = from->r13,
        .r14 = from->r14,
        .r15 = from->r15,
        .rip = from->rip,
        .rflags = (from->rflags & FLAGS_OF_USER) | FLAGS_ALWAYS,
    };
}

// Where user code goes on: in its own part, or in ours where a procedure call begins, is made again, and returns.
static bool goes_on(uint64_t rip) {
    return unix_is_user(rip, 1) || rip == (uint64_t)entry_procedure || rip == (uint64_t)procedure_again
           || rip == (uint64_t)procedure_return;
}

// The restorer has taken its own address off the stack. The result is the interrupted code's rax.
int64_t sys_rt_sigreturn(struct thread *self, const uint64_t *) {
    struct exo_context *user = self->user;
    const uint64_t at = user->rsp - sizeof(uint64_t);
    struct frame frame;
    self->call = NO_CALL;
    if (user_read(&frame, at, sizeof(frame)) != 0 || !goes_on(frame.machine.rip)
        || !vector_load(self, frame.machine.vector)) {
        signal_fault(self, SIGSEGV, SI_KERNEL, 0, 13, 0);
        return (int64_t)user->rax;
    }
    machine_load(user, &frame.machine);
    thread_set_blocked(self, frame.mask);
    self->signal_stack = frame.stack;
    self->signal_stack_bytes = frame.stack_flags & STACK_DISABLED ? 0 : frame.stack_bytes;
    return (int64_t)user->rax;
}
