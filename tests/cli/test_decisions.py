# SPDX-License-Identifier: MIT
"""One source, same decisions: each policy takes the same victims, in the same order, in the library OS on real faults
as in the simulator on the same reference string. What policies need to see, the run gives them: bits of the page table,
every reference by soft faults, the future by the trace."""

import unittest

from tests.cli.command import bindery, is_built
from tests.cli.place import InFolder
from tools import registry

FRAMES = "24,48"
PAGES = 64


def numbers(seed):
    """Knuth's 64-bit linear congruential generator, its upper bits."""
    while True:
        seed = (seed * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        yield seed >> 33


def mixed(length=6000):
    """Two thirds of the references to a quarter of the pages, a third of them writes."""
    draw = numbers(1)
    for _ in range(length):
        hot = next(draw) % 3 != 0
        page = next(draw) % (PAGES // 4 if hot else PAGES)
        yield f"{page} {'W' if next(draw) % 3 == 0 else 'R'}\n"


def loops(laps=40):
    """A loop over all pages, with a second use of the page before."""
    for step in range(laps * PAGES):
        yield f"{step % PAGES} R\n{(step - 1) % PAGES} W\n"


def phases(length=6000):
    """A working set that moves on every 1,000 references."""
    draw = numbers(2)
    for step in range(length):
        yield f"{(step // 1000 * 9 + next(draw) % 30) % PAGES} {'W' if next(draw) % 5 == 0 else 'R'}\n"


@unittest.skipUnless(is_built(), "needs a built system")
class Decisions(InFolder):
    def setUp(self):
        super().setUp()
        self.traces = []
        for made in (mixed, loops, phases):
            path = self.place / f"{made.__name__}.txt"
            path.write_text("".join(made()))
            self.traces.append(str(path))

    def test_every_policy_takes_the_same_victims_on_real_faults_as_in_the_simulator(self):
        names = list(registry.policies())
        self.assertGreaterEqual(len(names), 35)
        result = bindery("compare", "--trace", ",".join(self.traces), "--policy", ",".join(names), "--frames", FRAMES,
                         "--json", "--no-plot")
        self.assertEqual(result.status, 0, result.err)
        rows = result.json()["rows"]
        self.assertEqual(len(rows), len(names) * len(self.traces) * 2)
        self.assertEqual({row["source"] for row in rows}, {"real"})
        cells = len(rows)
        self.assertRegex(result.err, rf"{cells} of {cells} real runs equal the simulator")
        self.assertGreater(min(row["faults"] for row in rows), 48)  # all had to choose
        self.assertGreater(len({row["faults"] for row in rows}), len(names))  # and did not choose alike
