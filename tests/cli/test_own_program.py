# SPDX-License-Identifier: MIT
"""`compare … -- PROGRAM`: policies compared on a Linux program of the user's."""

import csv
import io
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.cli.command import is_built
from tests.cli.test_programs import executable
from tools import own_program, paths
from tools.errors import Timeout

COUNTS = ("faults", "misses", "evictions", "writes", "moved")


@unittest.skipUnless(is_built(), "needs a built system")
class OwnProgram(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = Path(folder.name)
        shutil.copy(executable("busybox"), self.place)
        (self.place / "words").write_text("".join(f"{n * 7919 % 10007} of some words\n" for n in range(10007)))

    def compare(self, *words):
        environment = os.environ | {"BINDERY_BUILD": str(paths.BUILD), "BINDERY_BUILT": "1"}
        return subprocess.run([paths.ROOT / "bindery", "compare", *words], cwd=self.place, env=environment, timeout=600,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def rows(self, *words):
        done = self.compare("--csv", "-o", "out", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return list(csv.DictReader(io.StringIO(done.stdout)))

    def test_each_policy_has_a_row_for_each_number_of_frames(self):
        command = ("--policy", "fifo,clock1", "--frames", "30%,60%", "--", "./busybox", "sort", "-n", "words")
        rows = self.rows(*command)
        self.assertEqual([row["policy"] for row in rows], ["fifo", "clock1"] * 2)
        few, many = rows[0]["frames"], rows[2]["frames"]
        self.assertAlmostEqual(int(few) * 2, int(many), delta=1)
        self.assertEqual([row["frames"] for row in rows], [few, few, many, many])
        for row in rows:
            self.assertEqual((row["program"], row["end"], row["status"], row["same_output"]),
                             ("busybox", "exit", "0", "True"))
            self.assertEqual(int(row["moved"]), sum(int(row[key]) for key in ("reads", "rescues", "writes")))
            self.assertGreater(int(row["evictions"]), 0, "it was paged")
        for pair in (rows[:2], rows[2:]):
            least = min(int(row["moved"]) for row in pair)
            for row in pair:
                self.assertAlmostEqual(float(row["ratio"]), int(row["moved"]) / least, places=2)
        self.assertGreater(int(rows[1]["moved"]), int(rows[3]["moved"]), "more frames help")
        self.assertEqual(sorted(path.name for path in (self.place / "out").iterdir()),
                         ["compare.csv", "compare.json", "compare.png", "compare.svg"])
        self.assertEqual(json.loads((self.place / "out/compare.json").read_text())["rows"][3]["policy"], "clock1")
        again = self.rows("--policy", "fifo", "--frames", few, "--no-plot", "--", *command[5:])
        self.assertEqual([again[0][key] for key in COUNTS], [rows[0][key] for key in COUNTS])

    def test_what_ends_badly_is_named_and_the_others_are_kept(self):
        (self.place / "script").write_text("[ $(wc -c </proc/self/statm) -gt 0 ] && "
                                           "read _ total rest </proc/meminfo && [ $total -gt 500 ] || kill -9 $$\n")
        done = self.compare("--policy", "fifo", "--frames", "100,400", "-o", "out", "--", "./busybox", "sh", "script")
        self.assertIn("with fifo in 100 frames the program printed something else, or ended otherwise", done.stderr)
        self.assertNotIn("400 frames the program", done.stderr)

    def test_a_cell_that_takes_too_long_is_named_and_the_others_are_kept(self):
        def measured(_, policy, frames, limit):
            if policy == "clock1":
                raise Timeout(f"program was stopped: it ran longer than {limit} s")
            counts = dict.fromkeys((*own_program.COUNTS, "moved"), 7)
            return counts | {"policy": policy, "frames": frames, "peak": 100, "end": "exit", "status": 0, "output": b"",
                             "sentence": ""}

        with mock.patch.object(own_program, "_measured", measured):
            rows, failures = own_program.measure(own_program.Subject(("program",)), ["fifo", "clock1"], [0.5], 1, 5)
        self.assertEqual([(row["policy"], row["frames"], row["ratio"]) for row in rows], [("fifo", 50, 1)])
        self.assertEqual(failures, ["clock1 in 50 frames: program was stopped: it ran longer than 5 s"])

    def test_refusals(self):
        program = ("--", "./busybox", "true")
        for words, said in ((("--policy", "opt", *program), "opt needs to see every reference"),
                            (("--workload", "loop", *program), "--workload does not go with a program"),
                            (("--resume", *program), "--resume does not go with a program"),
                            (("--frames", "3", *program), "3 frames are too few; programs need 16"),
                            (("--root", "none", *program), "there is no folder none"),
                            (("--root", "."), "no program is named; expected: … -- PROGRAM ARGUMENTS"),
                            (("--", "./busybox", "no-such-applet"), "ended with status 127")):
            with self.subTest(words):
                done = self.compare("-o", "out", "-q", *words)
                self.assertIn(said, done.stderr)
                self.assertEqual((done.stdout, len(done.stderr.splitlines())), ("", 1), done.stderr)
                self.assertIn(done.returncode, (1, 2, 3))
                self.assertFalse((self.place / "out").exists())
