# SPDX-License-Identifier: MIT
"""Instructions that single faults took, from runs of their own in which the pager stamps the steps of its faults.

Counted are the steps that do not wait for the disk: detection, upcall, the policy's choice, issuing the read, binding
(1, 2, 3, 5, 7 of doc/fault-path.md). Steps 4 and 6 hold the processor's wait for a write-back and for the read, which
is time and no instructions. The pager keeps the stamps of a run's first faults only, TRACE_FAULTS in its trace.h.
"""

from tools import session, steps, terminal
from tools.fleet import SILENCE_LONG

COUNTED = (1, 2, 3, 5, 7)


def measure(cells, book, parallel, limit):
    """Measures the cells that the journal has no such counts of yet, and adds them to it."""
    missing = [cell for cell in cells if cell.real() and cell.name not in book.measured]
    if not missing:
        return
    runs = [cell.run() for cell in missing]
    cell_of = {id(run): cell for run, cell in zip(runs, missing)}
    batches = [runs[number::parallel] for number in range(parallel) if runs[number::parallel]]
    with terminal.progress("stamping faults", len(runs)) as bar:

        def ended(outcome):
            if outcome.passed():
                book.add_measured({"cell": cell_of[id(outcome.run)].name, "steps": list(COUNTED),
                                   "instructions": counts(outcome.of("step"))})
            bar.step(outcome.run.label)

        session.execute(batches, parallel, limit, exact=True, trace=True, on_outcome=ended, silence=SILENCE_LONG)


def counts(events):
    """The instructions of each fault, in the order of the faults."""
    found = []
    for stamps in steps.faults(events).values():
        found.append(sum(after[1] - time for (step, time, _), after in zip(stamps, stamps[1:]) if step in COUNTED))
    return found


def quantile(ordered, share):
    """The least value that at least this share of the values, given in order, do not exceed."""
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]
