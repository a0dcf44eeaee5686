# SPDX-License-Identifier: MIT
"""Real programs from Debian as static executables, for libos/unix and for Linux alike. Made at test time, below the
build folder; none of it is part of this project's sources.

    stock.path("lua")          # build/programs/lua

Two C libraries are covered: sqlite3 and speedtest1 are linked with glibc (Debian's own archive of SQLite), busybox
comes as Debian links it, the others are linked with musl. What is built depends on this file: when it changes, they are
built anew.
"""

import functools
import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools import paths, sources
from tools.errors import BinderyError
from tools.peers import debian

PLACE = paths.BUILD / "programs"
MUSL = Path("/usr/lib/x86_64-linux-musl")
SECONDS = 900


def path(name):
    """The executable of a program, made if need be."""
    made = PLACE / name
    stamp = PLACE / f"{name}.stamp"
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    if not (made.exists() and stamp.exists() and stamp.read_text() == digest):
        PLACE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=PLACE) as folder:
            PROGRAMS[name](Path(folder) / name)
            (Path(folder) / name).rename(made)
        stamp.write_text(digest)
    return made


def tcc_library():
    """What tcc needs in /usr/lib/tcc beside musl's own files: its headers and its run-time archive."""
    made = PLACE / "tcc-library"
    if not made.exists():
        source, tcc = sources.unpacked("tcc", PLACE), path("tcc")
        with tempfile.TemporaryDirectory(prefix=".", dir=PLACE) as folder:
            library = Path(folder) / "library"
            shutil.copytree(source / "include", library / "include")
            objects = []
            for name in ("libtcc1.c", "alloca86_64.S", "va_list.c", "dsohandle.c"):
                objects.append(f"{folder}/{name}.o")
                _run([tcc, f"-B{library}", "-c", source / "lib" / name, "-o", objects[-1]])
            _run([tcc, "-ar", library / "libtcc1.a", *objects])
            library.rename(made)
    return made


def _run(words, **more):
    done = subprocess.run(list(map(str, words)), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=SECONDS, **more)
    if done.returncode:
        raise BinderyError(f"{Path(words[0]).name} failed", done.stderr[-3000:])


@functools.cache
def _compiler():
    from tools import builder

    return builder.environment()["CC"]


def _with_musl(target, source, files, *flags):
    """Compiles and links with musl, as musl-gcc would."""
    resources = subprocess.run([_compiler(), "-print-resource-dir"], capture_output=True, text=True).stdout.strip()
    _run([_compiler(), "-O1", "-w", "-nostdinc", "-isystem", "/usr/include/x86_64-linux-musl",
          "-idirafter", f"{resources}/include", "-idirafter", "/usr/include", "-idirafter",
          "/usr/include/x86_64-linux-gnu", *flags, "-static", "-nostdlib", "-fuse-ld=lld-19", MUSL / "crt1.o",
          MUSL / "crti.o", *files, MUSL / "libc.a", MUSL / "crtn.o", "-o", target], cwd=source)


def _busybox(target):
    shutil.copy(debian.file_of("busybox-static", "bin/busybox"), target)


def _lua(target):
    source = sources.unpacked("lua5.4", PLACE) / "src"
    _with_musl(target, source, sorted(set(source.glob("l*.c")) - {source / "luac.c"}), "-DLUA_USE_POSIX")


def _zstd(target):
    source = sources.unpacked("libzstd", PLACE)
    files = [source / "programs" / f"{name}.c" for name in ("zstdcli", "util", "timefn", "fileio", "fileio_asyncio")]
    for folder in ("common", "compress", "decompress"):
        files += sorted((source / "lib" / folder).glob("*.c"))
    off = ("DISABLE_ASM", "NOBENCH", "NODICT", "NOTRACE")
    _with_musl(target, source, files, "-DZSTD_MULTITHREAD", "-DZSTD_LEGACY_SUPPORT=0", "-DBACKTRACE_ENABLE=0",
               *(f"-DZSTD_{name}" for name in off))


TCC_SETTINGS = {"VERSION": "0.9.27", "CRTPREFIX": str(MUSL), "LIBPATHS": "{B}:" + str(MUSL),
                "SYSINCLUDEPATHS": "{B}/include:/usr/include/x86_64-linux-musl", "ELFINTERP": "/none"}


def _tcc(target):
    source = sources.unpacked("tcc", PLACE)
    lines = ["#define TCC_TARGET_X86_64 1", "#define CONFIG_TCC_STATIC 1", "#define ONE_SOURCE 1",
             '#define CONFIG_TCCDIR "/usr/lib/tcc"']
    for name, value in TCC_SETTINGS.items():
        lines.append(f'#define {"TCC_VERSION" if name == "VERSION" else f"CONFIG_TCC_{name}"} "{value}"')
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.h").write_text("\n".join([*lines, ""]))
        _with_musl(target, source, [source / "tcc.c"], f"-I{folder}")


def _with_sqlite(target, files, *flags):
    """Links with Debian's archive of SQLite, and glibc."""
    archive = debian.file_of("libsqlite3-dev", "usr/lib/*/libsqlite3.a")
    header = debian.file_of("libsqlite3-dev", "usr/include/sqlite3.h")
    _run([_compiler(), "-O1", "-w", "-static", "-fuse-ld=lld-19", "-DSQLITE_OMIT_LOAD_EXTENSION", *flags,
          f"-I{header.parent}", *files, archive, "-lm", "-o", target])


def _sqlite3(target):
    """The shell's source comes in pieces, which a script of theirs puts together; here it is done without Tcl."""
    source = sources.unpacked("sqlite3", PLACE) / "src"

    def included(line):
        return re.sub(r'(?m)^#\s*include "(?!sqlite3\.h).*$', "", (source / line[1]).read_text())

    with tempfile.TemporaryDirectory() as folder:
        shell = Path(folder) / "shell.c"
        shell.write_text(re.sub(r"(?m)^INCLUDE (\S+)$", included, (source / "shell.c.in").read_text()))
        _with_sqlite(target, [shell], "-DHAVE_READLINE=0")


def _speedtest1(target):
    _with_sqlite(target, [sources.unpacked("sqlite3", PLACE) / "test" / "speedtest1.c"])


PROGRAMS = {"busybox": _busybox, "lua": _lua, "zstd": _zstd, "tcc": _tcc, "sqlite3": _sqlite3,
            "speedtest1": _speedtest1}
