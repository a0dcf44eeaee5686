#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks the ways into an OS (`bench ways`) against each other, on what has just been built, and prints TAP.

    BINDERY_BUILD=build tests/bench/ways.py

Their exact counts are not kept: they hold all of a system call's service. What must not change is how they differ.
"""

import subprocess
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

from tools import paths, run_linux, unix, ways  # noqa: E402  (the path above comes first)
from tools.errors import BinderyError  # noqa: E402

SECONDS = 120
PROGRAM = paths.BUILD / "tests" / "bench" / "rewritten"
SITES = 4  # of its own, at least
MOST = {"procedure": 120, "rewritten": 120, "trap": 140, "message": 260}  # instructions of a null call
STEPS = (4096 - 64) // ways.WORD


def checks(rows):
    """(name, whether it is so, what was found) of each."""
    count = {(row["op"], row["way"]): row["instructions"] for row in rows}
    for way in ("procedure", "rewritten"):
        saved = {count[op, "trap"] - count[op, way] for op in ways.OPS}
        yield f"by {way}, every call saves the same against the trap", len(saved) == 1 and min(saved) > 0, saved
    for way in ("procedure", "rewritten", "trap"):
        copied = count["write.4096", way] - count["write.64", way]
        yield f"by {way}, 4 KiB cost more than 64 bytes by the copying alone", copied == STEPS, copied
    copied = count["write.1048576", "message"] - 2 * (1 << 20) // ways.WORD
    yield "by message, 1 MiB cost two copies and a round trip", 0 < copied <= MOST["message"], copied
    for way, most in MOST.items():
        null = count["null", way]
        yield f"a null call by {way} takes at most {most} instructions", null <= most, null
    spread = [row for row in rows if row["median"] != row["instructions"]]
    yield "at least half of the samples of each row are alike", not spread, spread


def program_checks():
    """The same of a program that looks for what rewriting could change."""
    native = subprocess.run([PROGRAM], capture_output=True, timeout=SECONDS, check=True).stdout
    with unix.Root([str(PROGRAM)]) as root:
        outcome, printed = run_linux.boot(root, root.run(settings=("output=stream", "input=none", "rewrite=1")),
                                           SECONDS)
    yield "a rewritten program prints what it prints on Linux", outcome.passed() and printed == native, printed
    sites = [event["sites"] for event in outcome.of("rewritten")]
    yield "its call sites were rewritten", len(sites) == 1 and sites[0] >= SITES, sites


def main():
    try:
        found = list(checks(ways.measure(SECONDS))) + list(program_checks())
    except BinderyError as error:
        print(f"Bail out! {error}")
        print(f"# {error.detail}", file=sys.stderr)
        return 1
    print(f"1..{len(found)}")
    for number, (name, passed, what) in enumerate(found, 1):
        print(f"{'ok' if passed else 'not ok'} {number} - {name}")
        if not passed:
            print(f"# found {what}")
    return 0 if all(passed for _, passed, _ in found) else 1


if __name__ == "__main__":
    sys.exit(main())
