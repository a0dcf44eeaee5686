# SPDX-License-Identifier: MIT
"""What the modules of this folder share: the options of `bench peers`, its rows, and the reason for a row's absence.

A row has system, op, instructions (the least of the samples), median, maximum, samples, moved, unit. `moved` is how
many of the instructions are iterations of REP that zero or copy a page. A row without figures has `skipped`, a reason
in words, instead. More keys may follow: `how` (the way that was measured, in words), `wall_ratio` (of paired runs).
"""

from dataclasses import dataclass

from tools import doctor
from tools.errors import BinderyError, Missing

SYSTEMS = {
    "bindery": "a library OS of C handlers on our kernel",
    "linux": "Debian's cloud kernel: signals and mprotect",
    "linux-uffd": "Linux: userfaultfd with a handler thread",
    "linux-uffd-sigbus": "Linux: userfaultfd that signals",
    "linux-kernel": "Linux: the fault served by the kernel itself",
    "xen": "Xen's hypervisor with a paravirtual guest",
    "xen-unikernel": "the same, its application not protected from its library OS",
}
FIGURES = ("instructions", "median", "maximum", "samples", "moved")


class Skipped(BinderyError):
    """Something of a peer cannot be measured here; the sentence is the reason, without the peer's name."""


@dataclass(frozen=True)
class Options:
    """What the command line says of how to measure."""

    timeout: float = 300.0     # seconds that each machine may run
    pairs: int = 5             # paired runs for ratios of wall time
    accelerator: str = "tcg"   # "kvm": cycles in place of instructions
    ops: tuple = ()            # names of operations to measure; empty: all. A module may measure more

    def exact(self):
        """Are instructions counted?"""
        return self.accelerator == "tcg"

    def unit(self):
        return "instructions" if self.exact() else "cycles"


def row(system, op, minimum, median, maximum, samples, moved=0, **more):
    """One measured row."""
    return {"system": system, "op": op, "instructions": minimum, "median": median, "maximum": maximum,
            "samples": samples, "moved": moved} | more


def skipped(system, op, reason):
    """The row of what was not measured."""
    return {"system": system, "op": op, "skipped": str(reason)}


def rows_of(events, system=None, **more):
    """The rows of a machine's events "bench" and "skipped"; `system` for events that name none."""
    rows = []
    for event in events:
        name = event.get("system", system)
        if event["event"] == "skipped":
            rows.append(skipped(name, event["op"], event["reason"]))
        elif event["event"] == "bench":
            rows.append(row(name, event["op"], event["minimum"], event["median"], event["maximum"], event["samples"],
                            event.get("moved", 0), **({"how": event["how"]} if event.get("how") else {}), **more))
    return rows


def check_accelerator(name):
    """Raises Missing, with what the probe found, unless the accelerator can run our kernel here."""
    if name == "tcg":
        return
    found = doctor.acceleration()
    if found["kvm"] != "works":
        raise Missing(f"--accel {name} cannot be used: {found['sentence'].removesuffix('; TCG is used')}")
