# SPDX-License-Identifier: MIT
"""musl for programs that call libos/unix without a trap (`bindery-cc --libos=unix`): Debian's libc.a, in which the
members that make system calls are others, compiled from Debian's source package with the files of sdk/musl before its
own.

    musl.built()            # the folder with libc.a, the start files, and the empty archives that -lm and others name
    musl.compiler()         # bindery-cc of the build folder, which finds it there

It is made once below the build folder; when sdk/musl, this file, Debian's archive or the compiler changes, anew.
"""

import concurrent.futures
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from libos.core import libc
from tools import builder, paths, sources, terminal
from tools.errors import BinderyError, Missing

PLACE = paths.BUILD / "musl"
MADE = paths.BUILD / "lib" / "bindery" / "musl"  # as in the SDK's prefix
OURS = paths.ROOT / "sdk" / "musl"
STOCK = Path("/usr/lib/x86_64-linux-musl")
HEADERS = "/usr/include/x86_64-linux-musl"
FLAGS = ("-std=c99", "-O2", "-w", "-ffreestanding", "-nostdinc", "-mno-red-zone", "-fno-stack-protector", "-fno-pie",
         "-fno-asynchronous-unwind-tables", "-ffunction-sections", "-fdata-sections", "-D_XOPEN_SOURCE=700")
SECONDS = 600
START = ("crt1.o", "crti.o", "crtn.o")
NAMED = ("m", "rt", "pthread", "crypt", "util", "resolv", "dl")  # libraries that musl has in libc.a
FILES = ("libc.a", *START, *(f"lib{name}.a" for name in NAMED))
BY_INSTRUCTION = {"clone", "vfork", "restore", "__set_thread_area", "__unmapself"}  # no place for a return address


def built():
    """The folder; everything is made if need be."""
    compiler, stamp = builder.environment()["CC"], PLACE / "stamp"
    digest = _digest(compiler)
    PLACE.mkdir(parents=True, exist_ok=True)
    with open(PLACE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed: another command may be at it
        if not (MADE.is_dir() and stamp.exists() and stamp.read_text() == digest):
            source = sources.unpacked("musl", PLACE)
            terminal.say("making musl for programs that call libos/unix")
            with tempfile.TemporaryDirectory(prefix=".", dir=PLACE) as folder:
                made = Path(folder) / "lib"
                made.mkdir()
                _make(made, source, compiler)
                shutil.rmtree(MADE, ignore_errors=True)
                MADE.parent.mkdir(parents=True, exist_ok=True)
                made.rename(MADE)
            stamp.write_text(digest)
    return MADE


def compiler():
    """The words of a bindery-cc that can link with it; the build folder's is not executable itself."""
    built()
    return ["/bin/sh", paths.BUILD / "sdk" / "bindery-cc"]


def _make(made, source, compiler):
    with open(STOCK / "libc.a", "rb") as file:
        stock = [(name, body, libc.Member(body)) for name, body in libc.members(file.read())]
    enters = {name.removesuffix(".lo") for name, _, member in stock if member.enters} - BY_INSTRUCTION
    ours = [(f"{path.stem}.lo", path.read_bytes())
            for path in _compiled(_sources(source, enters), source, made.parent, compiler)]
    replaced = [(name, libc.Member(body).defines) for name, body in ours]
    kept, count = [], 0
    for name, body, member in stock:
        if any(name == other and member.defines and member.defines <= defines for other, defines in replaced):
            count += 1
        elif member.enters and name.removesuffix(".lo") not in BY_INSTRUCTION:
            raise BinderyError(f"Debian's musl is not of the version of its source: {name} differs")
        else:
            kept.append((name, body))
    if count != len(ours):
        raise BinderyError(f"Debian's musl is not of the version of its source: {len(ours)} members for {count}")
    (made / "libc.a").write_bytes(libc.encode(ours + kept))
    for name in START:
        shutil.copy(STOCK / name, made)
    for name in NAMED:
        (made / f"lib{name}.a").write_bytes(libc.encode([]))


def _sources(source, names):
    """The files of musl, or ours in their place, that members of these names are compiled from."""
    found = sorted(path for path in OURS.rglob("*.s"))
    taken = {path.relative_to(OURS).with_suffix("") for path in found}
    for folder in [*sorted((source / "src").iterdir()), source / "src" / "malloc" / "mallocng"]:
        for path in sorted(folder.glob("*.c")):
            own = next((folder / "x86_64").glob(f"{path.stem}.[csS]"), path)
            replaced = Path("src", folder.name, "x86_64", path.stem) in taken
            if path.stem in names and own.suffix == ".c" and not replaced:
                found.append(own)
    return found


def _compiled(files, source, place, compiler):
    """The object files of all of them."""
    include = [OURS / "arch/x86_64", *(source / each for each in ("arch/x86_64", "arch/generic", "src/include",
                                                                   "src/internal", "include")), HEADERS]
    words = [compiler, *FLAGS, *(f"-I{folder}" for folder in include)]

    def compiled(numbered):
        number, path = numbered
        to = place / f"{number}" / f"{path.stem}.o"
        to.parent.mkdir()
        done = subprocess.run([*words, "-c", path, "-o", to], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=SECONDS)
        if done.returncode:
            raise BinderyError(f"musl's {path.name} cannot be compiled", done.stderr[-2000:])
        return to

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(compiled, enumerate(files)))


def _digest(compiler):
    digest = hashlib.sha256(compiler.encode())
    try:
        for path in [Path(__file__), STOCK / "libc.a", *sorted(path for path in OURS.rglob("*") if path.is_file())]:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    except FileNotFoundError as error:
        raise Missing(f"there is no {error.filename}; it belongs to the package musl-dev") from None
    return digest.hexdigest()
