# SPDX-License-Identifier: MIT
"""`bench processes`: what processes and files cost on libos/unix and on Linux, by one static program (peers/processes),
which is the same file on both.

    rows = measure(timeout)      # a row for each operation: op, how, bindery, linux, ratio, …

Linux's `linux` is without a disk: its files lie in the initramfs. `linux_disk` is with its files on ext4 on the disk
that libos/unix has, too (file_rows.py): for rows of files both are measured, for what needs a disk only that.
"""

import json
import tempfile

from tools import file_rows, run_linux, session, terminal
from tools.errors import BinderyError
from tools.peers import common, linux

COLUMNS = {"op": "op", "how": "what", "bindery": "Bindery", "linux": "Linux", "ratio": "Linux /\nBindery",
           "linux_disk": "Linux,\next4", "disk_ratio": "ext4 /\nBindery", "read": "read\nKiB",
           "linux_read": "Linux:\nread", "written": "written\nKiB", "linux_written": "Linux:\nwritten",
           "flushes": "flushes", "linux_flushes": "Linux:\nflushes"}
OPS = ("getpid", "fork.exit", "fork.exec", "vfork.exec", "exec.large", "exec.large.touch", "pipe.round", "pipe.alone",
       "file.read", "file.write", "file.open", "signal", "thread", "page", "file.stat", "file.create",
       "file.create.new", "file.read.large", "file.write.large", "file.map", "directory", "pipe.large", "poll", "futex",
       "memory.large", "fork.large", "fork.large.write", "protect")


def measure(timeout):
    """Rows in the order of OPS, and then of file_rows.OPS. Linux's figures are None, and a warning says why, if it
    cannot be had here."""
    with tempfile.TemporaryDirectory() as place, file_rows.root(place, ["bindery"], cold=False) as root:
        own = on_bindery(root, timeout)
        theirs = _tried("Linux", on_linux, timeout)
    with tempfile.TemporaryDirectory() as place, file_rows.root(place, ["bindery", "disk"]) as root:
        own_disk = file_rows.on_bindery(root, timeout)
        their_disk = _tried("Linux with a disk", file_rows.on_linux, root, timeout)
    absent = [op for op in OPS if op not in own] + [op for op in file_rows.OPS if op not in own_disk]
    if absent:
        raise BinderyError(f"not measured: {', '.join(absent)}")
    return [_row(op, own[op], theirs.get(op), their_disk.get(op)) for op in OPS] + [
        _disk_row(op, own_disk[op], their_disk.get(op)) for op in file_rows.OPS]


def _tried(name, measured, *words):
    try:
        return measured(*words)
    except common.Skipped as error:
        terminal.say(f"warning: {name} was not measured: {error}")
        return {}


def _ratio(theirs, own):
    return round(theirs / own, 2) if theirs is not None else None


def _row(op, own, theirs, disk):
    figure, with_disk = theirs and theirs["minimum"], disk and disk["minimum"]
    return {"op": op, "how": own["how"], "bindery": own["minimum"], "bindery_median": own["median"],
            "linux": figure, "linux_median": theirs and theirs["median"], "ratio": _ratio(figure, own["minimum"]),
            "linux_disk": with_disk, "linux_disk_median": disk and disk["median"],
            "disk_ratio": _ratio(with_disk, own["minimum"]), "samples": own["samples"]}


def _disk_row(op, own, theirs):
    figure = theirs and theirs["instructions"]
    return {"op": op, "how": own["how"], "bindery": own["instructions"], "linux_disk": figure,
            "disk_ratio": _ratio(figure, own["instructions"])} | {
        key: own[key] for key in ("read", "written", "flushes")} | {
        f"linux_{key}": theirs and theirs[key] for key in ("read", "written", "flushes")} | {"samples": own["samples"]}


def on_bindery(root, timeout):
    """{op: event}."""
    run = root.run(settings=("output=stream", "input=none", "random=fixed"))
    outcome, printed = run_linux.boot(root, run, timeout, exact=True)
    if not outcome.passed():
        raise BinderyError(outcome.sentence(), printed.decode(errors="replace"))
    return _by_op(json.loads(line) for line in printed.decode().splitlines())


def on_linux(timeout):
    """The same; common.Skipped if there is no Linux to be had."""
    with session.scratch() as folder:
        heard = linux.boot(folder, "processes", common.Options(timeout=timeout), settings=linux.BRIEF,
                           files={name: (file_rows.FOLDER / name).read_bytes() for name in file_rows.PROGRAMS})
    return _by_op(heard.events)


def _by_op(events):
    found = {}
    for event in events:
        if event["event"] in ("skipped", "failed"):
            raise BinderyError(f"{event.get('op') or event.get('part')}: {event['reason']}")
        if event["event"] == "bench":
            found[event["op"]] = event
    return found
