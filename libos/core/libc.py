#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Adapts a static libc to be linked behind a library OS.

    libc.py all  /usr/lib/x86_64-linux-musl/libc.a libc-all.a     # for a library OS that serves system calls
    libc.py pure /usr/lib/x86_64-linux-musl/libc.a libc-pure.a    # for one that doesn't

Both leave out the members that define what every library OS defines itself (PROVIDED), so that the order of archives
on a linker's command line doesn't matter, and make the symbols in WEAK weak, whose members libc needs for other things.

`pure` also leaves out every member that holds a `syscall` instruction, or needs, directly or through other members,
one that does: so a program that uses a service which its library OS lacks does not link, and the linker names the
service. (A member whose code happens to hold the instruction's two bytes as data stays out too; that also shows then.)
"""

import io
import struct
import sys

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

SYSCALL = b"\x0f\x05"
WEAK = {"fwrite"}  # libos/core/stdio.c
# Locks enter the kernel only to wait for another thread; a PE of these library OSes has one.
LOCKS = {"__lock.lo", "__lockfile.lo"}
# What every library OS with a heap defines itself.
PROVIDED = {"malloc", "calloc", "realloc", "free", "open", "read", "write", "lseek", "close", "exit", "_exit", "abort",
            "printf", "vprintf", "fprintf", "fwrite", "fputs", "puts", "fputc", "putc", "putchar", "perror",
            "stdin", "stdout", "stderr"}


def is_left(member):
    """Whether a member is left to the library OS."""
    return bool(member.defines & PROVIDED - WEAK)


def members(data):
    """(name, bytes) of each member of an archive in the GNU format."""
    if data[:8] != b"!<arch>\n":
        sys.exit("not an archive")
    names, at = b"", 8
    while at < len(data):
        header = data[at:at + 60]
        size = int(header[48:58])
        body = data[at + 60:at + 60 + size]
        name = header[:16].rstrip()
        at += 60 + size + size % 2
        if name == b"//":
            names = body
        elif name != b"/":
            if name.startswith(b"/"):
                start = int(name[1:])
                name = names[start:names.index(b"/", start)]
            yield name.rstrip(b"/").decode(), body


class Member:
    """An object file: what it defines and needs, and whether it enters the kernel."""

    def __init__(self, body):
        self.body = bytearray(body)
        self.defines, self.needs = set(), set()
        elf = ELFFile(io.BytesIO(body))
        code = [section.data() for section in elf.iter_sections() if section["sh_flags"] & 4]
        self.enters = any(SYSCALL in data for data in code)
        for table in elf.iter_sections():
            if not isinstance(table, SymbolTableSection):
                continue
            for index, symbol in enumerate(table.iter_symbols()):
                if symbol.name in WEAK:  # st_info: binding 2 over type 2, a weak function
                    struct.pack_into("B", self.body, table["sh_offset"] + index * table["sh_entsize"] + 4, 0x22)
                if symbol["st_info"]["bind"] == "STB_LOCAL" or not symbol.name:
                    continue
                if symbol["st_shndx"] != "SHN_UNDEF":
                    self.defines.add(symbol.name)
                elif symbol["st_info"]["bind"] == "STB_GLOBAL":
                    self.needs.add(symbol.name)


def pure(all_members):
    """Names of the members that enter no kernel, however they are used."""
    good = {name for name, member in all_members.items()
            if (not member.enters or name in LOCKS) and not is_left(member)}
    while True:
        defined = set().union(*(all_members[name].defines for name in good)) | PROVIDED
        bad = {name for name in good
               if any(need not in defined and not need.startswith("_GLOBAL_") for need in all_members[name].needs)}
        if not bad:
            return good
        good -= bad


def encode(chosen):
    """An archive in the GNU format, without an index: lld needs none."""
    names = b"".join(name.encode() + b"/\n" for name, _ in chosen)
    parts = [b"!<arch>\n", b"%-16s%-32s%-10d`\n" % (b"//", b"", len(names)), names, b"\n" * (len(names) % 2)]
    at = 0
    for name, body in chosen:
        header = b"%-16s%-12d%-6d%-6d%-8d%-10d`\n" % (b"/%d" % at, 0, 0, 0, 0o644, len(body))
        parts += [header, body, b"\n" * (len(body) % 2)]
        at += len(name) + 2
    return b"".join(parts)


def main():
    what, source, target = sys.argv[1:]
    with open(source, "rb") as file:
        all_members = {name: Member(body) for name, body in members(file.read())}
    good = pure(all_members) if what == "pure" else all_members
    with open(target, "wb") as file:
        file.write(encode([(name, member.body) for name, member in all_members.items()
                           if name in good and not is_left(member)]))


if __name__ == "__main__":
    main()
