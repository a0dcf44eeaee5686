# SPDX-License-Identifier: MIT
"""Our terminal as the console of a machine.

    with Input(machine.console): …        # while the machine runs

It is put into raw mode, so that all keys reach the guest; Ctrl-] ends the machine. The size of its window is told to
the guest at the start and whenever it changes, in the form that libos/unix/files/console.h says.
"""

import os
import selectors
import signal
import sys
import termios
import threading
import tty

QUIT = b"\x1d"


def size():
    """(rows, columns) of the terminal that is our standard output; (24, 80) if it does not know."""
    found = os.get_terminal_size(sys.stdout.fileno())
    return found.lines or 24, found.columns or 80


class Input:
    def __init__(self, console):
        self.console = os.dup(console)
        self.changed, self.change = os.pipe()

    def __enter__(self):
        self.before = termios.tcgetattr(sys.stdin)
        tty.setraw(sys.stdin)
        if sys.stdout.isatty():
            self.handler = signal.signal(signal.SIGWINCH, self._resized)
            self._resized()
        self.told = None
        threading.Thread(target=self._pump, daemon=True).start()
        return self

    def __exit__(self, *error):
        if sys.stdout.isatty():
            signal.signal(signal.SIGWINCH, self.handler)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self.before)

    def _resized(self, *_):
        os.write(self.change, b"W")

    def _size_if_new(self):
        now = size() if sys.stdout.isatty() else None
        if now == self.told:
            return b""
        self.told = now
        return QUIT + b"%d;%dW" % now

    def _pump(self):
        """Keys and sizes go out by one thread, so that none is put into the middle of another, and keys that are typed
        in a new window after its size."""
        with selectors.DefaultSelector() as selector:
            for source in (sys.stdin.fileno(), self.changed):
                selector.register(source, selectors.EVENT_READ)
            try:
                while True:
                    for key, _ in selector.select():
                        data = os.read(key.fd, 4096)
                        if key.fd == self.changed:
                            data = b""
                        elif QUIT in data or not data:
                            if data:
                                os.kill(os.getpid(), signal.SIGINT)
                            return
                        data = self._size_if_new() + data
                        while data:
                            data = data[os.write(self.console, data):]
            except OSError:  # the machine has ended
                return
