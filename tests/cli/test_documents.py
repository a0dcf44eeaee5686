# SPDX-License-Identifier: MIT
"""Every command line that the documents and the help show is run, and ends well."""

import os
import re
import shlex
import tempfile
import unittest
from pathlib import Path

from tests.cli.command import bindery, is_built
from tools import paths

NOT_HERE = ("test", "build")  # this is that very run; only their words are checked
PLACEHOLDER = re.compile(r"\b(VERB|APP|NAME|FILE|DIR)\b|…|\[")
TEXTS = ("*.md", "*/*.md", "libos/*/*.md", "tools/verbs/*.py", "tools/command.py", "bindery")


def command_lines():
    """{command line: file} of everything shown."""
    found = {}
    for pattern in TEXTS:
        for path in sorted(paths.ROOT.glob(pattern)):
            if path.is_relative_to(paths.BUILD):
                continue
            for line in re.findall(r'(?m)^[ #$]*(?:\w+ = "+)?\s*(\./bindery .*?)(?:\s{2,}.*|\\\s*)?"*$', path.read_text()):
                if not PLACEHOLDER.search(line):
                    found.setdefault(line.strip(), path.relative_to(paths.ROOT))
    return found


class Documents(unittest.TestCase):
    def test_command_lines_are_found(self):
        found = command_lines()
        for line in ("./bindery compare", "./bindery bench fault", "./bindery run --libos dos hello"):
            self.assertIn(line, found)

    @unittest.skipUnless(is_built(), "needs a built system")
    def test_every_command_line_works(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "refs.txt").write_text("".join(f"{page * page % 500} {'RW'[page % 3 == 0]}\n"
                                                           for page in range(5000)))
            here = Path.cwd()
            os.chdir(folder)
            self.addCleanup(os.chdir, here)
            for line, path in command_lines().items():
                words = shlex.split(line, comments=True)[1:]
                if words[0] in NOT_HERE:
                    words.append("--help")
                with self.subTest(line, path=str(path)):
                    result = bindery(*words, BINDERY_OUT=str(Path(folder) / "out"))
                    self.assertEqual(result.status, 0, f"{path}: {line}\n{result.err}")
                    self.assertTrue(result.out, line)
