# SPDX-License-Identifier: MIT
"""The rows of `bench processes` that need a disk: files that are synced, made and read, on libos/unix and on Linux.

    own, theirs = on_bindery(root, timeout), on_linux(root, timeout)     # {op: figures}

One program (peers/processes), one disk image: ext4 with a journal on virtio. Rows of peers/processes/disk.c lie between
marks, and the counter (peers/counter) tells what the whole machine executed there, while the disk was waited for, too;
what the device was asked for is told by its trace. Figures are means of all samples of a row: `instructions`, KiB
`read` and `written`, and `flushes` of the disk's cache. QEMU keeps time by instructions (database.ICOUNT).

Linux's boots have the rows of cached files as well, on ext4 ("minimum" and "median" as in processes.py).
"""

import json
import shutil
from contextlib import contextmanager
from pathlib import Path

from tools import database, filesystem, paths, session, unix
from tools.errors import BinderyError
from tools.peers import common, linux
from tools.peers.disk_boots import MODULES, module, root_disk

FOLDER = paths.BUILD / "peers" / "processes"
PROGRAMS = ("process-bench", "process-large")
COLD = 32 << 20  # bytes of /cold, as in peers/processes/rows.h
PAGE = 4096
END = 0x100      # of a mark, as in peers/marker.h
TRACED = (*database.TRACED, "virtio_blk_req_complete")
# What Linux's ext4 may have beside what is on the disk of libos/unix (filesystem.FEATURES): folders with an index;
# small commits, which most rows are cheaper with.
FEATURES = (("dir_index",), ("dir_index", "fast_commit"))
OPS = ("disk.fsync", "disk.fdatasync", "disk.append", "disk.replace", "disk.create", "disk.read", "disk.read.large",
       "disk.write.large")


@contextmanager
def root(place, words, cold=True):
    """The programs in a file system, the first of which is run; with `cold`, a file that nobody has read."""
    folder = Path(place) / "root"
    for name in ("dev", "tmp"):
        (folder / name).mkdir(parents=True)
    for name in PROGRAMS:
        shutil.copy(FOLDER / name, folder)
    if cold:
        with open(folder / "cold", "wb") as out:
            for page in range(COLD // PAGE):
                out.write((page + 1).to_bytes(8, "little") * (PAGE // 8))
    with unix.Root([f"/{PROGRAMS[0]}", *words], folder) as made:
        yield made


def on_bindery(made, timeout):
    with session.scratch() as scratch:
        run = made.run(settings=("output=stream", "input=none", "random=fixed"))
        machine = session.prepare([run], scratch, exact=False, memory=unix.MEMORY)
        machine.extra = (*database.ICOUNT, *database.plugin(scratch, TRACED))
        printed = bytearray()
        events = database.heard(machine, scratch, printed, timeout, "files on libos/unix")
        job = next((event for event in events if event["event"] == "job"), {})
        if job.get("end") != "exit" or job.get("status") != 0:
            raise BinderyError(f"the rows of files did not end well on libos/unix: {job}",
                               printed.decode(errors="replace"))
        return _figures(scratch, [json.loads(line) for line in printed.decode().splitlines()])


def on_linux(made, timeout):
    """The same, of each row the best of FEATURES; common.Skipped if there is no Linux to be had."""
    boots = [_boot_linux(made, timeout, features) for features in FEATURES]
    return {op: min((boot[op] for boot in boots), key=lambda row: row.get("instructions", row.get("minimum")))
            for op in boots[0]}


def _boot_linux(made, timeout, features):
    with session.scratch() as scratch:
        session.prepare([made.run()], scratch)
        filesystem.add_features(scratch / "disk.img", features, made.place.block)
        heard = linux.boot(scratch, "files", common.Options(timeout=timeout), exact=False,
                           files={f"{name}.ko": module(name) for name in MODULES},
                           words=[*root_disk(scratch / "disk.img", made.place), *database.ICOUNT,
                                  *database.plugin(scratch, TRACED)])
        return _figures(scratch, heard.events)


def _figures(folder, events):
    """{op: figures} of what was marked, and of the rows that the program measured itself."""
    spans, requests = instructions((folder / "counts").read_text()), transfers((folder / "qemu.log").read_text())
    found = {}
    for event in events:
        if event["event"] in ("skipped", "failed"):
            raise common.Skipped(f"{event.get('op') or event.get('part')}: {event['reason']}")
        if event["event"] == "bench":
            found[event["op"]] = event
        if event["event"] == "marked":
            number, samples = event["number"], event["samples"]
            if len(spans.get(number, ())) != samples:
                raise BinderyError(f"the counter saw {len(spans.get(number, ()))} samples of {event['op']}, "
                                   f"and not {samples}")
            found[event["op"]] = event | {"instructions": round(sum(spans[number]) / samples)} | {
                key: round(value / samples, 1) for key, value in requests[number].items()}
    return found


def instructions(text):
    """What the counter wrote: {number: [instructions, …]}."""
    found, begun = {}, {}
    for line in text.splitlines():
        name, executed, _ = map(int, line.split())
        if name < END:
            begun[name] = executed
        else:
            found.setdefault(name - END, []).append(executed - begun.pop(name - END))
    return found


def transfers(log):
    """What QEMU traced between marks: {number: {read, written: KiB, flushes}}. A request that completes and was neither
    a read nor a write is a flush."""
    found, current, moving = {}, None, set()
    for line in log.splitlines():
        words = line.split()
        if line.startswith("marker "):
            name = int(words[1])
            current = found.setdefault(name, {"read": 0, "written": 0, "flushes": 0}) if name < END else None
        elif line.startswith(database.TRACED):
            moving.add(words[4])
            if current is not None:
                current["read" if line.startswith(database.TRACED[0]) else "written"] += int(words[-1]) / 2
        elif line.startswith(TRACED[2]):
            if words[4] not in moving and current is not None:
                current["flushes"] += 1
            moving.discard(words[4])
    return found
