# SPDX-License-Identifier: MIT
"""The eight steps: events become a trace that viewers accept and a listing that adds up."""

import unittest

from tools import steps


def events(fault, times, page=7):
    return [{"event": "step", "job": 0, "fault": fault, "step": step, "time": time, "page": page}
            for step, time in times.items()]


EVENTS = (events(1, {1: 1000, 2: 1010, 3: 1100, 4: 1130, 5: 1150, 6: 1900, 7: 1950, 8: 2000})
          + events(2, {1: 5000, 2: 5010, 3: 5100, 7: 5150, 8: 5200}, page=9))


class Steps(unittest.TestCase):
    def setUp(self):
        self.found = steps.faults(EVENTS)
        self.trace = steps.chrome_trace(self.found, "app", "command")

    def test_steps_are_grouped_by_fault_in_order_of_time(self):
        self.assertEqual(list(self.found), [1, 2])
        self.assertEqual([step for step, _, _ in self.found[2]], [1, 2, 3, 7, 8])
        self.assertEqual(steps.faults(list(reversed(EVENTS))), self.found)

    def test_begin_and_end_nest(self):
        depth = 0
        for event in self.trace["traceEvents"]:
            depth += {"B": 1, "E": -1}.get(event["ph"], 0)
            self.assertIn(depth, (0, 1))
        self.assertEqual(depth, 0)

    def test_durations_fill_the_fault(self):
        spans = [event for event in self.trace["traceEvents"] if event["ph"] == "X" and event["args"]["fault"] == 1]
        self.assertEqual([event["name"] for event in spans], [f"fault.{step}" for step in range(1, 9)])
        self.assertEqual(sum(event["args"]["instructions"] for event in spans), 1000)
        for before, after in zip(spans, spans[1:]):
            self.assertAlmostEqual(before["ts"] + before["dur"], after["ts"])

    def test_times_begin_at_zero(self):
        self.assertEqual(min(event["ts"] for event in self.trace["traceEvents"] if "ts" in event), 0)

    def test_the_listing_counts_each_step(self):
        lines = steps.listing(self.found).splitlines()
        rows = {line.split()[0]: line for line in lines[3:]}
        self.assertRegex(rows["1"], r"kernel +2 +10 +10 +10 ")
        self.assertRegex(rows["4"], r"library OS +1 +20 +20 +20 ")
        self.assertRegex(rows["8"], r"library OS +2 +– +– +– ")
        self.assertRegex(rows["whole"], r"2 +200 +600 +1,000 ")

    def test_the_example_has_all_steps(self):
        text = steps.example(self.found)
        self.assertIn("fault 1 on page 7", text)
        self.assertEqual(len(text.splitlines()), 3 + 8)
