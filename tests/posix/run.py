#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the table of POSIX behaviours on Linux and on libos/unix, and prints TAP: a case is ok if both printed the same.

    run.py BUILD PROGRAM

Cases that need the superuser are skipped where this is run by another.
"""

import difflib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[0] = str(ROOT)

from tools import run_linux, unix  # noqa: E402

LIMIT = 240  # seconds


def cases(output):
    """The lines of each case by its name."""
    found, name = {}, None
    for line in output.decode(errors="replace").split("\n"):
        if line and not line.startswith(" "):
            name = line
            found[name] = []
        elif name and line:
            found[name].append(line)
    return found


def native(program):
    with tempfile.TemporaryDirectory(dir=Path(program).parent) as folder:
        return subprocess.run([program, folder], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=LIMIT).stdout


def ours(program):
    with unix.Root([program, "/tmp"]) as root:
        one = root.run(settings=("input=none", "output=stream", "random=fixed"))
        outcome, output = run_linux.boot(root, one, LIMIT, exact=True, waits=True)  # cases have alarms
    for event in outcome.of("notice"):
        print("#", event["text"])
    if outcome.end != "exit" or outcome.status != 0:
        print(f"# on libos/unix: {outcome.sentence()}")
    return output


def main():
    build, program = sys.argv[1:]
    if not Path(build, "libos/unix/unix").exists():
        print(f"Bail out! there is no {build}/libos/unix/unix")
        return 1
    right, there = cases(native(program)), cases(ours(program))
    failed = False
    for number, name in enumerate(sorted(right | there), 1):
        if name not in right:
            print(f"ok {number} - {name} # SKIP it needs the superuser")
            continue
        same = right[name] == there.get(name)
        failed |= not same
        print(f"{'ok' if same else 'not ok'} {number} - {name}")
        if not same:
            for line in difflib.unified_diff(right[name], there.get(name, []), "on Linux", "on libos/unix",
                                             lineterm=""):
                print("#", line)
    print(f"1..{len(right | there)}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
