# SPDX-License-Identifier: MIT
"""What goes to the terminal: results to stdout, everything else to stderr.

Colour and progress bars appear only on a terminal and never when NO_COLOR is set; nothing is said by colour alone.
Here are no tables of results: tables.py makes those.
"""

import os
import sys
import time
from contextlib import contextmanager

_settings = {"quiet": False, "verbose": 0}


def settings(quiet=False, verbose=0):
    """Takes the shared flags; a verb's flags add to those given before the verb."""
    _settings["quiet"] = _settings["quiet"] or quiet
    _settings["verbose"] = max(_settings["verbose"], verbose)


def quiet():
    return _settings["quiet"]


def verbose():
    return _settings["verbose"] > 0


def colour(stream):
    """May colour be used on this stream?"""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def say(text):
    """A line of progress on stderr, unless --quiet."""
    if not quiet():
        print(f"bindery: {text}", file=sys.stderr, flush=True)


def detail(text):
    """A line on stderr that only -v shows."""
    if verbose():
        print(f"bindery: {text}", file=sys.stderr, flush=True)


def complain(error):
    """An error's sentence and, below it, its detail."""
    paint = colour(sys.stderr)
    label = "\x1b[31merror:\x1b[0m" if paint else "error:"
    print(f"bindery: {label} {error}", file=sys.stderr)
    if getattr(error, "detail", ""):
        for line in error.detail.splitlines():
            print(f"    {line}", file=sys.stderr)
    sys.stderr.flush()


class _Lines:
    """Progress without a terminal: a line at most every ten seconds, and one at the end."""

    def __init__(self, title, total):
        self.title, self.total, self.done, self.last = title, total, 0, time.monotonic()

    def step(self, what=""):
        self.done += 1
        now = time.monotonic()
        if now - self.last >= 10 or self.done == self.total:
            self.last = now
            say(f"{self.title}: {self.done} of {self.total}")


class _Bar:
    def __init__(self, bar, task):
        self.bar, self.task = bar, task

    def step(self, what=""):
        self.bar.update(self.task, advance=1, what=what)


@contextmanager
def progress(title, total):
    """Gives an object with step(what), which counts up to total on stderr."""
    if quiet() or not colour(sys.stderr):
        yield _Lines(title, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn("{task.fields[what]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar, bar.add_task(title, total=total, what=""))
