# SPDX-License-Identifier: MIT
"""One QEMU: its command line, its version, its streams, and that none is left behind.

    machine = Machine(kernel, package, disk=disk, exact=True)
    machine.start(folder)
    for event in machine.events(...)      # see fleet.py, which attends to several at once

The guest talks through two channels: the serial console (for people) and the report channel at port 0xe9 (JSON
lines, for the tools). Each QEMU has its own process group and is killed when this process dies, however it dies.
"""

import ctypes
import functools
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools import packages
from tools.errors import BinderyError, Missing, tail

BINARY = "qemu-system-x86_64"
OLDEST = "7.2"
PROCESSOR = "max,-erms"  # the same for whatever is compared: without ERMS nobody clears pages byte by byte
PR_SET_PDEATHSIG = 1
IO_URING_SETUP = 425  # the system call, on every architecture that Linux has it on


_libc = ctypes.CDLL(None, use_errno=True)


@functools.cache
def check():
    """The version of QEMU; raises Missing with one sentence if it is absent or too old."""
    if shutil.which(BINARY) is None:
        raise Missing(f"{BINARY} is missing; {packages.how_to_get(['qemu-system-x86'])}")
    version = packages.version(BINARY)
    if version is None or not packages.at_least(version, OLDEST):
        raise Missing(f"{BINARY} is version {version or 'unknown'}; Bindery needs {OLDEST} or newer; "
                      f"{packages.how_to_get(['qemu-system-x86'])}")
    return version


@functools.cache
def quickest_aio():
    """The way to read and write the disk's file that takes the host the least: io_uring if this system lets us, which
    saves the threads that would wait for each block, else those threads. What the guest counts is the same."""
    if platform.system() != "Linux":
        return "threads"
    parameters = ctypes.create_string_buffer(120)  # struct io_uring_params, all zero
    ring = _libc.syscall(IO_URING_SETUP, 1, parameters)
    if ring < 0:
        return "threads"
    os.close(ring)
    return "io_uring"


@functools.cache
def answers_at_once(folder):
    """Whether a file in a folder can be read by io_uring without waking a thread, if the host has its bytes in memory.
    Most file systems can do that; tmpfs can't."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"something")
            file.flush()
            return os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT) == 1
    except (OSError, AttributeError):
        return False


@dataclass
class Machine:
    """What to boot. `exact` counts instructions: one tick of the time-stamp counter is one guest instruction. While the
    processor waits its time jumps from timer to timer, thousands of them until a disk of a busy host has answered;
    with `waits` it passes as the host's."""

    kernel: Path
    package: Path
    disk: Path = None
    memory: int = 64        # MiB
    exact: bool = False
    accelerator: str = "tcg"
    interactive: bool = False  # standard input goes to the console
    talks: bool = False        # self.console is a socket, which can be written to
    quick: bool = False        # transfers of the disk take the host as little as can be
    extra: tuple = ()          # further words of QEMU's command line
    waits: bool = False        # of `exact`
    writes: Path = None        # if said: a log of all writes and flushes of the disk, in the order of their completion
    process = None

    def command(self, console, report):
        """The command line; `console` and `report` are the numbers of file descriptors to write to."""
        words = [BINARY, "-M", "pc", "-accel", self.accelerator,
                 "-cpu", PROCESSOR if self.accelerator == "tcg" else "host",
                 "-m", f"{self.memory}M", "-kernel", str(self.kernel), "-initrd", str(self.package),
                 "-nodefaults", "-display", "none", "-no-reboot"]
        if self.interactive:
            words += ["-chardev", "stdio,id=console"]
        elif self.talks:
            words += ["-chardev", f"socket,id=console,fd={console}"]
        else:
            words += ["-chardev", f"file,id=console,path=/dev/fd/{console}"]
        words += ["-serial", "chardev:console",
                  "-chardev", f"file,id=report,path=/dev/fd/{report}",
                  "-device", "isa-debugcon,iobase=0xe9,chardev=report",
                  "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
        if self.disk is not None:
            at_once = ",ioeventfd=off" if self.quick else ""  # the guest's kick wakes no other thread
            words += ["-drive", self._drive(), "-device", f"virtio-blk-pci,drive=disk,disable-legacy=on{at_once}"]
        if self.exact:
            words += ["-icount", f"shift=0,sleep={'on' if self.waits else 'off'}"]
        return [*words, *self.extra]

    def _drive(self):
        if self.writes is None:
            aio = quickest_aio() if self.quick else "threads"
            return f"if=none,format=raw,id=disk,cache=unsafe,aio={aio},file={self.disk}"
        return (f"if=none,driver=blklogwrites,id=disk,file.driver=raw,file.file.driver=file,"
                f"file.file.filename={self.disk},log.driver=file,log.filename={self.writes}")

    def start(self, folder):
        """Starts QEMU with its log in `folder`. self.console and self.report can then be read."""
        check()
        self.log = Path(folder) / "qemu.log"
        self.console, console = _socket_pair() if self.talks else os.pipe()
        self.report, report = os.pipe()
        words = self.command(console, report)
        self.log.write_text(" ".join(words) + "\n")
        try:
            with open(self.log, "a") as log:
                self.process = subprocess.Popen(
                    words, stdin=None if self.interactive else subprocess.DEVNULL,
                    stdout=console if self.interactive else log, stderr=log, pass_fds=(console, report),
                    preexec_fn=functools.partial(_own_group_and_end_with, os.getpid(), self.interactive))
        except OSError as error:
            raise BinderyError(f"{BINARY} cannot be started: {error.strerror}") from None
        finally:
            os.close(console)
            os.close(report)

    def stop(self):
        """Kills QEMU if it still runs, and closes the streams."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.console, self.report):
            os.close(stream)
        self.process = None

    def status(self):
        """What the guest gave to machine_off. Raises BinderyError if QEMU ended in any other way."""
        code = self.process.wait()
        if code > 0 and code & 1 and not self._complained():
            return code >> 1
        if code == 0:
            raise BinderyError("the machine was reset: the kernel faulted three times in a row", tail(self.log))
        how = f"was ended by signal {-code}" if code < 0 else f"failed with exit status {code}"
        raise BinderyError(f"QEMU {how}; the end of its log:", tail(self.log))

    def _complained(self):
        """QEMU's own failures exit with 1, like machine_off(0), but say something first."""
        return self.process.returncode == 1 and f"{BINARY}: " in self.log.read_text(errors="replace").split("\n", 1)[1]


def _socket_pair():
    return [end.detach() for end in socket.socketpair()]


def _own_group_and_end_with(parent, interactive):
    """Runs in the child before QEMU: its own group (unless it needs the terminal), and it dies with its parent."""
    if not interactive:
        os.setpgid(0, 0)
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
