# SPDX-License-Identifier: MIT
"""Which policies have the fewest faults in a comparison: geometric means of the ratios to OPT's.

    means(rows)        {policy: mean over all cells}, the lowest first
    by_workload(rows)  the same as rows of a table, with the mean over the cells of each workload
"""

import math

from tools import tables

SCREEN = 40  # rows; a longer table is followed by this one


def ratio(row):
    return row["faults"] / row["opt_faults"]


def means(rows, ratio=ratio):
    logs = {}
    for row in rows:
        logs.setdefault(row["policy"], []).append(math.log(ratio(row)))
    found = {policy: math.exp(sum(some) / len(some)) for policy, some in logs.items()}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def by_workload(rows):
    found = {workload: means([row for row in rows if row["workload"] == workload])
             for workload in dict.fromkeys(row["workload"] for row in rows)}
    return [{"policy": policy} | {workload: some.get(policy) for workload, some in found.items()} | {"mean": mean}
            for policy, mean in means(rows).items()]


def show(rows):
    """Prints the table, if that of the rows is longer than a screen."""
    if len(rows) <= SCREEN or len({row["policy"] for row in rows}) == 1:
        return
    lines = by_workload(rows)
    workloads = [key for key in lines[0] if key not in ("policy", "mean")]
    print("\nFaults ÷ OPT’s, geometric means over the numbers of frames:\n")
    tables.show(lines, {"policy": "policy"} | {name: name for name in workloads} | {"mean": "all"})
