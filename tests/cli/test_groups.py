# SPDX-License-Identifier: MIT
"""Instructions that need several pages at once, on the real system: `sort` compares and copies lines at any address, so
many of its instructions touch two neighbouring pages. With few frames policies like MRU take the one for the other; a
real run must still have the counts of the simulator, fed with the recording of another run.
"""

import dataclasses
import unittest
from unittest import mock

from tests.cli.command import is_built
from tools import cells, registry, subjects

EXCERPT = 12 << 10  # bytes of the dictionary, for a run of a second
FRAMES = 4


@unittest.skipUnless(is_built(), "needs a built system")
class Sort(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        small = dataclasses.replace(registry.WORKLOADS["sort"], arguments=("run=8192",), excerpt=EXCERPT)
        with mock.patch.dict(registry.WORKLOADS, sort=small):
            cls.subject, = subjects.find(["sort"], [])

    def test_its_recording_has_instructions_with_several_pages(self):
        self.assertGreater(self.subject.trace.text.count(b"\n+"), 300)
        self.assertGreaterEqual(self.subject.trace.widest, 2)

    def test_every_policys_run_has_the_counts_of_the_simulator(self):
        made, rows = cells.plan([self.subject], list(registry.policies()), [FRAMES]), []
        cells.simulate(made)
        failures = cells.execute(made, 2, 120, rows.append, exact=False)
        self.assertEqual(failures, [])
        real = {row["policy"]: row for row in rows if row["source"] == "real"}
        self.assertLessEqual({"lifo", "mru", "lfu", "clock1", "lru2", "arc", "lirs_paper"}, real.keys())
        self.assertEqual([policy for policy, row in real.items() if not row["agrees"]], [])
        self.assertGreater(real["mru"]["faults"], 2 * real["lru"]["faults"])


if __name__ == "__main__":
    unittest.main()
