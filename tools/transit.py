# SPDX-License-Identifier: MIT
"""Read-ahead and clustered write-back: which there are, and what of a region's frames they take.

The pager keeps frames for pages in transit and leaves the others to the replacement policy (libos/pager/transit.c),
which then decides as with so many frames. A run must report the number that is calculated here.
"""

import re
from dataclasses import dataclass

from tools import paths
from tools.errors import Usage, unknown

NONE = "none"
WINDOW, SHARE, MOST = 28, 16, 1024  # PAGER_WINDOW in pager.h; SHARE in transit.c; TRANSFER_MOST in memory.c


def readaheads():
    """The names of all ways of reading ahead, `none` first."""
    text = (paths.ROOT / "libos" / "pager" / "readahead" / "readaheads.def").read_text()
    return [NONE, *re.findall(r"^READAHEAD\((\w+)\)", text, re.M)]


@dataclass(frozen=True)
class Transfer:
    """How pages move between memory and disk."""

    readahead: str = NONE
    cluster: int = 1

    def plain(self):
        """Does each fault wait for its own read, and for its victim's write?"""
        return self.readahead == NONE and self.cluster == 1

    def settings(self):
        """Arguments of the library OS."""
        return () if self.plain() else (f"readahead={self.readahead}", f"cluster={self.cluster}")

    def policy_frames(self, frames):
        """What is left to the replacement policy."""
        if self.plain():
            return frames
        window = 0 if self.readahead == NONE else _part(WINDOW, frames)
        return frames - 2 * (window + _part(self.cluster, frames))

    def words(self):
        return f"read-ahead {self.readahead} and clusters of {self.cluster}"


def _part(wanted, frames):
    return min(wanted, max(frames // SHARE, 1))


def transfers(names, clusters):
    """Every combination of some names and sizes of clusters, as texts; the defaults for None."""
    known = readaheads()
    for name in names or ():
        if name not in known:
            raise unknown("read-ahead", name, known)
    sizes = [_cluster(text) for text in clusters or ("1",)]
    return [Transfer(name, size) for name in names or (NONE,) for size in sizes]


def _cluster(text):
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise Usage(f"--cluster {text}: expected a number of pages from 1 to {MOST}, such as 8")
    return int(text)


def counts(events, region, count):
    """What moved in a region, from its event `transit`, or from its event `pager` if each page was waited for. `major`
    are faults that waited for a read of their own."""
    found = next((event for event in events if event["event"] == "transit" and event["region"] == region), None)
    if found is None:
        return {"policy_frames": count["frames"], "major": count["reads"], "ahead_reads": 0, "ahead_hits": 0,
                "ahead_wasted": 0, "rescues": 0, "kicks": count["reads"] + count["writebacks"]}
    return {"policy_frames": found["policy_frames"], "major": count["reads"] - found["ahead_reads"]} | \
        {key: found[key] for key in ("ahead_reads", "ahead_hits", "ahead_wasted", "rescues", "kicks")}


def reads_without(moved, count):
    """The reads that there would have been without read-ahead and clusters: each page that was read at its fault, read
    before it, or had not left yet."""
    return count["reads"] - moved["ahead_reads"] + moved["ahead_hits"] + moved["rescues"]
