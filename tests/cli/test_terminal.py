# SPDX-License-Identifier: MIT
"""A terminal on libos/unix, as a person uses it: a shell with line editing and job control."""

import os
import pty
import select
import shutil
import subprocess
import time
import unittest

from tests.cli.command import is_built
from tests.cli.place import InFolder
from tests.cli.test_programs import executable
from tools import paths

PATIENCE = 60  # seconds for an answer


class Session:
    """`bindery run` on a terminal of ours."""

    def __init__(self, root, words, *options):
        self.seen = b""
        ours, theirs = pty.openpty()
        environment = os.environ | {"BINDERY_BUILD": str(paths.BUILD), "BINDERY_BUILT": "1", "TERM": "vt100"}
        self.process = subprocess.Popen(
            [paths.ROOT / "bindery", "run", "--quiet", "--root", root, *options, "--env", "TERM=vt100", "--", *words],
            stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True)
        os.close(theirs)
        self.terminal = ours

    def wait_for(self, text):
        """Reads until a text has come; what came up to its end is taken."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            if time.monotonic() > end or not select.select([self.terminal], [], [], 1)[0]:
                if time.monotonic() > end:
                    raise AssertionError(f"{text} did not come; there was: {self.seen[-2000:]}")
                continue
            try:
                self.seen += os.read(self.terminal, 65536)
            except OSError:
                raise AssertionError(f"{text} did not come before the end; there was: {self.seen[-2000:]}") from None
        taken, _, self.seen = self.seen.partition(text)
        return taken

    def type(self, text):
        os.write(self.terminal, text)

    def end(self):
        """The exit status, when all output was read."""
        try:
            while os.read(self.terminal, 65536):
                pass
        except OSError:
            pass
        os.close(self.terminal)
        return self.process.wait(PATIENCE)


@unittest.skipUnless(is_built(), "needs a built system")
class Terminal(InFolder):
    def setUp(self):
        super().setUp()
        self.root = self.place / "root"
        (self.root / "tmp").mkdir(parents=True)
        shutil.copy(executable("busybox"), self.root)

    def start(self, words, *options):
        session = Session(self.root, words, *options)
        self.addCleanup(session.process.kill)
        return session

    def test_a_shell_at_its_prompt(self):
        session = self.start(["/busybox", "sh"])
        session.wait_for(b"# ")
        session.type(b"echo $((6 * 8x\x7f))\r")  # a key is taken back
        session.wait_for(b"\n48")
        self.begin(session, b"cat")
        session.type(b"typed\r")
        session.wait_for(b"typed\r\ntyped")
        session.type(b"\x04")
        session.wait_for(b"# ")
        self.begin(session, b"sleep 1000")
        session.type(b"\x03")
        session.wait_for(b"# ")
        session.type(b"echo after $?\r")
        session.wait_for(b"\nafter 130")
        self.begin(session, b"sleep 1000")
        session.type(b"\x1a")
        session.wait_for(b"Stopped")
        session.wait_for(b"# ")
        session.type(b"kill -9 %1; wait; /busybox tty\r")
        session.wait_for(b"\n/dev/")
        session.wait_for(b"# ")
        session.type(b"exit 9\r")
        self.assertEqual(session.end(), 9)

    @staticmethod
    def begin(session, command):
        """Starts a command in the foreground; when this returns the shell has given it the terminal."""
        session.type(b"/busybox sh -c 'echo be\"\"gun; exec /busybox " + command + b"'\r")
        session.wait_for(b"begun")

    def test_the_quit_key_ends_the_machine(self):
        session = self.start(["/busybox", "sh"])
        session.wait_for(b"# ")
        session.type(b"\x1d")
        self.assertEqual(session.end(), 2)
