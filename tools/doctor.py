# SPDX-License-Identifier: MIT
"""`bindery doctor`: what is needed, what is found, how to get the rest. Standard library only.

/dev/kvm is probed by really booting our kernel: it may exist and still not be able to run it. TCG is what is used
unless asked otherwise, so a failed probe is no fault.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from tools import packages, paths, terminal
from tools.errors import MISSING, OK, BinderyError

OLDEST = {"clang-19": "19", "lld-19": "19", "meson": "1.0", "qemu-system-x86": "7.2", "python3": "3.11"}
PROBE_LIMIT = 3  # seconds


def tools():
    """One row for each line of packages.txt."""
    rows = []
    for need in packages.needs():
        found = need.found()
        version = packages.version(found) if found and not found.startswith(("python:",)) and _command(found) else None
        oldest = OLDEST.get(need.package)
        good = found is not None and (oldest is None or version is None or packages.at_least(version, oldest))
        rows.append({"name": need.package, "why": need.why, "found": found, "version": version, "needed": oldest,
                     "ok": good, "tests_only": need.for_tests(),
                      "get": None if good else packages.how_to_get([need.package])})
    return rows


def _command(found):
    return not found.startswith("/") or found.startswith("/usr/bin/")


def acceleration():
    """What runs the machine: {"accelerator", "kvm", "sentence"}; kvm is absent, denied, unprobed, fails or works."""
    device = Path("/dev/kvm")
    if not device.exists():
        return _answer("absent", "there is no /dev/kvm; TCG is used")
    if not os.access(device, os.R_OK | os.W_OK):
        return _answer("denied", "/dev/kvm exists but may not be opened; TCG is used")
    if not (paths.KERNEL.exists() and paths.INIT.exists()):
        return _answer("unprobed", "/dev/kvm exists; whether it runs our kernel is found out after ./bindery build; "
                                   "TCG is used")
    try:
        _boot_on_kvm()
    except ImportError:
        return _answer("unprobed", "/dev/kvm exists but was not probed: python3-pyelftools is missing; TCG is used")
    except BinderyError as error:
        reason = error.detail.splitlines()[-1] if error.detail else str(error)
        return _answer("fails", f"/dev/kvm exists but cannot run our kernel ({reason}); TCG is used")
    return _answer("works", "/dev/kvm runs our kernel; TCG is used all the same, because it counts instructions "
                            "exactly")


def _answer(kvm, sentence):
    return {"accelerator": "tcg", "kvm": kvm, "sentence": sentence}


def _boot_on_kvm():
    """Boots the kernel with a package without jobs; raises BinderyError unless it ends as it should."""
    from tools.fleet import Boot, Fleet
    from tools.session import prepare

    with tempfile.TemporaryDirectory(prefix="bindery-") as folder:
        machine = prepare([], Path(folder), accelerator="kvm")
        for _ in Fleet(limit=PROBE_LIMIT).run([Boot(machine, Path(folder), name="the machine on KVM")]):
            pass


def run(as_json=False):
    """Prints the findings; returns 0, or 3 if something is missing."""
    rows, machine = tools(), acceleration()
    good = all(row["ok"] or row["tests_only"] for row in rows)
    if as_json:
        json.dump({"schema": 1, "ok": good, "rows": rows, "acceleration": machine}, sys.stdout, indent=1)
        print()
        return OK if good else MISSING
    paint = terminal.colour(sys.stdout)
    for row in rows:
        mark = _mark(row, paint)
        needed = f", needed {row['needed']} or newer" if row["needed"] else ""
        have = f"found {row['version'] or row['found']}" if row["found"] else "not found"
        print(f"{mark} {row['name']:<24}{row['why']:<14}{have}{needed}")
        if row["get"]:
            print(f"          to get it: {row['get']}{'; only ./bindery test needs it' if row['tests_only'] else ''}")
    print(f"\nmachine: {machine['sentence']}.")
    absent = [row["name"] for row in rows if not row["ok"] and not row["tests_only"]]
    if absent:
        print(f"missing: {packages.how_to_get(absent)}, or let ./bindery build do it.")
    else:
        print("Everything that is needed is there.")
    return OK if good else MISSING


def _mark(row, paint):
    word, code = ("ok     ", "32") if row["ok"] else ("absent ", "33") if row["tests_only"] else ("MISSING", "31")
    return f"\x1b[{code}m{word}\x1b[0m" if paint else word
