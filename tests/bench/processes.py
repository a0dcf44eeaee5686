#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks what processes and files cost on libos/unix (`bench processes`), on what has just been built, and prints TAP.

    BINDERY_BUILD=build tests/bench/processes.py

Their counts hold whole services and are not kept. What must stay so is that they are fewer than Linux's, which are the
figures of doc/measuring.md: Linux itself is booted only by the command.
"""

import sys
import tempfile
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

from tools import file_rows, processes  # noqa: E402  (the path above comes first)
from tools.errors import BinderyError  # noqa: E402

SECONDS = 250
LINUX = {"getpid": 293, "fork.exit": 94985, "fork.exec": 197804, "vfork.exec": 132172, "pipe.round": 10505,
         "pipe.alone": 2096, "file.read": 1656, "file.write": 2051, "file.open": 3850, "signal": 3770,
         "thread": 52385, "page": 14694, "file.stat": 3297, "file.create": 12445, "file.create.new": 11767,
         "file.read.large": 255194, "file.write.large": 306329, "file.map": 234210, "directory": 147698,
         "pipe.large": 35220, "poll": 8561, "futex": 5831, "memory.large": 926942, "fork.large": 1740748,
         "fork.large.write": 6997393, "protect": 19704, "exec.large": 202816, "exec.large.touch": 2071712}
DISK = {"disk.fsync": 49732, "disk.fdatasync": 30677, "disk.append": 77078, "disk.replace": 144373,
        "disk.create": 48132, "disk.read": 10100, "disk.read.large": 875610, "disk.write.large": 2968319}


def main():
    try:
        with tempfile.TemporaryDirectory() as place, file_rows.root(place, ["bindery"], cold=False) as root:
            found = {op: event["minimum"] for op, event in processes.on_bindery(root, SECONDS).items()}
        with tempfile.TemporaryDirectory() as place, file_rows.root(place, ["bindery", "disk"]) as root:
            disk = file_rows.on_bindery(root, SECONDS)
    except BinderyError as error:
        print(f"Bail out! {error}")
        print(f"# {error.detail}", file=sys.stderr)
        return 1
    found |= {op: disk[op]["instructions"] for op in DISK if op in disk}
    print(f"1..{len(LINUX | DISK)}")
    good = True
    for number, (op, most) in enumerate((LINUX | DISK).items(), 1):
        count = found.get(op)
        passed = count is not None and 0 < count < most
        good = good and passed
        print(f"{'ok' if passed else 'not ok'} {number} - {op} takes fewer instructions than Linux's {most}")
        if not passed:
            print(f"# found {count}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
