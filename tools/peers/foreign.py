# SPDX-License-Identifier: MIT
"""Boots another system in the QEMU that Bindery runs in, and hears what its program reports.

    with session.scratch() as folder:
        heard = foreign.boot(["-kernel", kernel, "-initrd", initrd, "-append", "…"], folder, "Linux", options.timeout)
    heard.events       # the objects of its report lines
    heard.console      # what it printed

The program ends its report by {"event":"done"}; the machine is then stopped. A system that may not write to ports
reports on the serial console, among other text: reports="console". No machine is left behind on any way out.
"""

import contextlib
import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tools import qemu
from tools.errors import BinderyError
from tools.fleet import Boot, Fleet
from tools.peers.common import Skipped

MEMORY = 256        # MiB
SILENCE = 120       # seconds without a byte before the user is told: boots are long and quiet
MARK = re.compile(rb'\{"event":.*?\}')  # of a report line on a console


@dataclass
class Heard:
    """What a machine said."""

    events: list = field(default_factory=list)
    console: str = ""


class Foreign(qemu.Machine):
    """A machine with another system's words in place of our kernel and package."""

    def __init__(self, words, cpu, memory, exact, accelerator, extra):
        self.words, self.cpu, self.memory, self.exact = [str(word) for word in words], cpu, memory, exact
        self.accelerator, self.extra, self.interactive = accelerator, [str(word) for word in extra], False

    def command(self, console, report):
        machine = ["-accel", "tcg,thread=single", "-cpu", self.cpu] if self.accelerator == "tcg" else \
                  ["-accel", self.accelerator, "-cpu", "host"]
        return [qemu.BINARY, "-M", "pc", *machine, "-m", f"{self.memory}M", "-nodefaults", "-display", "none",
                "-no-reboot", "-chardev", f"file,id=console,path=/dev/fd/{console}", "-serial", "chardev:console",
                "-chardev", f"file,id=report,path=/dev/fd/{report}",
                "-device", "isa-debugcon,iobase=0xe9,chardev=report",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
                *(["-icount", "shift=0,sleep=off"] if self.exact else []), *self.words, *self.extra]

    def status(self):
        """The exit status. Raises BinderyError, with the log, if QEMU itself failed."""
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            raise BinderyError("QEMU closed its streams and does not end", qemu.tail(self.log)) from None
        if code < 0 or self._complained():
            raise BinderyError(f"QEMU failed with status {code}; the end of its log:", qemu.tail(self.log))
        return code


class _Done(Exception):
    """The event "done" came on the console."""


def boot(words, folder, name, timeout, *, exact=True, accelerator="tcg", cpu=qemu.PROCESSOR, memory=MEMORY,
         reports="port", extra=(), on_event=None):
    """Boots once and returns what was Heard up to the event "done".

    Raises Skipped when the machine takes longer than `timeout` seconds, ends before it is done, or reports what is no
    event; the end of its console stands below the sentence. on_event(event) is called as each comes.
    """
    heard, lines = Heard(), bytearray()

    def take(event):
        heard.events.append(event)
        if on_event:
            on_event(event)

    def console(data):
        heard.console += data.decode(errors="replace")
        if reports == "console":
            lines.extend(data)
            for event in _among(lines):
                take(event)
                if event["event"] == "done":
                    raise _Done

    machine = Foreign(words, cpu, memory, exact, accelerator, extra)
    try:
        booted = Boot(machine, Path(folder), console, name, SILENCE)
        with contextlib.closing(Fleet(limit=timeout).run([booted])) as events:
            for _, event in events:
                take(event)
                if event["event"] == "done":
                    break
    except _Done:
        pass
    except BinderyError as error:
        raise Skipped(str(error), error.detail) from None
    return heard


def _among(lines):
    """Takes whole lines off the buffer and yields the events in them; other text is not ours."""
    while (end := lines.find(b"\n")) >= 0:
        line = bytes(lines[:end])
        del lines[:end + 1]
        match = MARK.search(line)
        if match:
            try:
                yield json.loads(match[0])
            except ValueError:
                raise BinderyError(f"a report that is no event: {line[:200].decode(errors='replace')}") from None
