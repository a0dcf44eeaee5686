# SPDX-License-Identifier: MIT
"""Regions of a workload, each with a policy of its own, simulated: what a real run by the same map must equal.

An application is recorded once with all of its memory in one region (tools/subjects.py), and says which pages of that
each region has that it declares. A region whose frames are its own sees nothing of the others, so its counts are those
of the references to its own pages, in their order.
"""

from pathlib import Path

from tools import simulator, traces
from tools.assign import DEFAULT

COUNTS = ("references", "faults", "writebacks", "reads", "pages")


def simulate(subject, assigned, total, options, transfer):
    """{region: the simulator's row for it} of a map, regions without a reference left out; each with the faults of OPT
    on the same references in the same frames."""
    found, frames = {}, assigned.frames(total)
    for entry in assigned.entries:
        path = string_of(subject, entry.region, assigned)
        if path is None:
            continue
        policies = list(dict.fromkeys((entry.policy, "opt")))
        left = transfer.policy_frames(frames[entry.region])
        rows = {(row["policy"], row["frames"]): row
                for row in simulator.simulate(path, policies, sorted({left, frames[entry.region]}), *options)}
        found[entry.region] = rows[entry.policy, left] | {"workload": subject.name, "region": entry.region,
                                                    "opt_faults": rows["opt", frames[entry.region]]["faults"]}
    return found


def total(rows):
    """The counts of all regions together."""
    return {key: sum(row[key] for row in rows) for key in COUNTS}


def string_of(subject, region, assigned):
    """The file with the references to a region's pages under a map; None if there are none."""
    named = [name for name in assigned.regions() if name in subject.ranges]
    if region == DEFAULT:
        inside = _outside([subject.ranges[name] for name in named], "heap" in assigned.regions(), subject.ranges)
    elif region in subject.ranges:
        inside = _within(*subject.ranges[region])
    else:
        inside = _outside(subject.ranges.values(), False, {})  # the heap
    lines = Path(subject.trace.path).read_bytes().splitlines(keepends=True)
    kept = {line: inside(int(line.split()[0])) for line in set(lines)}
    text = b"".join(line for line in lines if kept[line])
    if not text:
        return None
    left = "-without-" + "-".join(assigned.regions()) if region == DEFAULT else ""
    return traces.store(f"{Path(subject.trace.path).stem}-{region}{left}", text)


def _within(first, pages):
    return lambda page: first <= page < first + pages


def _outside(ranges, heap_is_named, declared):
    """The test for pages in none of the ranges; nor in the heap, which is what no region has, if that is named."""
    tests = [_within(*each) for each in ranges]
    others = [_within(*each) for each in declared.values()]
    return lambda page: not any(test(page) for test in tests) and \
        (not heap_is_named or any(test(page) for test in others))


def rows_of(row):
    """A row of a comparison as it stands in tables: the total, and one for each region if there are several."""
    whole = {key: value for key, value in row.items() if key != "regions"} | {"region": "all"}
    common = {key: value for key, value in whole.items() if key in ("workload", "source", "cell", "seed", "readahead", "cluster", "arguments")}
    return [whole, *(common | each for each in row.get("regions", ()))]
