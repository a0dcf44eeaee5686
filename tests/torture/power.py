#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Cuts the power of a machine in which libos/unix writes, at every write to its disk, and prints TAP.

    power.py BUILD STEPS [SEED …]

For each seed a plan (plan.py) is done by the program STEPS on libos/unix while QEMU logs all writes and flushes of the
disk. From the log each disk is made that a cut could leave: with everything written so far, and with what no flush has
followed partly lost. Linux's e2fsck replays the journal of each, and the files must be what the model allows. Some are
mounted by libos/unix instead, which must find the same, and leave a sound file system.
"""

import contextlib
import os
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import plan as plans  # noqa: E402
import writes  # noqa: E402
from inside import Tap  # noqa: E402
from tools import filesystem, session, unix  # noqa: E402
from tools.fleet import Boot, Fleet  # noqa: E402

BLOCKS = 3000   # of the file system
STEPS = 110     # of a plan
MOUNTS = 8      # of the cut disks of each seed are mounted by libos/unix
LIMIT = 120     # seconds for a machine
SETTINGS = ("input=terminal", "output=stream", "random=fixed")


class Disk(unix.Root):
    """A root of this size, or of these bytes."""

    def __init__(self, words, folder, contents=None):
        super().__init__(words, folder)
        self.blocks, self.contents = BLOCKS, contents

    def make(self, image, file):
        if self.contents is None:
            super().make(image, file)
            self.contents = _part(image, file)
            return
        self.place = file
        with open(image, "r+b") as out:
            out.seek(file.block * filesystem.BLOCK)
            out.write(self.contents)

    def ended(self, image):
        self.contents = _part(image, self.place)


def _part(image, file):
    with open(image, "rb") as disk:
        disk.seek(file.block * filesystem.BLOCK)
        return disk.read(BLOCKS * filesystem.BLOCK).ljust(BLOCKS * filesystem.BLOCK, b"\0")


def boot(root, log=None, told=lambda: None):
    """Runs a machine; calls told() at each promise, and then has the program go on. What it printed."""
    printed = bytearray()
    with session.scratch() as folder:
        machine = session.prepare([root.run(settings=SETTINGS)], folder, exact=True, memory=64, talks=True)
        machine.writes = log

        def took(data):
            printed.extend(data)
            if data.endswith(b"\n") and printed.split(b"\n")[-2].startswith(b"promised"):
                told()
                os.write(machine.console, b"\n")

        with contextlib.closing(Fleet(1, LIMIT).run([Boot(machine, folder, took)])) as events:
            for _, event in events:
                if event["event"] == "job" and (event["end"], event.get("status")) != ("exit", 0):
                    raise RuntimeError(f"{event}: {printed.decode(errors='replace')[-500:]}")
        root.ended(folder / "disk.img")
    return printed.decode(errors="replace")


def files_of(folder):
    """path → contents, or None for a folder; without the plan."""
    return {str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.name != "plan"}


def seen(output):
    """The same from what `steps look` prints."""
    tree = {}
    for line in output.replace("\r", "").splitlines():
        if line.startswith("./") and line.endswith("/"):
            tree[line[2:-1]] = None
        elif line.startswith("./"):
            path, *runs = line[2:].split(" ")
            tree[path] = b"".join(bytes([int(byte)]) * int(count) for byte, count in (run.split("*") for run in runs))
    return {path: contents for path, contents in tree.items() if path not in ("", "plan")}


class Cuts:
    def __init__(self, program, seed, folder):
        self.program, self.seed, self.folder = Path(program).resolve(), seed, folder
        self.plan = plans.Plan(seed, STEPS)
        self.root = folder / "root"
        (self.root / "bin").mkdir(parents=True)
        (self.root / "work").mkdir()
        (self.root / "work/plan").write_text(self.plan.text())
        (self.root / "bin/steps").write_bytes(self.program.read_bytes())
        (self.root / "bin/steps").chmod(0o755)

    def model_is_right(self):
        """On Linux, the plan leaves what the model says."""
        there = self.folder / "linux"
        there.mkdir()
        (there / "plan").write_text(self.plan.text())
        subprocess.run([self.program, "do"], cwd=there, input=b"\n" * STEPS, stdout=subprocess.DEVNULL, check=True)
        return self.plan.wrong(files_of(there), len(self.plan.lines), len(self.plan.lines))

    def run(self):
        """Does the plan, and notes how far the log was at each promise."""
        log = self.folder / "log"
        log.touch()
        marks = []
        disk = Disk(["/bin/steps", "do", "/work"], self.root)
        first = self._first_contents(disk)
        with disk:
            said = boot(disk, log, lambda: marks.append(log.stat().st_size))
            self.offset = disk.place.block * filesystem.BLOCK
        self.base = first[0]
        if not said.rstrip().endswith(f"done {len(self.plan.lines)}"):
            raise RuntimeError(f"the plan was not done: {said[-500:]}")
        self.entries = [entry._replace(offset=entry.offset - self.offset) for entry in writes.read(log)
                        if entry.flush or 0 <= entry.offset - self.offset < len(self.base)]
        self.marks = list(zip(marks, self.plan.promises()))

    @staticmethod
    def _first_contents(disk):
        kept, make = [], disk.make

        def makes(image, file):
            make(image, file)
            kept.append(disk.contents)
        disk.make = makes
        return kept

    def bounds(self, count):
        """The last step whose promise was made known before the cut, and the last that can have been begun."""
        end = self.entries[count - 1].end if count else 0
        before = max((step for mark, step in self.marks if mark <= end), default=0)
        done = min((step for mark, step in self.marks if mark > end), default=len(self.plan.lines))
        return before, done

    def contents(self, count, lossy):
        return writes.cut(self.base, self.entries, count, random.Random(self.seed * 100003 + count) if lossy else None)

    def replayed_by_linux(self, count, lossy):
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            image = Path(place, "image")
            image.write_bytes(self.contents(count, lossy))
            try:
                filesystem.save_image(image, Path(place, "files"), BLOCKS)
            except Exception as error:  # noqa: BLE001
                return f"{error}\n{getattr(error, 'detail', '')}"
            return self.plan.wrong(files_of(Path(place, "files/work")), *self.bounds(count))

    def replayed_by_us(self, count):
        with Disk(["/bin/steps", "look", "/work"], self.root, self.contents(count, True)) as disk:
            output = boot(disk)
            said = self.plan.wrong(seen(output), *self.bounds(count))
            with tempfile.NamedTemporaryFile(dir=self.folder) as image:
                image.write(disk.contents)
                image.flush()
                return said or filesystem.damage(image.name)


def cut_all(program, seed, tap):
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="bindery-power-", dir=memory) as place:
        cuts = Cuts(program, seed, Path(place))
        tap.line(f"seed {seed}: the model is what Linux does", cuts.model_is_right())
        cuts.run()
        count = len(cuts.entries)
        kinds = [(at, lossy) for lossy in (False, True) for at in range(count + 1)]
        with ThreadPoolExecutor(session.processors()) as pool:
            found = list(pool.map(lambda kind: cuts.replayed_by_linux(*kind), kinds))
            for lossy, name in ((False, "at every write"), (True, "with what was not flushed partly lost")):
                wrong = [f"entry {at} of {count}: {said}" for (at, kind), said in zip(kinds, found)
                         if kind == lossy and said]
                tap.line(f"seed {seed}: a power cut {name} loses nothing that was promised", "\n".join(wrong[:5]))
            few = random.Random(seed).sample(range(count), MOUNTS)
            mounted = list(pool.map(cuts.replayed_by_us, few))
        wrong = [f"entry {at} of {count}: {said}" for at, said in zip(few, mounted) if said]
        tap.line(f"seed {seed}: libos/unix mounts what a power cut leaves", "\n".join(wrong[:5]))
        print(f"# seed {seed}: {count} writes and flushes, {len(cuts.marks)} promises", flush=True)


def main():
    build, program, *seeds = sys.argv[1:]
    if not Path(build, "libos/unix/unix").exists():
        print(f"Bail out! there is no {build}/libos/unix/unix")
        return 1
    tap = Tap()
    for seed in map(int, seeds or ("1",)):
        cut_all(program, seed, tap)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
