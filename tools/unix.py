# SPDX-License-Identifier: MIT
"""Unmodified Linux programs on libos/unix: the disk and the arguments of one run (libos/unix/README.md, “What it is
given”).

    with Root(["./sqlite3", "test.db", "select 1"]) as root:       # no folder: the program, and files that are named
        root.save_to("after")                                      # if its files are wanted afterwards
        outcome, = session.execute([[root.run(policy="clockpro", frames=2048)]], …)

With a folder the program is a path in it. Without one the root is made of what the command line names: the program in
/bin, and each file or folder of the current one that an argument names by a relative path, at the same path in /.
"""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tools import console, filesystem, paths, program, session
from tools.errors import Missing, Usage
from tools.image import File

IMAGE = paths.BUILD / "libos" / "unix" / "unix"
SPARE = 256 << 20  # bytes of the file system beside what is put into it; sparse on the host
MEMORY = 256       # MiB of a machine whose budget is not said
OVERHEAD = 24576   # frames of the machine beside the budget: kernel, package, the library OS's own tables
ENVIRONMENT = {"PATH": "/bin:/usr/bin:/sbin:/usr/sbin", "HOME": "/"}


class Root:
    """What the file system of a run begins with, and where it goes afterwards."""

    def __init__(self, words, folder=None, environment=()):
        if not words:
            raise Usage("no program is named; expected: … -- PROGRAM ARGUMENTS")
        self.words = list(words)
        self.environment = ENVIRONMENT | _variables(environment)
        self.scratch = tempfile.TemporaryDirectory(prefix="bindery-root-")
        self.brought, self.changed = {}, []  # files that arguments name, with their times; which became others
        try:
            self.folder, self.program = self._given(Path(folder)) if folder else self._made()
        except BaseException:
            self.scratch.cleanup()
            raise
        self.blocks = filesystem.LEAST + -(-(_bytes(self.folder) * 5 // 4 + SPARE) // filesystem.BLOCK)
        self.saved = self.place = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.scratch.cleanup()

    def _given(self, folder):
        if not folder.is_dir():
            raise Missing(f"there is no folder {paths.in_words(folder)}")
        inside = "/" + os.path.normpath("/" + self.words[0]).lstrip("/")
        host = folder / inside.lstrip("/")
        if not host.is_symlink():  # links lead elsewhere in the root than here
            if not host.is_file():
                raise Missing(f"there is no {inside} in {paths.in_words(folder)}")
            _check(host)
        return folder, self.words[0] if "/" in self.words[0] else inside

    def _made(self):
        found = self.words[0] if "/" in self.words[0] else shutil.which(self.words[0])
        if not found:
            raise Missing(f"there is no program {self.words[0]}")
        _check(found)
        folder = Path(self.scratch.name) / "root"
        (folder / "bin").mkdir(parents=True)
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o1777)
        shutil.copy(found, folder / "bin")
        for word in self.words[1:]:
            self._copy_in(word, folder)
        return folder, f"/bin/{Path(found).name}"

    def _copy_in(self, word, folder):
        """A file or folder that an argument names, unless it is the current folder or lies outside of it."""
        try:
            source, to = Path(word), Path(os.path.normpath(word))
            if word and not to.is_absolute() and to.parts and to.parts[0] != ".." and source.exists():
                target = folder / to
                target.parent.mkdir(parents=True, exist_ok=True)
                if source.is_dir():
                    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
                else:
                    shutil.copy2(source, target)
                    self.brought[str(to)] = target.stat().st_mtime_ns
        except OSError:  # no name of a file at all: too long, a zero byte
            return

    def run(self, policy=None, frames=0, settings=()):
        """The session.Run. `frames` is the budget of pages that are in memory; 0: what the machine has."""
        said = list(settings)
        if not any(word.startswith("time=") for word in said):
            said.append(f"time={time.time_ns()}")
        files = (("command", self.command(), 0), ("root", None, self.blocks * filesystem.BLOCK))
        if "input=file" in settings:  # whole, before the machine starts
            files += (("input", sys.stdin.buffer.read() if sys.stdin else b"", 0),)
        name = Path(self.program).name
        return session.Run("_".join(name.split()) or "program", "unix", (), policy, frames, tuple(said), files, IMAGE,
                           root=self, label=name)

    def command(self):
        """The file `command` of the disk."""
        strings = ["/", self.program, str(len(self.words)), *self.words,
                   *(f"{name}={value}" for name, value in self.environment.items())]
        return b"".join(os.fsencode(string) + b"\0" for string in strings)

    # ---- called by session.py

    def make(self, image, file: File):
        """Puts the file system into its extent of the disk image."""
        self.place = file
        filesystem.make_image(self.folder, image, self.blocks, first=file.block)

    def ended(self, image):
        """The machine has ended; what its disk holds now is copied out if that was asked for."""
        if self.saved is not None:
            filesystem.save_image(image, self.saved, self.blocks, first=self.place.block)
            return
        self.changed = [name for name, time in self.brought.items()
                        if filesystem.modified(image, name, self.place.block) != time]

    def save_to(self, folder):
        """After the run, the root's files are to be copied into this folder, which must not exist or be empty."""
        filesystem.check_target(folder)
        self.saved = Path(folder)


def console_settings():
    """What the program's console is: the start arguments for what our own standard streams are."""
    settings = ["output=terminal" if sys.stdout.isatty() else "output=stream"]
    settings.append("input=terminal" if sys.stdin and sys.stdin.isatty() else "input=file")
    if sys.stdout.isatty():
        rows, columns = console.size()
        settings += [f"rows={rows}", f"columns={columns}"]
    return settings


def _check(path):
    if program.kind(path) == program.IMAGE:
        raise Usage(f"{path} is linked with a library OS of Bindery already: ./bindery run {path}")


def _variables(items):
    found = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not name or not equals:
            raise Usage(f"--env {item}: expected NAME=VALUE")
        found[name] = value
    return found


def _bytes(folder):
    """Bytes of all files below a folder, each in whole blocks."""
    total = 0
    for place, _, files in os.walk(folder):
        total += filesystem.BLOCK
        for name in files:
            total += -(-os.lstat(os.path.join(place, name)).st_size // filesystem.BLOCK) * filesystem.BLOCK
    return total
