# SPDX-License-Identifier: MIT
"""`compare … -- PROGRAM`: replacement policies on a Linux program of the user's, in processes of libos/unix.

    rows, failures = measure(Subject(["./sqlite3", "test.db", "select …"]), policies, sizes, parallel, limit)

Each cell is a machine of its own, which counts time by instructions and begins at the same moment with the same random
numbers. Its budget holds all memory of the program's processes and the cached pages of files. What a policy is judged
by is how many pages are read and written. One that comes back while it is still being written is not read again, which
the host's disk decides by its speed, so that counts as a read. There is no optimum, as nobody records what a Linux
program refers to.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools import constants, plot, ranking, registry, run_linux, tables, terminal, unix
from tools.errors import BinderyError, Timeout, Usage

LEAST = constants.value("libos/unix/memory/start.c", "BUDGET_LEAST")  # frames
FAILED_TO_RUN = 126  # and more: by a shell's convention not found, not executable, or ended by a signal
SETTINGS = ("output=stream", "input=none", "random=fixed", "time=1700000000000000000")
COUNTS = ("faults", "misses", "evictions", "reads", "rescues", "writes")
COLUMNS = {"program": "program", "policy": "policy", "frames": "frames", "faults": "faults",
           "misses": "pages\nbrought", "evictions": "evicted", "reads": "read", "rescues": "rescued",
           "writes": "written", "moved": "sum", "ratio": "÷ best"}
CSV = (*COLUMNS, "end", "status", "same_output")


@dataclass(frozen=True)
class Subject:
    words: tuple  # the program and its arguments
    root: str = None
    seed: int = 1

    def name(self):
        return Path(self.words[0]).name

    def run(self, policy, frames, limit):
        """The Outcome of one machine, and what the program printed."""
        with unix.Root(self.words, self.root) as root:
            run = root.run(policy, frames, (*SETTINGS, f"seed={self.seed}"))
            return run_linux.boot(root, run, limit, exact=True, quick=True, waits=True)


def policies_of(names):
    """Those that processes can have; raises Usage for one that is named and can't be had."""
    named = [name for name in names if name not in ("all", "default")]
    for name in named:
        run_linux.check_policy(name)
    found = registry.policies_of(names)
    return [name for name in found if registry.sees_enough(name)]


def measure(subject, policies, sizes, parallel, limit):
    """A row for each cell that ended, and sentences on those that did not. Shares of the memory are of the most pages
    that the program has in memory if there is room."""
    ample = _measured(subject, None, 0, limit)
    if ample["end"] != "exit" or ample["status"] >= FAILED_TO_RUN:
        raise BinderyError(ample["sentence"])
    peak = ample["peak"]
    terminal.say(f"{subject.name()} has {peak:,} pages in memory if there is room")
    frames = sorted({max(LEAST, round(size * peak)) if isinstance(size, float) else size for size in sizes})
    if frames[0] < LEAST:
        raise Usage(f"{frames[0]} frames are too few; programs need {LEAST}")
    cells = [(policy, count) for count in frames for policy in policies]
    with ThreadPoolExecutor(parallel) as pool, terminal.progress("comparing", len(cells)) as progress:
        def one(cell):
            try:
                row = _measured(subject, *cell, limit)
            except Timeout as error:
                row = {"policy": cell[0], "frames": cell[1], "end": None, "sentence": str(error)}
            progress.step(f"{cell[0]} in {cell[1]} frames")
            return row

        try:
            rows = list(pool.map(one, cells))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    failures = [f"{row['policy']} in {row['frames']} frames: {row['sentence']}"
                for row in rows if row["end"] != "exit"]
    rows = [row for row in rows if row["end"] == "exit"]
    for row in rows:
        row["same_output"] = (row["status"], row.pop("output")) == (ample["status"], ample["output"])
        best = min(each["moved"] for each in rows if each["frames"] == row["frames"])
        row["ratio"] = round(row["moved"] / max(best, 1), 3)
    return rows, failures


def _measured(subject, policy, frames, limit):
    outcome, output = subject.run(policy, frames, limit)
    counts = next(iter(outcome.of("memory")), dict.fromkeys((*COUNTS, "peak"), 0))
    row = {"program": subject.name(), "policy": policy, "frames": frames} | {key: counts[key] for key in COUNTS}
    return row | {"moved": sum(counts[key] for key in ("reads", "rescues", "writes")), "peak": counts["peak"],
                  "end": outcome.end, "status": outcome.status, "output": output, "sentence": outcome.sentence()}


def show(rows):
    tables.show(rows, COLUMNS, group="frames")
    if len({row["frames"] for row in rows}) > 1 and len({row["policy"] for row in rows}) > 1:
        print("\nBlocks moved ÷ the best policy’s, geometric means over the numbers of frames:\n")
        tables.show([{"policy": policy, "mean": mean} for policy, mean in means(rows).items()],
                    {"policy": "policy", "mean": "mean"})


def means(rows):
    """{policy: geometric mean of its ratios}, the lowest first."""
    return ranking.means(rows, lambda row: max(row["ratio"], 1))


def draw(rows, command):
    """{"png": bytes, "svg": bytes}: a line for each policy, blocks moved over the number of frames."""
    plt = plot.pyplot()
    figure, axis = plt.subplots(figsize=(8, 5))
    handles = {}
    for number, policy in enumerate(means(rows)):
        points = sorted((row["frames"], row["moved"]) for row in rows if row["policy"] == policy)
        handles[policy], = axis.plot(*zip(*points), marker="osD^v"[number // len(plot.COLOURS) % 5], markersize=5,
                                     linewidth=1.3, color=plot.COLOURS[number % len(plot.COLOURS)])
    axis.set_xlabel("frames")
    axis.set_ylabel("blocks of 4 KiB read and written")
    axis.set_ylim(bottom=0)
    axis.set_title(rows[0]["program"], loc="left", fontweight="bold")
    axis.grid(alpha=0.25)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    return plot.finished(plt, figure, handles, command)


def verdict(rows, failures):
    """Says what went wrong; returns whether all is well."""
    for sentence in failures:
        print(f"bindery: failed: {sentence}", file=sys.stderr)
    for row in rows:
        if not row["same_output"]:
            terminal.say(f"warning: with {row['policy']} in {row['frames']} frames the program printed something else, "
                         "or ended otherwise, than with room; does it print times?")
    return not failures
