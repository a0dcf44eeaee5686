#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs a static Linux program of tests on libos/unix in QEMU, and prints the TAP that it prints.

    run.py BUILD PROGRAM [name=value …]

The machine counts instructions, so that a run is nearly the same each time, however busy the host is. The further words
are start arguments of the library OS.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[0] = str(ROOT)

from tools import run_linux, unix  # noqa: E402

LIMIT = 240  # seconds


def main():
    build, program, *settings = sys.argv[1:]
    if not Path(build, "libos/unix/unix").exists():
        print(f"Bail out! there is no {build}/libos/unix/unix")
        return 1
    with unix.Root([program]) as root:
        one = root.run(settings=("input=none", "output=stream", "random=fixed", *settings))
        outcome, output = run_linux.boot(root, one, LIMIT, exact=True, waits=True)  # tests have alarms
    print(output.decode(errors="replace"), end="")
    for event in outcome.of("notice"):
        print("#", event["text"])
    if outcome.end != "exit" or outcome.status not in (0, 1):
        print(f"Bail out! {outcome.sentence()}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
