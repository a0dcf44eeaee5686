# SPDX-License-Identifier: MIT
"""A seeded plan of changes to files, and a model of what a disk may hold if the power fails in the middle of it.

    plan = Plan(seed=1, steps=120)
    plan.text()                     # for steps.c: what, name, other name, offset, bytes, byte; a line a step
    plan.wrong(tree, before, done)  # None, or how a tree cannot be what is left: promises up to step `before` were made
                                    # known, and step `done` was at most begun

What is promised (libos/unix/disk/README.md): the names and sizes are those after one of the steps, none before the last
promise for what one looks at; and a byte of a file is one that it had at some time from its last promise on. Each step
writes a byte of its own, so that of every byte it is known who wrote it.
"""

import random

NAMES = [f"{folder}f{number}" for folder in ("", "d/", "e/") for number in range(3)]
PROMISES = ("fsync", "sync", "dsync", "map")
LARGEST = 60000


class Plan:
    def __init__(self, seed, steps):
        assert steps < 250  # a byte for each
        self.draw = random.Random(seed)
        self.names, self.files, self.next = {}, {}, 0  # name → number of a file; its bytes now
        self.lines, self.states = [], [({}, {}, set())]
        self.changed, self.kept, self.least = {}, {}, [0]  # of a file: last change but of bytes; last promise
        self.keeps = [{}]
        self.folders = set()
        for folder in ("d", "e"):
            self._line("mkdir", folder)
        while len(self.lines) < steps:
            self._step()
        self._line("sync", "-")

    def text(self):
        return "".join(" ".join(map(str, line)) + "\n" for line in self.lines)

    def promises(self):
        """The numbers of the steps, from 1 on, that end with a promise."""
        return [number for number, line in enumerate(self.lines, 1) if line[0] in PROMISES]

    # ---- making it

    def _line(self, what, name, other="-", offset=0, length=0):
        byte = len(self.lines) + 1
        self.lines.append((what, name, other, offset, length, byte))
        least, keeps = self.least[-1], dict(self.keeps[-1])
        if what == "mkdir":
            self.folders.add(name)
        elif what == "rename":
            self.names[other] = self.names.pop(name)
            self.changed[self.names[other]] = byte
        elif what == "unlink":
            del self.names[name]
        elif what == "sync":
            least = byte
            keeps = {number: byte for number in self.names.values()}
        else:
            self._change(what, name, offset, length, byte)
        if what in ("fsync", "dsync", "map"):
            number = self.names[name]
            least = max(least, self.changed[number])
            keeps[number] = byte
        self.least.append(least)
        self.keeps.append(keeps)
        self.states.append((dict(self.names), dict(self.files), set(self.folders)))

    def _change(self, what, name, offset, length, byte):
        if name not in self.names:
            self.names[name], self.files[self.next] = self.next, b""
            self.next += 1
            self.changed[self.names[name]] = byte
        number = self.names[name]
        before = self.files[number]
        if what == "append":
            offset = len(before)
        if what == "cut":
            after = before[:length].ljust(length, b"\0")
        elif what == "map":
            after = bytes([byte]) * len(before)
        elif what == "fsync":
            after = before
        else:
            after = before[:offset].ljust(offset, b"\0") + bytes([byte]) * length + before[offset + length:]
        if len(after) != len(before):
            self.changed[number] = byte
        self.files[number] = after

    def _step(self):
        draw, there = self.draw, sorted(self.names)
        what = draw.choices(("write", "append", "cut", "rename", "unlink", "dsync", "map", "fsync", "sync"),
                            (24, 14, 8, 14, 6, 3, 4, 9, 2))[0]
        length = draw.choice((100, 1500, 4096, 9000, 20000))
        if what in ("write", "append", "dsync"):
            name = draw.choice(NAMES)
            size = len(self.files[self.names[name]]) if name in self.names else 0
            offset = 0 if what == "append" else draw.choice((0, size, draw.randrange(size + 1), size + 5000))
            if offset + length + (size if what == "append" else 0) <= LARGEST:
                self._line(what, name, offset=offset, length=length)
        elif what == "sync":
            self._line(what, "-")
        elif there:
            name = draw.choice(there)
            size = len(self.files[self.names[name]])
            if what == "cut":
                self._line(what, name, length=draw.choice((0, size // 2, draw.randrange(size + 1), size + 3000)))
            elif what == "rename":
                self._line(what, name, draw.choice([other for other in NAMES if other != name]))
            elif what != "map" or size:
                self._line(what, name)

    # ---- judging

    def wrong(self, tree, before, done):
        """How `tree`, path → contents (None: a folder), cannot be what is left; None if it can."""
        said = None
        for state in range(self.least[before], done + 1):
            names, files, folders = self.states[state]
            wanted = {name: len(files[number]) for name, number in names.items()} | dict.fromkeys(folders)
            found = {path: None if contents is None else len(contents) for path, contents in tree.items()}
            if found == wanted:
                said = self._wrong_bytes(tree, names, before, done)
                if said is None:
                    return None
            elif said is None:
                said = f"not the names and sizes after step {state}: {dict_difference(found, wanted)}"
        return f"after the promise of step {before}, at most step {done}: {said}"

    def _wrong_bytes(self, tree, names, before, done):
        for name, number in names.items():
            first = self.keeps[before].get(number, 0)
            versions = [files[number] for _, files, _ in self.states[first:done + 1] if number in files]
            contents = tree[name]
            may = [version.ljust(len(contents), b"\0")[:len(contents)] for version in set(versions)]
            if first == 0:
                may.append(bytes(len(contents)))
            if contents in may:
                continue
            for at, byte in enumerate(contents):
                if all(version[at] != byte for version in may):
                    return (f"byte {at} of {name} is {byte}, which it never was since step {first} "
                            f"({sorted({version[at] for version in may})})")
        return None


def dict_difference(found, wanted):
    return ", ".join(f"{key}: {found.get(key, 'absent')}, not {wanted.get(key, 'there')}"
                     for key in sorted(found.keys() | wanted.keys())
                     if (key in found, found.get(key)) != (key in wanted, wanted.get(key)))
