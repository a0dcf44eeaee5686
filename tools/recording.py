# SPDX-License-Identifier: MIT
"""Reference strings of real runs.

The pager of a run with record=1 keeps one page mapped, as a rule: each change of page is then a fault, a soft one if
the page is in memory, and is noted (libos/pager/record.c). What is recorded is the string of pages, immediate
repetitions left out, and whether each was written. Frames, victims and transfers are those of a run that is not
recorded; what it costs in instructions is measured beside one.
"""

import dataclasses

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
        yield run, outcome, _text(outcome)


def record_and_weigh(run, limit, parallel=1):
    """Runs a Run, made with SETTINGS, and once more without them, in machines that count instructions. Returns its
    outcome, the text of the heap's trace, and what recording costs."""
    plain = dataclasses.replace(run, settings=tuple(word for word in run.settings if word not in SETTINGS))
    recorded, without = session.execute([[run], [plain]], parallel, limit, exact=True, silence=SILENCE_LONG,
                                        names=[f"the recording of {run.app}", f"{run.app} without recording"])
    if not without.passed():
        raise BinderyError(f"the run without recording failed: {without.sentence()}")
    return recorded, _text(recorded), cost(recorded, without)


def cost(recorded, without):
    """What recording costs, in instructions of the whole run, waits for the disk left out: of both runs, their ratio,
    and what there is more of for each soft fault that there is more of, the report of the string included."""
    instructions, before = (each.of("ran")[-1]["instructions"] for each in (recorded, without))
    soft = heap_of(recorded)["soft_faults"] - heap_of(without)["soft_faults"]
    return {"soft_faults": soft, "instructions": instructions, "instructions_without": before,
            "ratio": round(instructions / before, 3),
            "instructions_per_soft_fault": round((instructions - before) / soft, 1) if soft else None}


def heap_of(outcome):
    """The pager's event about the heap."""
    found, = (event for event in outcome.of("pager") if event["region"] == HEAP)
    return found


def _text(outcome):
    if not outcome.passed():
        raise BinderyError(f"recording failed: {outcome.sentence()}")
    pages = [word for event in outcome.of("pages") if event["region"] == HEAP for word in event["pages"].split()]
    if not pages:
        raise BinderyError(f"{outcome.run.app} touches no page of the heap; there is nothing to record")
    return "".join(f"{word[:-1]} {word[-1]}\n" for word in pages)
