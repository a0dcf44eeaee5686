# SPDX-License-Identifier: MIT
"""`bench ways`: the same calls by each way into an OS, measured by apps/bench_ways.c and apps/bench_ways_gate.c. The
program that makes procedure calls is what bindery-cc --libos=unix makes of apps/bench_ways.c.

Instructions, their steps of REP and so the bytes copied are measured. Crossings and protection are what a way is.
"""

import functools
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools import musl, paths, run_linux, session, unix
from tools.errors import BinderyError

PROGRAM = paths.BUILD / "apps" / "bench_ways"
SERVER = paths.BUILD / "apps" / "bench_ways_gate.bare"
OPS = ("null", "getpid", "write.64", "write.4096", "write.1048576")
COLUMNS = {"op": "op", "way": "way", "instructions": "instructions", "median": "median", "samples": "samples",
           "moved": "steps of\nREP", "copied": "bytes\ncopied", "crossings": "crossings", "protected": "protected"}
WORD = 8  # bytes that a step of REP MOVSQ copies


@dataclass(frozen=True)
class Way:
    """What is known of a way beforehand."""

    crossings: int  # into the kernel, a call
    protected: str
    ops: tuple = OPS


INSTANCES = "instances of the library OS from each other; not it from its program"
SERVERS = "server and client from each other"
WAYS = {
    "procedure": Way(0, INSTANCES),
    "rewritten": Way(0, INSTANCES),
    "trap": Way(1, INSTANCES),
    "message": Way(2, SERVERS),
    "one-way": Way(1, SERVERS, tuple(op for op in OPS if op != "getpid")),  # which has no result
}
MESSAGES = ("message", "one-way")
MEASURED = [(op, way) for op in OPS for way in WAYS if op in WAYS[way].ops]


def heard(timeout):
    """{way: events}: a row of each operation, and of a program how its system calls came."""
    served = _served(timeout)
    return {way: served if way in MESSAGES else _program(way, timeout) for way in WAYS}


def rows(events):
    """A row for each operation and way, in this order."""
    found = {}
    for way in WAYS:
        for event in events[way]:
            if event["event"] == "skipped":
                raise BinderyError(f"{way}, {event['op']}: {event['reason']}")
            if event["event"] == "bench" and event["system"] == way:
                found[event["op"], way] = event
    absent = [f"{op} by {way}" for op, way in MEASURED if (op, way) not in found]
    if absent:
        raise BinderyError(f"not measured: {', '.join(absent)}")
    return [_row(op, way, found[op, way]) for op, way in MEASURED]


def _row(op, way, event):
    return {"op": op, "way": way, "instructions": event["minimum"], "median": event["median"],
            "maximum": event["maximum"], "samples": event["samples"], "moved": event["moved"],
            "copied": event["moved"] * WORD, "crossings": WAYS[way].crossings, "protected": WAYS[way].protected,
            "how": event["how"]}


@functools.cache
def linked():
    """The same program, linked by bindery-cc --libos=unix."""
    made = paths.BUILD / "apps" / "bench_ways.procedure"
    sources = [paths.ROOT / "apps" / "bench_ways.c", paths.ROOT / "peers" / "bench.c"]
    with tempfile.TemporaryDirectory(prefix=".", dir=made.parent) as folder:
        words = [*musl.compiler(), "--libos=unix", "-std=gnu2x", "-O2", f"-I{paths.ROOT}", *sources,
                 "-o", f"{folder}/program"]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise BinderyError("bindery-cc cannot link bench_ways", done.stderr[-2000:])
        Path(folder, "program").rename(made)
    return made


def _program(way, timeout):
    """What the program prints on libos/unix, and what that says of the run."""
    program = linked() if way == "procedure" else PROGRAM
    with unix.Root([str(program), way]) as root:
        run = root.run(settings=("output=stream", "input=none", f"rewrite={int(way == 'rewritten')}"))
        outcome, printed = run_linux.boot(root, run, timeout, exact=True)
    if not outcome.passed():
        raise BinderyError(outcome.sentence(), printed.decode(errors="replace"))
    return [json.loads(line) for line in printed.decode().splitlines()] + outcome.events


def _served(timeout):
    run = session.Run(SERVER.stem, image=SERVER)
    outcome, = session.execute([[run]], limit=timeout, exact=True)
    if not outcome.passed():
        raise BinderyError(outcome.sentence())
    return outcome.events
