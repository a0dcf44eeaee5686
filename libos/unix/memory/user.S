// SPDX-License-Identifier: MIT
// The only instructions of library code that use a user's addresses. A fault that cannot be served goes on where
// user_recover (user.c) says, by the table at the end: pairs of an instruction's address and where to go on.
//
// user_copy, user_clear     bytes that were not moved, exactly
// user_text                 bytes copied with the zero byte; 0: there is no room; -1: a fault

#define ENTRY(name) .globl name; .type name, @function; name:
#define RECOVER(at, to) .pushsection .rodata.recover, "a"; .quad at, to; .popsection

    .section .rodata.recover, "a"
    .globl user_recover_table
user_recover_table:

    .section .text.user, "ax", @progbits

// rdi: to, rsi: from, rdx: bytes
ENTRY(user_copy)
    movq %rdx, %rcx
    shrq $3, %rcx
copy_words:
    rep movsq
    movl %edx, %ecx
    andl $7, %ecx
copy_bytes:
    rep movsb
    xorl %eax, %eax
    ret
copy_words_stopped:                 // rcx words and the bytes behind them are left: byte by byte up to the fault
    andl $7, %edx
    leaq (%rdx, %rcx, 8), %rcx
    jmp copy_bytes
stopped:
    movq %rcx, %rax
    ret
    RECOVER(copy_words, copy_words_stopped)
    RECOVER(copy_bytes, stopped)

// rdi: to, rsi: bytes
ENTRY(user_clear)
    xorl %eax, %eax
    movq %rsi, %rcx
    shrq $3, %rcx
clear_words:
    rep stosq
    movl %esi, %ecx
    andl $7, %ecx
clear_bytes:
    rep stosb
    ret
clear_words_stopped:
    andl $7, %esi
    leaq (%rsi, %rcx, 8), %rcx
    jmp clear_bytes
    RECOVER(clear_words, clear_words_stopped)
    RECOVER(clear_bytes, stopped)

// rdi: to, rsi: from, rdx: room
ENTRY(user_text)
    xorl %ecx, %ecx
1:  cmpq %rdx, %rcx
    je text_long
text_byte:
    movzbl (%rsi, %rcx), %eax
    movb %al, (%rdi, %rcx)
    incq %rcx
    testl %eax, %eax
    jnz 1b
    movq %rcx, %rax
    ret
text_long:
    xorl %eax, %eax
    ret
failed:
    movq $-1, %rax
    ret
    RECOVER(text_byte, failed)

// rdi: where the value goes, rsi: address. 0 or -1
ENTRY(user_word)
word_load:
    movl (%rsi), %eax
    movl %eax, (%rdi)
    xorl %eax, %eax
    ret
    RECOVER(word_load, failed)

// rdi: address, rsi: expected and found, edx: desired. 0 or -1
ENTRY(user_word_exchange)
    movl (%rsi), %eax
word_exchange:
    lock cmpxchgl %edx, (%rdi)
    movl %eax, (%rsi)
    xorl %eax, %eax
    ret
    RECOVER(word_exchange, failed)

    .section .rodata.recover, "a"
    .globl user_recover_end
user_recover_end:

    .section .note.GNU-stack, "", @progbits
