# SPDX-License-Identifier: MIT
"""Tutorials carried out as they stand, in a copy of the source tree.

The fenced blocks of a document, in their order: `sh` is run line by line (a comment “fails” means exit 1); `text` must
be in what the commands printed since, “…” being anything; `diff` is applied.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from tools import paths

LEFT_BEHIND = ("out", "build", "__pycache__")


def skipped(folder, names):
    """What the copy doesn't get: what is built, and what begins with a dot."""
    return [name for name in names if name.startswith((".", "build-")) or name in LEFT_BEHIND]


class Copy(unittest.TestCase):
    """A copy of the source tree for each class of tests, with a build folder of its own."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name) / "tree"
        shutil.copytree(paths.ROOT, cls.root, ignore=skipped)

    variables = {}  # what else is in the environment of commands

    def run_it(self, command, timeout=400):
        """Runs a shell command at the copy's root."""
        ours = ("BINDERY_BUILD", "BINDERY_BUILT", "BINDERY_OUT")
        variables = {name: value for name, value in os.environ.items() if name not in ours}
        return subprocess.run(["/bin/sh", "-c", command], cwd=self.root, env=variables | self.variables,
                              stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout)

    def files(self):
        """{path: digest of its contents} of the copy, what is built left out."""
        return {str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in self.root.rglob("*")
                if path.is_file() and not set(LEFT_BEHIND) & set(path.relative_to(self.root).parts)}


def blocks(text):
    """(kind, lines) of each fenced block."""
    return [(kind, body.splitlines()) for kind, body in re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", text)]


class Walk(Copy):
    def apply(self, lines):
        """Applies a diff whose hunks are found by their text, which must be there once."""
        path = self.root / lines[0].removeprefix("--- ")
        self.assertEqual(lines[1], f"+++ {lines[0].removeprefix('--- ')}")
        text = path.read_text()
        for hunk in "\n".join(lines[2:]).split("@@\n")[1:]:
            kept = [(line[:1] or " ", line[1:]) for line in hunk.rstrip("\n").split("\n")]
            old = "".join(f"{line}\n" for sign, line in kept if sign in " -")
            new = "".join(f"{line}\n" for sign, line in kept if sign in " +")
            self.assertEqual(text.count(old), 1, f"{path.name} has not once:\n{old}")
            text = text.replace(old, new)
        path.write_text(text)

    def run_line(self, line):
        command, _, comment = line.partition("#")
        result = self.run_it(command)
        self.assertEqual(result.returncode, 1 if comment.strip() == "fails" else 0,
                         f"{line}\n{result.stdout}{result.stderr}")
        return result.stdout + result.stderr

    def printed(self, line, output):
        """Is a line of the text in the output, blanks apart?"""
        parts = [r"\s+".join(map(re.escape, part.split())) for part in line.split("…")]
        self.assertRegex(output, ".*".join(parts), line)

    def walk(self, document, after_first=None):
        """Does what a document says; calls after_first() when its first commands have run."""
        output, kinds = "", []
        for kind, lines in blocks((self.root / document).read_text()):
            if kind == "sh":
                output = "".join(self.run_line(line) for line in lines)
            elif kind == "text":
                for line in lines:
                    self.printed(line, output)
            else:
                self.assertEqual(kind, "diff")
                self.apply(lines)
            kinds.append(kind)
            if kinds == ["sh"] and after_first:
                after_first()
        self.assertLessEqual({"sh", "text", "diff"}, set(kinds))
