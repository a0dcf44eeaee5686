// SPDX-License-Identifier: MIT
// A QEMU plugin that counts the guest's executed instructions and writes the count down whenever the guest executes a
// marker (peers/marker.h).
//
//   qemu-system-x86_64 … -plugin libcounter.so,out=FILE
//
// A line of FILE is `NAME INSTRUCTIONS REPEATED`: the marker's name, the instructions executed since the start, and how
// many of them were iterations of REP string instructions. It is written at once, so the file is complete up to the
// last marker also when QEMU is killed. The standard error output gets a line `marker NAME KERNEL LIBRARY`, too, among
// what QEMU traces there: how many of the instructions lay in the upper half of the address space, and how many between
// 1 and 2 GiB, where libos/unix has its library OS and no program.
//
// Why a plugin: with -icount a guest that waits for a device jumps to its next timer, so the time-stamp counter tells
// nothing of what was executed. This count does not depend on time; it works with and without -icount.
//
// What is counted: every instruction that begins to be executed, so one that faults counts once more when it is
// restarted; a REP instruction once for each iteration and once for finding that there is none left. Interrupt and
// exception delivery, page walks and a halted processor count nothing. The guest has one processor.
//
// QEMU 7.2 in Debian has the plugin interface but not its header, so the declarations needed of it (API version 1,
// QEMU's documentation "QEMU TCG Plugins") are made here.
#include "peers/marker.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

// ---- QEMU's plugin interface, version 1 ----

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info; // its fields are of no interest here
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
typedef void (*qemu_plugin_vcpu_tb_trans_cb_t)(qemu_plugin_id_t id, struct qemu_plugin_tb *block);
typedef void (*qemu_plugin_vcpu_udata_cb_t)(unsigned processor, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_vcpu_tb_trans_cb_t call);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction, qemu_plugin_vcpu_udata_cb_t call,
                                            enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *instruction, enum qemu_plugin_op op,
                                                void *number, uint64_t added);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);

// What QEMU looks for.
[[gnu::visibility("default")]] int qemu_plugin_version = 1;
[[gnu::visibility("default")]] int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
                                                       char **argv);

// ---- the counter ----

static uint64_t executed, repeated, of_kernel, of_library;
static FILE *out;

// Is it a string instruction under REP? Prefixes in any order, then REX, then the operation.
static bool is_repeated(const uint8_t *byte, size_t length) {
    bool rep = false;
    size_t at = 0;
    for (; at < length && byte[at] != 0 && strchr("\x66\x67\x2e\x36\x3e\x26\x64\x65\xf0\xf2\xf3", byte[at]); at++) {
        rep = rep || byte[at] == 0xf2 || byte[at] == 0xf3;
    }
    if (at < length && (byte[at] & 0xf0) == 0x40) at++;
    return rep && at + 1 == length && byte[at] != 0
           && strchr("\x6c\x6d\x6e\x6f\xa4\xa5\xa6\xa7\xaa\xab\xac\xad\xae\xaf", byte[at]);
}

// The name of the marker that an instruction is, or -1.
static intptr_t marker_name(const uint8_t *byte, size_t length) {
    static const uint8_t nop[] = {0x0f, 0x1f, 0x80};
    uint32_t displacement;
    if (length != sizeof nop + sizeof displacement || memcmp(byte, nop, sizeof nop)) return -1;
    memcpy(&displacement, byte + sizeof nop, sizeof displacement);
    return (displacement & 0xffff0000) == MARKER_MAGIC ? (intptr_t)(displacement & 0xffff) : -1;
}

static void marker_executed(unsigned processor, void *name) {
    (void)processor;
    fprintf(out, "%lu %lu %lu\n", (unsigned long)(uintptr_t)name, executed, repeated);
    fprintf(stderr, "marker %lu %lu %lu\n", (unsigned long)(uintptr_t)name, of_kernel, of_library);
}

// What an instruction's address makes it count for beside the sum, or null.
static uint64_t *part_of(uint64_t address) {
    return address >> 63 ? &of_kernel : address >> 30 == 1 ? &of_library : NULL;
}

static void block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        const uint8_t *byte = qemu_plugin_insn_data(instruction);
        const size_t length = qemu_plugin_insn_size(instruction);
        const intptr_t name = marker_name(byte, length);
        uint64_t *part = part_of(qemu_plugin_insn_vaddr(instruction));
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, QEMU_PLUGIN_INLINE_ADD_U64, &executed, 1);
        if (part != NULL)
            qemu_plugin_register_vcpu_insn_exec_inline(instruction, QEMU_PLUGIN_INLINE_ADD_U64, part, 1);
        if (is_repeated(byte, length))
            qemu_plugin_register_vcpu_insn_exec_inline(instruction, QEMU_PLUGIN_INLINE_ADD_U64, &repeated, 1);
        if (name >= 0)
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, marker_executed, QEMU_PLUGIN_CB_NO_REGS, (void *)name);
    }
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv) {
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) != 0) {
        fprintf(stderr, "counter: it takes one argument, out=FILE\n");
        return 1;
    }
    out = fopen(argv[0] + 4, "w");
    if (out == NULL) {
        perror(argv[0] + 4);
        return 1;
    }
    setvbuf(out, NULL, _IOLBF, 0);
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    return 0;
}
