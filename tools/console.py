# SPDX-License-Identifier: MIT
"""Our terminal as the console of a machine.

    with Input(machine.console): …        # while the machine runs

It is put into raw mode, so that all keys reach the guest; Ctrl-] ends the machine.
"""

import os
import signal
import sys
import termios
import threading
import tty

QUIT = b"\x1d"


class Input:
    def __init__(self, console):
        self.console = os.dup(console)

    def __enter__(self):
        self.before = termios.tcgetattr(sys.stdin)
        tty.setraw(sys.stdin)
        threading.Thread(target=self._pump, daemon=True).start()
        return self

    def __exit__(self, *error):
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self.before)

    def _pump(self):
        try:
            while data := os.read(sys.stdin.fileno(), 4096):
                if QUIT in data:
                    os.kill(os.getpid(), signal.SIGINT)
                    return
                while data:
                    data = data[os.write(self.console, data):]
        except OSError:  # the machine has ended
            return
