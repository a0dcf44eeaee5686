#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks the ways into an OS (`bench ways`) against each other, on what has just been built, and prints TAP.

    BINDERY_BUILD=build tests/bench/ways.py

Their exact counts are not kept: they hold all of a system call's service. What must not change is how they differ.
"""

import errno
import subprocess
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

from tools import paths, run_linux, unix, ways  # noqa: E402  (the path above comes first)
from tools.errors import BinderyError, Missing  # noqa: E402

SECONDS = 120
PROGRAM = paths.BUILD / "tests" / "bench" / "rewritten"
REPLACED = paths.BUILD / "tests" / "bench" / "replaced"
STATUSES = "statuses 10 10 10 10 20 30 40 40 50"
VERSIONS = 6  # of two files: itself, and the copy's five
STARTS_MOST = 8000  # instructions that a start of a rewritten program takes more, if nothing is to be found out
SITES = 4  # of its own, at least
MOST = {"procedure": 170, "rewritten": 175, "trap": 190, "message": 260}  # instructions of a null call
START_UP = 20  # system calls that a program of musl makes by the instruction, whatever it is linked with, at most
STEPS = (4096 - 64) // ways.WORD


def checks(rows):
    """(name, whether it is so, what was found) of each."""
    count = {(row["op"], row["way"]): row["instructions"] for row in rows}
    saved = {count[op, "trap"] - count[op, "rewritten"] for op in ways.OPS}
    yield "at a rewritten site, every call saves the same against the trap", len(saved) == 1 and min(saved) > 0, saved
    saved = [count[op, "trap"] - count[op, "procedure"] for op in ways.OPS]  # musl is not compiled as Debian's is
    yield "a procedure call saves about the same", min(saved) > 0 and max(saved) - min(saved) <= 3, saved
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


def crossing_checks(events):
    """What each way is: how many of the program's calls came through the kernel."""
    for way in ("procedure", "rewritten", "trap"):
        call, = (event for event in events[way] if event["event"] == "calls")
        few, many = ("direct", "trapped") if way == "trap" else ("trapped", "direct")
        yield f"by {way}, calls are {many}", call[few] <= START_UP * (way != "trap") and call[many] > 1000, call


def program_checks():
    """The same of a program that looks for what rewriting could change."""
    native = subprocess.run([PROGRAM], capture_output=True, timeout=SECONDS, check=True).stdout
    with unix.Root([str(PROGRAM)]) as root:
        outcome, printed = run_linux.boot(root, root.run(settings=("output=stream", "input=none", "rewrite=1")),
                                           SECONDS)
    yield "a rewritten program prints what it prints on Linux", outcome.passed() and printed == native, printed
    sites = [event["sites"] for event in outcome.of("rewritten")]
    yield "its call sites were rewritten", len(sites) == 1 and sites[0] >= SITES, sites


def replaced_checks():
    """The same of one that starts programs, and changes them meanwhile."""
    lines, outcome = {}, {}
    for rewrite in (0, 1):
        settings = ("output=stream", "input=none", "random=fixed", f"rewrite={rewrite}")
        with unix.Root([str(REPLACED)]) as root:
            outcome[rewrite], printed = run_linux.boot(root, root.run(settings=settings), SECONDS, exact=True)
        lines[rewrite] = printed.decode().splitlines()
        yield (f"a program that was changed is started as it is now (rewrite={rewrite})",
               lines[rewrite][:1] == [STATUSES], lines[rewrite])
    writes = [lines[rewrite][-1].split()[-1] for rewrite in (0, 1)]
    yield "code that was rewritten cannot be made writable", writes == ["0", str(errno.EACCES)], writes
    found = len(outcome[1].of("rewritten"))
    yield "its call sites are found once for each of its versions", found == VERSIONS, found
    first, later = ([int(lines[rewrite][i].split()[1]) for rewrite in (0, 1)] for i in (1, 2))
    more = later[1] - later[0]
    yield (f"a later start takes at most {STARTS_MOST} instructions more",
           0 < more < STARTS_MOST < first[1] - first[0], (first, later))


def main():
    try:
        events = ways.heard(SECONDS)
        found = list(checks(ways.rows(events))) + list(crossing_checks(events)) + list(program_checks())
        found += list(replaced_checks())
    except Missing as missing:
        print(f"1..0 # SKIP {missing}")
        return 0
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
