# SPDX-License-Identifier: MIT
"""The page about a comparison: its arithmetic, and the page itself in Chromium without a window or a network."""

import re
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

import numpy

from tests.cli import browser
from tests.cli.command import bindery, is_built
from tools import latency
from tools.report import page, replay
from tools.report.svg import Chart, Scale

ROW = {"workload": "w<1>", "policy": "fifo", "frames": 3, "seed": 1, "references": 12, "faults": 9, "writebacks": 0,
       "reads": 9, "policy_instructions_per_fault": None, "ratio_to_opt": 1.2857, "source": "simulated", "cell": "c",
       "git": None, "modified": None, "build": "b", "clang": "19", "qemu": "7.2", "bindery": "0.1.0"}

RUNS = tuple(f"{what}, loop, {frames} frames" for what in ("Faults of real runs over time", "Instructions of a fault")
             for frames in (4, 100, 150))


@unittest.skipUnless(is_built(), "needs a built system")
class Faults(unittest.TestCase):
    def test_faults_are_where_a_page_comes_into_memory(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "t.txt"
            path.write_text("1\n2\n3\n4\n1\n2\n5\n1\n2\n3\n4\n5\n")
            subject = SimpleNamespace(trace=SimpleNamespace(path=path))
            fifo = replay.faults(subject, "fifo", 3, 1)  # Belady's own table
            self.assertEqual(fifo.tolist(), [0, 1, 2, 3, 4, 5, 6, 9, 10])
            path.write_text("1\n2\n1\n1\n1\n3\n2\n")  # 3 comes 4 references after 2: what was not used since goes
            self.assertEqual(replay.faults(subject, "pff", 3, 1).tolist(), [0, 1, 5])
            path.write_text("1\n2\n3\n3\n3\n3\n4\n2\n")  # and here that is all but 3
            self.assertEqual(replay.faults(subject, "pff", 4, 1).tolist(), [0, 1, 2, 6, 7])


class Arithmetic(unittest.TestCase):
    def test_rates_are_per_thousand_and_cover_the_string(self):
        self.assertEqual(replay.rate(numpy.array([0, 1, 2, 9]), 10, 2), [(0, 600.0), (5, 200.0), (10, 200.0)])

    def test_density_counts_each_position_once(self):
        ranked, pages = replay.ranks(numpy.array([70, 5, 70, 900]))
        counts = replay.density(ranked, pages, [0, 1, 2, 3], 2, 3)
        self.assertEqual((pages, counts.tolist()), (3, [[1, 0], [1, 1], [0, 1]]))

    def test_levels_rise_with_the_counts_and_none_is_level_0(self):
        levels, least = replay.levels(numpy.array([[0, 1, 10, 1000]]), 7)
        self.assertEqual((levels[0][0], levels[0][1], levels[0][3]), (0, 1, len(least)))
        self.assertEqual(sorted(least), least)
        self.assertEqual(levels[0], sorted(levels[0]))

    def test_axes_end_at_round_numbers_around_the_values(self):
        for low, high, ends in ((0, 0.83, (0, 1)), (0, 1810, (0, 2000)), (0, 0, (0, 1)), (0, 12, (0, 15))):
            scale = Scale(low, high)
            self.assertEqual((scale.low, scale.high), ends)
            self.assertEqual((scale.ticks[0], scale.ticks[-1]), ends)
        scale = Scale(700, 1802, log=True)
        self.assertEqual(scale.ticks, [100, 1000, 10000])
        self.assertAlmostEqual(scale.share(1000), 0.5)

    def test_quantiles_are_those_of_the_faults_in_their_order(self):
        histogram = [[8, 1], [9, 4], [640, 4], [704, 1]]
        shares = (1, 10, 11, 50, 51, 90, 91, 100)
        self.assertEqual([latency.quantile(histogram, share) for share in shares], [8, 8, 9, 9, 640, 640, 704, 704])

    def test_regions_are_joined_by_the_longest_interval(self):
        self.assertEqual(latency.joined([(1024, [1, 2, 3, 0, 5]), (4096, [10, 0, 7])]),
                         {"interval": 4096, "faults": [16, 5, 7]})

    def test_steps_are_drawn_to_where_the_next_one_begins(self):
        chart = Chart("t", "d", Scale(0, 10), Scale(0, 10), "x", "y")
        before = len(chart.parts)
        chart.steps([(0, 5), (5, 5), (10, 0)], 0, "s")
        left, middle, right = chart.at_x(0), chart.at_x(5), chart.at_x(10)
        path = f"M{left} {chart.at_y(5)}H{middle}H{right}V{chart.at_y(0)}"
        self.assertIn(f'class="line" d="{path}"', chart.parts[before])

    def test_names_cannot_break_the_page_and_what_is_missing_is_said(self):
        head = {key: ROW[key] for key in ("git", "modified", "build", "clang", "qemu", "bindery")} | {"cells": 3}
        text = page.document([ROW], head, "./bindery compare --trace '<b>'", [])
        self.assertNotIn("<1>", text)
        self.assertNotIn("<b>", text)
        self.assertIn("2 of the 3 cells have no result", text)


@unittest.skipUnless(is_built(), "needs a built system")
@unittest.skipUnless(browser.COMMAND, "needs Chromium to open the page: apt-get install chromium-headless-shell")
class Page(unittest.TestCase):
    """One page, made from real runs and opened once."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        place = Path(folder.name)
        result = bindery("compare", "--workload", "anomaly,loop", "--policy", "fifo,clock1,lru,opt", "--frames",
                         "4,100,150", "--json", "--no-plot", "-o", str(place / "data"), "--report", str(place / "page"))
        if result.status != 0:
            raise RuntimeError(result.err)
        cls.rows = result.json()["rows"]
        cls.files = list((place / "page").iterdir())
        cls.text = cls.files[0].read_text()
        cls.browser = cls.enterClassContext(browser.Browser())
        cls.browser.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1,
                         uploadThroughput=-1)
        cls.browser.open(cls.files[0])

    def column(self, number):
        """The values of a column of the table, from top to bottom."""
        return self.browser.value(f"[...document.querySelectorAll('#results tbody tr')]"
                                  f".map(row => row.cells[{number}].dataset.value)")

    def events(self, method):
        """What is known of the events of a kind while the page is opened and used once more."""
        before = len(self.browser.of(method))
        self.browser.open(self.files[0])
        self.browser.press("#results th button")
        return self.browser.of(method)[before:]

    def test_it_is_one_file_that_asks_for_nothing_else(self):
        self.assertEqual([path.name for path in self.files], ["index.html"])
        asked = {each["request"]["url"] for each in self.events("Network.requestWillBeSent")}
        self.assertEqual(asked, {self.files[0].resolve().as_uri()})
        self.assertNotRegex(self.text, r'\b(src|href)="|@import|url\(')

    def test_nothing_in_it_fails(self):
        self.assertEqual(self.events("Runtime.exceptionThrown"), [])
        self.assertEqual([each["entry"]["text"] for each in self.events("Log.entryAdded")], [])

    def test_a_script_that_is_not_its_own_does_not_run(self):
        self.browser.value("document.body.append(Object.assign(document.createElement('script'), "
                           "{textContent: 'window.foreign = 1'}))")
        self.assertIsNone(self.browser.value("window.foreign"))

    def test_a_press_on_a_heading_sorts_and_another_turns_it_round(self):
        names = list(page.COLUMNS)
        for key in ("faults", "policy"):
            number = names.index(key)
            heading = f"#results th:nth-child({number + 1})"
            kind = str if key in page.WORDS else float
            wanted = sorted(kind(row[key]) for row in self.rows)
            for direction, order in (("ascending", wanted), ("descending", wanted[::-1])):
                self.browser.press(f"{heading} button")
                self.assertEqual([kind(value) for value in self.column(number)], order)
                said = self.browser.value(f"document.querySelector('{heading}').getAttribute('aria-sort')")
                self.assertEqual(said, direction)
        self.assertEqual(self.browser.value("document.querySelectorAll('[aria-sort]').length"), 1)

    def test_the_keyboard_sorts_too_and_empty_cells_come_last(self):
        number = list(page.COLUMNS).index("policy_instructions_per_fault")
        known = sorted(row["policy_instructions_per_fault"] for row in self.rows
                       if row["policy_instructions_per_fault"] is not None)
        self.assertLess(len(known), len(self.rows))
        self.browser.value(f"document.querySelector('#results th:nth-child({number + 1}) button').focus()")
        for order in (known, known[::-1]):
            self.browser.key("Enter", "\r")
            values = self.column(number)
            self.assertEqual([float(value) for value in values[:len(known)]], order)
            self.assertEqual(set(values[len(known):]), {""})

    def test_rows_stay_whole_when_they_are_sorted(self):
        names = list(page.COLUMNS)
        shown = {tuple(row) for row in zip(*(self.column(names.index(key)) for key in
                                             ("workload", "policy", "frames", "faults")))}
        self.assertEqual(shown, {(row["workload"], row["policy"], str(row["frames"]), str(row["faults"]))
                                 for row in self.rows})

    def test_no_line_is_below_the_optimum(self):
        charts = self.browser.value("""[...document.querySelectorAll('svg[role=img]')]
            .filter(svg => svg.querySelector('title').textContent.startsWith('Miss ratio of'))
            .map(svg => Object.fromEntries([...svg.querySelectorAll('g[data-series]')]
                .map(g => [g.dataset.series, g.querySelector('.line,.floor').getAttribute('d')])))""")
        self.assertEqual(len(charts), 2)
        for chart in charts:
            self.assertEqual(set(chart), {"opt", "fifo", "clock1", "lru"})
            points = {name: dict(re.findall(r"[ML]([\d.]+) ([\d.]+)", path)) for name, path in chart.items()}
            self.assertEqual({len(each) for each in points.values()}, {3})
            for name, line in points.items():
                for x, y in line.items():
                    self.assertLessEqual(float(y), float(points["opt"][x]), name)

    def test_every_figure_has_a_title_a_description_and_something_drawn(self):
        self.browser.value("document.querySelectorAll('details').forEach(each => each.open = true)")
        figures = self.browser.value("""[...document.querySelectorAll('svg[role=img]')].map(svg => ({
            title: svg.querySelector('title').textContent, said: svg.querySelector('desc').textContent,
            labelled: svg.getAttribute('aria-labelledby').split(' ').every(id => document.getElementById(id)),
            drawn: [...svg.querySelectorAll('.line,.floor,[class^=h]')].some(each => each.getBBox().width > 1),
            broken: /NaN|inf|None/.test(svg.innerHTML)}))""")
        titles = [each["title"] for each in figures]
        for start in ("Miss ratio of loop", "Write-backs of loop", "Fault rate of loop over its references", *RUNS,
                      "Pages and time: references, loop", "Pages and time: faults of fifo, loop"):
            self.assertTrue(any(title.startswith(start) for title in titles), start)
        for each in figures:
            self.assertTrue(each["said"] and each["labelled"] and each["drawn"] and not each["broken"], each)

    def test_every_real_run_is_drawn_and_its_block_opens_when_it_is_pressed(self):
        opened = """[...document.querySelectorAll('details')].map(each => each.open)"""
        self.assertEqual(self.browser.value("document.querySelectorAll('details').length"), 6)  # 2 workloads × 3 sizes
        self.browser.open(self.files[0])
        self.assertEqual(self.browser.value(opened), [False, True, False] * 2)
        self.browser.press("details summary")
        self.assertEqual(self.browser.value(opened)[0], True)
        shown = self.browser.value("""[...document.querySelectorAll('details')].map(each => {
            each.open = true; return [...each.querySelectorAll('svg[role=img]')].map(svg =>
                [...svg.querySelectorAll('g[data-series]')].filter(g => g.getBBox().width > 1)
                    .map(g => g.dataset.series)); })""")
        # The future is known to the machine in a replayed trace, and in no other program.
        four, three = ["fifo", "clock1", "lru", "opt"], ["fifo", "clock1", "lru"]
        self.assertEqual(shown, [[four, four]] * 3 + [[three, three]] * 3)
        counts = self.browser.value("""[...document.querySelectorAll('details tbody tr')].map(row =>
            Number(row.cells[1].textContent.replace(',', '')))""")
        self.assertEqual(counts, [row["faults"] for name in ("anomaly", "loop") for frames in (4, 100, 150)
                                  for row in self.rows if row["source"] == "real" and row["workload"] == name
                                  and row["frames"] == frames])

    def test_a_section_without_data_says_why(self):
        said = self.browser.value("[...document.querySelectorAll('.empty')].map(each => each.textContent)")
        self.assertEqual(said, ["No page of this workload was dirty when it was evicted, so there are no write-backs "
                                "to draw."])

    def test_light_and_dark_can_both_be_read(self):
        papers = set()
        for scheme in ("light", "dark"):
            self.browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme",
                                                                       "value": scheme}])
            paper = self.colour("document.body", "backgroundColor")
            papers.add(paper)
            texts = {"text": self.colour("document.body", "color")}
            texts |= {name: self.colour(f"document.querySelector('{name}')", "color")
                      for name in ("caption", "figcaption")}
            for name, colour in texts.items():
                self.assertGreaterEqual(contrast(colour, paper), 4.5, f"{name}, {scheme}")
            for number in range(10):
                line = self.browser.value(f"""(() => {{ const each = document.createElement('p');
                    each.className = 'c{number}'; document.body.append(each);
                    const found = getComputedStyle(each).color; each.remove(); return found; }})()""")
                self.assertGreaterEqual(contrast(rgb(line), paper), 3, f"line {number}, {scheme}")
        self.assertEqual(len(papers), 2)

    def colour(self, element, name):
        return rgb(self.browser.value(f"getComputedStyle({element}).{name}"))


def rgb(text):
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def contrast(one, other):
    """WCAG 2.1: the ratio of the relative luminances of two colours."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour):
    parts = [value / 255 for value in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
