#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the terminal's tests on libos/unix, and types what they ask for. Prints TAP.

    terminal.py BUILD PROGRAM
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import inside  # noqa: E402

ANSWERS = {"# type a line": b"x\n", "# type half a line and interrupt": b"half\x03"}


def main():
    _, program = sys.argv[1:]
    ended = inside.run([program], answers=ANSWERS)
    lines = [line for line in ended.output.splitlines() if re.match(r"ok |not ok |# |1\.\.", line)]
    print("\n".join(lines))
    if not lines or not lines[-1].startswith("1.."):
        print(f"Bail out! {ended.sentence or 'the program printed no plan'}")
    return bool(ended.wrong())


if __name__ == "__main__":
    sys.exit(main())
