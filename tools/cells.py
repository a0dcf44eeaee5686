# SPDX-License-Identifier: MIT
"""The cells of a comparison: workload × policy × frames, run on the machine and simulated.

Every cell that can run is run for real; the simulator gives the floor (OPT), the cells of policies that no pager can
run (they see every reference, or an application's future), and the counts that each real run must equal.

    plan(…)       which cells there are; nothing is run
    simulate(…)   the simulator's counts and OPT's for some of them
    execute(…)    runs some of them; each row is handed out as soon as its cell has ended
"""

import dataclasses
import hashlib
import re
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tools import assign, latency, regions, registry, session, simulator, terminal
from tools.errors import BinderyError, Usage
from tools.fleet import SILENCE_LONG

REFERENCE_COST, FAULT_COST = 1, 80  # relative host time, for sharing the cells out


@dataclass
class Cell:
    subject: object
    policy: str
    frames: int
    simulated: dict = None
    opt: int = None        # faults of OPT
    seed: int = 1

    @property
    def name(self):
        """Its name, for files and for --cell: unlike any other's in its matrix."""
        seed = "" if self.seed == 1 else f"-seed{self.seed}"
        subject, policy = (re.sub("[^A-Za-z0-9_.]+", "_", text) for text in (self.subject.name, self.policy))
        return f"{subject}-{policy}-{self.frames}{seed}"

    @property
    def assigned(self):
        """Its map from regions to policies, or None: one policy for all of them."""
        return assign.parse(self.policy) if assign.is_map(self.policy) else None

    def identity(self):
        """All that says what is run. Two cells with the same identity have the same counts in the same build."""
        return {"cell": self.name, "workload": self.subject.name, "policy": self.policy, "frames": self.frames,
                "seed": self.seed, "arguments": " ".join(self.subject.words), "string": string_of(self.subject)}

    def real(self):
        """Can a pager run it?"""
        if self.assigned:
            return all(registry.traits(policy)[0] in ("faults", "bits") for policy in self.assigned.policies())
        sees, _ = registry.traits(self.policy)
        return sees in ("faults", "bits") or (sees == "future" and self.subject.region == "region")

    def run(self):
        run = self.subject.run(self.policy, self.frames)
        if self.assigned:
            run.policy = self.assigned.argument(self.frames)
        seed = (f"seed={self.seed}",) if self.seed != 1 else ()
        return dataclasses.replace(run, settings=(*run.settings, *latency.SETTINGS, *seed))

    def cost(self):
        return self.subject.trace.references * REFERENCE_COST + self.simulated["faults"] * FAULT_COST


_strings = {}


def string_of(subject):
    """The digest of a subject's reference string."""
    if id(subject) not in _strings:
        _strings[id(subject)] = subject, hashlib.sha256(subject.trace.text).hexdigest()[:16]
    return _strings[id(subject)][1]


def plan(subjects, policies, sizes, seed=1):
    """All cells of a cross product. Those with fewer frames than their policy needs are left out, and said so."""
    cells = []
    for subject in subjects:
        frames = subject.frames(sizes)
        few = defaultdict(list)
        for policy in policies:
            least = _least(policy, frames)
            cells += [Cell(subject, policy, count, seed=seed) for count in frames if count >= least]
            if frames[0] < least:
                few[least].append(policy)
        for least, some in sorted(few.items()):
            counts = ", ".join(str(count) for count in frames if count < least)
            terminal.say(f"{', '.join(some)} in {counts} frames of {subject.name} left out: needs at least {least}")
    return cells


def _least(policy, sizes):
    """The frames that a policy needs. A map is refused if there are fewer than it gives away in any of the sizes."""
    if not assign.is_map(policy):
        return registry.traits(policy)[1]
    for frames in sizes:
        assign.parse(policy).frames(frames)
    return 1


def distinct(cells):
    """The cells without repetitions, in their order. Raises Usage if two different ones have the same name."""
    found = {}
    for cell in cells:
        other = found.setdefault(cell.name, cell)
        if other.identity() != cell.identity():
            raise Usage(f"two different cells would be called {cell.name}; give their workloads different names")
    return list(found.values())


def simulate(cells, parallel=1):
    """Gives each cell the simulator's counts for it, and OPT's."""
    groups = defaultdict(list)
    for cell in cells:
        groups[id(cell.subject), cell.seed].append(cell)
    with ThreadPoolExecutor(parallel) as pool:
        list(pool.map(_simulate, groups.values()))


def _simulate(cells):
    """The same for cells of one subject and seed: one run of the simulator for policies with the same frames."""
    subject, seed = cells[0].subject, cells[0].seed
    wanted = defaultdict(set)
    for cell in cells:
        if not cell.assigned:
            wanted[cell.policy].add(cell.frames)
        wanted["opt"].add(cell.frames)
    together = defaultdict(list)
    for policy, frames in wanted.items():
        together[tuple(sorted(frames))].append(policy)
    options = [*(["--zero-filled"] if subject.zero_filled else []), *(["--seed", str(seed)] if seed != 1 else [])]
    rows = {(row["policy"], row["frames"]): row for frames, policies in together.items()
            for row in simulator.simulate(subject.trace.path, policies, frames, *options)}
    for cell in cells:
        cell.opt = rows["opt", cell.frames]["faults"]
        cell.simulated = _simulate_map(cell, options) if cell.assigned else rows[cell.policy, cell.frames]


def _simulate_map(cell, options):
    found = regions.simulate(cell.subject, cell.assigned, cell.frames, options)
    return regions.total(found.values()) | {"regions": found}


def batches(cells, count):
    """The cells in at most `count` lists of about equal cost, the longest cells first."""
    lists = [[] for _ in range(max(1, min(count, len(cells))))]
    load = [0] * len(lists)
    for cell in sorted(cells, key=Cell.cost, reverse=True):
        least = load.index(min(load))
        lists[least].append(cell)
        load[least] += cell.cost()
    return [each for each in lists if each]


def execute(cells, parallel, limit, on_row, exact=True):
    """Runs the cells and calls on_row(row) for each as it ends, in any order; returns the sentences of those that
    failed."""
    for cell in cells:
        if not cell.real():
            on_row(simulated_row(cell))
    real = [cell for cell in cells if cell.real()]
    shares = batches(real, 2 * parallel if len(real) > 4 * parallel else parallel)
    if not shares:
        return []
    runs = [[cell.run() for cell in share] for share in shares]
    cell_of = {id(run): cell for share, some in zip(shares, runs) for cell, run in zip(share, some)}
    failures = []
    with terminal.progress("comparing", len(real)) as bar:

        def ended(outcome):
            if outcome.passed():
                on_row(real_row(cell_of[id(outcome.run)], outcome, exact))
            else:
                failures.append(outcome.sentence())
            bar.step(outcome.run.label)

        session.execute(runs, parallel, limit, exact, silence=SILENCE_LONG, on_outcome=ended)
    return failures


def simulated_row(cell):
    row = row_of(cell, cell.simulated, "simulated")
    if cell.assigned:
        row["regions"] = [each | {"ratio_to_opt": round(each["faults"] / each["opt_faults"], 4)}
                          for each in cell.simulated["regions"].values()]
    return row


def real_row(cell, outcome, exact):
    """The row of a cell that was run."""
    counts = {event["region"]: event for event in outcome.of("pager")}
    wanted = cell.simulated["regions"] if cell.assigned else {cell.subject.region: cell.simulated}
    if len(counts) != len(outcome.of("pager")) or not wanted.keys() <= counts.keys():
        raise BinderyError(f"{outcome.run.label}: the pager reported on {', '.join(counts) or 'nothing'} instead of once "
                           f"each on {', '.join(wanted)}")
    some = [_of_region(cell, counts[region], simulated, exact) for region, simulated in wanted.items()]
    row = row_of(cell, regions.total(some), "real")
    ticks = sum(counts[region]["policy_instructions"] for region in wanted)
    if exact and row["faults"]:
        row["policy_instructions_per_fault"] = round(ticks / row["faults"], 1)
    row["simulated_faults"] = cell.simulated["faults"]
    row["agrees"] = all(each.pop("agrees") for each in some)
    if cell.assigned:
        row["regions"] = some
    row["checksum"] = next((event["value"] for event in outcome.of("result") if event["name"] == "checksum"), None)
    return row | latency.measured(outcome, wanted)


def _of_region(cell, count, simulated, exact):
    """The row of one region, the only one or one of several."""
    found = {"region": count["region"], "policy": count["policy"], "frames": count["frames"]}
    found |= {key: simulated[key] if key in ("references", "pages") else count[key] for key in regions.COUNTS}
    opt = simulated.get("opt_faults", cell.opt)
    found["opt_faults"], found["ratio_to_opt"] = opt, round(count["faults"] / opt, 4)
    found["policy_instructions_per_fault"] = round(count["policy_instructions"] / count["faults"], 1) \
        if exact and count["faults"] else None
    found["simulated_faults"] = simulated["faults"]
    found["agrees"] = all(count[key] == simulated[key] for key in cell.subject.comparable())
    return found


def row_of(cell, counts, source):
    return {"workload": cell.subject.name, "policy": cell.policy, "frames": cell.frames,
            "references": cell.subject.trace.references, "faults": counts["faults"],
            "writebacks": counts["writebacks"], "reads": counts["reads"], "source": source,
            "policy_instructions_per_fault": None, "opt_faults": cell.opt,
            "ratio_to_opt": round(counts["faults"] / cell.opt, 4), "pages": cell.subject.trace.pages,
            "latency": None, "timeline": None} | cell.identity()
