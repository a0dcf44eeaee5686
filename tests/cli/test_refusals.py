# SPDX-License-Identifier: MIT
"""Bad input to the verbs that measure: one sentence that says what, where and what to do; the right exit status;
nothing written, and nothing that was there lost."""

import re
import struct
import unittest

from tests.cli.command import bindery, is_built
from tests.cli.place import InFolder
from tools import paths, registry

PROGRESS = re.compile("left out: needs|recording which pages")  # what is said besides
RECORD = struct.Struct("<IQIq")  # of oracleGeneral: time, object, size, next reference


@unittest.skipUnless(is_built(), "needs a built system")
class Refusals(InFolder):
    def setUp(self):
        super().setUp()
        self.out = self.place / "out"
        self.out.mkdir()
        (self.out / "compare.json").write_text("of an earlier one")

    def file(self, name, data):
        path = self.place / name
        path.write_bytes(data)
        return str(path)

    def refuses(self, status, said, *words):
        before = sorted(self.place.rglob("*"))
        with self.subTest(words):
            result = bindery(*words)
            lines = [line for line in result.err.splitlines() if not PROGRESS.search(line)]
            self.assertEqual((result.status, result.out, len(lines)), (status, "", 1), result.err)
            self.assertTrue(lines[0].startswith("bindery: error: "), lines)
            self.assertIn(said, lines[0])
            self.assertEqual(sorted(self.place.rglob("*")), before)
            self.assertEqual((self.out / "compare.json").read_text(), "of an earlier one")

    def compares(self, status, said, *words):
        self.refuses(status, said, "compare", *words, "-o", str(self.out))

    def test_trace_files(self):
        record = RECORD.pack(0, 7, 1, -1)
        for name, data, line, said in (
                ("bad.txt", b"1\n2 R\nx\n", ":3: expected", "“x”"),
                ("write.txt", b"1\n2 w\n", ":2: expected", "“2 w”"),
                ("two.txt", b"1 2\n", ":1: expected", "“1 2”"),
                ("huge.txt", b"99999999999999999999999\n", ":1: expected", "decimal page number"),
                ("empty.txt", b"", "", "empty"),
                ("cut.oracleGeneral.bin", 4 * record + record[:4], "", "truncated: record 5 has 4 of its 24 bytes"),
                ("cut.zst", bytes.fromhex("28b52ffd2418c1"), "", "zstd data are damaged"),
                ("no.zst", bytes.fromhex("28b52ffd") + 40 * b"\xff", "", "zstd")):
            path = self.file(name, data)
            self.compares(2, said, "--trace", path, "--policy", "fifo", "--frames", "2")
            self.refuses(2, path + line, "simulate", "--trace", path, "--policy", "fifo", "--frames", "2")

    def test_frames(self):
        path = self.file("good.txt", b"1\n2\n3\n1\n")
        for frames, said in (("0", "--frames 0: expected a number of frames"),
                             ("-3", "--frames -3: expected a number of frames"),
                             ("many", "--frames many: expected a number of frames")):
            self.compares(2, said, "--trace", path, "--policy", "fifo", "--frames", frames)
            self.refuses(2, said, "simulate", "--trace", path, "--policy", "fifo", "--frames", frames)
        self.refuses(2, "at least one frame", "run", "--frames", "0", "loop")
        for policy in registry.policies():
            least = registry.traits(policy)[1]
            if least > 1:
                few = ("--policy", policy, "--frames", str(least - 1))
                said = f"{policy} needs at least {least} frames, not {least - 1}"
                self.refuses(2, said, "simulate", "--trace", path, *few)
                self.refuses(2, said, "run", *few, "loop")
        self.refuses(2, "clockpro needs at least 4 frames, not 3", "trace", "pages", "--policy", "clockpro", "--frames",
                     "3", "loop")
        self.compares(2, "no cell is left to run", "--trace", path, "--policy", "clockpro", "--frames", "1")

    def test_budgets_above_memory(self):
        for words in (("--frames", "900000000"), ("--memory", "100000G")):
            self.compares(2, "give fewer frames", "--workload", "loop", "--policy", "fifo", *words)
            self.refuses(2, "give fewer frames", "run", "--policy", "fifo", *words, "loop")
        self.compares(2, "“4X” is no size", "--workload", "loop", "--memory", "4X")

    def test_policies_that_a_linux_program_cannot_have(self):
        program = self.file("program", (paths.BUILD / "apps" / "bench_ways").read_bytes())
        for policy in ("lru", "opt", "vmin"):
            self.refuses(2, f"{policy} needs to see every reference", "run", "--policy", policy, "--", program)

    def test_what_a_program_says_before_it_fails_is_part_of_the_sentence(self):
        self.refuses(1, 'status 2: sort: run must be a number from 8190 to 262144, not "10"', "trace", "pages", "-o",
                     str(self.place / "t.txt"), "sort", "--", "run=10")

    def test_unknown_names(self):
        self.compares(2, "unknown policy “fifi”; did you mean “fifo”?", "--policy", "fifi")
        self.compares(2, "unknown workload “lop”; did you mean “loop”?", "--workload", "lop")
        for words in (("run", "--policy", "fifi", "loop"), ("simulate", "--trace", "anomaly", "--policy", "fifi")):
            self.refuses(2, "unknown policy “fifi”; did you mean “fifo”?", *words)
        self.refuses(2, "did you mean “loop”?", "trace", "pages", "lop", "-o", str(self.place / "t.txt"))
        self.refuses(2, "did you mean “policy”?", "new", "polcy", "mine")
        for name, said in (("fifo", "the policy fifo is there already"), ("Bad-Name", "can't be a policy's name"),
                           ("9x", "can't be a policy's name")):
            self.refuses(2, said, "new", "policy", name)

    def test_places_that_cannot_be_written(self):
        path = self.file("a-file", b"")
        self.refuses(2, "a file is in its place", "compare", "--workload", "anomaly", "-o", path)
        self.compares(2, "a file is in its place", "--workload", "anomaly", "--report", f"{path}/page")
        self.refuses(2, "a file is in its place", "simulate", "--trace", "anomaly", "-o", path)
        for kind in ("pages", "fault"):
            self.refuses(2, "in the place of one of its folders", "trace", kind, "loop", "-o", f"{path}/t.txt")
            self.refuses(2, "a folder is in its place", "trace", kind, "loop", "-o", str(self.out))

