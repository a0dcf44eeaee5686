#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Builds libext2fs from Debian's source package of e2fsprogs, for use behind libos/unix/disk.

    library.py source FOLDER STAMP              # fetches and unpacks it below FOLDER, makes its generated headers
    library.py build FOLDER ARCHIVE CC FLAG…    # compiles FILES into an archive

The package's own build is not used: it makes programs for Linux, and this archive has no C library's start-up, files or
processes behind it. Only what FILES names is compiled. Its memory comes from the file system's own heap (RENAMED), and
what it would do to the allocation bitmaps by itself is done by libos/unix/disk/space.c, which is told of every block
that way; so alloc_stats.c is not in FILES.

libext2fs is under the GNU Library General Public License, version 2; none of it is part of this project's sources.
"""
import os
import re
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from tools import sources  # noqa: E402
from tools.errors import Missing  # noqa: E402

PACKAGE = "e2fsprogs"
FILES = """alloc alloc_sb badblocks bitmaps bitops blkmap64_ba blkmap64_rb blknum closefs crc16 crc32c csum extent
freefs gen_bitmap gen_bitmap64 get_num_dirs hashmap i_block inline inode io_manager mmp openfs rbtree rw_bitmaps
symlink valid_blk""".split()
RENAMED = {name: f"fs_heap_{name}" for name in ("malloc", "calloc", "realloc", "free")}
# What its configure script would find. OMIT_COM_ERR: errors are returned and never printed.
CONFIG = ["HAVE_ERRNO_H", "HAVE_STDINT_H", "HAVE_STDLIB_H", "HAVE_STRING_H", "HAVE_SYS_STAT_H", "HAVE_SYS_TYPES_H",
          "HAVE_UNISTD_H", "HAVE_SYS_TIME_H", "HAVE_INTTYPES_H", "OMIT_COM_ERR"]
TYPES = [(kind + str(bits), ("unsigned " if kind == "u" else "signed ") + name)
         for kind in "us" for bits, name in ((8, "char"), (16, "short"), (32, "int"), (64, "long long"))]


def fail(sentence):
    print(f"library.py: {sentence}", file=sys.stderr)
    sys.exit(3)


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        tail = (done.stderr.strip() or done.stdout.strip()).split("\n")[-1]
        fail(f"{' '.join(map(str, command[:2]))} … failed: {tail}")
    return done.stdout


def unpack(archive, folder):
    """lib/ext2fs of the source, below FOLDER/ext2fs."""
    with tarfile.open(archive) as tar:
        for member in tar:
            match = re.match(r"[^/]+/lib/ext2fs/([\w.]+)$", member.name)
            if match and member.isfile():
                (folder / "ext2fs" / match.group(1)).write_bytes(tar.extractfile(member).read())


def generate(folder):
    """The headers that the package's own build would make."""
    ext2fs = folder / "ext2fs"
    errors = re.findall(r"^ec\s+(\w+)", (ext2fs / "ext2_err.et.in").read_text(encoding="utf-8"), re.MULTILINE)
    base = 0x7F2B << 16  # any range that errno values don't reach
    lines = [f"#define {name} ({base + number}L)" for number, name in enumerate(errors)]
    (ext2fs / "ext2_err.h").write_text("\n".join(["#pragma once", *lines, ""]), encoding="utf-8")
    types = [f"typedef {name} __{short};" for short, name in TYPES]
    types += [f"typedef __u{bits} __{end}{bits};" for end in ("le", "be") for bits in (16, 32, 64)]
    types = ["#pragma once", "#define __bitwise", "#define __force", *types]
    (ext2fs / "ext2_types.h").write_text("\n".join([*types, ""]), encoding="utf-8")
    config = [f"#define {name} 1" for name in CONFIG]
    config += [f"#define {name} {new}" for name, new in RENAMED.items()]
    config = ["#pragma once", *config, "#include <stddef.h>", "#include <stdlib.h>"]
    (folder / "config.h").write_text("\n".join([*config, ""]), encoding="utf-8")
    (folder / "et").mkdir(exist_ok=True)
    (folder / "et/com_err.h").write_text("#pragma once\ntypedef long errcode_t;\n", encoding="utf-8")
    (ext2fs / "crc32c_table.h").write_text(crc32c_table(), encoding="utf-8")


def crc32c_table():
    """Its tables of checksums, for eight bytes at a time, by their definitions: Castagnoli's polynomial with the lowest
    bit first, and CRC-32's with the highest first."""
    little = crc_rows(lambda value: value >> 1 ^ (0x82F63B78 if value & 1 else 0), 0)
    big = crc_rows(lambda value: (value << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 if value >> 31 else 0), 24)
    text = ""
    for name, order, tables in (("crc32ctable_le", "tole", little), ("crc32table_be", "tobe", big)):
        rows = ["{" + ", ".join(f"{order}({value:#010x}L)" for value in table) + "}" for table in tables]
        text += f"static const uint32_t {name}[8][256] = {{" + ",\n".join(rows) + "};\n"
    return text


def crc_rows(step, shift):
    """Eight rows: what each byte value, followed by 0 to 7 zero bytes, makes of a checksum. `shift`: its first byte."""
    first = [value << shift for value in range(256)]
    for _ in range(8):
        first = [step(value) for value in first]
    rows = [first]
    for _ in range(7):
        rows.append([(value << 8 & 0xFFFFFFFF if shift else value >> 8) ^ first[value >> shift & 255]
                     for value in rows[-1]])
    return rows


def source(folder, stamp):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ext2fs").mkdir(exist_ok=True)
    try:
        archive = sources.fetched(PACKAGE, folder)
    except Missing as error:
        fail(f"{error}{error.detail and ': '}{error.detail.strip()}")
    unpack(archive, folder)
    generate(folder)
    stamp.write_text(f"// {archive.name}\n", encoding="utf-8")


def build(folder, archive, compiler):
    objects = archive.with_suffix(".objects")
    objects.mkdir(exist_ok=True)
    jobs = []
    for name in FILES:
        jobs.append([*compiler, "-w", "-std=gnu11", f"-I{folder}", f"-I{folder}/ext2fs", "-include", "config.h", "-c",
                     f"{folder}/ext2fs/{name}.c", "-o", f"{objects}/{name}.o"])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(run, jobs))
    archive.unlink(missing_ok=True)
    maker = "llvm-ar-19" if any(Path(path, "llvm-ar-19").exists() for path in os.get_exec_path()) else "ar"
    run([maker, "rcs", str(archive), *(f"{objects}/{name}.o" for name in FILES)])


def main():
    what, folder, target, *rest = sys.argv[1:]
    if what == "source":
        source(Path(folder).resolve(), Path(target))
    else:
        build(Path(folder).resolve(), Path(target), rest)


if __name__ == "__main__":
    main()
