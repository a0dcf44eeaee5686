#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs a program that prints TAP on libos/unix, as inside.py does, and adds that its file system is sound afterwards.

    tap.py BUILD PROGRAM [--blocks N] [--frames N] [--memory MIB] [name=value …]
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import inside  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("program")
    parser.add_argument("settings", nargs="*")
    for name, usual in (("--blocks", 4000), ("--frames", 1024), ("--memory", 64)):
        parser.add_argument(name, type=int, default=usual)
    said = parser.parse_args()
    ended = inside.run([said.program], said.blocks, said.frames, said.memory, said.settings)
    lines = ended.output.splitlines()
    plan = next((line for line in reversed(lines) if re.fullmatch(r"1\.\.\d+", line)), None)
    print("\n".join(line for line in lines if line is not plan))
    for notice in ended.notices:
        print("#", notice)
    if plan is None:
        print(f"Bail out! {ended.sentence or 'the program printed no plan'}")
        return 1
    count = int(plan[3:]) + 1
    print(f"{'not ok' if ended.damage else 'ok'} {count} - e2fsck finds nothing wrong afterwards")
    for line in ended.damage.splitlines():
        print("#", line)
    print(f"1..{count}")
    return bool(ended.wrong())


if __name__ == "__main__":
    sys.exit(main())
