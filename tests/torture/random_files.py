#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Random operations on files against a model, on Linux and on libos/unix with few frames, and prints TAP.

    random_files.py BUILD PROGRAM [SEED …]

On Linux the model must hold, or it is wrong itself. On libos/unix the budget is so small that pages are evicted, and
written back, all the time; then the host must read from the disk what the program said of its files, and e2fsck find
nothing.
"""

import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import inside  # noqa: E402

BLOCKS = 3500
# Seed, steps, the budget of frames, the policy, and whether signals come all the time. `lifo` always gives up the page
# that came last, which no instruction may lose that needs two.
RUNS = ((1, 1500, 64, "clock1", False), (2, 1000, 24, "fifo", False), (3, 1500, 40, "clockpro", True),
        (4, 1500, 300, "clock1", True), (5, 200, 64, "lifo", False))


def said(output):
    """What the program prints of its files at the end: path → size and sum."""
    return {path: (int(size), total) for kind, path, size, total in
            (line.split() for line in output.splitlines() if line.startswith("file "))}


def on_linux(words):
    output, status = inside.native(words)
    return (output[-500:] or f"status {status}") if status else None, said(output)


def on_unix(words, frames, policy, wanted):
    ended = inside.run(words, blocks=BLOCKS, frames=frames, settings=(f"policy={policy}",), look="/", exact=True)
    if ended.wrong():
        return f"{ended.wrong()}\n{ended.output[-500:]}"
    if said(ended.output) != wanted:
        return f"other files than on Linux: {said(ended.output)}, not {wanted}"
    for path, (size, total) in wanted.items():
        contents = ended.files.get(path)
        if contents is None or (len(contents), f"{zlib.adler32(contents):08x}") != (size, total):
            return f"the host reads another {path} from the disk than the program left there"
    return None


def main():
    _, program, *seeds = sys.argv[1:]
    tap = inside.Tap()
    chosen = [(int(seed), *RUNS[int(seed) % len(RUNS)][1:]) for seed in seeds] or RUNS
    for seed, steps, frames, policy, storm in chosen:
        words = [program, seed, steps * inside.MORE, *(["storm"] if storm else [])]
        with_signals = ", with signals" if storm else ""
        wrong, wanted = on_linux(words)
        tap.line(f"seed {seed}: the model holds on Linux{with_signals}", wrong)
        wrong = wrong or on_unix(words, frames, policy, wanted)
        tap.line(f"seed {seed}: and on libos/unix, in {frames} frames by {policy}{with_signals}", wrong)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
