#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Malicious and damaged ELF files on libos/unix: each is refused with an error and one sentence, and nobody notices.

    elf.py BUILD TRIES

Prints TAP. The files are made here from a tiny program that does nothing but exit(7); all of them are tried in one
machine by the program TRIES.
"""

import errno
import struct
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import inside  # noqa: E402

CODE = bytes([0xbf, 7, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05])  # exit_group(7)
LOAD, INTERPRETER = 1, 3
TOP = 1 << 64
PAGE = 4096


def load(address, offset=0, in_file=PAGE, in_memory=None, flags=5, kind=LOAD):
    return struct.pack("<IIQQQQQQ", kind, flags, offset % TOP, address % TOP, address % TOP, in_file % TOP,
                       (in_file if in_memory is None else in_memory) % TOP, PAGE)


def elf(*segments, entry=0x400000 + 2048, kind=2, machine=62, bits=2, order=1, table=64, count=None, entry_bytes=56,
        tail=b""):
    """A file whose code lies in the middle of its first page, behind header and table."""
    header = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", bits, order, 1, 0, kind, machine, 1, entry, table, 0, 0,
                         64, entry_bytes, len(segments) if count is None else count, 64, 0, 0)
    first = (header + b"".join(segments)).ljust(2048, b"\xcc") + CODE
    return first.ljust(2 * PAGE, b"\xcc") + tail


def first(**others):
    return load(0x400000, **others)


def with_linker(path, tail=b""):
    return elf(first(), load(0, 2 * PAGE, len(path), kind=INTERPRETER), tail=path + tail)


MEMORY, NOEXEC = errno.ENOMEM, errno.ENOEXEC
LIBRARY = "in the second GiB, where the library OS lies"
# Name → the file, the error, and what its sentence says; or how it ends if it is run.
FILES = {
    "good": (elf(first()), "exit 7", None),
    "much_bss": (elf(first(), load(0x500000, 0, 0, 1 << 30)), MEMORY, LIBRARY),
    "much_bss_elsewhere": (elf(first(), load(0x100000000, 0, 0, 1 << 37)), "exit 7", None),
    "in_library": (elf(first(), load(0x50000000)), MEMORY, LIBRARY),
    "into_library": (elf(first(), load(0x3ffff000, 0, PAGE, 2 * PAGE)), MEMORY, LIBRARY),
    "out_of_library": (elf(first(), load(0x7ffff000, 0, PAGE, 2 * PAGE)), MEMORY, LIBRARY),
    "over_library": (elf(first(), load(0x3ffff000, 0, PAGE, 0x40002000)), MEMORY, LIBRARY),
    "at_zero": (elf(load(0), first()), MEMORY, "below 64 KiB"),
    "at_the_top": (elf(first(), load(0xffff800000000000)), MEMORY, "outside of the user's addresses"),
    "huge_in_memory": (elf(first(), load(0x500000, 0, PAGE, 1 << 62)), MEMORY, "outside of the user's addresses"),
    "wraps_in_memory": (elf(first(in_memory=TOP - PAGE)), MEMORY, "outside of the user's addresses"),
    "wraps_to_itself": (elf(first(in_memory=TOP - 0x400000 + PAGE)), MEMORY, "outside of the user's addresses"),
    "same_page": (elf(first(), load(0x400800, 0x800, 100)), NOEXEC, "overlap"),
    "overlaps": (elf(first(in_memory=4 * PAGE), load(0x402000)), NOEXEC, "overlap"),
    "unordered": (elf(load(0x500000), first()), NOEXEC, "not in order"),
    "more_in_file": (elf(first(in_memory=100)), NOEXEC, "longer in the file than in memory"),
    "offset_past_end": (elf(first(), load(0x500000, 1 << 40)), NOEXEC, "lies past its end"),
    "huge_in_file": (elf(first(), load(0x500000, 0, 1 << 60, 1 << 60)), NOEXEC, "lies past its end"),
    "wraps_in_file": (elf(first(), load(0x500000, TOP - PAGE, 2 * PAGE)), NOEXEC, "lies past its end"),
    "crooked": (elf(first(), load(0x500100, 0x200, 100)), NOEXEC, "don't fit together"),
    "many_segments": (elf(*(load(0x400000 + i * PAGE) for i in range(30))), NOEXEC, "too many segments"),
    "no_segment": (elf(load(0x400000, kind=4)), NOEXEC, "no segment to load"),
    "no_table": (elf(first(), count=0), NOEXEC, "no program header table"),
    "odd_table": (elf(first(), entry_bytes=57), NOEXEC, "no program header table"),
    "long_table": (elf(first(), count=65535), NOEXEC, "too long"),
    "far_table": (elf(first(), table=1 << 60), NOEXEC, "lies past its end"),
    "table_wraps": (elf(first(), table=TOP - 8), NOEXEC, "lies past its end"),
    "enters_library": (elf(first(), entry=0x40001000), NOEXEC, "its first instruction lies outside"),
    "enters_kernel": (elf(first(), entry=0xffff800000000000), NOEXEC, "its first instruction lies outside"),
    "enters_nothing": (elf(first(), entry=0x600000), "signal 11", None),
    "short": (elf(first())[:40], NOEXEC, "ends inside its ELF header"),
    "bits": (elf(first(), bits=1), NOEXEC, "32 bits"),
    "order": (elf(first(), order=2), NOEXEC, "another machine"),
    "machine": (elf(first(), machine=183), NOEXEC, "another machine"),
    "object": (elf(first(), kind=1), NOEXEC, "no program"),
    "no_linker": (with_linker(b"/there/is/none\0"), errno.ENOENT, "dynamic linker"),
    "text_linker": (with_linker(b"/etc/text\0"), errno.ELIBBAD, "dynamic linker"),
    "bad_linker": (with_linker(b"/bad/overlaps\0"), errno.ELIBBAD, "overlap"),
    "own_linker": (with_linker(b"/bad/own_linker\0"), "exit 7", None),  # it lies over itself
    "empty_linker": (with_linker(b"\0"), NOEXEC, "the name of its dynamic linker is damaged"),
    "long_linker": (with_linker(b"/" + b"x" * 5000), NOEXEC, "the name of its dynamic linker is damaged"),
    "linker_past_end": (elf(first(), load(0, TOP - 5, 10, kind=INTERPRETER)), NOEXEC, "dynamic linker is damaged"),
    "empty": (b"", NOEXEC, None),
    "text": (b"neither a program nor a script\n", NOEXEC, None),
}


def wrong(name, how, notices):
    """How this file did not end as it should have, or None."""
    _, wanted, sentence = FILES[name]
    awaited = f"error {wanted}" if isinstance(wanted, int) else wanted
    said = [notice for notice in notices if notice.startswith(f"/bad/{name}: cannot be run: ")]
    if how != awaited:
        return f"{how}, not {awaited}; said: {said}"
    if sentence is None:
        return f"said {said}" if said else None
    return None if said and len(set(said)) == 1 and sentence in said[0] else f"said {said}, not “{sentence}”"


def main():
    _, tries = sys.argv[1:]
    tap = inside.Tap()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for folder in ("bin", "bad", "etc"):
            (root / folder).mkdir()
        (root / "bin/tries").write_bytes(Path(tries).read_bytes())
        (root / "etc/text").write_text("no program\n")
        for name, (contents, _, _) in FILES.items():
            (root / "bad" / name).write_bytes(contents)
        for path in (*root.glob("bin/*"), *root.glob("bad/*"), *root.glob("etc/*")):
            path.chmod(0o755)
        ended = inside.run(["/bin/tries", "/bad"], folder=root)
    lines = dict(line.split(" ", 1) for line in ended.output.splitlines() if " " in line)
    for name in FILES:
        tap.line(f"{name}: {FILES[name][2] or FILES[name][1]}", wrong(name, lines.get(name), ended.notices))
    before, after, _, swap, swap_after = lines.get("heap", "0 1 x 0 0").split()
    tap.line("many tries hold no memory", int(after) > int(before) or swap != swap_after)
    tap.line("the machine ends well and its file system is sound", ended.wrong())
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
