// SPDX-License-Identifier: MIT
// See gate.h.
#include "tests/vm/gate.h"

struct message served, reply;
uint64_t served_rsp;
volatile uint64_t served_count, served_events;
void (*volatile serves_code)(void);

#define FIELD(name) static_assert(offsetof(struct message, name) == 8 * MESSAGE_##name)
enum {
    MESSAGE_rax,
    MESSAGE_rbx,
    MESSAGE_rdx,
    MESSAGE_rsi,
    MESSAGE_rdi,
    MESSAGE_rbp,
    MESSAGE_r8,
    MESSAGE_r9,
    MESSAGE_r10,
    MESSAGE_r12,
    MESSAGE_r13,
    MESSAGE_r14,
    MESSAGE_r15,
    MESSAGE_xmm0,
    MESSAGE_xmm15,
    MESSAGE_fs,
    MESSAGE_gs,
    MESSAGE_rcx,
    MESSAGE_r11,
    MESSAGE_rflags,
};
FIELD(rsi);
FIELD(r15);
FIELD(xmm0);
FIELD(gs);
FIELD(rflags);
static_assert(EXO_CALL_gate_call == 63 && EXO_CALL_gate_reply == 29);
static_assert(offsetof(struct exo_pe_page, pending) == 144);

// LOAD and STORE move all but rcx to and from the message that rcx points to; FS and GS bases are moved through rax.
#define LOAD                                                                                                           \
    "movq 104(%rcx), %xmm0\n movq 112(%rcx), %xmm15\n movq 120(%rcx), %rax\n wrfsbase %rax\n movq 128(%rcx), %rax\n"   \
    "wrgsbase %rax\n movq 8(%rcx), %rbx\n movq 16(%rcx), %rdx\n movq 24(%rcx), %rsi\n movq 32(%rcx), %rdi\n"           \
    "movq 40(%rcx), %rbp\n movq 48(%rcx), %r8\n movq 56(%rcx), %r9\n movq 64(%rcx), %r10\n movq 72(%rcx), %r12\n"      \
    "movq 80(%rcx), %r13\n movq 88(%rcx), %r14\n movq 96(%rcx), %r15\n"
#define STORE                                                                                                          \
    "movq %rax, (%rcx)\n movq %rbx, 8(%rcx)\n movq %rdx, 16(%rcx)\n movq %rsi, 24(%rcx)\n movq %rdi, 32(%rcx)\n"       \
    "movq %rbp, 40(%rcx)\n movq %r8, 48(%rcx)\n movq %r9, 56(%rcx)\n movq %r10, 64(%rcx)\n movq %r12, 72(%rcx)\n"      \
    "movq %r13, 80(%rcx)\n movq %r14, 88(%rcx)\n movq %r15, 96(%rcx)\n movq %xmm0, 104(%rcx)\n movq %xmm15, "          \
    "112(%rcx)\n"                                                                                                      \
    "rdfsbase %rax\n movq %rax, 120(%rcx)\n rdgsbase %rax\n movq %rax, 128(%rcx)\n movq %r11, 144(%rcx)\n"

__asm__(".text\n .globl call_through, serves_echo, serves_other, serves_then\n"
        "call_through:\n"
        "pushq %rbx\n pushq %rbp\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n pushq %rsi\n"
        "pushq %rdi\n movq %rsi, %rcx\n" LOAD "popq %rdi\n"
        "movq $~63, %rax\n syscall\n"
        "pushfq\n pushq %rcx\n movq 16(%rsp), %rcx\n" STORE
        "popq %rax\n movq %rax, 136(%rcx)\n popq %rax\n movq %rax, 152(%rcx)\n movq (%rcx), %rax\n cld\n"
        "popq %rsi\n popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbp\n popq %rbx\n ret\n"

        // Common to all servers: with no caller an event, else `served`. Returns with every register changed.
        "serves_begin:\n"
        "pushfq\n pushq %rcx\n testq %rdi, %rdi\n je 1f\n"
        "leaq 24(%rsp), %rcx\n movq %rcx, served_rsp(%rip)\n leaq served(%rip), %rcx\n" STORE
        "popq %rax\n movq %rax, 136(%rcx)\n popq %rax\n movq %rax, 152(%rcx)\n incq served_count(%rip)\n ret\n"
        "1: leaq 24(%rsp), %rcx\n movq %rcx, served_rsp(%rip)\n movq 8(%rsp), %rcx\n movq %rcx, 152+served(%rip)\n"
        "incq served_events(%rip)\n movq server_page(%rip), %rcx\n movq $0, 144(%rcx)\n jmp serves_reply\n"

        "serves_echo:\n call serves_begin\n"
        "serves_echo_back:\n leaq served(%rip), %rcx\n" LOAD "movq (%rcx), %rdi\n incq %r8\n"
        "serves_reply:\n movq $~29, %rax\n syscall\n ud2\n"

        "serves_other:\n call serves_begin\n leaq reply(%rip), %rcx\n" LOAD "jmp serves_reply\n"

        "serves_then:\n call serves_begin\n subq $8, %rsp\n call *serves_code(%rip)\n addq $8, %rsp\n"
        "jmp serves_echo_back\n");
volatile struct exo_pe_page *server_page;

struct message message_of(uint64_t seed) {
    struct message message = {};
    uint64_t *words = (uint64_t *)&message;
    for (unsigned i = 0; i <= MESSAGE_gs; i++) words[i] = seed + i;
    message.rax = message.rdi = 0;
    return message;
}

bool message_is(const struct message *message, uint64_t seed) {
    const struct message wanted = message_of(seed);
    const uint64_t *const words = (const uint64_t *)message, *const those = (const uint64_t *)&wanted;
    for (unsigned i = 0; i <= MESSAGE_xmm15; i++)
        if (i != MESSAGE_rax && i != MESSAGE_rdi && words[i] != those[i]) return false;
    return true;
}

uint64_t comes_to_rest(uint64_t argument) {
    (void)argument;
    return exo_gate_rest();
}

struct server server_new(enum child_space space, const char *entry, uint64_t number) {
    struct server server = {.child = child_new(space, comes_to_rest)};
    const exo_vaddr stack = {child_stack(&server.child, EXO_UPCALL_gate)};
    rig_need(exo_pe_set_entry(server.child.pe, EXO_UPCALL_gate, (exo_vaddr){(uint64_t)entry}, stack).error == EXO_OK
                 && exo_pe_set_entry(server.child.pe, EXO_UPCALL_interrupt, (exo_vaddr){0}, stack).error == EXO_OK,
             "a server's entry can't be set");
    server_page = server.child.page;
    child_start(&server.child, 0);
    rig_need(!child_go(&server.child, 3) && server.child.state.state == EXO_PE_RESTING, "a server does not rest");
    const struct exo_result made = exo_gate_make(server.child.pe, number, 1);
    rig_need(made.error == EXO_OK, "a gate can't be made");
    server.gate = (exo_handle){made.value};
    return server;
}

void server_release(struct server *server) {
    child_release(&server->child); // and with it the gate
}
