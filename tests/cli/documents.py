#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs every command line that the documents show, as a reader would who copies it, and prints TAP.

A command line is a line of a Markdown file that is indented by four spaces and begins with `./bindery `; what follows
a `#` is a comment. Each runs in an empty folder of its own and must exit with 0, and files named after -o must be there
afterwards. `./bindery test` is left out, because it is what runs this.

    tests/cli/documents.py [ROOT]
"""
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = 400


def command_lines(root):
    """The distinct command lines of all documents, each with the file that shows it first."""
    found = {}
    for path in sorted(root.rglob("*.md")):
        name = path.relative_to(root)
        if name.parts[0] == "out" or name.parts[0].startswith((".", "build")):
            continue
        for line in path.read_text().splitlines():
            match = re.fullmatch(r"    \./bindery ([^#]*?)\s*(#.*)?", line)
            if match and shlex.split(match[1])[0] != "test":
                found.setdefault(match[1], name)
    return found


def complaint(root, words):
    """Runs one command line; what is wrong with how it went, or None."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            ran = subprocess.run([root / "bindery", *words], cwd=folder, stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return f"took longer than {SECONDS} s"
        if ran.returncode != 0:
            return f"exit {ran.returncode}: " + " | ".join((ran.stdout + ran.stderr).splitlines()[-5:])
        if "-o" in words and not (Path(folder) / words[words.index("-o") + 1]).exists():
            return "the output it names was not written"
        if not ran.stdout.strip():
            return "it printed nothing"
    return None


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    lines = command_lines(root)
    print(f"1..{len(lines)}")
    failed = 0
    for number, (line, name) in enumerate(lines.items(), 1):
        wrong = complaint(root, shlex.split(line))
        failed += wrong is not None
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}: ./bindery {line}", flush=True)
        if wrong:
            print(f"# {wrong}", flush=True)
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
