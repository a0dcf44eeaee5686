# SPDX-License-Identifier: MIT
"""Regions of a workload, each with a policy of its own, simulated: what a real run by the same map must equal.

An application is recorded once with all of its memory in one region (tools/subjects.py), and says which pages of that
each region has that it declares. A region whose frames are its own sees nothing of the others, so its counts are those
of the references to its own pages, in their order. Regions that share frames are simulated together.
"""

from pathlib import Path

from tools import registry, simulator, traces
from tools.assign import DEFAULT
from tools.errors import Usage

COMMON = ("workload", "source", "cell", "seed", "readahead", "cluster", "arguments")  # to a row and its regions
CHANGES = "--changes"  # a page that a region had before is not changed to, whatever other regions had in between
COUNTS = ("references", "faults", "writebacks", "reads", "pages")


def simulate(subject, assigned, total, options, transfer):
    """{region: the simulator's row for it} of a map, regions without a reference left out; each with the faults of OPT
    on the same references in the same frames, unless it shares them."""
    found, frames, sharers = {}, assigned.frames(total), assigned.sharers()
    for entry in assigned.entries:
        path = None if entry.region in sharers else string_of(subject, entry.region, assigned)
        if path is None:
            continue
        policies = list(dict.fromkeys((entry.policy, "opt")))
        left = transfer.policy_frames(frames[entry.region])
        rows = {(row["policy"], row["frames"]): row
                for row in simulator.simulate(path, policies, sorted({left, frames[entry.region]}), CHANGES, *options)}
        found[entry.region] = rows[entry.policy, left] | {"opt_faults": rows["opt", frames[entry.region]]["faults"]}
    if sharers:
        found |= _simulate_sharers(subject, assigned, frames[sharers[0]], options)
    return {entry.region: found[entry.region] | {"workload": subject.name, "region": entry.region}
            for entry in assigned.entries if found.get(entry.region, {}).get("references")}


def require_own(assigned, transfer):
    """Raises Usage if regions share frames, and pages in transit are to take a part of a region's own."""
    if assigned.sharers() and not transfer.plain():
        raise Usage(f"{transfer.words()} need frames of the region's own, and in {assigned.text} "
                    f"{' and '.join(assigned.sharers())} share theirs")


def lack(subject, assigned, total, transfer):
    """Why a map of so many frames can't be run: a sentence; None if it can."""
    try:
        frames = assigned.frames(total)
    except Usage as wrong:
        return str(wrong)
    for entry in assigned.entries:
        own, least = frames[entry.region], registry.traits(entry.policy)[1]
        left = max(transfer.policy_frames(own), 0)
        if left < least:
            return (f"{entry.policy} needs at least {least} frames, and of the {own} that {entry.region} has by "
                    f"{assigned.text}, {transfer.words()} leave it {left}")
        if left < subject.trace.widest:  # of all regions: an upper bound
            path = _string_of_sharers(subject, assigned) if entry.region in assigned.sharers() else \
                string_of(subject, entry.region, assigned)
            widest = traces.widest(path.read_bytes()) if path else 0
            if left < widest:
                return (f"an instruction needs {widest} pages at once, and {entry.region} has {left} frames by "
                        f"{assigned.text}")
    return None


APART = 1 << 32  # between the page numbers of two regions, in a string of several


def _string_of_sharers(subject, assigned):
    """The file with the references to the pages of regions that have frames together."""
    tests = [(number, _inside(subject, entry.region, assigned)) for number, entry in enumerate(_sharers(assigned))]

    def renumbered(page):
        number = next((number for number, inside in tests if inside(page)), None)
        return None if number is None else number * APART + page

    return traces.store(f"{Path(subject.trace.path).stem}-shared-{'-'.join(assigned.sharers())}-of-"
                        f"{'-'.join(assigned.regions())}", project(Path(subject.trace.path).read_bytes(), renumbered))


def _sharers(assigned):
    return [entry for entry in assigned.entries if entry.region in assigned.sharers()]


def _simulate_sharers(subject, assigned, frames, options):
    """{region: the simulator's row} of regions that have frames together."""
    path, sharers = _string_of_sharers(subject, assigned), _sharers(assigned)
    places = []
    for number, entry in enumerate(sharers):
        first, pages = subject.ranges.get(entry.region, (0, APART))
        places.append((entry.policy, number * APART + first, pages))
    rows = simulator.simulate_together(path, places, frames, CHANGES, *options)
    return {entry.region: row | {"opt_faults": None} for entry, row in zip(sharers, rows)}


def total(rows):
    """The counts of all regions together."""
    return {key: sum(row[key] for row in rows) for key in COUNTS}


def string_of(subject, region, assigned):
    """The file with the references to a region's pages under a map; None if there are none."""
    inside = _inside(subject, region, assigned)
    first, _ = subject.ranges.get(region, (0, 0))  # pages are numbered as in the run
    text = project(Path(subject.trace.path).read_bytes(), lambda page: page - first if inside(page) else None)
    if not text:
        return None
    left = "-without-" + "-".join(assigned.regions()) if region == DEFAULT else ""
    return traces.store(f"{Path(subject.trace.path).stem}-{region}{left}", text)


def project(text, numbered):
    """The references of a string to the pages that have a number, by it: a function that gives None for the others. Of
    an instruction with several pages there is left what has a number."""
    lines, kept, joins = text.splitlines(), {}, False
    for line in set(lines):
        page, _, kind = line.lstrip(b"+").partition(b" ")
        number = numbered(int(page))
        kept[line] = None if number is None else b"%d %s\n" % (number, kind or b"R")
    found = []
    for line in lines:
        if not line.startswith(b"+"):
            joins = False
        if kept[line] is not None:
            found.append(b"+" + kept[line] if joins else kept[line])
            joins = True
    return b"".join(found)


def _inside(subject, region, assigned):
    """The test for the pages of a region under a map."""
    named = [name for name in assigned.regions() if name in subject.ranges]
    if region == DEFAULT:
        return _outside([subject.ranges[name] for name in named], "heap" in assigned.regions(), subject.ranges)
    if region in subject.ranges:
        return _within(*subject.ranges[region])
    return _outside(subject.ranges.values(), False, {})  # the heap


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
    common = {key: whole[key] for key in COMMON if key in whole}
    return [whole, *(common | each for each in row.get("regions", ()))]
