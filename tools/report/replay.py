# SPDX-License-Identifier: MIT
"""Where in a reference string the faults of a policy are: the simulator prints their positions. For a run whose counts
agree with the simulator's, these are the real run's faults.
"""

import subprocess

import numpy

from tools import paths
from tools.errors import BinderyError


def references(subject):
    """The page numbers of a subject's reference string, as the simulator reads them."""
    lines = subject.trace.path.read_bytes().split(b"\n")
    return numpy.array([int(line.partition(b" ")[0]) for line in lines if line], dtype=numpy.int64)


def faults(subject, policy, frames, seed):
    """The positions in the string at which a page comes into memory, in the simulator's run of a policy."""
    words = [paths.SIMULATOR, "--trace", subject.trace.path, "--policy", policy, "--frames", str(frames),
             "--seed", str(seed), "--faults"]
    ran = subprocess.run(words, capture_output=True, text=True)
    if ran.returncode != 0:
        raise BinderyError(f"bindery-sim failed with status {ran.returncode}", ran.stderr.strip())
    return numpy.array([int(line) for line in ran.stdout.splitlines() if line.isdigit()], dtype=numpy.int64)


def ranks(string):
    """The string with its pages numbered without gaps, in the order of their addresses; and how many there are."""
    pages, ranked = numpy.unique(string, return_inverse=True)
    return ranked, len(pages)


def rate(positions, length, intervals):
    """(start of each interval, faults per 1,000 references in it)."""
    edges = numpy.linspace(0, length, min(intervals, length) + 1).round().astype(numpy.int64)
    counts, _ = numpy.histogram(positions, edges)
    return list(zip(edges[:-1].tolist(), (1000 * counts / numpy.diff(edges)).tolist())) + \
        [(length, float(1000 * counts[-1] / (edges[-1] - edges[-2])))]


def stairs(points):
    """The corners of a line of steps through (start, value)."""
    return [(x, y) for (x, y), (after, _) in zip(points, points[1:]) for x in (x, after)]


def density(ranked, pages, positions, across, up):
    """How many of the positions are in each field of page × time: a list of rows, lowest pages first."""
    counts, _, _ = numpy.histogram2d(ranked[positions], positions, bins=(min(up, pages), min(across, len(ranked))),
                                     range=((0, pages), (0, len(ranked))))
    return counts.astype(numpy.int64)


def levels(counts, steps):
    """Counts as levels 0 (none) to `steps`, by their logarithm, and the least count of each level from 1 on."""
    most = max(int(counts.max()), 1)
    least = [max(level + 1, round(most ** (level / steps))) for level in range(steps)]
    least = [bound for bound in least if bound <= most]
    return numpy.searchsorted(numpy.array(least), counts, side="right").tolist(), least
