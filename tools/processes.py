# SPDX-License-Identifier: MIT
"""`bench processes`: what processes cost on libos/unix and on Linux, by one static program (peers/processes), which is
the same file on both.

    rows = measure(timeout)      # a row for each operation: op, how, bindery, linux, ratio; moved: steps of REP
"""

import json

from tools import paths, run_linux, session, terminal, unix
from tools.errors import BinderyError
from tools.peers import common, linux

PROGRAM = paths.BUILD / "peers" / "processes" / "process-bench"
COLUMNS = {"op": "op", "how": "what", "bindery": "Bindery", "linux": "Linux", "ratio": "Linux /\nBindery"}
OPS = ("getpid", "fork.exit", "fork.exec", "vfork.exec", "pipe.round", "pipe.alone", "file.read", "file.write",
       "file.open", "signal", "thread", "page", "file.stat", "file.create", "file.create.new", "file.read.large",
       "file.write.large", "file.map", "directory", "pipe.large", "poll", "futex", "memory.large", "fork.large",
       "fork.large.write", "protect")


def measure(timeout):
    """Rows in the order of OPS. Linux's figures are None, and a warning says why, if it cannot be had here."""
    own = on_bindery(timeout)
    absent = [op for op in OPS if op not in own]
    if absent:
        raise BinderyError(f"not measured: {', '.join(absent)}")
    try:
        theirs = on_linux(timeout)
    except common.Skipped as error:
        terminal.say(f"warning: Linux was not measured: {error}")
        theirs = {}
    return [_row(op, own[op], theirs.get(op)) for op in OPS]


def _row(op, own, theirs):
    linux_figure = theirs["minimum"] if theirs else None
    return {"op": op, "how": own["how"], "bindery": own["minimum"], "bindery_median": own["median"],
            "linux": linux_figure, "linux_median": theirs["median"] if theirs else None,
            "ratio": round(linux_figure / own["minimum"], 2) if theirs else None, "samples": own["samples"]}


def on_bindery(timeout):
    """{op: event}."""
    with unix.Root([str(PROGRAM), "bindery"]) as root:
        run = root.run(settings=("output=stream", "input=none", "random=fixed"))
        outcome, printed = run_linux.boot(root, run, timeout, exact=True)
    if not outcome.passed():
        raise BinderyError(outcome.sentence(), printed.decode(errors="replace"))
    return _by_op(json.loads(line) for line in printed.decode().splitlines())


def on_linux(timeout):
    """The same; common.Skipped if there is no Linux to be had."""
    if not PROGRAM.exists():
        raise common.Skipped(f"there is no {paths.in_words(PROGRAM)}; ./bindery build makes it")
    with session.scratch() as folder:
        heard = linux.boot(folder, "processes", common.Options(timeout=timeout), settings=linux.BRIEF,
                           files={"process-bench": PROGRAM.read_bytes()})
    return _by_op(heard.events)


def _by_op(events):
    found = {}
    for event in events:
        if event["event"] in ("skipped", "failed"):
            raise BinderyError(f"{event.get('op') or event.get('part')}: {event['reason']}")
        if event["event"] == "bench":
            found[event["op"]] = event
    return found
