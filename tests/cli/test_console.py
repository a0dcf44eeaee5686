# SPDX-License-Identifier: MIT
"""Programs that are used at a terminal: what busybox's vi and sh print, key by key, on the console of libos/unix is
what the same executable prints on a pseudo-terminal of Linux, byte for byte, and so are the files that they leave.
"""

import os
import re
import shutil
import tempfile
import unittest

from tests.cli.command import is_built
from tests.cli.place import InFolder
from tests.cli.pseudo import Session
from tools import paths, stock
from tools.errors import Missing
from tools.peers.common import Skipped

ENVIRONMENT = {"PATH": "/bin:/usr/bin:/sbin:/usr/sbin", "HOME": "/absent", "PS1": "$ "}
ROWS, COLUMNS = 24, 80
LINES = "".join(f"line {number}\n" for number in range(1, 60))
ESCAPE = b"\x1b"
SIGNALS = (b"\x03", b"\x1a")


def at(row, column):
    """Where the cursor is put, as a pattern."""
    return rb"\x1b\[%d;%dH" % (row, column)


def status(text, row, column):
    """vi's last line is written, and the cursor put back."""
    return text + at(row, column)


def typed(text, ends):
    """Steps for a line whose keys are shown one by one, until the return key."""
    return [*((bytes([key]), re.escape(bytes([key]))) for key in text), (b"\r", ends)]


# Says when it runs, and when it goes on after a stop: not before is it in the foreground.
WAITS = b"./busybox sh -c 'trap \"echo on\" CONT; echo here; while :; do ./busybox sleep 1; done'\r"
PROMPT = rb"\$ \x1b\[6n"  # busybox asks for the cursor's place, and does without an answer


@unittest.skipUnless(is_built(), "needs a built system")
class Console(InFolder):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.root = self.place / "root"
        self.root.mkdir()
        try:
            shutil.copy(stock.path("busybox"), self.root)
        except (Skipped, Missing) as error:
            self.skipTest(f"busybox: {error}")

    def on_linux(self, words, steps):
        folder = self.place / "linux"
        shutil.copytree(self.root, folder)
        with Session(words, folder, ENVIRONMENT, ROWS, COLUMNS) as session:
            return self.played(session, steps), folder

    def on_bindery(self, words, steps):
        after = self.place / "after"
        variables = [word for name, value in ENVIRONMENT.items() for word in ("--env", f"{name}={value}")]
        command = [paths.ROOT / "bindery", "run", "--quiet", "--timeout", "500", "--root", self.root, "--save", after,
                   *variables, "--", *words]
        environment = os.environ | {"BINDERY_BUILD": str(paths.BUILD), "BINDERY_BUILT": "1"}
        with tempfile.TemporaryFile() as errors:
            with Session(command, self.place, environment, ROWS, COLUMNS, stderr=errors) as session:
                played = self.played(session, steps)
            errors.seek(0)
            self.assertEqual(errors.read(), b"")
        return played, after

    @staticmethod
    def played(session, steps):
        for keys, expected in steps:
            session.step(keys, expected)
        return session.steps, session.end()

    def same(self, words, steps):
        """Plays the steps, (keys or a new size, what ends what is printed then), on both; returns libos/unix's files.

        A signal may come while the program is still about to find that its output was written, whereupon it writes that
        again: after the steps that make one it is the screens that are equal. A shell at its prompt looks at a new size
        when it comes, if it waits for keys already, else at the next one: so also after the step behind a new size.
        """
        (wanted, ended), theirs = self.on_linux(words, steps)
        (seen, own_ended), own = self.on_bindery(words, steps)
        before = b""
        for (keys, _), (printed, screen), (own_printed, own_screen) in zip(steps, wanted, seen):
            self.assertEqual(own_screen, screen, f"after {keys!r}")
            if not isinstance(keys, tuple) and not isinstance(before, tuple) and keys not in SIGNALS:
                self.assertEqual(own_printed, printed, f"after {keys!r}")
            before = keys
        self.assertEqual(own_ended, ended)
        names = {path.name for path in theirs.iterdir()}
        self.assertEqual({path.name for path in own.iterdir()} - {"dev", "proc"}, names)
        for path in theirs.iterdir():
            self.assertEqual((own / path.name).read_bytes(), path.read_bytes(), path.name)
        return own

    def test_vi_edits_a_file(self):
        (self.root / "f").write_text(LINES)
        own = self.same(["./busybox", "vi", "f"], [
            (b"", status(b"- f 1/59 1%", 1, 1)),
            (b"i", status(b"I f 1/59 1%", 1, 1)),
            (b"H", at(1, 2)),
            (b"i", at(1, 3)),
            (b"\r", status(rb"2/60 3%", 2, 1)),
            (b"\t", at(2, 9)),
            (ESCAPE, status(rb"- f \[Modified\] 2/60 3%", 2, 8)),
            (b"j", status(rb"3/60 5%", 3, 6)),
            (ESCAPE + b"[B", status(rb"4/60 6%", 4, 6)),                 # a key that is three bytes
            (b"x", at(4, 5)),
            (b"\x06", status(rb"23/60 38%", 1, 1)),                      # a page down
            (b"d", b""),
            (b"d", status(rb"Delete 1 lines .*\[D\]", 1, 1)),
            (b"u", status(rb"Undo [^\x1b]*", 1, 1)),
            (b"G", status(rb"60/60 100%", 12, 1)),
            (b"o", status(rb"61/61 100%", 13, 1)),
            (b"z", at(13, 2)),
            (ESCAPE, status(rb"- f \[Modified\] 61/61 100%", 13, 1)),
            ((20, 60), status(rb"61/61 100%", 13, 1)),                   # a window of another size
            *typed(b"/line 30", status(rb"TOP\x1b\[m", 10, 1)),
            *typed(b":w other", status(rb"61L, 468C", 10, 1)),
            *typed(b":wq", rb"\x1b\[\?1049l"),
        ])
        self.assertIn("Hi\n\tline 1\nline 2\n", (own / "f").read_text())

    def test_a_shell_with_jobs(self):
        (self.root / "f").write_text(LINES)
        self.same(["./busybox", "sh"], [
            (b"", PROMPT),
            (b"./busybox stty -a\r", PROMPT),
            (WAITS, rb"here\r\n"),
            (b"\x03", PROMPT),
            (b"echo $?; " + WAITS, rb"130\r\nhere\r\n"),
            (b"\x1a", rb"Stopped .*" + PROMPT),
            (b"jobs\r", PROMPT),
            (b"fg\r", rb"on\r\n"),
            (b"\x03", PROMPT),
            (b"./busybox vi f\r", status(rb"1/59 1%", 1, 1)),
            (b"\x1a", rb"Stopped .*" + PROMPT),
            (b"fg\r", status(rb"1/59 1%", 1, 1)),
            ((30, 70), status(rb"1/59 1%", 1, 1)),
            *typed(b":q", PROMPT),
            (b"./busybox stty size; ./busybox cat\r", rb"30 70\r\n"),
            (b"abc\x15d\x7fe\r", rb"e\r\ne\r\n"),                       # a line is killed, a character erased
            (b"\x04", PROMPT),
            (b"./busybox sh -c './busybox stty size; kill -STOP $$; echo on'\r", rb"Stopped .*" + PROMPT),
            (b"b=./busybox; $b stty raw -echo; echo raw; $b dd bs=1 count=2 2>&- | $b od -c; $b stty sane\r",
             rb"raw\n"),
            (b"\x03\r", rb"0000002\n.*" + PROMPT),
            (b"fg\r", rb"on\r\n" + PROMPT),
            ((24, 20), b""),                                              # at the prompt: the next line wraps there
            (b"echo a line of more columns\r", rb"columns\r\n" + PROMPT),
            (b"./busybox stty size\r", rb"24 20\r\n" + PROMPT),
            (b"exit 3\r", rb"exit 3\r\n"),
        ])
