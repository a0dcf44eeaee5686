# SPDX-License-Identifier: MIT
"""Our standard input as the console of a machine.

    with Input(machine.console, terminal=True): …        # while the machine runs

A terminal is put into raw mode, so that all keys reach the guest; Ctrl-] ends the machine. Anything else is a stream, in
which DLE stands before a byte that would be read otherwise, and DLE EOT is the end (libos/unix/files/console.h).
"""

import os
import signal
import sys
import termios
import threading
import tty

ESCAPE, END, QUIT = b"\x10", b"\x04", b"\x1d"


class Input:
    def __init__(self, console, terminal):
        self.console, self.terminal = os.dup(console), terminal
        self.before = None

    def __enter__(self):
        if self.terminal:
            self.before = termios.tcgetattr(sys.stdin)
            tty.setraw(sys.stdin)
        threading.Thread(target=self._pump, daemon=True).start()
        return self

    def __exit__(self, *error):
        if self.before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self.before)

    def _pump(self):
        try:
            while data := os.read(sys.stdin.fileno(), 4096):
                if self.terminal and QUIT in data:
                    os.kill(os.getpid(), signal.SIGINT)
                    return
                self._write(data if self.terminal else data.replace(ESCAPE, ESCAPE * 2))
            if not self.terminal:
                self._write(ESCAPE + END)
        except OSError:  # the machine has ended
            return

    def _write(self, data):
        while data:
            data = data[os.write(self.console, data):]
