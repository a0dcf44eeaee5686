# SPDX-License-Identifier: MIT
"""`bindery run --compat`: what a Linux program needs, and which of it libos/unix lacks, without running it.

    needs = look("build/prog")     # rows: kind, name, number, places, served, detail

Calls are compared with the lines of libos/unix/*/calls.def, which dispatch comes from. A call that is served may still
refuse some of its operations: an ioctl, a kind of socket. That is seen only by running the program, with --strace.
"""

import re
import struct
from pathlib import Path

from tools import calls_in_code, constants, paths, program, tables
from tools.errors import FAILED, OK

COLUMNS = {"kind": "needs", "name": "name", "number": "number", "places": "places", "detail": "detail"}
FIELDS = ("kind", "name", "number", "places", "served", "detail")
LINE = re.compile(r'^CALL\((\d+), (\w+), ', re.M)
NUMBER_NAME = re.compile(r"#define\s+__NR_(\w+)\s+(\d+)")
HEADER = Path("/usr/include/x86_64-linux-musl/bits/syscall.h")  # what libos/unix/process/names.py reads, too
ISA_NEEDED, ISA = 0xC0008002, {4: "x86-64-v3 (AVX2)", 8: "x86-64-v4 (AVX-512)"}
LEAST = constants.value("libos/unix/map.h", "UNIX_USER_FIRST")
DAMAGED = "{} is no executable whose needs can be read: it has no ELF header, or a damaged one"
UNTOLD = "number unknown"


def served():
    """{number: name} of the calls that libos/unix serves."""
    text = "".join(path.read_text() for path in sorted((paths.ROOT / "libos" / "unix").glob("*/calls.def")))
    return {int(number): name for number, name in LINE.findall(text)}


def _names():
    try:
        return {int(number): name for name, number in NUMBER_NAME.findall(HEADER.read_text())}
    except OSError:
        return {}


def look(path):
    """The rows; raises Usage or Missing for what is no ELF file."""
    with program.opened(path, DAMAGED) as elf:
        return _rows(elf)


def _row(kind, name, is_served, detail="", number=None, places=None):
    return dict(zip(FIELDS, (kind, name, number, places, is_served, detail)))


def _rows(elf):
    if elf["e_machine"] != "EM_X86_64" or elf.elfclass != 64:
        return [_row("machine", str(elf["e_machine"]), False, f"{elf.elfclass} bits; here is x86-64")]
    if elf["e_type"] not in ("ET_EXEC", "ET_DYN"):
        return [_row("file", str(elf["e_type"]), False, "no program: link it")]
    segments = list(elf.iter_segments())
    rows = [*_linker(segments), *_addresses(elf, segments), *_instructions(segments)]
    return rows + _calls(calls_in_code.calls_in(_code(elf, segments), lambda address: _word(segments, address)))


def _linker(segments):
    for segment in segments:
        if segment["p_type"] == "PT_INTERP":
            yield _row("dynamic linker", segment.get_interp_name(), False, "link with -static")


def _addresses(elf, segments):
    if elf["e_type"] != "ET_EXEC":
        return
    for segment in segments:
        first, end = segment["p_vaddr"], segment["p_vaddr"] + segment["p_memsz"]
        own = first < program.OWN_PLACE.stop and end > program.OWN_PLACE.start
        if segment["p_type"] == "PT_LOAD" and (own or first < LEAST):
            yield _row("addresses", f"{first:#x}–{end:#x}", False, "the library OS lies there; link with -static-pie"
                       if own else "nothing can lie below 64 KiB")


def _instructions(segments):
    """What a note says of the processor. Only the vector registers of x86-64-v2 are kept for a program."""
    for segment in segments:
        for note in segment.iter_notes() if segment["p_type"] == "PT_NOTE" else ():
            if note["n_type"] == "NT_GNU_PROPERTY_TYPE_0":
                bits = _needed(note["n_descdata"])
                yield from (_row("instructions", what, False, "only the registers of x86-64-v2 are kept")
                            for bit, what in ISA.items() if bits & bit)


def _needed(properties):
    """The bits of the property that says which instructions are needed: 32-bit type and length, data to 8 bytes."""
    at = 0
    while at + 12 <= len(properties):
        kind, length, bits = struct.unpack_from("<III", properties, at)
        if kind == ISA_NEEDED:
            return bits
        at += 8 + -(-length // 8) * 8
    return 0


def _code(elf, segments):
    """Executable bytes: sections if there are any, else segments."""
    found = [(each["sh_addr"], each.data()) for each in elf.iter_sections()
             if each["sh_type"] == "SHT_PROGBITS" and each["sh_flags"] & 4]
    return found or [(each["p_vaddr"], each.data()) for each in segments
                     if each["p_type"] == "PT_LOAD" and each["p_flags"] & 1]


def _word(segments, address):
    """Eight bytes of the program as it is loaded; None: there are none in the file."""
    for each in segments:
        at = address - each["p_vaddr"]
        if each["p_type"] == "PT_LOAD" and 0 <= at <= each["p_filesz"] - 8:
            return int.from_bytes(each.data()[at:at + 8], "little")
    return None


def _calls(found):
    names, here = _names(), served()
    rows = [_row("system call", here.get(number) or names.get(number, "unknown"), number in here,
                 "" if number in here else "gives ENOSYS", number, len(places))
            for number, places in sorted(found.places.items())]
    if found.untold:
        rows.append(_row("system call", UNTOLD, None, "not in a constant; --strace shows them in a run", None,
                         len(found.untold)))
    return rows


def run(path, form):
    """Prints the table; FAILED if something is missing."""
    rows = look(path)
    lacking = [row for row in rows if row["served"] is False]
    more = {"program": paths.in_words(path)}
    tables.write(form, rows, FIELDS, lambda: _show(path, rows, lacking), **more)
    return FAILED if lacking else OK


def _show(path, rows, lacking):
    calls = [row for row in rows if row["kind"] == "system call" and row["number"] is not None]
    untold = sum(row["places"] for row in rows if row["name"] == UNTOLD)
    if lacking:
        tables.show(lacking, COLUMNS)
        print()
    print(f"{paths.in_words(path)}: {len(calls)} system calls in {sum(row['places'] for row in calls)} places of its "
          f"code, {len([row for row in calls if not row['served']])} of them not served; in {untold} places more the "
          f"number cannot be told")
