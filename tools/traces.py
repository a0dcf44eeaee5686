# SPDX-License-Identifier: MIT
"""Trace files: a line is `PAGE`, `PAGE R` or `PAGE W`, decimal.

A trace is checked on the host before anything boots, so that a bad line is reported as FILE:LINE at once. Page
numbers are renumbered by first use if they are too large for a region of `replay`; no policy looks at their values.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from tools import paths, simulator
from tools.errors import Missing, Usage

LINE = re.compile(rb"([0-9]+)(?: ([RW]))?\r?")
PAGE_LIMIT = 65536         # of one region of apps/replay.c
LARGEST = 1 << 52          # a page number of a 64-bit address


@dataclass
class Trace:
    name: str
    text: bytes       # as it goes to the disk
    references: int
    pages: int        # distinct
    region: int       # highest page number in `text`, plus 1
    path: Path = None  # where the simulator finds the same references


def load(path):
    """Reads and checks a trace file."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Missing(f"cannot read the trace {path}: {error.strerror}") from None
    return check(path.stem, data, str(path))


def generated(name):
    """One of bindery-sim's generated traces, by name."""
    return check(name, simulator.generate(name), f"@{name}")


def check(name, data, where, path=None):
    """A Trace from text; raises Usage with `where`:LINE for the first bad line."""
    numbers = {}
    lines = []
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n"), 1):
        match = LINE.fullmatch(line)
        if match is None or int(match[1]) >= LARGEST:
            raise Usage(f"{where}:{number}: expected “PAGE”, “PAGE R” or “PAGE W” with a decimal page number, "
                        f"not “{line[:60].decode(errors='replace')}”")
        page = int(match[1])
        numbers.setdefault(page, len(numbers))
        lines.append((page, match[2]))
    region = max(numbers) + 1
    if region > PAGE_LIMIT:
        if len(numbers) > PAGE_LIMIT:
            raise Usage(f"{where}: {len(numbers)} different pages; a replayed region has at most {PAGE_LIMIT}")
        lines = [(numbers[page], kind) for page, kind in lines]
        region = len(numbers)
    text = b"".join(b"%d\n" % page if kind is None else b"%d %s\n" % (page, kind) for page, kind in lines)
    return Trace(name, text, len(lines), len(numbers), region, path or store(name, text))


def store(name, text):
    """Keeps a trace's text in the build folder for the simulator; returns its path."""
    folder = paths.CACHE / "traces"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.txt"
    if not path.exists() or path.read_bytes() != text:
        path.write_bytes(text)
    return path
