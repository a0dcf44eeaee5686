# SPDX-License-Identifier: MIT
"""The one registry of names: policies, workloads, applications, library OSes, measured operations.

Policies come from their folder, generated traces from bindery-sim when it is built.
Applications are the files of apps/. Only what has no other home is listed here.
"""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from libos.pager.policy import find
from tools import packages, paths, simulator
from tools.errors import BinderyError, Missing, unknown

LIBOSES = {
    "unix": "demand paging and files: each region of memory has its own replacement policy",
    "dos": "all memory bound at the start, no protection, services through a vector table",
}

WORDS = "american-english"
WORDS_PATH = "/usr/share/dict/american-english"  # package wamerican


@dataclass(frozen=True)
class Workload:
    """An application with arguments that make it a workload of some seconds."""

    title: str
    arguments: tuple = ()
    files: tuple = ()  # (name on the disk, path on the host or None for an empty file, room in bytes)
    excerpt: int = 0   # `compare` takes only so many bytes of each file, in whole lines; 0: all
    app: str = ""      # the application, if the workload is not called like it

    def inputs(self):
        """The files as `compare` uses them, in the form that session.Run takes."""
        if not self.excerpt:
            return self.files
        return tuple((name, source and _lines(source, self.excerpt), room) for name, source, room in self.files)


def _lines(path, most):
    """The whole lines among the first `most` bytes of a file."""
    try:
        data = Path(path).read_bytes()[:most]
    except OSError as error:
        raise Missing(f"cannot read {path}: {error.strerror}; {packages.how_to_get(['wamerican'])}") from None
    return data[:data.rfind(b"\n") + 1]


WORKLOADS = {
    "matmul": Workload("blocked matrix multiply", ("n=128", "block=16")),
    "matmul96": Workload("the same with smaller matrices", ("n=96", "block=16"), app="matmul"),
    "bfs": Workload("breadth-first search of a random graph", ("vertices=8000", "degree=8", "sources=1")),
    "hashjoin": Workload("hash join of two relations", ("build=8000", "probe=12000")),
    "loop": Workload("an array from beginning to end, many times", ("pages=200", "laps=8")),
    "zipfkv": Workload("key-value get and put, Zipf-distributed", ("keys=4096", "operations=12000")),
    "sort": Workload("external sort of a dictionary", ("run=16384",),
                     ((WORDS, WORDS_PATH, 0), ("sort.out", None, 2 << 20)), 64 << 10),
    "reports": Workload("reports on a looped table, by price lists one after the other: declares its regions"),
    "bfs_sparse": Workload("the same on a sparse graph", ("vertices=12000", "degree=3", "sources=1"), app="bfs"),
    "hello": Workload("a greeting; hardly any memory"),
}


@dataclass(frozen=True)
class Operation:
    """One line of `bench`."""

    title: str
    target: int  # instructions at most; 0: none stated
    measured: str
    program: str = "bench_fault"  # the application that measures it here; "": `bench peers` alone does
    least: float = 0              # how many times fewer instructions than Linux, at least; 0: none stated


_PAGING = "64 MiB through virtio-blk, instructions per page; the time as a ratio of paired runs"

OPERATIONS = {
    "call.null": Operation("null exo-call", 20, "exo_null, the user's side of the call included"),
    "fault.entry": Operation("fault entry", 14,
                             "from the faulting instruction to the first one of the library OS's entry; all kernel"),
    "fault.bind": Operation("bind", 60,
                            "exo_tlb_set of one page into an empty entry, as a handler does it"),
    "fault.resume": Operation("resume", 20, "from the handler's end to behind the restarted instruction; all user"),
    "fault.whole": Operation("whole fault", 120,
                             "a store to an unmapped page, resolved by a handler in C that has a frame ready"),
    "syscall.redirect": Operation("redirected syscall", 20,
                                  "from a foreign syscall to the PE's syscall entry; all kernel"),
    "prot1": Operation("protect 1 page", 0, "exo_tlb_protect of one page to read-only, TLB flush included"),
    "prot100": Operation("protect 100 pages", 1500,
                         "exo_tlb_protect of 100 pages to read-only in one call, TLB flush included"),
    "unprot1": Operation("unprotect 1 page", 0, "and one page back to read-write"),
    "unprot100": Operation("unprotect 100 pages", 1500, "and 100 back to read-write, in one call"),
    "yield": Operation("PE-to-PE yield", 0,
                       "half of a round trip of directed yields, address-space switches included", "bench_gate"),
    "gate.call": Operation("gate call", 40,
                           "from the caller's syscall to the first instruction of the callee; all kernel",
                           "bench_gate"),
    "gate.send": Operation("gate call, one way", 40, "the same for a call that wants no reply; all kernel",
                           "bench_gate"),
    "gate.reply": Operation("gate reply", 40, "from the callee's syscall to behind the caller's; all kernel",
                            "bench_gate"),
    "gate.round": Operation("gate round trip", 0, "to a handler in C and back, eleven words each way, by libos/core",
                            "bench_gate"),
    "gate.post": Operation("gate post", 0, "four words left in another PE's page, from the syscall to behind it",
                           "bench_gate"),
    "appel-li.dirty": Operation("is a page dirty?", 0, "the live page-table entry read, no call", "bench_appel", 10),
    "appel-li.prot1": Operation("protect 1 page", 0, "by the library OS's function, a different page each time",
                                "bench_appel", 10),
    "appel-li.prot100": Operation("protect 100 pages", 0, "by the same function, in one call of it", "bench_appel", 10),
    "appel-li.unprot100": Operation("unprotect 100 pages", 0, "and back", "bench_appel", 10),
    "appel-li.trap": Operation("protection trap", 0, "to a handler in C and back, no protection changed",
                               "bench_appel", 10),
    "appel-li.appel1": Operation("prot1+trap+unprot", 0,
                                 "a trap whose handler protects another page and unprotects this one; per trap",
                                 "bench_appel", 10),
    "appel-li.appel2": Operation("protN+trap+unprot", 0,
                                 "100 pages protected, each trapped on and unprotected by its handler; per page",
                                 "bench_appel", 10),
    "disk.major_fault": Operation("major fault", 0, "one page of 4 KiB read from disk, cold", ""),
    "paging.file.sequential": Operation("file, sequential", 0, _PAGING, ""),
    "paging.file.random": Operation("file, random", 0, _PAGING, ""),
    "paging.swap.sequential": Operation("swap, sequential", 0, _PAGING, ""),
    "paging.swap.random": Operation("swap, random", 0, _PAGING, ""),
}


def policies():
    """{name: title} of every policy, in the order of all lists: those whose files are there, built or not."""
    try:
        return find.names()
    except find.Wrong as wrong:
        raise BinderyError(f"libos/pager/policy: {wrong}") from None


# What is compared unless something else is said, by the name "default": one policy of each kind, and the optimum. Of
# policies that differ in a detail (their names begin alike) it is the one that sees bits only, as a pager does, with
# the fewest faults; if all see every reference, the one of the paper. Left out are LIFO, MRU and LFU, which take
# hundreds of times OPT's faults in programs that don't suit them, and those whose number of frames is their own choice
# (PFF, VMIN).
DEFAULT_POLICIES = ("fifo", "random_lcg", "lru", "lru2", "clock1", "esc", "nru_f64", "aging8_f64", "sieve1_d1",
                    "wsclock", "mglru", "twoq_clock", "clockpro", "car", "s3fifo_bits", "arc", "lirs_paper", "slru4",
                    "wtinylfu", "opt")


def policies_of(names):
    """Policies by their names, each one known; "all" and "default" are those that these words mean."""
    known = policies()
    sets = {"all": tuple(known), "default": DEFAULT_POLICIES}
    found = []
    for name in names:
        found += sets[name] if name in sets else [require("policy", name, (*known, *sets))]
    return list(dict.fromkeys(found))


def generated_traces():
    """{name: title} of the traces that bindery-sim generates; empty before it is built."""
    return simulator.names()["trace"] if paths.SIMULATOR.exists() else {}


def apps():
    """{name: first sentence of its head comment} of every application in apps/, the benchmarks aside."""
    found = {}
    for path in sorted((paths.ROOT / "apps").glob("*.c")):
        if path.stem.startswith("bench_"):
            continue
        lines = path.read_text().splitlines()
        comment = [line.removeprefix("//").strip() for line in lines[1:4]]
        if any(re.match(r"int main\(", line) for line in lines):
            found[path.stem] = re.split(r"(?<=[.;:]) ", " ".join(comment))[0].rstrip(".:;")
    return found


def regions(app):
    """The regions of an application that a policy can be given to: the heap, and those that its source declares."""
    text = (paths.ROOT / "apps" / f"{app}.c").read_text()
    found = re.findall(r'region_of_pages\("(\w+)"', text)
    return ["heap", *found, *(["region"] if "region_or_memory(" in text else [])]


def workloads():
    """{name: title} of everything `compare --workload` takes."""
    return {name: work.title for name, work in WORKLOADS.items()} | generated_traces()


LISTS = {
    "policies": policies,
    "workloads": workloads,
    "ops": lambda: {name: operation.title for name, operation in OPERATIONS.items()},
    "apps": apps,
    "liboses": lambda: LIBOSES,
}


def require(kind, name, names):
    """Raises Usage with a suggestion unless the name is among the names."""
    if name not in names:
        raise unknown(kind, name, names)
    return name


@functools.cache
def traits(policy):
    """What a policy declares of itself in its source: what it sees (faults, bits, references, future) and the least
    number of frames it needs."""
    text = _source(policy)
    sees = re.search(r"\.sees = POLICY_SEES_(\w+)", text)
    least = re.search(r"\.minimum = (\d+)", text)
    return (sees[1].lower() if sees else "faults"), (int(least[1]) if least else 1)


def sees_enough(policy):
    """Can it run on processes, which show faults and bits, but neither all their references nor those to come?"""
    return traits(policy)[0] in ("faults", "bits") and not timed(policy)


def varies(policy):
    """Does it vary the number of frames that it has?"""
    return re.search(r"\.surplus = ", _source(policy)) is not None


def hashes(policy):
    """Do its decisions depend on which numbers pages have?"""
    return re.search(r"\.hashes = true", _source(policy)) is not None


def timed(policy):
    """Does it look at the clock?"""
    return re.search(r"\.timed = true", _source(policy)) is not None


@functools.cache
def _source(policy):
    return (paths.ROOT / "libos" / "pager" / "policy" / f"{policy}.c").read_text()
