# SPDX-License-Identifier: MIT
"""One boot of a program on libos/unix with as little memory and disk as is said, and what is left of its file system.

    ended = inside.run([program, "7"], blocks=3000, frames=64)
    ended.output, ended.status, ended.notices, ended.damage, ended.files

Every test of this folder that runs more often by default than it must takes its factor from BINDERY_TORTURE.
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tools import filesystem, session, unix

SETTINGS = ("output=stream", "random=fixed")
LIMIT = 100  # seconds for a machine
MORE = max(1, int(os.environ.get("BINDERY_TORTURE") or 1))  # times the iterations


@dataclass
class Ended:
    output: str
    sentence: str = ""  # how the program ended; empty: with status 0
    notices: list = field(default_factory=list)
    damage: str = ""    # what e2fsck found; empty: nothing
    files: dict = field(default_factory=dict)  # path → contents, of the folder that was asked for

    def wrong(self):
        """The end or the damage in words, or None."""
        return self.sentence or self.damage or None


class Disk(unix.Root):
    """A root of so many blocks that is checked at the end."""

    def __init__(self, words, blocks, folder=None, environment=(), look=None):
        super().__init__(words, folder, environment)
        self.blocks = blocks or self.blocks
        self.look, self.damage, self.files = look, "", {}

    def ended(self, image):
        with tempfile.TemporaryDirectory(dir=Path(image).parent) as place:
            copy = Path(place, "image")
            filesystem._copy(image, copy, self.blocks, self.place.block)
            checked = filesystem._run("e2fsck", ["-fn", copy])
            self.damage = checked.stdout[-1500:] if checked.returncode else ""
            if self.look and not self.damage:
                filesystem.save_image(image, Path(place, "all"), self.blocks, first=self.place.block)
                folder = Path(place, "all", self.look.lstrip("/"))
                self.files = {str(path.relative_to(folder)): path.read_bytes()
                              for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()}


def run(words, blocks=0, frames=0, memory=128, settings=(), folder=None, look=None, exact=False,
        answers=None, limit=LIMIT):
    """Boots once; `look` is the folder whose files are wanted afterwards. With `exact` a run is the same each time, but
    for what the disk does meanwhile, and its clock runs ahead of ours. `answers`: what is typed when a line was
    printed.
    """
    printed, machines = bytearray(), []

    def took(data):
        before = len(printed.splitlines()) if printed.endswith(b"\n") else len(printed.splitlines()[:-1])
        printed.extend(data)
        whole = printed[:printed.rfind(b"\n") + 1].decode(errors="replace").replace("\r", "").splitlines()
        for line in whole[before:]:
            for asked, answer in (answers or {}).items():
                if line.endswith(asked):  # behind what is echoed
                    os.write(machines[0].console, answer)

    environment = [f"BINDERY_TORTURE={MORE}"]
    with Disk([str(word) for word in words], blocks, folder, environment, look) as disk:
        one = disk.run(frames=frames, settings=(*SETTINGS, f"input={'terminal' if answers else 'none'}", *settings))
        outcome, = session.execute([[one]], limit=limit * MORE, exact=exact, console=took, talks=True,
                                   on_input=machines.append, memory=memory, silence=limit * MORE)
        bad = outcome.end != "exit" or outcome.status != 0
        return Ended(printed.decode(errors="replace").replace("\r", ""), outcome.sentence() if bad else "",
                     [event["text"] for event in outcome.of("notice")], disk.damage, disk.files)


def native(words, limit=LIMIT):
    """The same program on this system, in a folder of its own; what it printed, and its status."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([str(Path(words[0]).resolve()), *map(str, words[1:])], cwd=folder, stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, text=True, timeout=limit * MORE)
        return done.stdout, done.returncode


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def line(self, name, wrong):
        self.count += 1
        self.failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {self.count} - {name}", flush=True)
        for line in str(wrong).splitlines() if wrong else ():
            print("#", line)

    def end(self):
        print(f"1..{self.count}")
        return self.failed != 0
