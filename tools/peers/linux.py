# SPDX-License-Identifier: MIT
"""Debian's Linux with the program of peers/linux as its first process: rows of the systems linux, linux-uffd, ….

    rows = measure(options)                        # tuned: the settings that are compared with
    rows = measure(options, tuned=False)           # as Debian ships it
    heard = boot(folder, "disk", options, …)       # another part of the program, in the same way

The kernel is not installed, only unpacked below the build folder; the program lies in an initramfs, which is made here.
A row may have, beside what every row has, `settings` (tuned or default), `how` (in words, the way that was cheapest)
and `candidates` (all ways that were tried: how, instructions, moved).
"""

import dataclasses

from tools import paths, session
from tools.peers import common, debian, foreign

PACKAGE = "linux-image-cloud-amd64"
PROGRAM = paths.BUILD / "peers" / "linux" / "linux-init"

# What every boot needs: a quiet console, no changes of address between boots, a panic that ends the machine, and time
# by a counter that need not be watched.
ALWAYS = ("console=ttyS0", "quiet", "panic=-1", "tsc=reliable", "random.trust_cpu=on", "cryptomgr.notests")
# Two thirds of a boot are ACPI's tables. What is measured here needs no device.
BRIEF = ("acpi=off",)
# What makes the kernel's paths shorter than Debian's defaults without giving up what Bindery has on too (SMEP, SMAP).
TUNED = ("mitigations=off", "init_on_alloc=0", "hardened_usercopy=off", "randomize_kstack_offset=off", "nokaslr",
         "norandmaps", "lsm=", "audit=0", "cgroup_disable=memory", "psi=0", "no5lvl", "preempt=none", "nowatchdog",
         "transparent_hugepage=never", "page_alloc.shuffle=0")

# The rows that the program owes, and the part of it (peers/linux/init.c) that reports them.
OWED = {
    "calls": {"linux": ("call.null", "syscall.redirect")},
    "fault": {"linux": ("fault.entry", "fault.bind", "fault.resume", "fault.whole"), "linux-kernel": ("fault.whole",)},
    "uffd": {"linux-uffd-sigbus": ("fault.entry", "fault.bind", "fault.resume", "fault.whole")},
    "uffd_thread": {"linux-uffd": ("fault.entry", "fault.bind", "fault.resume", "fault.whole")},
    "protect": {"linux": ("prot1", "unprot1", "prot100", "unprot100", "appel-li.prot1", "appel-li.prot100",
                          "appel-li.unprot100")},
    "appel_li": {"linux": ("appel-li.trap", "appel-li.appel1", "appel-li.appel2")},
    "uffd_protect": {"linux-uffd-sigbus": ("prot1", "unprot1", "prot100", "unprot100", "appel-li.prot1",
                                           "appel-li.prot100", "appel-li.unprot100", "appel-li.trap",
                                           "appel-li.appel1", "appel-li.appel2")},
    "yield": {"linux": ("yield",)},
    "dirty": {"linux": ("appel-li.dirty",)},
}


def measure(options, tuned=True):
    """The rows of one boot. A row that the program owes and did not report says why.

    Raises common.Skipped if there is no row at all: the package is not to be had, the boot hangs.
    """
    events, reason = [], None
    with session.scratch() as folder:
        try:
            boot(folder, "fault", options, tuned, settings=BRIEF, on_event=events.append)
        except common.Skipped as error:
            if not any(event["event"] == "bench" for event in events):
                raise
            reason = str(error)  # what was measured before it counts
    return rows_of(events, tuned, options.exact(), reason)


def command_line(bench, tuned=True, settings=()):
    """The kernel's command line for some parts of the program."""
    return " ".join([*ALWAYS, *(TUNED if tuned else ()), *settings, f"bench={bench}"])


def boot(folder, bench, options, tuned=True, files=(), settings=(), words=(), **more):
    """Boots the kernel with the program, of which the parts of `bench` run, and returns what was heard.

    `files` are put in the initramfs beside the program, as initramfs() takes them; `settings` are more words for the
    kernel, `words` for QEMU, and the rest is as in foreign.boot(). Raises common.Skipped.
    """
    kernel = debian.file_of(PACKAGE, "boot/vmlinuz-*")
    if not PROGRAM.exists():
        raise common.Skipped(f"there is no {paths.in_words(PROGRAM)}; ./bindery build makes it")
    image = folder / "initramfs"
    image.write_bytes(initramfs({"init": PROGRAM.read_bytes()} | dict(files)))
    return foreign.boot(["-kernel", kernel, "-initrd", image, "-append", command_line(bench, tuned, settings), *words],
                        folder, "Linux", options.timeout,
                        **{"exact": options.exact(), "accelerator": options.accelerator} | more)


def rows_of(events, tuned=True, exact=True, reason=None):
    """Rows from the program's events, with the candidates of each, and a skipped row for each that is owed.

    `reason`: why the machine did not come to its end, if it did not.
    """
    settings = "tuned" if tuned else "default"
    candidates, how, failed = {}, {}, {}
    for event in events:
        key = event.get("system"), event.get("op")
        if event["event"] == "candidate":
            candidates.setdefault(key, []).append({"how": event["how"], "instructions": event["minimum"],
                                                   "moved": event["moved"]})
        elif event["event"] == "bench":
            how[key] = event["how"]
        elif event["event"] == "failed":
            failed[event["part"]] = event["reason"]
    rows = [_described(row, settings, how, candidates, exact) for row in common.rows_of(events)]
    there = {(row["system"], row["op"]) for row in rows}
    for part, owed in OWED.items():
        why = failed.get(part) or reason or failed.get("init") or "the program did not report it"
        rows += [common.skipped(system, op, why) | {"settings": settings}
                 for system, ops in owed.items() for op in ops if (system, op) not in there]
    return rows


def _described(row, settings, how, candidates, exact):
    key = row["system"], row["op"]
    row["settings"] = settings
    if key in how:
        row["how"] = how[key]
    if key in candidates:
        row["candidates"] = candidates[key]
    if not exact and "moved" in row:
        row["moved"] = 0  # iterations of REP are instructions only where instructions are counted
    return row


@dataclasses.dataclass(frozen=True)
class Node:
    """An entry of an initramfs that is no file: a folder, or a character device with its numbers."""

    mode: int
    device: tuple = (0, 0)


SKELETON = {"dev": Node(0o040755), "proc": Node(0o040755), "dev/console": Node(0o020600, (5, 1))}


def initramfs(files):
    """A cpio archive ("newc") of SKELETON and the files: {name: bytes or Node}. Files are executable."""
    archive = bytearray()
    for number, (name, what) in enumerate((SKELETON | files | {"TRAILER!!!": Node(0)}).items(), 1):
        node, data = (what, b"") if isinstance(what, Node) else (Node(0o100755), what)
        fields = (number, node.mode, 0, 0, 1, 0, len(data), 0, 0, *node.device, len(name) + 1, 0)
        archive += b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        archive += bytes(-len(archive) % 4)
        archive += data
        archive += bytes(-len(archive) % 4)
    return bytes(archive)
