# SPDX-License-Identifier: MIT
"""The instruction counts of Bindery's own rows as they are kept in the tree, and the comparison with new ones.

Kept: the least and the median of each row. They depend on the code and on the compiler, and on nothing else: QEMU
counts instructions, and the processor model is fixed. So with the compiler that they were recorded with, they must be
equal; with another one they may differ by a tenth, because a compiler that is updated is no reason to fail.
"""

import json
import re

from tools import paths, qemu, tables
from tools.errors import Missing
from tools.files import write_whole

KEPT = paths.ROOT / "tests" / "bench" / "counts.json"
RECORD = "./bindery bench fault --record"
FIGURES = ("instructions", "median")
SHARE = 10  # with another compiler: a count may differ by one part in so many …
LEAST = 4   # … or by so many instructions


def made_with(compiler):
    """What counts depend on besides the code."""
    return {"compiler": f"clang {re.match(r'[0-9.]+', compiler)[0]}", "processor": qemu.PROCESSOR}


def record(rows, compiler):
    """Writes new counts; returns the sentences that say what has changed."""
    changes = differences(rows, load()["rows"]) if KEPT.exists() else []
    kept = [{"op": row["op"]} | {figure: row[figure] for figure in FIGURES} for row in rows]
    write_whole(KEPT, tables.as_json(kept, **made_with(compiler)).encode())
    return changes


def load():
    """The document that is kept."""
    try:
        return json.loads(KEPT.read_text())
    except (OSError, ValueError) as error:
        raise Missing(f"cannot read {paths.in_words(KEPT)} ({error}); {RECORD} makes it") from None


def differences(rows, kept, exact=True):
    """A sentence for each operation whose counts are not those kept, or that is on one side only."""
    old = {each["op"]: each for each in kept}
    new = {each["op"]: each for each in rows}
    found = [f"{op} is measured now and has no count in {paths.in_words(KEPT)}" for op in new if op not in old]
    found += [f"{op} has a count in {paths.in_words(KEPT)} and is not measured any more" for op in old if op not in new]
    for op in new:
        for figure in FIGURES:
            if op in old and not _equal(old[op][figure], new[op][figure], exact):
                what = "instructions" if figure == "instructions" else "instructions (median)"
                found.append(f"{op} was {old[op][figure]} {what} and is {new[op][figure]}")
                break
    return found


def _equal(old, new, exact):
    return old == new if exact else abs(old - new) <= max(old // SHARE, LEAST)
