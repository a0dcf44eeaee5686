# SPDX-License-Identifier: MIT
"""A stand-in for QEMU: a script, first in PATH, that talks through the same file descriptors."""

import os
import stat
import textwrap
import time
from pathlib import Path
from unittest import mock

from tests.cli.place import InFolder
from tools import qemu

PRELUDE = """\
#!/usr/bin/python3
import os, re, sys, time
if "--version" in sys.argv:
    print("QEMU emulator version VERSION")
    sys.exit(0)
words = " ".join(sys.argv)
def stream(name):
    return os.fdopen(int(re.search(rf"id={name},path=/dev/fd/(\\d+)", words)[1]), "w", buffering=1)
console, report = stream("console"), stream("report")
"""


class StandIn(InFolder):
    """self.place comes first in PATH."""

    def setUp(self):
        super().setUp()
        patch = mock.patch.dict(os.environ, PATH=f"{self.place}:{os.environ['PATH']}")
        patch.start()
        self.addCleanup(patch.stop)
        qemu.check.cache_clear()
        self.addCleanup(qemu.check.cache_clear)

    def command(self, name, text):
        """Puts a script of that name into PATH."""
        path = self.place / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def stand_in(self, body, version="7.2.0"):
        """What QEMU does from now on."""
        self.command(qemu.BINARY, PRELUDE.replace("VERSION", version) + textwrap.dedent(body))

    def assert_ended(self, pid):
        for _ in range(50):
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except FileNotFoundError:
                return
            if state == "Z":  # ended; whoever adopted it has yet to take note
                return
            time.sleep(0.1)
        self.fail(f"process {pid} still runs")
