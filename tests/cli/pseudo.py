# SPDX-License-Identifier: MIT
"""A program on a pseudo-terminal, as a person at a terminal of a given size would run it.

    with Session(["./busybox", "vi", "f"], folder, environment, rows=24, columns=80) as session:
        session.step(b"", rb"1/9 11%\\x1b\\[1;1H")     # what it prints until that ends it
        session.step(b"j", rb"2/9 22%\\x1b\\[2;1H")
        session.steps                                 # of each step: what it printed, and the screen after it
        status = session.end()

Nothing here sleeps: a step is over when what was printed since its keys ends with what is expected of it.
"""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pyte

SECONDS = 60  # for one step
IUTF8 = 0o40000


class Session:
    def __init__(self, words, folder, environment, rows, columns, stderr=None):
        """stderr: a file for it; None: the terminal."""
        self.steps = []
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.master, slave = os.openpty()
        settings = termios.tcgetattr(slave)
        settings[0] |= IUTF8           # as a terminal's window is set up
        settings[2] |= termios.HUPCL
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        self.resize(rows, columns)
        try:
            self.process = subprocess.Popen(
                list(map(str, words)), cwd=folder, env=environment, stdin=slave, stdout=slave, stderr=stderr or slave,
                start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        finally:
            os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.master)

    def resize(self, rows, columns):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def step(self, keys, expected):
        """Types the keys, or makes the window as large as they say, (rows, columns); reads until what is printed ends
        with `expected`."""
        if isinstance(keys, tuple):
            self.resize(*keys)
        else:
            os.write(self.master, keys)
        printed, limit = b"", time.monotonic() + SECONDS
        while not re.search(b"(?s)(?:" + expected + rb")\Z", printed):
            data = self._read(limit)
            if not data:
                raise AssertionError(f"{keys!r}: {expected!r} was expected at the end of {printed!r}")
            printed += data
        self.stream.feed(printed)
        self.steps.append((printed, (*self.screen.display, self.screen.cursor.y, self.screen.cursor.x)))

    def end(self):
        """Reads to the end; what was printed since the last step, and the exit status."""
        printed, limit = b"", time.monotonic() + SECONDS
        while data := self._read(limit):
            printed += data
        return printed, self.process.wait(timeout=SECONDS)

    def _read(self, limit):
        """What can be read; b"" at the end, or when the time is over."""
        if not select.select([self.master], [], [], max(0, limit - time.monotonic()))[0]:
            return b""
        try:
            return os.read(self.master, 1 << 16)
        except OSError:  # the last who had the other side open has ended
            return b""
