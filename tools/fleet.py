# SPDX-License-Identifier: MIT
"""Attends to one or several machines at once, in one thread.

    for boot, event in Fleet(parallel=2, limit=60).run(boots): …

Events are the objects of the report channel, in each machine's order; console output goes to the boot's `console`
function. The thread that starts a QEMU must outlive it (the kernel ends it with that thread), hence one thread.
"""

import json
import os
import selectors
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from tools import terminal
from tools.errors import BinderyError, Timeout
from tools.qemu import Machine

SILENCE = 5        # seconds without a byte before the user is told
SILENCE_LONG = 60  # the same for machines that are known to compute for long


@dataclass
class Boot:
    """One run of one machine."""

    machine: Machine
    folder: Path                                   # for its log
    console: Callable[[bytes], None] = lambda data: None
    name: str = "the machine"
    silence: float = SILENCE
    done: bool = False                             # the event "done" has come
    tail: bytes = b""                              # of the console, for messages
    last_line: str = ""                            # of the console, with something in it
    partial: bytes = b""                           # of a report line
    started: float = 0
    heard: float = field(default=0)
    warned: bool = False


class Fleet:
    def __init__(self, parallel=1, limit=600):
        self.parallel, self.limit = parallel, limit
        self.selector = selectors.DefaultSelector()
        self.running = []

    def run(self, boots):
        """Boots all, at most `parallel` at a time, and yields (boot, event) as they come.

        Raises Timeout when a machine runs longer than the limit, BinderyError when one ends without saying that it
        is done. No machine runs any more when this generator has ended or been closed.
        """
        waiting = list(boots)
        try:
            while waiting or self.running:
                while waiting and len(self.running) < self.parallel:
                    self._start(waiting.pop(0))
                yield from self._attend()
        finally:
            for boot in self.running:
                boot.machine.stop()
            self.selector.close()

    def _start(self, boot):
        boot.machine.start(boot.folder)
        boot.started = boot.heard = time.monotonic()
        self.running.append(boot)
        for name in ("console", "report"):
            self.selector.register(getattr(boot.machine, name), selectors.EVENT_READ, (boot, name))

    def _attend(self):
        """Waits for output of any machine, at most half a second, and yields the events in it."""
        for key, _ in sorted(self.selector.select(0.5), key=lambda ready: ready[0].data[1]):  # the console first
            boot, name = key.data
            try:
                data = os.read(key.fd, 1 << 16)
            except ConnectionResetError:  # a machine that was killed before it took what we had sent
                data = b""
            if not data:
                self.selector.unregister(key.fd)
                continue
            boot.heard = time.monotonic()
            if name == "report":
                yield from ((boot, event) for event in _parsed(boot, data))
            else:
                boot.tail = (boot.tail + data)[-4096:]
                boot.last_line = next((line for line in reversed(boot.tail.decode(errors="replace").splitlines())
                                       if line.strip()), "")
                boot.console(data)
        now = time.monotonic()
        for boot in list(self.running):
            if boot.machine.process.poll() is not None and not self._open_streams(boot):
                self._ended(boot)
            elif now - boot.started > self.limit:
                raise Timeout(f"{boot.name} was stopped: it ran longer than {self.limit:g} s", _last_words(boot))
            elif now - boot.heard > boot.silence and not boot.warned:
                boot.warned = True
                terminal.say(f"{boot.name} has been silent for {boot.silence:g} s; it is ended after {self.limit:g} s "
                             f"(log: {boot.machine.log})")

    def _open_streams(self, boot):
        return any(key.data[0] is boot for key in self.selector.get_map().values())

    def _ended(self, boot):
        self.running.remove(boot)
        try:
            status = boot.machine.status()
        finally:
            boot.machine.stop()
        if not boot.done:
            raise BinderyError(f"{boot.name} stopped with status {status} before its work was done", _last_words(boot))


def _parsed(boot, data):
    """The events that `data` completes."""
    *lines, boot.partial = (boot.partial + data).split(b"\n")
    for line in lines:
        if not line.strip():
            continue
        try:
            event = json.loads(line)
            kind = event["event"]
        except (ValueError, KeyError, TypeError):
            raise BinderyError(f"{boot.name} sent a report that is no event: {line[:200].decode(errors='replace')}") \
                from None
        boot.done = boot.done or kind == "done"
        yield event


def _last_words(boot):
    return boot.tail.decode(errors="replace")[-1500:].strip()
