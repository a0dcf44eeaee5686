#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks what processes cost on libos/unix (`bench processes`), on what has just been built, and prints TAP.

    BINDERY_BUILD=build tests/bench/processes.py

Their counts hold whole services and are not kept. What must stay so is that they are fewer than Linux's, which are the
figures of doc/measuring.md: Linux itself is booted only by the command.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

from tools import processes  # noqa: E402  (the path above comes first)
from tools.errors import BinderyError  # noqa: E402

SECONDS = 120
LINUX = {"getpid": 293, "fork.exit": 94985, "fork.exec": 197804, "vfork.exec": 132172, "pipe.round": 10505,
         "pipe.alone": 2096, "file.read": 1656, "file.write": 2051, "file.open": 3850, "signal": 3770,
         "thread": 52385, "page": 14694, "file.stat": 3297, "file.create": 12445, "file.create.new": 11767,
         "file.read.large": 255194, "file.write.large": 306329, "file.map": 234210, "directory": 147698,
         "pipe.large": 35220, "poll": 8561, "futex": 5831, "memory.large": 926942, "fork.large": 1740748,
         "fork.large.write": 6997393, "protect": 19704}


def main():
    try:
        found = processes.on_bindery(SECONDS)
    except BinderyError as error:
        print(f"Bail out! {error}")
        print(f"# {error.detail}", file=sys.stderr)
        return 1
    print(f"1..{len(LINUX)}")
    good = True
    for number, (op, most) in enumerate(LINUX.items(), 1):
        count = found[op]["minimum"] if op in found else None
        passed = count is not None and 0 < count < most
        good = good and passed
        print(f"{'ok' if passed else 'not ok'} {number} - {op} takes fewer instructions than Linux's {most}")
        if not passed:
            print(f"# found {count}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
