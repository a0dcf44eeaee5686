# SPDX-License-Identifier: MIT
"""Comparisons as experiments: the matrix file, the journal, going on after an interruption, single cells, the sweep."""

import json
import os
import shutil
import signal
import subprocess
import time
import unittest
from dataclasses import dataclass

from tests.cli.command import bindery, is_built
from tests.cli.place import InFolder
from tools import journal, latency, matrix, paths, provenance
from tools.errors import Missing, Usage

KNOWN = {"git": "a" * 40, "modified": False, "build": "b", "clang": "19", "qemu": "7.2", "bindery": "0.1.0"}
SNAKEFILE = paths.ROOT / "tools" / "snakemake" / "Snakefile"
# Long enough to be interrupted in the middle: 24 cells on one machine at a time.
SLOW = """\
policy = ["fifo", "lifo", "clock1", "random_lcg", "lru", "opt"]
workload = "loop"
frames = [10, 60, 110, 160]
seed = 7
jobs = 1
plot = false
"""


def counted(rows):
    """The rows without the two measurements into which a disk interrupt may fall, which comes when the host says."""
    return [{key: value for key, value in row.items() if key not in latency.KEYS} for row in rows]


class Folder(InFolder):
    def matrix(self, text, name="it.toml"):
        path = self.place / name
        path.write_text(text)
        return path


class Matrix(Folder):
    def settle(self, text, **flags):
        return matrix.settle(matrix.load(self.matrix(text)), flags)

    def test_it_says_what_flags_would_say(self):
        chosen, (part,) = self.settle('policy = "fifo, lifo"\nworkload = ["bfs"]\nframes = ["50%", 7]\nseed = 3\n'
                                      'output = "there"\njobs = 2\ntimeout = 9.5\nplot = false\n')
        self.assertEqual((part.policies, part.workloads, part.sizes, part.seed),
                         (["fifo", "lifo"], ["bfs"], [0.5, 7], 3))
        self.assertEqual(chosen, {"output": "there", "report": None, "jobs": 2, "timeout": 9.5, "plot": False})

    def test_an_empty_one_is_the_default_comparison(self):
        self.assertEqual(self.settle(""), matrix.settle({}, {}))
        _, (part,) = self.settle("")
        self.assertEqual((part.workloads, part.sizes), (list(matrix.WORKLOADS), [0.25, 0.5, 0.75]))

    def test_parts_inherit_and_replace_one_choice_in_two_keys_as_one(self):
        _, parts = self.settle('policy = "fifo"\nframes = 5\nworkload = "bfs"\n[[part]]\n[[part]]\nmemory = "1M"\n'
                               'trace = "t.txt"\n')
        self.assertEqual([(part.workloads, part.sizes) for part in parts], [(["bfs"], [5]), ([], [256])])
        self.assertEqual(parts[1].traces, [str(self.place / "t.txt")])

    def test_flags_take_the_place_of_keys_in_every_part(self):
        chosen, parts = self.settle('jobs = 4\n[[part]]\nframes = 5\npolicy = "fifo"\n[[part]]\nmemory = "1M"\n',
                                    policy=["opt"], frames=["9"], jobs=1, trace=[])
        self.assertEqual([(part.policies, part.sizes) for part in parts], [(["opt"], [9])] * 2)
        self.assertEqual(chosen["jobs"], 1)

    def test_wrong_ones_get_one_sentence(self):
        for text, said in (('polcy = "fifo"', "did you mean “policy”?"),
                           ("[[part]]\nframs = 1", "did you mean “frames”?"), ("[[part]]\njobs = 1", "unknown key"),
                           ("policy = fifo", "not TOML: Invalid value (at line 1"),
                           ("frames = 1.5", "“frames” is a text, a number or a list"), ("policy = []", "not empty"),
                           ("seed = -1", "“seed” is a number from 0 on, not -1"), ("seed = true", "“seed” is a number"),
                           ("jobs = 0", "from 1 to 64"), ("plot = 1", "true or false"), ("part = 3", "[[part]]"),
                           ('frames = 1\nmemory = "1M"', "give one of them"), ("timeout = 0", "a number of seconds")):
            with self.subTest(text), self.assertRaises(Usage) as caught:
                self.settle(text)
            self.assertIn(said, str(caught.exception))
        with self.assertRaisesRegex(Missing, "there is no matrix file no/such.toml"):
            matrix.load("no/such.toml")


@dataclass
class FakeCell:
    name: str
    frames: int = 3

    def identity(self):
        return {"cell": self.name, "frames": self.frames}

    def row(self, faults=1):
        return self.identity() | {"faults": faults}


class Journals(Folder):
    def setUp(self):
        super().setUp()
        self.cells = [FakeCell("a"), FakeCell("b"), FakeCell("c")]
        self.path = self.place / journal.NAME

    def journal(self, cells=None, **known):
        return journal.Journal(self.place, journal.header(cells or self.cells, KNOWN | known, "command"))

    def begun(self, *rows):
        book = self.journal()
        book.begin()
        for row in rows:
            book.add(row)
        return book

    def test_rows_come_back(self):
        self.begun(self.cells[0].row(), self.cells[2].row(5))
        book = self.journal()
        book.resume(self.cells)
        self.assertEqual(book.rows, {"a": self.cells[0].row(), "c": self.cells[2].row(5)})

    def test_a_line_that_was_cut_off_is_dropped_and_the_next_one_is_whole(self):
        self.begun(self.cells[0].row())
        whole = self.path.read_bytes()
        for length in (1, 20):
            self.path.write_bytes(whole + whole.splitlines(keepends=True)[1][:length])
            book = self.journal()
            book.resume(self.cells)
            self.assertEqual(list(book.rows), ["a"])
            book.add(self.cells[1].row())
            again = self.journal()
            again.resume(self.cells)
            self.assertEqual(list(again.rows), ["a", "b"])

    def test_what_has_changed_is_said_and_refused(self):
        self.begun(self.cells[0].row())
        for said, book in (("git commit aaaaaaaaaaaa then, cccccccccccc now", self.journal(git="c" * 40)),
                           ("modified source no then, yes now", self.journal(modified=True)),
                           ("QEMU 7.2 then, 8.0 now", self.journal(qemu="8.0")),
                           ("another matrix (3 cells then, 2 now)", self.journal(self.cells[:2]))):
            with self.subTest(said), self.assertRaises(Usage) as caught:
                book.resume(self.cells)
            self.assertIn(said, str(caught.exception))
            self.assertIn("--even-if-changed", str(caught.exception))

    def test_even_if_changed_keeps_the_cells_that_are_still_the_same(self):
        self.begun(self.cells[0].row(), self.cells[1].row())
        cells = [FakeCell("a"), FakeCell("b", frames=4), FakeCell("d")]
        book = self.journal(cells, git="c" * 40)
        book.resume(cells, changed_is_fine=True)
        self.assertEqual(list(book.rows), ["a"])
        self.journal(cells, git="c" * 40).resume(cells)

    def test_single_cells_are_taken_over(self):
        self.journal().write_single(self.cells[1].row(8))
        book = self.journal()
        book.resume(self.cells)
        self.assertEqual(book.rows, {"b": self.cells[1].row(8)})
        self.path.unlink()
        with self.assertRaisesRegex(Usage, "cells/b.jsonl was begun with something else"):
            self.journal(clang="20").resume(self.cells)

    def test_an_interrupted_one_is_not_overwritten(self):
        self.begun(self.cells[0].row())
        self.assertTrue(self.journal().begin())
        self.assertIn('"cell": "a"', (self.place / journal.KEPT).read_text())
        self.begun(*(cell.row() for cell in self.cells))
        self.assertFalse(self.journal().begin())

    def test_nothing_to_resume_and_lines_of_another_kind_are_said(self):
        with self.assertRaisesRegex(Usage, "holds no comparison to go on with"):
            self.journal().resume(self.cells)
        self.begun()
        for line in ("word", "[]", '{"kind": "row"}', '{"kind": "other", "cell": "a"}'):
            self.path.write_text(self.path.read_text().split("\n")[0] + f"\n{line}\n")
            with self.subTest(line), self.assertRaisesRegex(Usage, "compare.jsonl:2: this is no line"):
                self.journal().resume(self.cells)


@unittest.skipUnless(is_built(), "needs a built system")
class Experiments(Folder):
    def succeeds(self, *words):
        result = bindery(*words)
        self.assertEqual(result.status, 0, result.err)
        return result

    def interrupted(self, file, folder, number):
        """Starts a comparison and ends it by a signal in the middle. Returns the names of the cells that it kept."""
        variables = os.environ | {"BINDERY_BUILD": str(paths.BUILD), "BINDERY_BUILT": "1"}
        process = subprocess.Popen([paths.ROOT / "bindery", "compare", file, "-o", folder], env=variables,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True)
        path, end = folder / journal.NAME, time.monotonic() + 120
        while not (path.exists() and '"real"' in path.read_text()):
            self.assertIsNone(process.poll(), "it ended before it was interrupted")
            self.assertLess(time.monotonic(), end, "no cell has ended")
            time.sleep(0.01)
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, -number if number == signal.SIGKILL else 130, said)
        kept = [json.loads(line)["cell"] for line in path.read_text().split("\n")[1:-1]]
        self.assertLess(len(kept), 24, "it was not interrupted in the middle")
        self.assertFalse((folder / "compare.json").exists())
        if number == signal.SIGINT:
            self.assertIn(f"{len(kept)} of 24 cells are kept", said)
        return kept

    def test_an_interrupted_comparison_goes_on_and_ends_as_one_that_was_not(self):
        file = self.matrix(SLOW)
        whole = self.succeeds("compare", str(file), "--json", "-o", str(self.place / "whole"))
        rows = whole.json()["rows"]
        self.assertEqual(len(rows), 24)
        for number in (signal.SIGINT, signal.SIGKILL):
            with self.subTest(number):
                folder = self.place / number.name
                kept = self.interrupted(file, folder, number)
                before = (folder / journal.NAME).read_text().split("\n")[1:-1]
                resumed = self.succeeds("compare", str(file), "--resume", "--json", "-o", str(folder))
                self.assertIn(f"{len(kept)} of 24 cells are there already", resumed.err)
                self.assertEqual(counted(resumed.json()["rows"]), counted(rows))
                lines = (folder / journal.NAME).read_text().split("\n")[1:-1]
                self.assertEqual((lines[:len(before)], len(lines)), (before, 24))
                self.assertEqual((folder / "compare.csv").read_text(),
                                 (self.place / "whole" / "compare.csv").read_text())

    def test_cells_that_are_there_are_not_run_again(self):
        words = ("compare", "--workload", "anomaly", "--policy", "fifo,opt", "--frames", "3,4", "--no-plot", "--json",
                 "-o", str(self.place))
        self.succeeds(*words)
        path = self.place / journal.NAME
        lines = path.read_text().splitlines(keepends=True)
        marked = [line.replace('"checksum": "', '"checksum": "kept ') for line in lines]
        self.assertNotEqual(lines, marked)
        path.write_text("".join(marked[:-1]))
        rows = self.succeeds(*words, "--resume").json()["rows"]
        self.assertEqual(sum(row["checksum"].startswith("kept ") for row in rows), 3)

    def test_a_row_says_all_that_is_needed_to_repeat_it(self):
        words = ("compare", "--workload", "anomaly", "--policy", "random_lcg", "--frames", "3", "--no-plot", "-o",
                 str(self.place), "--seed", "5")
        row, = self.succeeds(*words, "--json").json()["rows"]
        known = provenance.known({"replay"})
        self.assertEqual({key: row[key] for key in known}, known)
        self.assertEqual((row["seed"], row["cell"], row["agrees"]), (5, "anomaly-random_lcg-3-seed5", True))
        self.assertRegex(row["clang"], r"^\d+\.")
        self.assertRegex(row["arguments"], r"^trace=\w+ pages=5$")
        head, _, _ = self.succeeds(*words, "--csv").out.partition("\n")
        for key in ("git", "modified", "build", "clang", "qemu", "bindery", "seed", "arguments", "string"):
            self.assertIn(key, head.split(","))

    def test_every_real_row_says_how_long_its_faults_took_and_when_they_were(self):
        rows = self.succeeds("compare", "--workload", "loop", "--policy", "fifo,esc,lru", "--frames", "20,150",
                             "--no-plot", "--json", "-o", str(self.place)).json()["rows"]
        for row in rows:
            with self.subTest(row["cell"]):
                if row["source"] == "simulated":
                    self.assertEqual([row[key] for key in latency.KEYS], [None, None])
                    continue
                histogram, timeline = row["latency"]["histogram"], row["timeline"]
                self.assertEqual(sum(faults for _, faults in histogram), row["faults"])
                self.assertEqual(sum(timeline["faults"]), row["faults"])
                self.assertGreater(len(timeline["faults"]), 40)  # the run's time, which it also fills
                self.assertLess(len(timeline["faults"]), 129)
                # One fault is a hundred instructions at least, and fewer than ten thousand besides its policy and
                # a scan of all frames: the wait for the disk, a hundred thousand, is not in it.
                self.assertGreater(histogram[0][0], 100)
                self.assertLess(row["latency"]["median"], 10_000)
                self.assertGreaterEqual(row["latency"]["p99"], row["latency"]["median"])
        median = {row["policy"]: row["latency"]["p90"] for row in rows if row["frames"] == 20 and row["latency"]}
        self.assertGreater(median["esc"], median["fifo"])  # it looks at all frames before it clears a bit

    def test_a_workload_can_be_an_application_with_other_arguments(self):
        sparse, row = self.succeeds("compare", "--workload", "bfs_sparse,bfs", "--policy", "fifo", "--frames", "90%",
                                    "--no-plot", "--json", "-o", str(self.place)).json()["rows"]
        self.assertEqual((sparse["workload"], row["workload"], sparse["agrees"]), ("bfs_sparse", "bfs", True))
        self.assertNotEqual(sparse["references"], row["references"])
        self.assertIn("degree=3", sparse["arguments"])

    def test_a_policy_that_hashes_page_numbers_runs_on_applications_and_on_traces(self):
        rows = self.succeeds("compare", "--workload", "zipfkv,textbook", "--policy", "wtinylfu", "--frames", "4",
                             "--no-plot", "--json", "-o", str(self.place)).json()["rows"]
        self.assertEqual([(row["workload"], row["source"]) for row in rows],
                         [("zipfkv", "real"), ("textbook", "real")])
        self.assertTrue(all(row["agrees"] for row in rows))

    def test_the_seed_reaches_the_machine(self):
        rows = [self.succeeds("compare", "--workload", "loop", "--policy", "random_lcg", "--frames", "150", "--no-plot",
                              "--json", "-o", str(self.place), "--seed", seed).json()["rows"][0] for seed in "12"]
        self.assertNotEqual(rows[0]["faults"], rows[1]["faults"])
        self.assertEqual([row["agrees"] for row in rows], [True, True])

    def test_single_cells_make_up_the_comparison(self):
        file = self.matrix('workload = "anomaly"\npolicy = "fifo,opt"\nframes = [3, 4]\nplot = false\n')
        names = [row["cell"] for row in self.succeeds("compare", str(file), "--list-cells", "--json").json()["rows"]]
        self.assertEqual(names, ["anomaly-fifo-3", "anomaly-fifo-4", "anomaly-opt-3", "anomaly-opt-4"])
        for name in names[:3]:
            row, = self.succeeds("compare", str(file), "--cell", name, "-o", str(self.place), "--json").json()["rows"]
            self.assertEqual(row["cell"], name)
        joined = self.succeeds("compare", str(file), "--resume", "-o", str(self.place), "--json")
        self.assertIn("3 of 4 cells are there already", joined.err)
        whole = self.succeeds("compare", str(file), "-o", str(self.place / "whole"), "--json")
        self.assertEqual(counted(joined.json()["rows"]), counted(whole.json()["rows"]))

    def test_the_matrices_of_the_documents_can_be_used(self):
        files = sorted((paths.ROOT / "doc" / "experiments").glob("*.toml"))
        self.assertIn("small.toml", [path.name for path in files])
        for path in files:
            with self.subTest(path.name):
                chosen, parts = matrix.settle(matrix.load(path), {})
                self.assertTrue(all(part.policies and part.sizes for part in parts))
        small = paths.ROOT / "doc" / "experiments" / "small.toml"
        rows = self.succeeds("compare", str(small), "--json", "--no-plot", "-o", str(self.place)).json()["rows"]
        fifo = {row["frames"]: row["faults"] for row in rows if row["cell"].startswith("anomaly-fifo")}
        self.assertEqual(fifo, {3: 9, 4: 10})  # Belady, Nelson, Shedler: An anomaly in space-time characteristics, 1969

    def test_bad_usage_is_one_sentence_and_leaves_nothing(self):
        file = self.matrix('policy = "fifo"\nworklod = "bfs"\n')
        folder = self.place / "out"
        for said, words in (("did you mean “workload”?", (str(file),)),
                            ("--even-if-changed goes with --resume", ("--even-if-changed",)),
                            ("--cell runs one cell", ("--cell", "x", "--resume")),
                            ("did you mean “anomaly-fifo-3”?", ("--workload", "anomaly", "--policy", "fifo", "--frames",
                                                                "3", "--cell", "anomaly-fif-3")),
                            ("a file is in its place", ("--report", str(file)))):
            with self.subTest(said):
                result = bindery("compare", *words, "-o", str(folder))
                self.assertEqual((result.status, result.out), (2, ""), result.err)
                self.assertIn(said, result.err)
                self.assertFalse(folder.exists())

    @unittest.skipUnless(shutil.which("snakemake"), "needs snakemake for the sweep: apt-get install snakemake")
    def test_a_sweep_by_snakemake_gives_the_same_table(self):
        file = self.matrix('workload = "anomaly"\npolicy = "fifo,opt"\nframes = 3\nplot = false\n')
        variables = os.environ | {"BINDERY_BUILD": str(paths.BUILD), "BINDERY_BUILT": "1", "HOME": str(self.place)}
        words = ["snakemake", "-s", SNAKEFILE, "--cores", "1", "--config", f"matrix={file}", "output=sweep"]
        bundles = ["--jobs", "9", "--groups", "cell=cells", "--group-components", "cells=50"]
        slurm = ["--slurm", "--default-resources", "slurm_account=a", "slurm_partition=p", *bundles]
        for more in (["-n"], ["-n", *slurm], ["-n", "--cluster", "sbatch", *bundles], []):
            ran = subprocess.run([*words, *more], cwd=self.place, env=variables, capture_output=True, text=True,
                                 timeout=240)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            self.assertEqual((self.place / "sweep").exists(), not more)
        self.assertEqual({path.name for path in (self.place / "sweep" / "cells").iterdir()},
                         {"anomaly-fifo-3.jsonl", "anomaly-opt-3.jsonl"})
        rows = json.loads((self.place / "sweep" / "compare.json").read_text())["rows"]
        whole = self.succeeds("compare", str(file), "-o", str(self.place / "whole"), "--json")
        self.assertEqual(counted(rows), counted(whole.json()["rows"]))
