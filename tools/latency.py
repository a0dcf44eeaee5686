# SPDX-License-Identifier: MIT
"""How many instructions the faults of a run took, and when they were: what the pager measures in every real run
(libos/pager/latency.h says what is counted), as it stands in the rows of a comparison.

    row["latency"]   {"median": …, "p90": …, "p99": …, "histogram": [[instructions, faults], …]}
    row["timeline"]  {"interval": instructions, "faults": [in the first interval, in the second one, …]}

Each bucket is named by its least number of instructions and ends where the next one that there could be begins, at most
an eighth above. Counts of faults are exact. A disk interrupt comes when the host has done its part, so from run to run
a few faults can be found in another bucket or interval.
"""

from collections import Counter

SETTINGS = ("measure=1",)
KEYS = ("latency", "timeline")
QUANTILES = {"median": 50, "p90": 90, "p99": 99}


def measured(outcome, regions):
    """The part of a row that holds both, of the faults in some regions of a run made with SETTINGS."""
    faults, intervals = Counter(), []
    for event in outcome.events:
        if event.get("region") not in regions:
            continue
        if event["event"] == "latency":
            for word in event["faults"].split():
                least, _, count = word.partition(":")
                faults[int(least)] += int(count)
        elif event["event"] == "timeline":
            intervals.append((event["interval"], [int(word) for word in event["faults"].split()]))
    if not faults:
        return dict.fromkeys(KEYS)
    histogram = [list(pair) for pair in sorted(faults.items())]
    quantiles = {name: quantile(histogram, share) for name, share in QUANTILES.items()}
    return {"latency": quantiles | {"histogram": histogram}, "timeline": joined(intervals)}


def joined(timelines):
    """One timeline for several regions, with the longest of their intervals: each is a power of two, and all begin at
    the same time."""
    longest = max(interval for interval, _ in timelines)
    found = Counter()
    for interval, faults in timelines:
        for number, count in enumerate(faults):
            found[number * interval // longest] += count
    return {"interval": longest, "faults": [found[number] for number in range(max(found) + 1)]}


def quantile(histogram, share):
    """The bucket that holds the least number of instructions which at least this share (in %) of the faults do not
    exceed."""
    wanted, seen = -(-sum(faults for _, faults in histogram) * share // 100), 0
    for least, faults in histogram:
        seen += faults
        if seen >= wanted:
            return least
    return None
