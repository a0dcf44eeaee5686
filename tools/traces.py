# SPDX-License-Identifier: MIT
"""Trace files: a line is `PAGE`, `PAGE R`, `PAGE W` or `PAGE M`, decimal, with `+` before it if one instruction makes
this reference and that of the line before (libos/pager/sim/text.c). Other forms, libCacheSim's oracleGeneral and what
zstd has compressed, are turned into that one by bindery-sim.

What is replayed is one reference after the other, for real and simulated: `+` is left out, and `M` is `W`, as no one
instruction has as many operands as another program's may have. It is said of a file in which there are some.

A trace is checked on the host before anything boots, so that a bad line is reported as FILE:LINE at once. Pages are
renumbered by first use, as the simulator does too: a replayed region has no holes, and the victims of a real run and of
a simulated one can be told by the same numbers. Only a policy that hashes numbers decides otherwise for it; it does so
in both runs, since the simulator is given the renumbered trace.
"""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools import paths, simulator, terminal
from tools.errors import Missing, Usage

LINE = re.compile(rb"(\+?)([0-9]+)(?: ([RWM]))?\r?")
PAGE_LIMIT = 65536  # of one region of apps/replay.c
LARGEST = 1 << 52   # page numbers of 64-bit addresses are below
ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass
class Trace:
    name: str
    text: bytes       # as it goes to the disk
    references: int
    pages: int        # distinct
    path: Path = None  # where the simulator finds the same references
    widest: int = 1    # most pages that an instruction needs at once: no fewer frames will do


def require(path):
    """Raises Missing unless a trace file can be read."""
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        raise Missing(f"cannot read the trace {path}: {error.strerror}") from None


def load(path):
    """Reads and checks a trace file that is to be replayed."""
    path = Path(path)
    require(path)
    data = path.read_bytes()
    if data.startswith(ZSTD) or b"\0" in data[:64]:
        with tempfile.TemporaryDirectory() as folder:
            simulator.convert(path, Path(folder) / "trace.txt")
            data = (Path(folder) / "trace.txt").read_bytes()
    found = check(path.stem.removesuffix(".oracleGeneral"), data, str(path))
    joined = data.count(b"\n+")
    if joined:
        terminal.say(f"{path}: {joined:,} of its {found.references:,} references are made by the instruction of the "
                     "one before (“+”); a replay makes each by itself, so counts differ a little from the program's")
    return found


def generated(name):
    """One of bindery-sim's generated traces, by name."""
    return check(name, simulator.generate(name), f"@{name}")


def check(name, data, where, path=None):
    """A Trace from text; raises Usage with `where`:LINE for the first bad line. With a path the references are an
    application's, which the simulator finds there; else they are to be replayed."""
    if not data:
        raise Usage(f"{where}: the trace is empty; it needs one reference at least")
    lines = data.removesuffix(b"\n").split(b"\n")
    numbers, renumbered = {}, {}
    for line in dict.fromkeys(lines):  # the different lines are few
        match = LINE.fullmatch(line)
        if match is None or int(match[2]) >= LARGEST:
            raise Usage(f"{where}:{lines.index(line) + 1}: expected “PAGE”, “PAGE R” or “PAGE W” with a decimal page "
                        f"number, not “{line[:60].decode(errors='replace')}”")
        page = numbers.setdefault(int(match[2]), len(numbers))
        kind = match[3] if path or match[3] != b"M" else b"W"
        joined = match[1] if path else b""
        renumbered[line] = b"%s%d %s\n" % (joined, page, kind) if kind else b"%s%d\n" % (joined, page)
    if lines[0].startswith(b"+"):
        raise Usage(f"{where}:1: “+” joins a reference to the one of the line before; there is none")
    if len(numbers) > PAGE_LIMIT:
        raise Usage(f"{where}: {len(numbers)} different pages; a replayed region has at most {PAGE_LIMIT}")
    text = b"".join(map(renumbered.__getitem__, lines))
    return Trace(name, text, len(lines), len(numbers), path or store(name, text), widest(text))


def widest(text):
    """The most different pages that lines joined by “+” have."""
    groups = re.findall(rb"[0-9]+[^+\n]*\n(?:\+[^\n]*\n)+", text)
    return max((len(set(re.findall(rb"[0-9]+", group))) for group in set(groups)), default=1)


def store(name, text):
    """Keeps a trace's text in the build folder for the simulator; returns its path."""
    folder = paths.CACHE / "traces"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.txt"
    if not path.exists() or path.read_bytes() != text:
        path.write_bytes(text)
    return path
