// SPDX-License-Identifier: MIT
// From the PVH entry point (Xen's x86 HVM direct boot ABI: 32-bit protected mode, flat segments, paging off, ebx = the
// physical address of struct hvm_start_info) to 64-bit C at the kernel's own addresses.
//
// The tables here map the first GiB three times, with everything allowed: at 0, for the few instructions that switch;
// at the direct map; and at the kernel's link address. memory.c replaces them before anything else runs.

.section .note.pvh, "a", @note
.balign 4
    .long   4, 4, 18 // sizes of name and descriptor; XEN_ELFNOTE_PHYS32_ENTRY
    .asciz  "Xen"
    .long   boot_entry

.section .boot, "awx", @progbits
.code32
.globl boot_entry
boot_entry:
    cld
    movl    %ebx, %edi
    movl    $boot_pd, %eax // 512 entries of 2 MiB: present, writable, large
    movl    $0x83, %ecx
1:  movl    %ecx, (%eax)
    movl    $0, 4(%eax)
    addl    $8, %eax
    addl    $0x200000, %ecx
    cmpl    $0x40000083, %ecx
    jne     1b

    movl    %cr4, %eax
    orl     $0x20, %eax // PAE
    movl    %eax, %cr4
    movl    $boot_pml4, %eax
    movl    %eax, %cr3
    movl    $0xc0000080, %ecx // EFER: LME, NXE, SCE
    rdmsr
    orl     $0x901, %eax
    wrmsr
    movl    $0x80010033, %eax // PG, WP, NE, ET, MP, PE
    movl    %eax, %cr0
    lgdt    boot_gdt_pointer
    ljmp    $8, $boot_long

.code64
boot_long:
    xorl    %eax, %eax
    movl    %eax, %ds
    movl    %eax, %es
    movl    %eax, %ss
    movl    %eax, %fs
    movl    %eax, %gs
    movabsq $boot_high, %rax
    jmp     *%rax

.balign 8
boot_gdt:
    .quad   0, 0x00af9b000000ffff
boot_gdt_pointer:
    .word   15
    .long   boot_gdt

.balign 4096
boot_pml4:
    .quad   boot_pdpt + 3
    .fill   255, 8, 0
    .quad   boot_pdpt + 3, boot_pdpt + 3
    .fill   254, 8, 0
boot_pdpt:
    .quad   boot_pd + 3
    .fill   511, 8, 0
boot_pd:
    .skip   4096

.text
boot_high:
    leaq    boot_stack_top(%rip), %rsp
    movl    %edi, %edi
    call    start
    ud2

.bss
.balign 16
boot_stack:
    .skip   16384
.globl boot_stack_top
boot_stack_top:

.section .note.GNU-stack, "", @progbits
