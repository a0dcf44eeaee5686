# SPDX-License-Identifier: MIT
"""Read-ahead and clustered write-back as dimensions of a comparison."""

import csv
import io
import tempfile
import unittest

from tests.cli.command import bindery, is_built
from tools import matrix, transit
from tools.errors import Usage
from tools.transit import Transfer


class Transfers(unittest.TestCase):
    def test_every_combination_is_made(self):
        self.assertEqual(transit.readaheads(), ["none", "sequential", "around"])
        self.assertEqual(transit.transfers(None, None), [Transfer()])
        self.assertEqual(transit.transfers(["none", "around"], ["1", "8"]),
                         [Transfer("none", 1), Transfer("none", 8), Transfer("around", 1), Transfer("around", 8)])
        _, (part,) = matrix.settle({}, {"readahead": ["sequential"], "cluster": ["4"]})
        self.assertEqual(part.transfers, (Transfer("sequential", 4),))

    def test_what_does_not_exist_is_refused(self):
        for names, clusters, said in ((["sequental"], None, "did you mean “sequential”"),
                                      (None, ["0"], "from 1 to 1024"),
                                      (None, ["1025"], "from 1 to 1024"), (None, ["x"], "--cluster x")):
            with self.subTest(said), self.assertRaisesRegex(Usage, said):
                transit.transfers(names, clusters)

    def test_frames_of_the_policy_are_those_of_the_pager(self):
        self.assertEqual(Transfer().policy_frames(100), 100)
        self.assertEqual(Transfer("none", 8).policy_frames(1000), 984)  # two clusters
        self.assertEqual(Transfer("none", 8).policy_frames(64), 56)     # of a sixteenth each
        self.assertEqual(Transfer("sequential", 1).policy_frames(1000), 942)  # two windows and two pages to write
        self.assertEqual(Transfer("sequential", 8).policy_frames(10), 6)

    def test_what_moved_is_told_apart_by_region(self):
        count = {"frames": 20, "reads": 9, "writebacks": 3}
        self.assertEqual(transit.counts([], "heap", count)["kicks"], 12)
        moved = {"event": "transit", "region": "heap", "policy_frames": 16, "ahead_reads": 5, "ahead_hits": 4,
                 "ahead_wasted": 1, "rescues": 2, "kicks": 7}
        found = transit.counts([moved | {"region": "other", "ahead_reads": 1}, moved], "heap", count)
        self.assertEqual((found["major"], found["policy_frames"], found["kicks"]), (4, 16, 7))
        self.assertEqual(transit.reads_without(found, count), 9 - 5 + 4 + 2)


@unittest.skipUnless(is_built(), "needs a built system")
class System(unittest.TestCase):
    def compare(self, *words):
        with tempfile.TemporaryDirectory() as folder:
            result = bindery("compare", "--no-plot", "-o", folder, *words)
        self.assertEqual(result.status, 0, result.err)
        return result

    def test_reading_a_loop_ahead_leaves_few_major_faults_and_the_same_victims(self):
        result = self.compare("--workload", "loop", "--policy", "clock1,opt", "--frames", "150", "--readahead",
                              "none,sequential", "--cluster", "1,8", "--json")
        rows = {(row["policy"], row["readahead"], row["cluster"]): row for row in result.json()["rows"]}
        self.assertEqual(len(rows), 5)  # OPT is simulated, and only without
        self.assertIn("opt with read-ahead or clusters left out", result.err)
        self.assertTrue(all(row["agrees"] for row in rows.values() if row["source"] == "real"))
        plain, ahead = rows["clock1", "none", 1], rows["clock1", "sequential", 8]
        self.assertEqual(plain["major"], plain["reads"])
        self.assertEqual(plain["kicks"], plain["reads"] + plain["writebacks"])
        self.assertEqual(ahead["faults"], ahead["simulated_faults"])
        self.assertLess(ahead["policy_frames"], 150)
        self.assertLess(10 * ahead["major"], plain["major"])
        self.assertLess(2 * ahead["kicks"], plain["kicks"])
        self.assertGreater(ahead["ahead_hits"], 1000)
        for row in (plain, ahead):
            self.assertGreater(row["instructions"], row["references"] * 512)  # it reads every word of a page

    def test_regions_read_ahead_each_for_itself(self):
        words = ("--workload", "reports", "--frames", "400", "--readahead", "sequential", "--cluster", "4")
        result = self.compare(*words, "--policy", "prices=clock1@120,table=lifo@200,default=fifo", "--csv")
        whole, *regions = csv.DictReader(io.StringIO(result.out))
        self.assertIn("1 of 1 real runs equal", result.err)
        self.assertEqual([row["region"] for row in (whole, *regions)], ["all", "prices", "table", "default"])
        self.assertGreater(int(regions[1]["ahead_hits"]), 0)
        for key in ("major", "ahead_hits", "kicks"):
            self.assertEqual(int(whole[key]), sum(int(row[key]) for row in regions), key)
        refused = bindery("compare", *words, "--policy", "prices=clock1@120,table=lifo@278,default=fifo")
        self.assertEqual(refused.status, 2)
        self.assertIn("of the 2 that default has", refused.err)

    def test_a_single_run_reads_ahead_too(self):
        result = bindery("run", "--json", "--policy", "fifo", "--frames", "64", "--readahead", "around",
                         "--cluster", "2", "loop", "--", "pages=80", "laps=3")
        moved, = [event for event in result.json()["rows"][0]["events"] if event["event"] == "transit"]
        self.assertEqual((moved["readahead"], moved["cluster"]), ("around", 2))
