# SPDX-License-Identifier: MIT
"""Debian's Xen hypervisor with the guest of peers/xen as its first domain: rows of the systems xen and xen-unikernel.

    rows = measure(options)                        # tuned: the settings that are compared with
    rows = measure(options, tuned=False)           # as Debian ships it, on the processor of all others

The hypervisor is not installed, only unpacked below the build folder; QEMU boots it, and the guest as its module. A
row may have, beside what every row has, `settings` (tuned or default), `how` (in words, the way that was cheapest) and
`candidates` (all ways that were tried: how, instructions, moved).
"""

import gzip
import re
import shutil
import zlib

from tools import paths, qemu, session
from tools.peers import common, debian, foreign

PACKAGE = "xen-hypervisor-4.17-amd64"
IMAGE = "boot/xen-4.17-amd64.gz"
GUEST = paths.BUILD / "peers" / "xen" / "xen-guest"

# What every boot needs: a console, and memory for the first domain (16 MiB would do).
ALWAYS = ("console=com1", "dom0_mem=64M")
# What makes Xen's paths shorter than Debian's defaults: no defence against speculation, no page tables of Xen's own
# while a guest runs.
TUNED = ("spec-ctrl=no", "xpti=no", "pv-l1tf=no")
# The processor of all others, with another vendor's name: where it reads Intel, Xen's ways into and out of a guest are
# 25 to 29 instructions shorter each. Nothing else differs.
TUNED_PROCESSOR = f"{qemu.PROCESSOR},vendor=GenuineIntel"

_OPS = ("call.null", "fault.entry", "fault.bind", "fault.resume", "fault.whole", "syscall.redirect", "prot1", "prot100",
        "unprot1", "unprot100", "yield", "appel-li.dirty", "appel-li.prot1", "appel-li.prot100", "appel-li.unprot100",
        "appel-li.trap", "appel-li.appel1", "appel-li.appel2")
OWED = {"xen": _OPS, "xen-unikernel": _OPS}  # the rows that the guest owes

# Xen's own words on why a boot went wrong, on its console.
TROUBLE = re.compile(r"^\(XEN\) (?:\[[^\]]*\] )?((?:Panic on CPU|Hardware Dom0|Domain 0|Could not)[^\r\n]*)", re.M)


def measure(options, tuned=True):
    """The rows of one boot. A row that the guest owes and did not report says why.

    Raises common.Skipped if there is no row at all: the package is not to be had, the boot hangs, the guest crashes.
    """
    events, reason = [], None
    with session.scratch() as folder:
        try:
            boot(folder, options, tuned, on_event=events.append)
        except common.Skipped as error:
            reason = _why(error, events)
            if not any(event["event"] == "bench" for event in events):
                raise common.Skipped(reason, error.detail) from None
    return rows_of(events, tuned, reason)


def command_line(tuned=True):
    """Xen's command line."""
    return " ".join([*ALWAYS, *(TUNED if tuned else ())])


def boot(folder, options, tuned=True, **more):
    """Boots Xen with the guest and returns what was heard. `more` as in foreign.boot(). Raises common.Skipped."""
    packed = debian.file_of(PACKAGE, IMAGE)
    if not GUEST.exists():
        raise common.Skipped(f"there is no {paths.in_words(GUEST)}; ./bindery build makes it")
    image, guest = folder / "xen", folder / "guest"
    try:
        image.write_bytes(gzip.decompress(packed.read_bytes()))  # QEMU takes no packed multiboot image
    except (OSError, EOFError, zlib.error) as error:
        raise common.Skipped(f"{packed.name} of Debian's package {PACKAGE} cannot be unpacked: {error}") from None
    shutil.copyfile(GUEST, guest)  # QEMU would take a comma or a space in a module's path for its own
    return foreign.boot(["-kernel", image, "-initrd", guest, "-append", command_line(tuned)], folder, "Xen",
                        options.timeout, exact=options.exact(), accelerator=options.accelerator,
                        cpu=TUNED_PROCESSOR if tuned else qemu.PROCESSOR, **more)


def rows_of(events, tuned=True, reason=None):
    """Rows from the guest's events, with the candidates of each, and a skipped row for each that is owed."""
    settings = "tuned" if tuned else "default"
    candidates = {}
    for event in events:
        if event["event"] == "candidate":
            candidates.setdefault((event["system"], event["op"]), []).append(
                {"how": event["how"], "instructions": event["minimum"], "moved": event["moved"]})
    rows = []
    for row in common.rows_of(events):
        row["settings"] = settings
        tried = candidates.get((row["system"], row["op"]))
        rows.append(row | {"candidates": tried} if tried else row)
    there = {(row["system"], row["op"]) for row in rows}
    return rows + [common.skipped(system, op, reason or "the guest did not report it") | {"settings": settings}
                   for system, ops in OWED.items() for op in ops if (system, op) not in there]


def _why(error, events):
    """Why a boot went wrong: in the guest's words, else the sentence and Xen's words, if it left any."""
    for event in events:
        if event["event"] == "failed":
            return f"the guest failed: {event['reason']}"
    said = TROUBLE.findall(error.detail)
    return f"{error}; it said: {said[-1].strip()}" if said else str(error)
