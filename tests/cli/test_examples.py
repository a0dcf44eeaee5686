# SPDX-License-Identifier: MIT
"""Every command line that the help shows is run, and ends well. documents.py does the same for the documents."""

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
SHOWN = re.compile(r'(?m)^[ #]*(?:EXAMPLES = "+)?(\./bindery .*?)(?:\s{2,}.*|\\)?"*$')
TEXTS = ("bindery", "tools/command.py", "tools/verbs/*.py")


def command_lines():
    """{command line: file} of everything shown."""
    found = {}
    for pattern in TEXTS:
        for path in sorted(paths.ROOT.glob(pattern)):
            for line in SHOWN.findall(path.read_text()):
                if not PLACEHOLDER.search(line):
                    found.setdefault(line.strip(), path.relative_to(paths.ROOT))
    return found


class Examples(unittest.TestCase):
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
            shown = (paths.ROOT / "README.md").read_text()
            for line, path in command_lines().items():
                if f"    {line}" in shown:
                    continue  # documents.py runs it
                words = shlex.split(line, comments=True)[1:]
                if words[0] in NOT_HERE:
                    words.append("--help")
                with self.subTest(line, path=str(path)):
                    result = bindery(*words, BINDERY_OUT=str(Path(folder) / "out"))
                    self.assertEqual(result.status, 0, f"{path}: {line}\n{result.err}")
                    self.assertTrue(result.out, line)
