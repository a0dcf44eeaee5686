# SPDX-License-Identifier: MIT
"""The verb `simulate` and the forms of trace files, as a user meets them."""

import csv
import io
import re
import struct
import subprocess
import unittest
import unittest.mock

from tests.cli.command import bindery, is_built
from tests.cli.place import InFolder
from tools import paths, simulator
from tools.errors import Missing, Usage

KEYS = {"workload", "policy", "frames", "references", "faults", "writebacks", "reads", "source"}


@unittest.skipUnless(is_built(), "needs a built system")
class Simulate(InFolder):
    def file(self, name, content):
        path = self.place / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def rows(self, *words):
        result = bindery("simulate", *words, "--json")
        self.assertEqual(result.status, 0, result.err)
        document = result.json()
        self.assertEqual(document["schema"], 1)
        return document["rows"]

    def refuses(self, status, text, *words):
        result = bindery("simulate", *words, "-o", str(self.place / "out"))
        self.assertEqual(result.status, status, result.err)
        self.assertIn(text, result.err)
        self.assertEqual(result.err.count("\n"), 1, result.err)
        self.assertEqual(result.out, "")
        self.assertFalse((self.place / "out").exists())

    def test_counts_are_those_of_the_textbooks(self):
        found = {(row["policy"], row["frames"]): row["faults"]
                 for row in self.rows("--trace", "textbook", "--policy", "fifo,lru,opt", "--frames", "3")}
        self.assertEqual(found, {("fifo", 3): 15, ("lru", 3): 12, ("opt", 3): 9})
        found = [row["faults"] for row in self.rows("--trace", "anomaly", "--policy", "fifo", "--frames", "3,4")]
        self.assertEqual(found, [9, 10])

    def test_lists_make_the_cross_product_in_their_order(self):
        rows = self.rows("--trace", "textbook,anomaly", "--policy", "lifo,fifo", "--frames", "4,3")
        self.assertEqual([(row["workload"], row["frames"], row["policy"]) for row in rows],
                         [(trace, frames, policy) for trace in ("textbook", "anomaly") for frames in (3, 4)
                          for policy in ("lifo", "fifo")])
        for row in rows:
            self.assertLessEqual(KEYS, set(row))
            self.assertEqual((row["source"], row["ratio_to_opt"]), ("simulated", None))

    def test_opt_among_the_policies_gives_the_ratio(self):
        rows = self.rows("--trace", "textbook", "--policy", "fifo,opt", "--frames", "3")
        self.assertEqual([(row["opt_faults"], row["ratio_to_opt"]) for row in rows], [(9, 1.6667), (9, 1.0)])

    def test_writes_and_reads_are_counted(self):
        path = self.file("w.txt", "1\n2 W\n3\n1\n2\n3\n1\n2\n")
        row, = self.rows("--trace", path, "--policy", "fifo", "--frames", "2", "--zero-filled")
        self.assertEqual((row["workload"], row["faults"], row["writebacks"], row["reads"]), ("w", 8, 1, 2))

    def test_shares_of_pages_and_memory_are_frames(self):
        path = self.file("p.txt", "".join(f"{page * 7919}\n" for page in range(64)) * 2)
        for words, frames in ((("--frames", "25%,50%"), [16, 32]), (("--memory", "64K"), [16])):
            rows = self.rows("--trace", path, "--policy", "fifo", *words)
            self.assertEqual([row["frames"] for row in rows], frames)

    def test_all_leaves_out_what_needs_more_frames(self):
        found = {row["policy"] for row in self.rows("--trace", "textbook", "--policy", "all", "--frames", "1")}
        self.assertIn("fifo", found)
        self.assertNotIn("clockpro", found)

    def test_the_papers_bits_are_there_for_the_asking(self):
        words = ("--trace", "dirtymix", "--policy", "sieve1", "--frames", "800")
        self.assertEqual(self.rows(*words)[0]["faults"], 31911)
        self.assertEqual(self.rows(*words, "--starts-clear")[0]["faults"], 26400)

    def test_csv_and_table_go_to_stdout_and_progress_to_stderr(self):
        words = ("--trace", "textbook", "--policy", "fifo", "--frames", "3")
        result = bindery("simulate", *words, "--csv")
        row, = csv.DictReader(io.StringIO(result.out))
        self.assertEqual((row["faults"], row["source"]), ("15", "simulated"))
        self.assertIn("simulating", result.err)
        self.assertRegex(bindery("simulate", *words).out, r"textbook +fifo +3 +20 +15")
        self.assertEqual(bindery("simulate", *words, "--quiet").err, "")

    def test_a_folder_gets_data_and_figure(self):
        out = self.place / "out"
        self.rows("--trace", "textbook", "--policy", "fifo,opt", "--frames", "3,4", "-o", str(out))
        self.assertEqual({path.name for path in out.iterdir()},
                         {"simulate.json", "simulate.csv", "simulate.png", "simulate.svg"})

    def test_names_that_are_none_bring_a_suggestion(self):
        self.refuses(2, "unknown policy “clok1”; did you mean “clock1”?", "--trace", "textbook", "--policy", "clok1")
        self.refuses(2, "unknown trace “zipf11”; did you mean “zipf10”?", "--trace", "zipf11")
        self.refuses(3, "cannot read the trace no/such: No such file", "--trace", "no/such")
        self.refuses(3, "cannot read the trace .: Is a directory", "--trace", ".")
        self.refuses(2, "a trace has no regions", "--trace", "textbook", "--policy", "heap=fifo@2,default=lifo")

    def test_too_few_frames_are_refused(self):
        self.refuses(2, "--frames 0: expected a number of frames", "--trace", "textbook", "--frames", "0")
        self.refuses(2, "clockpro needs at least 4 frames, not 3", "--trace", "textbook", "--policy", "fifo,clockpro",
                     "--frames", "3")
        self.refuses(2, "clockpro needs at least 4 frames, not 1", "--trace", "textbook", "--policy", "clockpro",
                     "--frames", "10%")

    def test_bad_files_are_named_with_line_or_record(self):
        bad = self.file("bad.txt", "1\n2 R\n3 Q\n")
        self.refuses(2, f"{bad}:3: expected a decimal page number", "--trace", f"textbook,{bad}")
        record = struct.pack("<IQIq", 0, 1, 1, -1)
        cut = self.file("cut.bin", record + record[:7])
        self.refuses(2, f"{cut}: truncated: record 2 has 7 of its 24 bytes", "--trace", cut)
        self.refuses(3, f"{self.place}: Is a directory", "--trace", str(self.place))
        empty = self.file("empty.txt", "")
        self.refuses(2, f"{empty}:1: expected at least one reference", "--trace", empty)

    def test_a_foreign_binary_trace_is_read_with_its_sparse_ids(self):
        ids = [1 << 63, 3, (1 << 64) - 1, 3, 1 << 63]
        path = self.file("w.oracleGeneral.bin", b"".join(struct.pack("<IQIq", 1234567, each, 4096, -1) for each in ids))
        row, = self.rows("--trace", path, "--policy", "lru", "--frames", "3")
        self.assertEqual((row["workload"], row["references"], row["faults"], row["pages"]), ("w", 5, 3, 3))


@unittest.skipUnless(is_built(), "needs a built system")
class Forms(InFolder):
    def setUp(self):
        super().setUp()
        self.text = self.place / "t.txt"
        self.text.write_bytes(simulator.generate("textbook"))

    def test_a_trace_goes_through_every_form_and_comes_back(self):
        before = self.text
        for number, name in enumerate(("t.bin", "t.oracleGeneral.zst", "t.txt.zst", "back.txt")):
            with self.subTest(name):
                simulator.convert(before, self.place / name)
                before = self.place / name
        self.assertEqual(before.read_bytes(), self.text.read_bytes())

    def test_records_are_libcachesims(self):
        simulator.convert(self.text, self.place / "t.bin")
        pages = [int(line) for line in self.text.read_text().split()]
        records = list(struct.iter_unpack("<IQIq", (self.place / "t.bin").read_bytes()))
        following = [next((later + 1 for later in range(at + 1, len(pages)) if pages[later] == page), -1)
                     for at, page in enumerate(pages)]
        self.assertEqual(records, [(0, page + 1, 1, at) for page, at in zip(pages, following)])

    def test_what_cannot_be_written_is_refused_and_leaves_nothing(self):
        with self.assertRaisesRegex(Usage, "no/t.bin: No such file or directory"):
            simulator.convert(self.text, self.place / "no" / "t.bin")
        with self.assertRaisesRegex(Usage, "no file that could be replaced"):
            simulator.convert(self.text, self.place)
        self.assertEqual([path.name for path in self.place.iterdir()], ["t.txt"])

    def test_a_build_without_zstd_says_what_to_install(self):
        source, built = self.place / "t.c", self.place / "without"
        source.write_text('#include "libos/pager/sim/zstd.h"\nint main(void) { zstd_require("x.zst"); }\n')
        subprocess.run(["clang-19", "-std=gnu2x", f"-I{paths.ROOT}", source,
                        paths.ROOT / "libos" / "pager" / "sim" / "zstd_absent.c", "-o", built], check=True)
        result = subprocess.run([built], capture_output=True, text=True)
        self.assertEqual(result.returncode, 3)
        self.assertEqual(result.stderr, "bindery-sim: x.zst: zstd is needed, and this program was built without it; "
                                        "install libzstd-dev, remove the build folder and build again\n")

    def test_a_missing_simulator_is_named(self):
        with unittest.mock.patch.object(paths, "SIMULATOR", self.place / "none"), self.assertRaises(Missing):
            simulator.generate("textbook")


@unittest.skipUnless(is_built(), "needs a built system")
class Speed(unittest.TestCase):
    def test_the_speed_of_each_cell_is_told(self):
        words = ("--trace", "@zipf10", "--policy", "fifo,clock1", "--frames", "1000,5000", "--speed", "2")
        done = subprocess.run([paths.SIMULATOR, *words], capture_output=True, text=True, check=True)
        speeds = [float(each) for each in re.findall(r"frames: ([0-9.]+) million references/s", done.stderr)]
        self.assertEqual(len(speeds), 4)
        self.assertGreater(min(speeds), 0)
