# SPDX-License-Identifier: MIT
"""The cells of a comparison: workload × policy × frames, run on the machine and simulated.

Every cell that can run is run for real; the simulator gives the floor (OPT), the cells of policies that no pager can
run (they see every reference, or an application's future), and the counts that each real run must equal.
"""

from dataclasses import dataclass

from tools import registry, session, simulator, terminal
from tools.errors import BinderyError
from tools.fleet import SILENCE_LONG

REFERENCE_COST, FAULT_COST = 1, 80  # relative host time, for sharing the cells out


@dataclass
class Cell:
    subject: object
    policy: str
    frames: int
    simulated: dict = None
    opt: int = None        # faults of OPT

    def real(self):
        """Can a pager run it?"""
        sees, _ = registry.traits(self.policy)
        return sees in ("faults", "bits") or (sees == "future" and self.subject.region == "region")

    def cost(self):
        return self.subject.trace.references * REFERENCE_COST + self.simulated["faults"] * FAULT_COST


def make(subjects, policies, sizes):
    """All cells, simulated. Those with fewer frames than their policy needs are left out, and said so."""
    least = {policy: registry.traits(policy)[1] for policy in [*policies, "opt"]}
    cells = []
    for subject in subjects:
        frames = subject.frames(sizes)
        rows = {}
        for minimum in sorted(set(least.values())):
            some = [policy for policy in least if least[policy] == minimum]
            enough = [count for count in frames if count >= minimum]
            if len(enough) < len(frames):
                few = ", ".join(str(count) for count in frames if count < minimum)
                terminal.say(f"{', '.join(some)} in {few} frames of {subject.name} left out: needs at least {minimum}")
            if enough:
                options = ["--zero-filled"] if subject.zero_filled else []
                rows |= {(row["policy"], row["frames"]): row
                         for row in simulator.simulate(subject.trace.path, some, enough, *options)}
        cells += [Cell(subject, policy, count, rows[policy, count], rows["opt", count]["faults"])
                  for policy in policies for count in frames if (policy, count) in rows]
    return cells


def batches(cells, count):
    """The cells in at most `count` lists of about equal cost, the longest cells first."""
    lists = [[] for _ in range(max(1, min(count, len(cells))))]
    load = [0] * len(lists)
    for cell in sorted(cells, key=Cell.cost, reverse=True):
        least = load.index(min(load))
        lists[least].append(cell)
        load[least] += cell.cost()
    return [each for each in lists if each]


def execute(cells, parallel, limit, exact=True):
    """Runs the cells; returns their rows in the order of the cells and the sentences of those that failed."""
    real = [cell for cell in cells if cell.real()]
    shares = batches(real, 2 * parallel if len(real) > 4 * parallel else parallel)
    rows, failures = {}, []
    if shares:
        flat = [cell for share in shares for cell in share]
        runs = [[cell.subject.run(cell.policy, cell.frames) for cell in share] for share in shares]
        with terminal.progress("comparing", len(flat)) as bar:
            outcomes = session.execute(runs, parallel, limit, exact, silence=SILENCE_LONG,
                                       on_outcome=lambda outcome: bar.step(outcome.run.label))
        for cell, outcome in zip(flat, outcomes):
            if outcome.passed():
                rows[id(cell)] = real_row(cell, outcome, exact)
            else:
                failures.append(outcome.sentence())
    for cell in cells:
        if not cell.real():
            rows[id(cell)] = row_of(cell, cell.simulated, "simulated")
    return [rows[id(cell)] for cell in cells if id(cell) in rows], failures


def real_row(cell, outcome, exact):
    """The row of a cell that was run."""
    counts = [event for event in outcome.of("pager") if event["region"] == cell.subject.region]
    if len(counts) != 1:
        raise BinderyError(f"{outcome.run.label}: the pager reported {len(counts)} times on the {cell.subject.region}")
    count, faults = counts[0], counts[0]["faults"]
    row = row_of(cell, count, "real")
    if exact and faults:
        row["policy_instructions_per_fault"] = round(count["policy_instructions"] / faults, 1)
    row["simulated_faults"] = cell.simulated["faults"]
    row["agrees"] = all(count[key] == cell.simulated[key] for key in cell.subject.comparable())
    row["checksum"] = next((event["value"] for event in outcome.of("result") if event["name"] == "checksum"), None)
    return row


def row_of(cell, counts, source):
    return {"workload": cell.subject.name, "policy": cell.policy, "frames": cell.frames,
            "references": cell.subject.trace.references, "faults": counts["faults"],
            "writebacks": counts["writebacks"], "reads": counts["reads"], "source": source,
            "policy_instructions_per_fault": None, "opt_faults": cell.opt,
            "ratio_to_opt": round(counts["faults"] / cell.opt, 4), "pages": cell.subject.trace.pages}
