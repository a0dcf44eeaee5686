#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares what sites.h knows of instructions' lengths with a disassembler, and prints TAP.

    site_lengths.py LENGTHS FILE…

LENGTHS is the program of site_lengths.c; of ELF files, and of the host's C library, the code is looked at. What is not
known there may be anything. What is known must be as long as the disassembler says and fall through, or be no
instruction at all: the processor then faults at it, rewritten or not.
"""

import itertools
import subprocess
import sys
from pathlib import Path

try:
    import capstone
    from elftools.elf.elffile import ELFFile
except ImportError as error:
    print(f"1..0 # SKIP {error}")
    sys.exit(0)

BYTES = 16  # that the program is given of each
MOST = 1 << 20  # bytes of a file's code
LEAST_KNOWN = 0.93  # of a file's instructions that fall through; the others are of vectors and floating point
ENDS = {"jmp", "ljmp", "ret", "retf", "iretq", "iretd", "hlt", "int3", "ud0", "ud1", "ud2", "sysret", "sysretq",
        "sysexit", "sysexitq"}
PREFIXES = (b"", b"\x66", b"\xf2", b"\xf3", b"\x64", b"\x2e", b"\xf0", b"\x67", b"\x41", b"\x48", b"\x66\x48",
            b"\xf3\x4d", b"\x48\x66", b"\x66\x66\x2e", b"\x66\x66\x66\x66")
OPCODES = [bytes([code]) for code in range(256)] + [bytes([0x0F, code]) for code in range(256)]
MODRMS = [mode << 6 | register << 3 | memory for mode in range(4) for register in range(8) for memory in (0, 4, 5)]
BASES = (0x24, 0x25)  # SIB: a register; none, but a displacement
DISASSEMBLER = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)


def forms():
    """Every opcode of one and two bytes with each kind of operand, behind prefixes."""
    for prefix, opcode, modrm, base in itertools.product(PREFIXES, OPCODES, MODRMS, BASES):
        if base == BASES[0] or (modrm & 7 == 4 and modrm < 0xC0):
            yield (prefix + opcode + bytes([modrm, base])).ljust(BYTES, b"\x11")


def known(program, codes):
    return subprocess.run([program], input=b"".join(codes), stdout=subprocess.PIPE, check=True).stdout


def differs(length, size, name):
    """Whether it is known to have a length, but another than the disassembler's, or doesn't fall through."""
    return length != 0 and (length != size or name in ENDS)


def first_differs(code, length):
    return any(differs(length, size, _plain(name)) for _, size, name, _ in DISASSEMBLER.disasm_lite(code, 0, 1))


def _plain(name):
    """Without its prefixes: "repne ret"."""
    return name.split()[-1]


def forms_check(program):
    codes = list(forms())
    lengths = known(program, codes)
    wrong = [(code.hex(), length) for code, length in zip(codes, lengths) if length and first_differs(code, length)]
    count = sum(1 for length in lengths if length)
    return not wrong and count > len(codes) / 5, (count, len(codes), wrong[:5])


def file_check(program, path):
    with open(path, "rb") as file:
        text = ELFFile(file).get_section_by_name(".text").data()[:MOST]
    DISASSEMBLER.skipdata = True
    found = [(at, size, _plain(name)) for at, size, name, _ in DISASSEMBLER.disasm_lite(text, 0) if name != ".byte"]
    DISASSEMBLER.skipdata = False
    lengths = known(program, [text[at:at + BYTES].ljust(BYTES, b"\0") for at, _, _ in found])
    wrong = [text[at:at + BYTES].hex() for (at, size, name), length in zip(found, lengths)
             if differs(length, size, name)]
    through = [length for (_, _, name), length in zip(found, lengths) if name not in ENDS]
    share = sum(1 for length in through if length) / len(through)
    return not wrong and share >= LEAST_KNOWN, (round(share, 3), wrong[:5])


def own_library():
    with open("/proc/self/maps") as maps:
        return [line.split()[-1] for line in maps if "/libc.so" in line or "/libc-" in line][:1]


def main():
    program, *files = sys.argv[1:]
    files += own_library()
    checks = [("each form of each opcode", lambda: forms_check(program))]
    checks += [(f"the code of {Path(path).name}", lambda path=path: file_check(program, path)) for path in files]
    failed = False
    print(f"1..{len(checks)}")
    for number, (name, check) in enumerate(checks, 1):
        passed, found = check()
        failed |= not passed
        print(f"{'ok' if passed else 'not ok'} {number} - {name} is as long as the disassembler says")
        print(f"# {found}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
