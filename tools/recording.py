# SPDX-License-Identifier: MIT
"""Reference strings of real runs.

The pager of a run that is recorded keeps one page mapped, as a rule: each change of page is then a fault, a soft one if
the page is in memory, and is noted (libos/pager/record.c) in a file of the run's disk, a word for each. What is
recorded is the string of pages, immediate repetitions left out, and whether each was written. Frames, victims and
transfers of pages are those of a run that is not recorded; what it costs in instructions is measured beside one.
"""

import sys
from array import array

from tools import constants, session
from tools.errors import BinderyError
from tools.fleet import SILENCE_LONG

HEAP = "heap"
FILE = "references"
ROOM = 1 << 30  # bytes, sparse on the host
HEADER = "libos/pager/recording.h"
KINDS = "RWM"   # enum recorded_kind


def recorded(app, words=(), policy=None, frames=0, files=(), label=""):
    """A Run on libos/unix whose references are recorded."""
    return session.Run(app, "unix", tuple(words), policy, frames, (f"record={FILE}",), (*files, (FILE, None, ROOM)),
                       label=label, records=FILE)


def record(runs, limit, parallel=1):
    """Runs each of some Runs, made by recorded(), in a machine of its own. Yields (run, outcome, text of the heap's
    trace) for each, in their order."""
    outcomes = session.execute([[run] for run in runs], parallel, limit, silence=SILENCE_LONG, quick=True,
                               names=[f"the recording of {run.app}" for run in runs])
    for run, outcome in zip(runs, outcomes):
        yield run, outcome, _text(outcome)


def record_and_weigh(app, words, policy, frames, files, limit, parallel=1):
    """Runs an application recorded, and once more without that, in machines that count instructions. Returns the
    recorded run's outcome, the text of the heap's trace, and what recording costs."""
    run = recorded(app, words, policy, frames, files)
    plain = session.Run(app, "unix", tuple(words), policy, frames, files=files)
    first, without = session.execute([[run], [plain]], parallel, limit, exact=True, silence=SILENCE_LONG, quick=True,
                                     names=[f"the recording of {app}", f"{app} without recording"])
    if not without.passed():
        raise BinderyError(f"the run without recording failed: {without.sentence()}")
    return first, _text(first), cost(first, without)


def cost(first, without):
    """What recording costs, in instructions of the whole run, waits for the disk left out: of both runs, their ratio,
    and what there is more of for each soft fault that there is more of, the writing of the string included."""
    instructions, before = (each.of("ran")[-1]["instructions"] for each in (first, without))
    soft = heap_of(first)["soft_faults"] - heap_of(without)["soft_faults"]
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
    if not outcome.recorded:
        raise BinderyError(f"{outcome.run.app} touches no page of the heap; there is nothing to record")
    return text_of(outcome.recorded)


def text_of(recorded):
    """The trace that recorded words are (libos/pager/recording.h), as text."""
    words = array("I", recorded)
    if sys.byteorder == "big":
        words.byteswap()
    shift, kind, joined = (constants.value(HEADER, name) for name in
                           ("RECORDED_SHIFT", "RECORDED_KIND", "RECORDED_JOINED"))
    lines = {word: f"{'+' if word & joined else ''}{word >> shift} {KINDS[word & kind]}\n" for word in set(words)}
    return "".join(map(lines.__getitem__, words))
