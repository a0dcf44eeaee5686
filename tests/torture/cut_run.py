#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Ends `bindery run --save` in the middle of a run, and prints TAP: what it saves holds all that was promised.

    cut_run.py BUILD STEPS

A plan (plan.py) is done by the program STEPS up to one of its promises. There it waits for a line that never comes, so
each run is cut at the same moment: by the death of QEMU, as a power cut is, or by the keyboard. power.py cuts at every
write instead, and has libos/unix mount what is left.
"""

import os
import pty
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import plan as plans  # noqa: E402
from inside import Tap  # noqa: E402

STEPS = 60
LIMIT = 120  # seconds for a run


def children(pid):
    """Numbers and names of all processes below one."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, rest = status.read_text().split(" (", 1)
        except OSError:  # it has ended
            continue
        name, rest = rest.rsplit(")", 1)
        if int(rest.split()[1]) == pid:
            found += [(int(number), name), *children(int(number))]
    return found


def kill_machine(run):
    machines = [number for number, name in children(run.pid) if name.startswith("qemu-system")]
    if len(machines) != 1:
        raise RuntimeError(f"{len(machines)} machines run, and not one")
    os.kill(machines[0], signal.SIGKILL)


def interrupt(run):
    os.killpg(run.pid, signal.SIGINT)


def files_of(folder):
    return {str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.name != "plan"}


def cut(program, plan, step, end, place):
    """Runs the plan until the promise of a step, ends the run there; what is wrong with what it saved, or None."""
    root, after = place / "root", place / "after"
    (root / "bin").mkdir(parents=True)
    (root / "work").mkdir()
    (root / "work/plan").write_text(plan.text())
    (root / "bin/steps").write_bytes(Path(program).read_bytes())
    (root / "bin/steps").chmod(0o755)
    terminal, stdin = pty.openpty()
    words = [ROOT / "bindery", "run", "--root", root, "--save", after, "--", "/bin/steps", "do", "/work"]
    with subprocess.Popen(words, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          start_new_session=True) as run:
        os.close(stdin)
        for line in run.stdout:
            if line.split() == ["promised", str(step)]:
                break
            if line.startswith("promised"):  # and not the echo of what we send
                os.write(terminal, b"\n")
        end(run)
        said = run.communicate(timeout=LIMIT)[1]
    os.close(terminal)
    if run.returncode == 0 or not said.startswith("bindery: ") or not after.is_dir():
        return f"status {run.returncode}, {'saved' if after.is_dir() else 'nothing saved'}, and it said: {said}"
    return plan.wrong(files_of(after / "work"), step, step)


def main():
    build, program = sys.argv[1:]
    if not Path(build, "libos/unix/unix").exists():
        print(f"Bail out! there is no {build}/libos/unix/unix")
        return 1
    os.environ |= {"BINDERY_BUILD": str(Path(build).resolve()), "BINDERY_BUILT": "1"}
    tap, plan = Tap(), plans.Plan(2, STEPS)
    promises = plan.promises()
    for name, end, step in (("QEMU is killed", kill_machine, promises[len(promises) // 2]),
                            ("the keyboard interrupts it", interrupt, promises[-3])):
        with tempfile.TemporaryDirectory(prefix="bindery-cut-") as place:
            tap.line(f"{name} at step {step} of {len(plan.lines)}: --save keeps all that was promised",
                     cut(program, plan, step, end, Path(place)))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
