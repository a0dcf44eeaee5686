# SPDX-License-Identifier: MIT
"""Boots one test image as the first PE and prints its tests as TAP, so that meson counts single cases.

    /usr/bin/python3 tests/vm/run.py build/exo/bindery-kernel build/tests/vm/vm-tlb

The machine counts instructions (-icount), so that slices, timers and preemption come at the same instruction in every
run. A plan that is not fulfilled, a kernel that panics and a machine that hangs are failures of the case that was next.
"""

import contextlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[0] = str(ROOT)

from tools import session  # noqa: E402
from tools.errors import BinderyError  # noqa: E402
from tools.fleet import Boot, Fleet  # noqa: E402
from tools.package import Package  # noqa: E402
from tools.qemu import Machine  # noqa: E402

DISK_BYTES = 16 << 20
MEMORY = 64  # MiB
LIMIT = 120  # seconds


class Tap:
    """Prints one line for each case; knows how many there should have been."""

    def __init__(self, place):
        self.place, self.planned, self.number = place, None, 0
        print("TAP version 13")

    def case(self, name, good, detail=""):
        self.number += 1
        print(f"{'ok' if good else 'not ok'} {self.number} - {self.place} / {name.replace('_', ' ')}", flush=True)
        for line in detail.splitlines():
            print(f"# {line}")

    def take(self, event):
        if event["event"] == "plan":
            self.planned = event["tests"]
        elif event["event"] == "test":
            self.case(event["name"], event["ok"], event["detail"])

    def end(self, trouble):
        if trouble or self.planned is None or self.number != self.planned:
            self.case("every planned test has been run", False,
                      trouble or f"{self.planned} were planned, {self.number} reported")
        print(f"1..{self.number}")


def boot(kernel, image, folder, tap):
    """Runs the machine; returns what went wrong, or an empty text."""
    package = Package()
    package.add_image(image.name[:47], image)
    (folder / "package").write_bytes(package.encode())
    with open(folder / "disk.img", "wb") as disk:
        disk.truncate(DISK_BYTES)
    machine = Machine(kernel, folder / "package", folder / "disk.img", MEMORY, exact=True)
    try:
        with contextlib.closing(Fleet(1, LIMIT).run([Boot(machine, folder, name=image.name)])) as events:
            for _, event in events:
                tap.take(event)
    except BinderyError as error:
        return "\n".join(str(part) for part in error.args if part)
    return ""


def main(kernel, image):
    tap = Tap(image.name.removeprefix("vm-"))
    with session.scratch() as folder:
        tap.end(boot(kernel, image, folder, tap))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
