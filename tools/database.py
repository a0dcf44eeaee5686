# SPDX-License-Identifier: MIT
"""`bench sqlite`: SQLite's speedtest1, one static executable, on libos/unix and on Linux.

    rows = measure((Case("ample"), Case("tight", 640, ("clock1", "clockpro"))), size=5, timeout=600)

Both have the same disk image: the program on ext4 with a journal, and swap space. The counter (peers/counter) tells
what each machine executed, kernel and all, from before the program's process was made until after its end was heard of
(peers/counted); a processor that waits counts nothing. QEMU keeps time by instructions on both sides, so timers come
alike; what the disk takes is the host's time, so figures repeat to about a percent.

Tight memory is `frames` pages for the program and the page cache: the budget of libos/unix. Linux is limited in one or
both of two ways, and that with the fewer instructions is its row: memory.max of a control group, with
cgroup.memory=nokmem so that the kernel's own memory is not taken from it; or all other pages are locked by another
process, and there is no control group, but as many pages more as the kernel came to have for itself in the run with
ample memory. In both ways Linux has `further` pages more, for what libos/unix keeps outside its budget: metadata of
ext4.

Disk transfers are those that QEMU's device is asked for between the same two marks, by its trace.
"""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools import paths, session, stock, terminal, unix
from tools.errors import BinderyError
from tools.fleet import Boot, Fleet
from tools.peers import common, linux
from tools.peers.disk_boots import MODULES, module, root_disk

RUNNER = paths.BUILD / "peers" / "counted" / "run-counted"
COUNTER = paths.BUILD / "peers" / "counter" / "libcounter.so"
ICOUNT = ("-icount", "shift=0,sleep=on")
FURTHER = 64  # pages of Linux's limit; doc/measuring.md has what they are for, counted
WAYS = {"group": "frames", "locked": "left"}  # of limiting Linux: name, word for peers/linux/counted.c
# With the read-ahead that suits whole files (peers/linux/disk.c) Linux takes 1.5 to 3 times as many instructions in
# tight memory: it reads 20 to 100 times as much and throws it away. doc/measuring.md has the figures.
TIGHT = ("readahead=0", "cluster=0")
TRACED = ("virtio_blk_handle_read", "virtio_blk_handle_write")
COLUMNS = {"memory": "memory", "frames": "frames", "policy": "policy", "bindery": "Bindery", "linux": "Linux",
           "ratio": "Bindery /\nLinux", "system": "of it\nsystem", "linux_system": "Linux:\nsystem",
           "read": "read\nKiB", "linux_read": "Linux:\nread", "written": "written\nKiB",
           "linux_written": "Linux:\nwritten"}
MORE = {"misses": "misses", "linux_major": "major faults", "linux_way": "limit", "kernel": "kernel",
        "library": "library OS"}


@dataclass(frozen=True)
class Case:
    memory: str           # its name
    frames: int = 0       # 0: what the machine has
    policies: tuple = (None,)
    further: int = FURTHER


def measure(cases, size, timeout, ways=("group",)):
    """A row for each case and policy; `ways` of WAYS to limit Linux. Linux's figures are None, and a warning says why,
    if it cannot be had here."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="bindery-") as place:
        folder = _root(Path(place))
        kernel = 0
        for case in cases:
            theirs = _best(folder, case, size, timeout, kernel, ways)
            if theirs and not case.frames:
                kernel = theirs["taken"]
            for policy in case.policies:
                terminal.say(f"{case.memory} memory on libos/unix, policy {policy or 'as it comes'}")
                rows.append(_row(case, on_bindery(folder, case, policy, size, timeout), theirs))
    return rows


def _best(folder, case, size, timeout, kernel, ways):
    """Linux's figures by the way of limiting it that takes the fewest instructions; None if there are none."""
    found = []
    for way in ways if case.frames else (None,):
        try:
            found.append(on_linux(folder, case, size, timeout, way, kernel))
        except common.Skipped as error:
            terminal.say(f"warning: Linux was not measured{f' ({way})' if way else ''}: {error}")
    return min(found, key=lambda each: each["instructions"], default=None)


def _row(case, own, theirs):
    if theirs and own["hash"] != theirs["hash"]:
        raise BinderyError(f"speedtest1 found {own['hash']} on libos/unix and {theirs['hash']} on Linux")
    return {"memory": case.memory, "frames": case.frames or None, "policy": own["policy"],
            "bindery": own["instructions"], "linux": theirs["instructions"] if theirs else None,
            "ratio": round(own["instructions"] / theirs["instructions"], 3) if theirs else None,
            "misses": own["misses"], "reads": own["reads"], "writes": own["writes"], "evictions": own["evictions"],
            "system": own["kernel"] + own["library"], "kernel": own["kernel"], "library": own["library"],
            "read": own["read"], "written": own["written"], "hash": own["hash"],
            "linux_system": theirs and theirs["kernel"],
            "linux_way": theirs and theirs["way"], "linux_major": theirs and theirs["major"],
            "linux_read": theirs and theirs["read"], "linux_written": theirs and theirs["written"]}


def arguments(size):
    return ["--size", str(size), "--verify", "test.db"]


def _root(place):
    folder = place / "root"
    (folder / "dev").mkdir(parents=True)
    (folder / "tmp").mkdir()
    shutil.copy(stock.path("speedtest1"), folder)
    shutil.copy(RUNNER, folder)
    return folder


# ---- one boot of each

def on_bindery(folder, case, policy, size, timeout):
    """{instructions, kernel, library, read, written, hash, policy, misses, reads, writes, evictions}; KiB."""
    words = ["/run-counted", "output", "/speedtest1", *arguments(size)]
    with unix.Root(words, folder) as root, session.scratch() as scratch:
        run = root.run(policy, case.frames, ("output=stream", "input=none", "random=fixed"))
        machine = session.prepare([run], scratch, exact=False, memory=unix.MEMORY)
        machine.extra = (*ICOUNT, *plugin(scratch))
        printed = bytearray()
        events = heard(machine, scratch, printed, timeout, "speedtest1 on libos/unix")
        job = next((event for event in events if event["event"] == "job"), {})
        if job.get("end") != "exit" or job.get("status") != 0:
            raise BinderyError(f"speedtest1 did not end well on libos/unix: {job}", printed.decode(errors="replace"))
        found = json.loads(printed.decode().splitlines()[-1])
        counts = next(event for event in events if event["event"] == "memory")
        return _checked(found) | {key: counts[key] for key in ("policy", "misses", "reads", "writes", "evictions")} | {
            "instructions": _instructions(scratch)} | _transfers(scratch)


def heard(machine, folder, printed, timeout, name):
    """The events of one boot; what is printed is put into `printed`."""
    boot = Boot(machine, folder, printed.extend, name=name, silence=timeout)
    return [event for _, event in Fleet(limit=timeout).run([boot])]


def on_linux(folder, case, size, timeout, way=None, kernel=0):
    """{instructions, read, written, kernel, hash, major, way, taken}; common.Skipped if there is no Linux to be had.

    `kernel`: pages for the kernel itself, where they are of the same memory; `taken` of the result is how many it took.
    """
    modules = {f"{name}.ko": module(name) for name in MODULES}
    settings = [*(word for word in linux.TUNED if not (way == "group" and word == "cgroup_disable=memory")),
                "program=/speedtest1", "arguments=" + ",".join(arguments(size)), *(TIGHT if way else ())]
    if way:
        settings += ["cgroup.memory=nokmem"] * (way == "group")
        settings += [f"{WAYS[way]}={case.frames + case.further + (kernel if way == 'locked' else 0)}"]
    with unix.Root(["/speedtest1"], folder) as root, session.scratch() as scratch:
        session.prepare([root.run()], scratch)
        drive = root_disk(scratch / "disk.img", root.place)
        terminal.say(f"{case.memory} memory on Linux{f' ({way})' if way else ''}")
        heard = linux.boot(scratch, "counted", common.Options(timeout=timeout), tuned=False, files=modules,
                           settings=settings, words=[*drive, *ICOUNT, *plugin(scratch)], exact=False)
        for event in heard.events:
            if event["event"] == "failed":
                raise common.Skipped(event["reason"])
        found = next((event for event in heard.events if event["event"] == "counted"), None)
        if found is None:
            raise common.Skipped("its program reported nothing", heard.console[-500:])
        taken = next((event["pages"] for event in heard.events if event["event"] == "kernel"), 0)
        return _checked(found) | _transfers(scratch) | {"instructions": _instructions(scratch), "way": way,
                                                        "taken": taken}


def plugin(folder, traced=TRACED):
    """QEMU's words for the counter, which writes to the file `counts`, and for tracing to its log."""
    if not COUNTER.exists():
        raise BinderyError(f"there is no {paths.in_words(COUNTER)}; ./bindery build makes it")
    return ("-plugin", f"{COUNTER},out={folder / 'counts'}", *(word for name in traced for word in ("-trace", name)))


def _checked(found):
    if found["status"] != 0:
        raise BinderyError(f"speedtest1 ended with status {found['status']}")
    if int(found["hash"], 16) == 0:
        raise BinderyError("speedtest1 told no verification hash")
    return {"hash": found["hash"], "major": found["major"]}


def _instructions(folder):
    """Between the two markers."""
    lines = [list(map(int, line.split())) for line in (folder / "counts").read_text().splitlines()]
    if [line[0] for line in lines] != [0x001, 0x101]:
        raise BinderyError("the counter saw other markers than one beginning and its end")
    return lines[1][1] - lines[0][1]


def _transfers(folder):
    """Between the two markers: {read, written} in KiB, {kernel, library} in instructions."""
    first, *lines, last = _marked(folder)
    read, written = (sum(int(line.split()[-1]) for line in lines if line.startswith(name)) // 2 for name in TRACED)
    kernel, library = (int(after) - int(before) for before, after in zip(first.split()[2:], last.split()[2:]))
    return {"read": read, "written": written, "kernel": kernel, "library": library}


def _marked(folder):
    """The lines of QEMU's log from the one marker to the other."""
    lines = (folder / "qemu.log").read_text(errors="replace").splitlines()
    marks = [number for number, line in enumerate(lines) if line.startswith("marker ")]
    if len(marks) != 2:
        raise BinderyError("QEMU's log has other markers than one beginning and its end")
    return lines[marks[0]:marks[1] + 1]
