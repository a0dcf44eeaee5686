# SPDX-License-Identifier: MIT
"""Reference strings of real runs.

The pager of a run with record=1 keeps one page mapped, as a rule: each change of page is then a fault, a soft one if the
page is in memory, and is noted (libos/pager/record.c). What is recorded is the string of pages, immediate repetitions
left out, and whether each was written. Frames, victims and transfers are those of a run that is not recorded.
"""

from tools import session
from tools.errors import BinderyError
from tools.fleet import SILENCE_LONG

HEAP = "heap"
SETTINGS = ("record=1",)


def record(runs, limit, parallel=1):
    """Runs each of some Runs, made with SETTINGS, in a machine of its own. Yields (run, outcome, text of the heap's
    trace) for each, in their order."""
    outcomes = session.execute([[run] for run in runs], parallel, limit, silence=SILENCE_LONG,
                               names=[f"the recording of {run.app}" for run in runs])
    for run, outcome in zip(runs, outcomes):
        if not outcome.passed():
            raise BinderyError(f"recording failed: {outcome.sentence()}")
        pages = [word for event in outcome.of("pages") if event["region"] == HEAP for word in event["pages"].split()]
        if not pages:
            raise BinderyError(f"{run.app} touches no page of the heap; there is nothing to record")
        yield run, outcome, "".join(f"{word[:-1]} {word[-1]}\n" for word in pages)
