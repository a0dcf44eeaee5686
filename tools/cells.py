# SPDX-License-Identifier: MIT
"""The cells of a comparison: workload × policy × frames, run on the machine and simulated.

Every cell that can run is run for real; the simulator gives the floor (OPT), the cells of policies that no pager can
run (they see an application's future), and the counts that each real run must equal.

    plan(…)       which cells there are; nothing is run
    simulate(…)   the simulator's counts and OPT's for some of them
    execute(…)    runs some of them; each row is handed out as soon as its cell has ended
"""

import dataclasses
import hashlib
import itertools
import re
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tools import assign, latency, regions, registry, session, simulator, terminal, transit
from tools.errors import BinderyError, Usage
from tools.fleet import SILENCE_LONG
from tools.transit import Transfer

MOVED = ("policy_frames", "major", "ahead_reads", "ahead_hits", "ahead_wasted", "rescues", "kicks")
REFERENCE_COST, SOFT_COST, FAULT_COST = 1, 13, 150  # relative host time, about 0.1 µs, for sharing the cells out
BOOT_COST = 300_000_000  # at most, so that one machine ends long before its time is over


@dataclass
class Cell:
    subject: object
    policy: str
    frames: int
    simulated: dict = None
    opt: int = None        # faults of OPT
    seed: int = 1
    transfer: Transfer = Transfer()
    counted: bool = False  # its instructions are told, which differ a little from run to run

    @property
    def name(self):
        """Its name, for files and for --cell: unlike any other's in its matrix."""
        seed = "" if self.seed == 1 else f"-seed{self.seed}"
        subject, policy = (re.sub("[^A-Za-z0-9_.]+", "_", text) for text in (self.subject.name, self.policy))
        moved = "" if self.transfer.plain() else f"-{self.transfer.readahead}-cluster{self.transfer.cluster}"
        return f"{subject}-{policy}-{self.frames}{seed}{moved}"

    @property
    def assigned(self):
        """Its map from regions to policies, or None: one policy for all of them."""
        return assign.parse(self.policy) if assign.is_map(self.policy) else None

    def identity(self):
        """All that says what is run. Two cells with the same identity have the same counts in the same build."""
        return {"cell": self.name, "workload": self.subject.name, "policy": self.policy, "frames": self.frames,
                "seed": self.seed, "readahead": self.transfer.readahead, "cluster": self.transfer.cluster,
                "arguments": " ".join(self.subject.words), "string": string_of(self.subject)}

    def real(self):
        """Can a pager run it, and the simulator say what it must be? The future of a replayed trace is known, that of
        an application is not. And what a map leaves to its default is not where it was in the recording, which matters
        to policies that hash page numbers."""
        if self.subject.region == "region":
            return True
        if not self.assigned:
            return registry.traits(self.policy)[0] != "future"
        return not any(registry.traits(entry.policy)[0] == "future"
                       or (entry.region == assign.DEFAULT and registry.hashes(entry.policy))
                       for entry in self.assigned.entries)

    def run(self):
        run = self.subject.run(self.policy, self.frames)
        if self.assigned:
            run.policy = self.assigned.argument(self.frames)
        seed = () if self.seed == 1 else (f"seed={self.seed}",)
        settings = (*run.settings, *latency.SETTINGS, *seed, *self.transfer.settings())
        return dataclasses.replace(run, settings=settings)

    def cost(self):
        bits = self.assigned or (registry.traits(self.policy)[0] in ("faults", "bits")
                                 and not (registry.timed(self.policy) and self.subject.region == "heap"))
        reference = REFERENCE_COST if bits else SOFT_COST
        return self.subject.trace.references * reference + self.simulated["faults"] * FAULT_COST


_strings = {}


def string_of(subject):
    """The digest of a subject's reference string."""
    if id(subject) not in _strings:
        _strings[id(subject)] = subject, hashlib.sha256(subject.trace.text).hexdigest()[:16]
    return _strings[id(subject)][1]


def plan(subjects, policies, sizes, seed=1, transfers=(Transfer(),)):
    """All cells of a cross product. Those with fewer frames than their policy needs are left out, and said so; so are
    those that are not run, and would have to be to read ahead or to write in clusters."""
    counted = not all(transfer.plain() for transfer in transfers)
    cells = [cell for subject in subjects for transfer in transfers
             for cell in _plan(subject, policies, sizes, seed, transfer, counted)]
    session.require_memory(max((cell.frames for cell in cells), default=0))
    left_out = [cell for cell in cells if not cell.transfer.plain() and not cell.real()]
    if left_out:
        names = ", ".join(dict.fromkeys(cell.policy for cell in left_out))
        terminal.say(f"{names} with read-ahead or clusters left out: what no pager runs here transfers nothing")
    return [cell for cell in cells if cell.transfer.plain() or cell.real()]


def _plan(subject, policies, sizes, seed, transfer, counted):
    cells, few, frames = [], defaultdict(list), subject.frames(sizes)
    besides = "" if transfer.plain() else f" with {transfer.words()}"
    for policy in policies:
        if assign.is_map(policy):
            cells += [Cell(subject, policy, count, seed=seed, transfer=transfer, counted=counted)
                      for count in _enough(subject, assign.parse(policy), frames, transfer, besides)]
            continue
        least = max(registry.traits(policy)[1], subject.trace.widest)
        least = next(count for count in itertools.count(least) if transfer.policy_frames(count) >= least)
        cells += [Cell(subject, policy, count, seed=seed, transfer=transfer, counted=counted)
                  for count in frames if count >= least]
        if frames[0] < least:
            few[least].append(policy)
    for least, some in sorted(few.items()):
        counts = ", ".join(str(count) for count in frames if count < least)
        where = f"{counts} frames of {subject.name}{besides}"
        terminal.say(f"{', '.join(some)} in {where} left out: needs at least {least}")
    return cells


def _enough(subject, assigned, sizes, transfer, besides):
    """The sizes in which a map's regions have the frames that they need. The others are left out, and said so; a map
    that suits none of them is refused."""
    regions.require_own(assigned, transfer)
    lacks = {count: regions.lack(subject, assigned, count, transfer) for count in sizes}
    if all(lacks.values()):
        raise Usage(lacks[sizes[-1]])
    for count, why in lacks.items():
        if why:
            terminal.say(f"{assigned.text} in {count} frames of {subject.name}{besides} left out: {why}")
    return [count for count, why in lacks.items() if not why]


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
            wanted[cell.policy].add(cell.transfer.policy_frames(cell.frames))
        wanted["opt"].add(cell.frames)
    together = defaultdict(list)
    for policy, frames in wanted.items():
        together[tuple(sorted(frames))].append(policy)
    options = [*(["--zero-filled"] if subject.zero_filled else []), *(["--seed", str(seed)] if seed != 1 else [])]
    rows = {(row["policy"], row["frames"]): row for frames, policies in together.items()
            for row in simulator.simulate(subject.trace.path, policies, frames, *options)}
    for cell in cells:
        cell.opt = rows["opt", cell.frames]["faults"]
        cell.simulated = _simulate_map(cell, options) if cell.assigned else \
            rows[cell.policy, cell.transfer.policy_frames(cell.frames)]


def _simulate_map(cell, options):
    found = regions.simulate(cell.subject, cell.assigned, cell.frames, options, cell.transfer)
    return regions.total(found.values()) | {"regions": found}


def boots(cells, parallel):
    """How many boots to share cells out over: few, as each takes a second, but none that would run for long."""
    few = 2 * parallel if len(cells) > 4 * parallel else parallel
    needed = -(-sum(cell.cost() for cell in cells) // (BOOT_COST * parallel)) * parallel
    return max(few, needed)


def batches(cells, count):
    """The cells in at most `count` lists of about equal cost, the longest cells first. Of many lists the last ones are
    shorter, so that the machines end together, although a cost is an estimate."""
    lists = [[] for _ in range(max(1, min(count, len(cells))))]
    share = [min(1, (len(lists) - place) / 4) if len(lists) > 8 else 1 for place in range(len(lists))]
    load = [0] * len(lists)
    for cell in sorted(cells, key=Cell.cost, reverse=True):
        least = min(range(len(lists)), key=lambda place: load[place] / share[place])
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
    shares = batches(real, boots(real, parallel))
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

        quick = all(cell.transfer.plain() for cell in real)  # else other work is to go on during transfers
        session.execute(runs, parallel, limit, exact, silence=SILENCE_LONG, on_outcome=ended, quick=quick)
    return failures


def simulated_row(cell):
    row = row_of(cell, cell.simulated, "simulated")
    if cell.assigned:
        row["regions"] = [each | {"ratio_to_opt": each["opt_faults"] and round(each["faults"] / each["opt_faults"], 4)}
                          for each in cell.simulated["regions"].values()]
    return row


def real_row(cell, outcome, exact):
    """The row of a cell that was run."""
    counts = {event["region"]: event for event in outcome.of("pager")}
    wanted = cell.simulated["regions"] if cell.assigned else {cell.subject.region: cell.simulated}
    if len(counts) != len(outcome.of("pager")) or not wanted.keys() <= counts.keys():
        raise BinderyError(f"{outcome.run.label}: the pager reported on {', '.join(counts) or 'nothing'} instead of "
                           f"once each on {', '.join(wanted)}")
    some = [_of_region(cell, outcome, counts[region], simulated, exact) for region, simulated in wanted.items()]
    row = row_of(cell, regions.total(some), "real") | {key: sum(each[key] for each in some) for key in MOVED}
    ticks = sum(counts[region]["policy_instructions"] for region in wanted)
    if exact and row["faults"]:
        row["policy_instructions_per_fault"] = round(ticks / row["faults"], 1)
    row["instructions"] = next((event["instructions"] for event in outcome.of("ran")), None) \
        if exact and cell.counted else None
    row["simulated_faults"] = cell.simulated["faults"]
    agrees = [each.pop("agrees") for each in some]
    dismissed = sum(counts[region]["dismissed"] for region in wanted)
    row["agrees"] = all(agrees) if not dismissed else None  # recorded strings don't hold what the program says
    row["soft_faults"] = sum(counts[region]["soft_faults"] for region in wanted)
    row["frames_mean"] = _mean(counts[cell.subject.region]) if not cell.assigned else None
    if cell.assigned:
        row["regions"] = some
    row["checksum"] = next((event["value"] for event in outcome.of("result") if event["name"] == "checksum"), None)
    return row | latency.measured(outcome, wanted)


def _of_region(cell, outcome, count, simulated, exact):
    """The row of one region, the only one or one of several."""
    found = {"region": count["region"], "policy": count["policy"], "frames": count["frames"]}
    found |= {key: simulated[key] if key in ("references", "pages") else count[key] for key in regions.COUNTS}
    opt = simulated.get("opt_faults", cell.opt)
    found["opt_faults"], found["ratio_to_opt"] = opt, opt and round(count["faults"] / opt, 4)
    found["policy_instructions_per_fault"] = round(count["policy_instructions"] / count["faults"], 1) \
        if exact and count["faults"] else None
    found["simulated_faults"] = simulated["faults"]
    moved = transit.counts(outcome.events, count["region"], count)
    as_simulated = count | {"reads": transit.reads_without(moved, count)}
    found["agrees"] = all(as_simulated[key] == simulated[key] for key in cell.subject.comparable()) \
        and count["resident_sum"] in (None, simulated["resident_sum"]) \
        and (cell.transfer.plain()
             or moved["policy_frames"] == min(cell.transfer.policy_frames(count["frames"]), count["pages"]))
    return found | moved


def _mean(count):
    """The mean resident set of a region whose references were counted; else None."""
    return round(count["resident_sum"] / count["references"], 2) if count["resident_sum"] is not None else None


def row_of(cell, counts, source):
    return {"workload": cell.subject.name, "policy": cell.policy, "frames": cell.frames,
            "references": cell.subject.trace.references, "faults": counts["faults"],
            "writebacks": counts["writebacks"], "reads": counts["reads"], "source": source,
            "policy_instructions_per_fault": None, "frames_mean": counts.get("frames_mean"), "soft_faults": 0,
            "opt_faults": cell.opt,
            "ratio_to_opt": round(counts["faults"] / cell.opt, 4), "pages": cell.subject.trace.pages,
            "latency": None, "timeline": None} | cell.identity()
