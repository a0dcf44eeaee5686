#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares the instruction counts of what has just been built with those in counts.json, and prints TAP, a case a row.

    BINDERY_BUILD=build tests/bench/gate.py

What differs is named with its old and its new count and the command that records new ones.
"""

import json
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

from tools import counts, paths  # noqa: E402  (the path above comes first)
from tools.errors import BinderyError  # noqa: E402
from tools.peers import bindery  # noqa: E402
from tools.peers.common import Options  # noqa: E402

SECONDS = 240


def unlike():
    """Why what was built cannot be compared at all, or None."""
    try:
        options = json.loads((paths.BUILD / "meson-info" / "intro-buildoptions.json").read_text())
    except (OSError, ValueError):
        return None
    values = {each["name"]: each["value"] for each in options}
    if values.get("optimization", "2") != "2":
        return f"built with optimization={values['optimization']}; counts are for 2"
    if values.get("b_sanitize", "none") != "none":
        return f"built with b_sanitize={values['b_sanitize']}"
    return None


def main():
    reason = unlike()
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    try:
        kept = counts.load()
        rows, compiler = bindery.execute(Options(timeout=SECONDS))
    except BinderyError as error:
        print(f"Bail out! {error}")
        print(f"# {error.detail}", file=sys.stderr)
        return 1
    now = counts.made_with(compiler)
    exact = all(kept.get(key) == value for key, value in now.items())
    if not exact:
        recorded = ", ".join(str(kept.get(key)) for key in now)
        print(f"# recorded with {recorded}, built with {', '.join(now.values())}: counts are compared to a tenth")
    return verdict(rows, kept["rows"], exact)


def verdict(rows, kept, exact):
    """Prints a line for each operation; returns the exit status."""
    ops = list(dict.fromkeys([row["op"] for row in kept] + [row["op"] for row in rows]))
    print(f"1..{len(ops)}")
    failed = False
    for number, op in enumerate(ops, 1):
        wrong = counts.differences([row for row in rows if row["op"] == op], [row for row in kept if row["op"] == op],
                                   exact)
        failed = failed or bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {op}")
        for sentence in wrong:
            print(f"# {sentence}; if that is meant, run {counts.RECORD} and state it in the commit")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
