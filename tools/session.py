# SPDX-License-Identifier: MIT
"""From runs of applications to a booted machine and what came out of each run.

    runs = [Run("hello", "unix"), Run("replay", "unix", policy="fifo", frames=64, files=(…), words=("trace=t",))]
    outcomes = execute([runs])          # one list of runs for each boot

Runs of one boot are one after the other, each with the whole machine: on one simulated processor running them side
by side gains nothing, and counts stay exact. With `together` they run at the same time, in turns: each has its own swap
space, and all the memory.
"""

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tools import layout, link, paths
from tools.errors import BinderyError, Missing, Usage
from tools.fleet import SILENCE, Boot, Fleet
from tools.image import DiskImage, read_room
from tools.package import Package
from tools.qemu import Machine, answers_at_once, quickest_aio

ENDS = {  # enum exo_pe_end, as init reports it
    "no_entry": "had no entry for an upcall",
    "triple_fault": "faulted three times in a row",
    "destroyed": "was destroyed",
    "not_started": "could not be started",
}
ENDED_BADLY = 134  # exit status of `run` when the program did not end by itself, as a shell shows an abort
RECORDED_BYTES = 4  # of a reference (libos/pager/recording.h)
SWAP_BLOCKS = 65536  # 256 MiB, sparse on the host: as many pages as replay can have


@dataclass
class Run:
    """One run of one application on one library OS."""

    app: str
    libos: str = "unix"
    words: tuple = ()     # the application's arguments
    policy: str = None
    frames: int = 0       # of the paged region; 0: no limit of ours
    settings: tuple = ()  # further name=value words for the library OS
    files: tuple = ()     # (name on the disk, path or bytes or None, room)
    image: Path = None    # an ELF file to run instead of the linked application
    root: object = None   # unix.Root: what fills the file "root" of the disk
    label: str = ""
    leased: int = 0       # frames at the start, in place of `frames`, that move between runs that are together
    records: str = None   # the file of the disk that it records references to (tools/recording.py)

    def arguments(self, job, swap=()):
        """The job's argument string."""
        words = [f"job={job}", f"app={self.app}"]
        if self.policy:
            words.append(f"policy={self.policy}")
        if self.frames:
            words.append(f"frames={self.frames}")
        words += [*swap, *self.settings]
        if self.words:
            words += ["--", *self.words]
        for word in words:
            if any(character.isspace() for character in word):
                raise BinderyError(f"an argument of an application cannot hold a space: “{word}”")
        return " ".join(words)

    def executable(self):
        return self.image or link.executable(self.app, self.libos)


@dataclass
class Outcome:
    """What is known of a run once it has ended."""

    run: Run
    end: str = None      # "exit", or a key of ENDS; None: never reported
    status: int = 0
    address: int = 0
    detail: str = ""     # why it could not be started, or what it or its library OS said last before it failed
    events: list = field(default_factory=list)  # all of its other events
    recorded: bytes = b""  # what it recorded

    def of(self, kind):
        return [event for event in self.events if event["event"] == kind]

    def passed(self):
        return self.end == "exit" and self.status == 0

    def exit_status(self):
        return self.status & 0xFF if self.end == "exit" else ENDED_BADLY

    def sentence(self):
        """How it ended, for people."""
        name = self.run.label or self.run.app
        if self.end == "exit":
            return f"{name} ended with status {self.status}{': ' if self.detail else ''}{self.detail}"
        how = ENDS.get(self.end, f"ended by {self.end}")
        if self.detail:
            return f"{name} {how}: {self.detail}"
        return f"{name} {how} (status {self.status}, address {self.address:#x})"


def prepare(runs, folder, trace=False, exact=False, interactive=False, accelerator="tcg", memory=0, talks=False,
            quick=False, together=False, waits=False):
    """Writes package and disk of one boot into `folder`; returns the Machine."""
    for needed in (paths.KERNEL, paths.INIT):
        if not needed.exists():
            raise Missing(f"there is no {paths.in_words(needed)}; ./bindery build makes it")
    package = Package(flags=layout.PACKAGE_TRACE if trace else 0)
    package.add_image("init", paths.INIT)
    images, files = {}, {}
    for run in runs:
        for name, source, room in run.files:
            files.setdefault(name, (source, room))
    disk = DiskImage(SWAP_BLOCKS * (len(runs) if together else 1))
    for name, (source, room) in files.items():
        disk.add(name, source, room)
    blocks = disk.write(folder / "disk.img")
    for run in runs:
        if run.root:
            run.root.make(folder / "disk.img", disk.find("root"))
    for number, run in enumerate(runs):
        path = run.executable()
        if path not in images:
            images[path] = package.add_image(path.name[:47], path)
        swap = (f"swap={disk.swap_block + number * SWAP_BLOCKS}", f"swap_blocks={SWAP_BLOCKS}") if together else ()
        package.add_job(images[path], run.arguments(number, swap), group=0 if together else number, blocks=blocks,
                        slices=1, leased=run.leased)
    (folder / "package").write_bytes(package.encode())
    frames = (sum if together else max)([run.frames + run.leased for run in runs] or [0])
    require_memory(frames, package)
    return Machine(paths.KERNEL, folder / "package", folder / "disk.img", memory or machine_memory(frames, package),
                   exact, accelerator, interactive, talks, quick, waits=waits)


def machine_memory(frames, package):
    """MiB of memory for the largest run: its frames, the package, and 48 MiB for all else."""
    image = sum(each.pages() for each in package.images) * 3
    return 48 + -(-(frames + image) * layout.PAGE // (1 << 20))


def require_memory(frames, package=Package()):
    """Raises Usage if a machine with so many frames for a run can't be had here."""
    wanted = machine_memory(frames, package)
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    if wanted > there:
        raise Usage(f"{frames} frames take a machine of {wanted} MiB, and there are {there} MiB here; "
                    "give fewer frames")


@contextlib.contextmanager
def scratch(quick=False):
    """A folder for package, disk and log, removed afterwards; in memory if the system has room there. For `quick`
    machines rather where a block is read at once, as what is read again and again is in memory anyway."""
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 1 << 30
    if quick and quickest_aio() == "io_uring" and answers_at_once(tempfile.gettempdir()):
        roomy = False
    with tempfile.TemporaryDirectory(prefix="bindery-", dir=shared if roomy else None) as folder:
        yield Path(folder)


def execute(batches, parallel=1, limit=600, exact=False, trace=False, on_outcome=None, console=None,
            names=None, silence=SILENCE, on_input=None, on_event=None, quick=False, **options):
    """Boots one machine for each list of runs and returns the outcomes in the order of the runs.

    on_outcome(outcome) is called when a run ends, on_event(event) with each event, console(data) with what is printed,
    and on_input(machine) when one takes input: what is sent before that is lost, as the console is not set up.
    """
    outcomes = [[Outcome(run) for run in batch] for batch in batches]
    with scratch(quick) as folder:
        boots = []
        for number, batch in enumerate(batches):
            place = folder / str(number)
            place.mkdir()
            machine = prepare(batch, place, trace, exact, quick=quick, **options)
            boots.append(Boot(machine, place, console or (lambda data: None),
                              names[number] if names else f"machine {number + 1} of {len(batches)}", silence))
        of = {id(boot): each for boot, each in zip(boots, outcomes)}
        try:
            with contextlib.closing(Fleet(parallel, limit).run(boots)) as events:
                for boot, event in events:
                    _take(of[id(boot)], event, on_outcome, boot)
                    if on_event:
                        on_event(event)
                    if event["event"] == "input" and on_input:
                        on_input(boot.machine)
                    if event["event"] == "done" and not any(outcome.run.root for outcome in of[id(boot)]):
                        boot.machine.disk.unlink(missing_ok=True)  # of many, each holds what was written to it
        finally:  # what is on a disk is kept, however its machine ended
            for number, batch in enumerate(batches):
                for run in batch:
                    if run.root:
                        run.root.ended(folder / str(number) / "disk.img")
    flat = [outcome for each in outcomes for outcome in each]
    for outcome in flat:
        if outcome.end is None:
            raise BinderyError(f"{outcome.run.label or outcome.run.app}: the machine ended without a word on this run")
    return flat


def _take(outcomes, event, on_outcome, boot):
    job = event.get("job")
    if not isinstance(job, int) or job >= len(outcomes):
        return
    outcome = outcomes[job]
    if event["event"] == "failed":
        outcome.detail = event["why"]
    if event["event"] == "references":
        outcome.recorded = read_room(boot.machine.disk, outcome.run.records, event["count"] * RECORDED_BYTES)
    if event["event"] != "job":
        outcome.events.append(event)
        return
    outcome.end, outcome.status, outcome.address = event["end"], event.get("status", 0), event.get("address", 0)
    outcome.detail = event.get("detail", outcome.detail)
    if outcome.end == "exit" and outcome.status and not outcome.detail:
        outcome.detail = boot.last_line
    boot.last_line = ""
    if on_outcome:
        on_outcome(outcome)


def processors():
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
