# SPDX-License-Identifier: MIT
"""Policies for regions: maps on the command line, the strings of regions, and what a map gains on the real system."""

import csv
import io
import json
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from tests.cli.command import bindery, is_built
from tests.cli.place import InFolder
from tools import assign, experiment, matrix, options, paths, regions, registry
from tools.errors import Usage

BEST = "prices=clock1@97,table=lifo@250,default=fifo"  # for the workload `reports` in as many frames as these:
FRAMES = 349


class Lists(unittest.TestCase):
    def test_a_map_is_what_has_an_equals_sign_up_to_its_default(self):
        self.assertEqual(options.policies("fifo, a=lifo@9,default=fifo,clock1, b=fifo@3 ,default=fifo,fifo"),
                         ["fifo", "a=lifo@9,default=fifo", "clock1", "b=fifo@3,default=fifo"])

    def test_a_matrix_file_takes_maps_too(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "m.toml"
            path.write_text('policy = ["fifo", "a=lifo@9,default=fifo", "b=fifo@3,default=fifo"]\n'
                            'workload = "reports"\n')
            _, (part,) = matrix.settle(matrix.load(path), {})
        self.assertEqual(part.policies, ["fifo", "a=lifo@9,default=fifo", "b=fifo@3,default=fifo"])

    def test_a_map_that_does_not_end_is_refused(self):
        for text, said in (("a=lifo@9", "the list is over"), ("a=lifo@9,fifo", "fifo follows"),
                           ("fifo,a=lifo@9,b=fifo", "the map a=lifo@9,b=fifo has no default")):
            with self.subTest(text), self.assertRaisesRegex(Usage, said):
                options.policies(text)


class Maps(unittest.TestCase):
    def test_frames_are_numbers_shares_or_the_rest(self):
        found = assign.parse("a=clock1@30%,b=lifo@7,default=fifo")
        self.assertEqual(found.frames(100), {"a": 30, "b": 7, "default": 63})
        self.assertEqual(found.argument(100), "a=clock1@30,b=lifo@7,default=fifo")
        self.assertEqual(found.text, "a=clock1@30%,b=lifo@7,default=fifo")
        self.assertEqual(assign.parse("a=clock1,default=fifo@9").frames(0), {"a": 0, "default": 9})

    def test_what_is_wrong_gets_one_sentence(self):
        for text, said in (("a=clok1@3,default=fifo", "did you mean “clock1”"),
                           ("a=fifo@3,a=lifo@2,default=fifo", "twice"),
                           ("default=fifo,a=fifo@3", "comes after the default"), ("a=fifo@3,fifo", "names no region"),
                           ("a=fifo@3", "has no default"), ("A=fifo@3,default=fifo", "can be no region's name"),
                           ("a=fifo@0,default=fifo", "after @ stands"), ("a=fifo@101%,default=fifo", "after @ stands"),
                           (",".join(f"r{i}=fifo@1" for i in range(8)) + ",default=fifo", "9 regions; at most 8 can")):
            with self.subTest(text), self.assertRaisesRegex(Usage, said):
                assign.parse(text)

    def test_frames_that_cannot_be_are_refused(self):
        for text, total, said in (("a=fifo@10%,default=fifo", 0, "say how many there are"),
                                  ("a=fifo,default=fifo", 0, "a and default share frames"),
                                  ("a=fifo@5,default=fifo", 5, "none for default"),
                                  ("a=fifo@5,default=fifo@6", 10, "11 frames of their own, and there are 10 in all"),
                                  ("a=clockpro@1,default=fifo", 9, "clockpro needs at least")):
            with self.subTest(text), self.assertRaisesRegex(Usage, said):
                assign.parse(text).frames(total)

    def test_a_workload_must_have_the_regions(self):
        self.assertEqual(registry.regions("reports"), ["heap", "table", "prices", "output"])
        for workloads, traces, said in ((["reports"], [], "unknown region of reports “tabel”; did you mean “table”"),
                                        (["reports", "loop"], [], "unknown region"),
                                        (["loop1100"], [], "loop1100 has no regions"), ([], ["x.txt"], "x.txt has no")):
            name = "tabel=lifo@3,default=fifo" if "tabel" in said else "table=lifo@3,default=fifo"
            with self.subTest(said), self.assertRaisesRegex(Usage, said):
                experiment.policies_of(matrix.Part(workloads, traces, [name], [9]))

    def test_every_error_is_a_sentence_and_status_2(self):
        for words in (("run", "--policy", "tabel=lifo@3,default=fifo", "reports"),
                      ("run", "--policy", "table=lifo@3%,default=fifo", "reports"),
                      ("compare", "--policy", "table=lifo@3", "--workload", "reports"),
                      ("compare", "--policy", "table=lifo@3,default=fifo", "--workload", "loop1100")):
            result = bindery(*words)
            self.assertEqual((result.status, result.err.count("\n")), (2, 1), result.err)


class Strings(InFolder):
    """The references of a recording, region by region. Pages 0 to 9 are the heap's."""

    def setUp(self):
        super().setUp()
        path = self.place / "recording.txt"
        path.write_text("1 W\n10 R\n20 W\n11 R\n1 R\n30 R\n")
        patch = mock.patch.object(paths, "CACHE", self.place)
        patch.start()
        self.addCleanup(patch.stop)
        self.subject = SimpleNamespace(name="it", trace=SimpleNamespace(path=path),
                                       ranges={"a": (10, 10), "b": (20, 10), "c": (30, 1)})

    def strings(self, text):
        assigned, found = assign.parse(text), {}
        for entry in assigned.entries:
            path = regions.string_of(self.subject, entry.region, assigned)
            found[entry.region] = path and path.read_text()
        return found

    def test_the_default_has_all_that_is_not_named(self):
        self.assertEqual(self.strings("a=fifo@1,default=fifo"),
                         {"a": "0 R\n1 R\n", "default": "1 W\n20 W\n1 R\n30 R\n"})
        self.assertEqual(self.strings("a=fifo@1,b=fifo@1,default=fifo")["default"], "1 W\n1 R\n30 R\n")
        self.assertEqual(self.strings("heap=fifo@1,a=fifo@1,default=fifo"),
                         {"heap": "1 W\n1 R\n", "a": "0 R\n1 R\n", "default": "20 W\n30 R\n"})

    def test_of_an_instruction_with_several_pages_each_region_has_its_own(self):
        self.subject.trace.path.write_text("10 R\n+1 W\n+11 M\n+20 W\n2 R\n+3 R\n12 R\n+4 W\n+5 W\n13 R\n")
        self.assertEqual(self.strings("a=fifo@1,default=fifo"),
                         {"a": "0 R\n+1 M\n2 R\n3 R\n", "default": "1 W\n+20 W\n2 R\n+3 R\n4 W\n+5 W\n"})

    def test_a_region_without_references_has_no_string(self):
        self.subject.ranges = {"a": (40, 2)}
        self.assertIsNone(self.strings("a=fifo@1,default=fifo")["a"])


@unittest.skipUnless(is_built(), "needs a built system")
class System(unittest.TestCase):
    def compare(self, *words):
        with tempfile.TemporaryDirectory() as folder:
            result = bindery("compare", "--workload", "reports", "--no-plot", "-o", folder, *words)
        self.assertEqual(result.status, 0, result.err)
        return result

    def test_the_best_map_halves_the_faults_of_the_best_single_policy(self):
        single = [name for name in registry.policies() if registry.traits(name)[0] in ("faults", "bits")]
        self.assertGreaterEqual(len(single), 16)
        rows = self.compare("--policy", ",".join([*single, BEST]), "--frames", str(FRAMES), "--json").json()["rows"]
        self.assertEqual([row["source"] for row in rows], ["real"] * len(rows))
        self.assertTrue(all(row["agrees"] for row in rows))
        self.assertEqual(len({row["checksum"] for row in rows}), 1)
        *others, best = rows
        self.assertEqual([row["policy"] for row in others], single)
        least = min(row["faults"] for row in others)
        self.assertGreaterEqual(least, 2 * best["faults"])
        self.assertEqual({row["frames"] for row in rows}, {FRAMES})
        self.assertEqual(sum(region["frames"] for region in best["regions"]), FRAMES)

    def test_rows_of_regions_add_up_and_equal_the_simulator_s(self):
        text = "prices=clockpro@30%,table=lifo@50%,default=clock1,prices=opt@30%,table=lru@50%,default=fifo"
        result = self.compare("--policy", text, "--frames", "300", "--json")
        real, simulated = result.json()["rows"]
        self.assertEqual((real["source"], simulated["source"]), ("real", "simulated"))
        self.assertTrue(real["agrees"])
        for row in (real, simulated):
            self.assertEqual([(each["region"], each["frames"]) for each in row["regions"]],
                             [("prices", 90), ("table", 150), ("default", 60)])
            for key in regions.COUNTS:
                self.assertEqual(sum(each[key] for each in row["regions"]), row[key], key)
        for each in real["regions"]:
            self.assertEqual(each["faults"], each["simulated_faults"])
            self.assertGreaterEqual(each["faults"], each["opt_faults"])

    def test_policies_that_see_references_or_the_time_run_on_regions_too(self):
        maps = ("prices=wtinylfu@97,table=lru2@200,default=pff", "prices=pff@97,table=wtinylfu@240,default=arc",
                "prices=lru,table=pff,default=lirs_paper", "prices=wtinylfu,table=mru,default=lfu@3",
                "prices=fifo@97,table=lru@200,default=wtinylfu")
        *real, simulated = self.compare("--policy", ",".join(maps), "--frames", "349", "--json").json()["rows"]
        self.assertEqual([(row["source"], row["agrees"]) for row in real], [("real", True)] * 4)
        self.assertTrue(all(row["soft_faults"] > 1000 for row in real))
        self.assertEqual(simulated["source"], "simulated")  # what the default has is elsewhere in the recording

    def test_regions_that_share_frames_equal_the_simulator_too(self):
        policies = ("prices=clock1,table=lifo,default=fifo@2,prices=s3fifo_bits,heap=fifo,table=clockpro@100,"
                    "default=lifo,"
                    "prices=opt,table=lifo,default=fifo")
        *real, simulated = self.compare("--policy", policies, "--frames", "300", "--json").json()["rows"]
        self.assertEqual([row["agrees"] for row in real], [True, True])
        self.assertEqual([(each["region"], each["frames"]) for each in real[0]["regions"]],
                         [("prices", 298), ("table", 298), ("default", 2)])
        self.assertEqual([(each["region"], each["frames"]) for each in real[1]["regions"]],
                         [("prices", 200), ("table", 100), ("default", 200)])
        self.assertEqual((simulated["source"], len(simulated["regions"])), ("simulated", 3))
        # The table has what the price lists leave it, and these have no more of it than the table.
        prices, table, _ = real[0]["regions"]
        self.assertLess(table["faults"], 6000)
        self.assertEqual(prices["faults"], 8 * 96)  # each list fits into its share
        refused = bindery("compare", "--workload", "reports", "--policy", "prices=clock1,default=fifo",
                          "--frames", "300",
                          "--cluster", "8")
        self.assertEqual(refused.status, 2)
        self.assertIn("prices and default share theirs", refused.err)

    def test_sizes_in_which_a_map_lacks_frames_are_left_out(self):
        words = ("compare", "--list-cells", "--json", "--workload", "sort", "--policy", "heap=fifo@25%,default=clock1")
        some = bindery(*words, "--frames", "8,40")
        self.assertEqual([row["frames"] for row in some.json()["rows"]], [40])
        self.assertIn("default=clock1 in 8 frames of sort left out: an instruction needs 3 pages at once, and heap has "
                      "2 frames by heap=fifo@25%,default=clock1", some.err)
        none = bindery(*words, "--frames", "8,9")
        self.assertEqual(none.status, 2)
        self.assertIn("error: an instruction needs 3 pages at once", none.err)
        fixed = bindery("compare", "--list-cells", "--json", "--workload", "reports", "--policy", BEST, "--frames",
                        "300,349")
        self.assertEqual([row["frames"] for row in fixed.json()["rows"]], [349])
        self.assertIn("in 300 frames of reports left out: the regions of", fixed.err)

    def test_the_table_has_a_row_for_each_region_and_a_total(self):
        policies = f"fifo,{BEST}"
        rows = list(csv.DictReader(io.StringIO(self.compare("--policy", policies, "--frames", "349", "--csv").out)))
        self.assertEqual([(row["policy"], row["region"]) for row in rows],
                         [("fifo", "all"), (BEST, "all"), ("clock1", "prices"), ("lifo", "table"), ("fifo", "default")])

    def test_what_a_program_says_it_does_not_need_leaves_memory_at_once(self):
        plain, advised = (bindery("run", "--json", "--policy", "prices=lifo@97,table=lifo@250,default=fifo", "--frames",
                                  "349", "reports", "--", "districts=2", f"advise={advise}") for advise in (0, 1))
        for result in (plain, advised):
            self.assertEqual(result.status, 0, result.err)
        prices = [event for result in (plain, advised) for event in result.json()["rows"][0]["events"]
                  if event["event"] == "pager" and event["region"] == "prices"]
        self.assertEqual([event["dismissed"] for event in prices], [0, 2 * 96])
        # LIFO would never let the first list go; when it is dismissed, the second one has its frames.
        self.assertEqual(prices[1]["faults"], 2 * 96)
        self.assertGreater(prices[0]["faults"], 10 * prices[1]["faults"])

    def test_the_heap_may_have_a_policy_of_its_own(self):
        result = bindery("run", "--json", "--policy", "heap=lifo@7,default=fifo", "--frames", "20", "loop", "--",
                         "pages=20", "laps=2")
        self.assertEqual(result.status, 0, result.err)
        row, = result.json()["rows"]
        self.assertEqual([(event["region"], event["policy"], event["frames"]) for event in row["events"]
                          if event["event"] == "pager"], [("heap", "lifo", 7)])
        self.assertIn("verified", json.dumps(row))
