# SPDX-License-Identifier: MIT
"""Test results, the ABI's tables, missing services, sharing out of cells, the figure, doctor's findings."""

import re
import struct
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from tests.cli.command import bindery
from tools import abi, cells, doctor, dots, link, packages, plot, ranking, recording, registry, results
from tools.errors import Usage

JUNIT = """<?xml version='1.0' encoding='utf8'?>
<testsuites tests="5" errors="1" failures="1">
<testsuite name="bindery" tests="4" errors="0" failures="1" skipped="1">
<testcase name="a" classname="x"/>
<testcase name="b" classname="x"><failure message="b is wrong"/></testcase>
<testcase name="c" classname="x"><skipped/></testcase>
<testcase name="d" classname="x"/>
<system-out>the log</system-out></testsuite>
<testsuite name="crashed" tests="1" errors="1" failures="0" skipped="0"><testcase name="e" classname="y"/></testsuite>
</testsuites>"""


class Results(unittest.TestCase):
    def read(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
            file.write(text)
            file.flush()
            return results.read(file.name)

    def test_single_cases_are_counted(self):
        found = self.read(JUNIT)
        self.assertEqual(results.verdict(found), "3 passed, 2 failed, 1 skipped")
        self.assertIn("b is wrong", next(case for case in found if case.name == "b").output)

    def test_a_failed_case_shows_its_own_remarks_only(self):
        text = """<testsuites><testsuite name="p.p:vm / vm ring" tests="2" failures="1" errors="0">
            <testcase name="1 - ring / a"/><testcase name="2 - ring / b"><failure/></testcase>
            <system-out>ok 1 - ring / a
# of a
not ok 2 - ring / b
# of b
ok 3 - ring / c
# of c</system-out></testsuite></testsuites>"""
        case = next(case for case in self.read(text) if case.outcome == "failed")
        self.assertEqual((case.test, case.name, case.output), ("vm ring", "ring / b", "# of b"))

    def test_a_failed_case_of_a_unit_test_shows_its_indented_block(self):
        text = """<testsuites><testsuite name="p.p:unit / unit a" tests="2" failures="1" errors="0">
            <testcase name="1 - a::first  (0.01s)"/><testcase name="2 - a::second  (0.02s)"><failure/></testcase>
            <system-out>ok - a::first  (0.01s)
not ok - a::second  (0.02s)
  ---
  - a.c:7: 1 is not 2
  ...
ok - a::third</system-out></testsuite></testsuites>"""
        case = next(case for case in self.read(text) if case.outcome == "failed")
        self.assertEqual(case.output, "  ---\n  - a.c:7: 1 is not 2\n  ...")

    def test_a_test_that_crashed_after_its_last_case_has_failed(self):
        self.assertEqual([case.test for case in self.read(JUNIT) if case.outcome == "failed"], ["bindery", "crashed"])


class Abi(unittest.TestCase):
    def test_every_line_of_the_definitions_is_a_row(self):
        for name, (file, macro, *_) in abi.LISTS.items():
            text = (abi.paths.ROOT / "pe" / f"{file}.def").read_text()
            self.assertEqual(len(abi.table(name)), len(re.findall(rf"(?m)^{macro}\w*\(\d", text)), name)

    def test_arguments_errors_and_long_sentences_are_whole(self):
        calls = {row["name"]: row for row in abi.table("calls")}
        self.assertEqual(calls["null"]["arguments"], [])
        self.assertEqual([each["name"] for each in calls["tlb_set"]["arguments"]],
                         ["table", "slot", "frames", "entry", "flush"])
        self.assertIn("RIGHTS", calls["tlb_set"]["errors"])
        self.assertTrue(calls["tlb_set"]["sentence"].endswith("A and D bits"))
        errors = {row["name"] for row in abi.table("errors")}
        for row in calls.values():
            self.assertLessEqual(set(row["errors"]), errors, row["name"])

    def test_the_verb_prints_all_lists(self):
        found = bindery("abi", "--json").json()
        self.assertEqual(set(found), {"schema", "calls", "upcalls", "events", "errors"})


class Link(unittest.TestCase):
    def test_missing_services_make_a_sentence(self):
        self.assertEqual(link.sentence("sort", "dos", ["fsync"], ["unix"]),
                         "sort needs the service fsync, which the library OS dos does not provide (unix does)")
        self.assertEqual(link.sentence("a", "dos", ["x", "y", "z"], []),
                         "a needs the services x, y and z, which the library OS dos does not provide")


@dataclass
class FakeCell:
    weight: int

    def cost(self):
        return self.weight


class Cells(unittest.TestCase):
    def test_cells_are_shared_out_evenly_and_none_is_lost(self):
        made = [FakeCell(weight) for weight in (9, 1, 1, 1, 8, 2, 7, 3)]
        with mock.patch.object(cells.Cell, "cost", FakeCell.cost):
            shares = cells.batches(made, 2)
        self.assertEqual(sorted(id(cell) for share in shares for cell in share), sorted(id(cell) for cell in made))
        loads = [sum(cell.weight for cell in share) for share in shares]
        self.assertEqual(loads, [16, 16])

    def test_of_many_shares_the_last_ones_are_shorter(self):
        with mock.patch.object(cells.Cell, "cost", FakeCell.cost):
            shares = cells.batches([FakeCell(1) for _ in range(850)], 10)
            self.assertEqual([len(share) for share in shares], [100] * 7 + [75, 50, 25])
            self.assertEqual(cells.boots([FakeCell(cells.BOOT_COST) for _ in range(9)], 2), 10)

    def test_there_are_never_more_shares_than_cells(self):
        with mock.patch.object(cells.Cell, "cost", FakeCell.cost):
            self.assertEqual(len(cells.batches([FakeCell(1)], 8)), 1)


class Figure(unittest.TestCase):
    ROWS = [{"workload": work, "policy": policy, "frames": frames, "faults": 1000 // frames * factor,
             "opt_faults": 800 // frames}
            for work in ("matmul", "bfs") for policy, factor in (("fifo", 2), ("clock1", 1)) for frames in (10, 20)]

    def test_it_is_drawn_in_both_forms_with_its_command(self):
        made = dots.draw(self.ROWS, "./bindery compare --policy fifo,clock1")
        self.assertTrue(made["png"].startswith(b"\x89PNG"))
        self.assertIn(b"<svg", made["svg"])

    def test_every_policy_has_its_line_the_best_one_above(self):
        pyplot = plot.pyplot()
        with mock.patch.object(pyplot, "close"):
            dots.draw(self.ROWS, "c")
        self.addCleanup(pyplot.close, "all")
        axes = pyplot.figure(pyplot.get_fignums()[-1]).axes
        self.assertEqual([axis.get_title(loc="left") for axis in axes], ["matmul", "bfs"])
        names = [label.get_text() for label in axes[0].get_yticklabels()]
        self.assertEqual(names, ["clock1", "fifo"])
        top, bottom = axes[0].get_ylim()[::-1]
        self.assertLess(top, bottom)
        seen = {line.get_ydata()[0]: line.get_xdata()[0] for line in axes[0].lines if line.get_marker() == "o"}
        self.assertAlmostEqual(seen[0], 1.25)  # 50 faults, and OPT has 40
        self.assertAlmostEqual(seen[1], 2.5)

    def test_what_is_far_out_is_a_number(self):
        rows = [dict(row, faults=row["faults"] * 1000) for row in self.ROWS if row["policy"] == "fifo"] + self.ROWS[2:4]
        text = dots.draw(rows, "c")["svg"].decode()
        self.assertIn("to 2,500 ▸", text)

    def test_the_legend_of_many_policies_is_within_the_figure(self):
        pyplot = plot.pyplot()
        figure, axis = pyplot.subplots(figsize=(5, 4))
        self.addCleanup(pyplot.close, figure)
        handles = {f"policy_{number}": axis.plot([0], [0])[0] for number in range(30)}
        lines = plot.legend(figure, handles)
        box = figure.legends[-1].get_window_extent()
        self.assertEqual(len(figure.legends), 1)
        self.assertGreaterEqual(box.x0, 0)
        self.assertLessEqual(box.x1, figure.bbox.width)
        self.assertGreater(lines, 30 // plot.PER_LINE)

    def test_the_same_rows_give_the_same_figure(self):
        self.assertEqual(dots.draw(self.ROWS, "c"), dots.draw(self.ROWS, "c"))


class Ranking(unittest.TestCase):
    def test_means_are_geometric_and_the_lowest_is_first(self):
        rows = [{"workload": work, "policy": policy, "faults": faults, "opt_faults": 10}
                for work, policy, faults in (("a", "fifo", 20), ("b", "fifo", 80), ("a", "lru", 10), ("b", "lru", 90))]
        self.assertEqual({name: round(mean, 6) for name, mean in ranking.means(rows).items()}, {"lru": 3, "fifo": 4})
        self.assertEqual(list(ranking.means(rows)), ["lru", "fifo"])
        self.assertEqual([(each["policy"], each["a"], round(each["b"], 6)) for each in ranking.by_workload(rows)],
                         [("lru", 1, 9), ("fifo", 2, 8)])


class Policies(unittest.TestCase):
    def test_the_default_ones_are_one_of_each_kind(self):
        names = registry.policies_of(["default"])
        self.assertEqual((len(names), set(names) - set(registry.policies())), (20, set()))
        stems = [re.match("[a-z]+[0-9]?", name)[0].rstrip("01") for name in names]
        self.assertEqual(len(set(stems)), len(stems), stems)

    def test_sets_and_names_are_joined_without_repetition(self):
        self.assertEqual(registry.policies_of(["lifo", "default", "fifo"]), ["lifo", *registry.DEFAULT_POLICIES])
        self.assertEqual(registry.policies_of(["opt", "all"])[0], "opt")
        with self.assertRaisesRegex(Usage, "did you mean “default”"):
            registry.policies_of(["defualt"])


class Recording(unittest.TestCase):
    def test_words_are_lines_of_a_trace(self):
        self.assertEqual(recording.text_of(struct.pack("<4I", 12 << 3, 13 << 3 | 4 | 2, 13 << 3 | 1, 12 << 3)),
                         "12 R\n+13 M\n13 W\n12 R\n")


class Doctor(unittest.TestCase):
    def test_every_package_is_examined(self):
        rows = doctor.tools()
        self.assertEqual([row["name"] for row in rows], [need.package for need in packages.needs()])
        for row in rows:
            self.assertTrue(row["ok"] or row["get"], row)

    def test_something_missing_is_exit_3_with_a_way_to_get_it(self):
        for why, status in (("nothing", 3), ("tests-nothing", 0)):
            absent = packages.Need("no-such-package", ["no-such-command"], why)
            with mock.patch("tools.packages.needs", lambda: [absent]), mock.patch("builtins.print") as said:
                self.assertEqual(doctor.run(), status)
            self.assertIn("no-such-package", "\n".join(str(call.args) for call in said.call_args_list))

    def test_kvm_is_never_claimed_unprobed(self):
        answer = bindery("doctor", "--json").json()["acceleration"]
        self.assertEqual(answer["accelerator"], "tcg")
        self.assertIn(answer["kvm"], ("absent", "denied", "unprobed", "fails", "works"))
        if not Path("/dev/kvm").exists():
            self.assertEqual(answer["kvm"], "absent")

    def test_versions_compare_as_numbers(self):
        self.assertTrue(packages.at_least("7.10", "7.2"))
        self.assertTrue(packages.at_least("7.2.22", "7.2"))
        self.assertFalse(packages.at_least("6.9", "7.2"))
