#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same tests by procedure calls: links them by bindery-cc --libos=unix, and runs them as run.py does.

    called.py BUILD SOURCE…
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[0] = str(ROOT)

from tests.unix import run  # noqa: E402  (the path above comes first)
from tools import musl  # noqa: E402
from tools.errors import Missing  # noqa: E402

HEADERS = ("-idirafter", "/usr/include", "-idirafter", "/usr/include/x86_64-linux-gnu")  # Linux's own


def main():
    build, *files = sys.argv[1:]
    program = Path(build, "tests", "unix", "unix-tests-called")
    try:
        compiler = musl.compiler()
    except Missing as missing:
        print(f"1..0 # SKIP {missing}")
        return 0
    words = [*compiler, "--libos=unix", "-std=gnu2x", "-O1", "-w", "-D_GNU_SOURCE", "-iquote", ROOT, *HEADERS, *files,
             "-o", program]
    if subprocess.run(words, stdin=subprocess.DEVNULL).returncode:
        print("Bail out! bindery-cc cannot link the tests")
        return 1
    sys.argv[1:] = [build, str(program)]
    return run.main()


if __name__ == "__main__":
    sys.exit(main())
