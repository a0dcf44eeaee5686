# SPDX-License-Identifier: MIT
"""What `compare` compares on: a workload that can be run again and again, with the reference string it makes.

A trace is its own reference string. An application is run once with all the memory it wants and recorded: the pager
then keeps every change of page, and which of the pages are those of a region that the application declares (one
policy for all has them in one string). Recordings are kept in the build folder, keyed by everything they depend on.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from tools import link, paths, recording, registry, session, terminal, traces
from tools.errors import unknown
from tools.files import write_whole

RECORDING_LIMIT = 300  # seconds


@dataclass
class Subject:
    name: str
    app: str
    words: tuple
    files: tuple
    region: str        # whose statistics count: "heap" or "region"
    zero_filled: bool  # its pages are zero until written back, so that a first touch reads nothing
    trace: traces.Trace
    ranges: dict = field(default_factory=dict)  # {region that the application declares: (its first page, pages)}

    def run(self, policy, frames):
        """The Run of one cell."""
        return session.Run(self.app, "unix", self.words, policy, frames, files=self.files,
                           label=f"{self.name} with {policy} in {frames} frames")

    def comparable(self):
        """What a real and a simulated run must have in common. The digest of the victims is comparable only where both
        number the pages alike."""
        return ("faults", "writebacks", "reads") + (("sequence",) if self.region == "region" else ())

    def frames(self, sizes):
        """Numbers of frames, shares turned into numbers."""
        return sorted({size if isinstance(size, int) else max(1, round(self.trace.pages * size)) for size in sizes})


def find(workloads, trace_files):
    """The subjects of some workload names and trace files, recorded where that is needed."""
    found, unrecorded = [], []
    known = registry.workloads()
    for name in workloads:
        if name in registry.WORKLOADS:
            unrecorded.append(name)
            found.append(name)
        elif name in known:
            found.append(_of_trace(traces.generated(name)))
        elif Path(name).is_file():
            found.append(_of_trace(traces.load(name)))
        else:
            raise unknown("workload", name, known)
    found += [_of_trace(traces.load(path)) for path in trace_files]
    recorded = _recorded(unrecorded)
    return [recorded[each] if isinstance(each, str) else each for each in found]


def _of_trace(trace):
    name = hashlib.sha256(trace.text).hexdigest()[:16]
    return Subject(trace.name, "replay", (f"trace={name}", f"pages={trace.pages}"), ((name, trace.text, 0),), "region",
                   False, trace)


def _recorded(names):
    """{name: Subject} of applications; those without a recording are run once, in one boot."""
    wanted = {}
    for name in names:
        path = _recording_path(name)
        if not path.exists():
            wanted[name] = path
    if wanted:
        terminal.say(f"recording which pages {', '.join(wanted)} touch, once")
        _record(wanted)
    return {name: _of_recording(name, _recording_path(name)) for name in names}


def _of_recording(name, path):
    work = registry.WORKLOADS[name]
    ranges = path.with_suffix(".json")
    return Subject(name, work.app or name, work.arguments, work.inputs(), "heap", True,
                   traces.check(name, path.read_bytes(), str(path), path),
                   json.loads(ranges.read_text()) if ranges.exists() else {})


def _recording_path(name):
    """Where the recording of a workload is: its name holds a digest of the program, its arguments and its input."""
    work = registry.WORKLOADS[name]
    digest = hashlib.sha256(link.executable(work.app or name, "unix").read_bytes())
    digest.update(json.dumps(work.arguments).encode())
    for file, source, _ in work.inputs():
        digest.update(file.encode())
        digest.update(source if isinstance(source, bytes) else Path(source).read_bytes() if source else b"")
    return paths.CACHE / "recordings" / f"{name}-{digest.hexdigest()[:16]}.txt"


def _record(wanted):
    works = {name: registry.WORKLOADS[name] for name in wanted}
    runs = [recording.recorded(work.app or name, work.arguments, "fifo", files=work.inputs(), label=name)
            for name, work in works.items()]
    for run, outcome, text in recording.record(runs, RECORDING_LIMIT, session.processors()):
        ranges = {event["name"]: (event["first"], event["pages"]) for event in outcome.of("region")}
        write_whole(wanted[run.label].with_suffix(".json"), json.dumps(ranges).encode())
        write_whole(wanted[run.label], text.encode())
