# SPDX-License-Identifier: MIT
"""The verbs on the real system, in QEMU."""

import csv
import io
import json
import unittest
from unittest import mock

from tests.cli.command import bindery, is_built
from tests.cli.place import InFolder
from tools import recording, registry
from tools.errors import BinderyError
from tools.peers import bindery as bindery_peer

OPT_OF_A_LOOP = 20 + 4 * (20 - 15)  # pages + (laps - 1) · (pages - frames)


@unittest.skipUnless(is_built(), "needs a built system")
class System(InFolder):
    def setUp(self):
        super().setUp()
        self.out = self.place / "out"
        self.trace = self.place / "loop.txt"
        self.trace.write_text("".join(f"{1000 * page}\n" for page in range(20)) * 5)

    def succeeds(self, *words):
        result = bindery(*words)
        self.assertEqual(result.status, 0, result.err)
        return result

    def test_the_same_application_runs_on_both_library_oses(self):
        said = [self.succeeds("run", "--libos", libos, "hello", "--", "one", "two").out for libos in ("unix", "dos")]
        self.assertEqual(said[0], said[1])
        self.assertIn("argument 2: two\n", said[0])

    def test_an_application_s_exit_status_is_ours(self):
        result = bindery("run", "matmul", "--", "n=0")
        self.assertEqual(result.status, 2)
        self.assertIn("n must be a number from 1", result.out)

    def test_run_as_json_has_output_and_statistics(self):
        row, = self.succeeds("run", "--json", "--policy", "lifo", "--frames", "12", "loop", "--", "pages=20",
                             "laps=2").json()["rows"]
        self.assertIn("loop: 20 pages, 2 laps", row["output"])
        pager, = [event for event in row["events"] if event["event"] == "pager"]
        self.assertEqual((pager["policy"], pager["frames"]), ("lifo", 12))
        self.assertGreater(pager["writebacks"], 0)

    def test_a_file_of_the_host_reaches_the_application(self):
        result = self.succeeds("run", "--file", str(self.trace), "hello", "--", f"file={self.trace.name}")
        self.assertIn(f"{self.trace.stat().st_size} bytes, 100 lines", result.out)

    def test_an_application_that_lacks_a_service_is_told_which(self):
        result = bindery("run", "--libos", "dos", "sort")
        self.assertEqual(result.status, 2)
        self.assertRegex(result.err, r"sort needs the services? .*fsync.*, which the library OS dos does not provide "
                                     r"\(unix does\)")

    def test_a_machine_that_takes_too_long_is_exit_124(self):
        result = bindery("run", "--timeout", "0.2", "loop", "--", "laps=100000")
        self.assertEqual(result.status, 124)
        self.assertIn("ran longer than 0.2 s", result.err)

    def test_a_trace_is_compared_on_real_faults_that_equal_the_simulator_s(self):
        result = self.succeeds("compare", "--trace", str(self.trace), "--policy", "fifo,lifo,lru,opt", "--frames", "15",
                               "--json", "-o", str(self.out), "--no-plot")
        rows = {row["policy"]: row for row in result.json()["rows"]}
        self.assertEqual(list(rows), ["fifo", "lifo", "lru", "opt"])
        for row in rows.values():
            self.assertEqual((row["workload"], row["frames"], row["references"]), ("loop", 15, 100))
            self.assertEqual(row["opt_faults"], OPT_OF_A_LOOP)
        self.assertEqual((rows["fifo"]["faults"], rows["fifo"]["source"], rows["fifo"]["agrees"]), (100, "real", True))
        self.assertEqual((rows["opt"]["faults"], rows["opt"]["source"]), (OPT_OF_A_LOOP, "real"))
        self.assertEqual((rows["lru"]["faults"], rows["lru"]["source"]), (100, "real"))
        self.assertEqual([row["soft_faults"] for row in rows.values()], [0, 0, 0, 0])  # a loop that does not fit
        self.assertGreater(rows["fifo"]["policy_instructions_per_fault"], 0)

    def test_an_application_is_compared_and_drawn(self):
        result = self.succeeds("compare", "--workload", "loop", "--policy", "fifo,clock1", "--frames", "50%,75%",
                               "-o", str(self.out))
        self.assertRegex(result.out, r"(?m)^loop +clock1 +\d+ +[\d,]+ +[\d,]+ .* real$")
        self.assertEqual({path.name for path in self.out.iterdir()},
                         {f"compare.{kind}" for kind in ("json", "jsonl", "csv", "png", "svg")})
        document = json.loads((self.out / "compare.json").read_text())
        self.assertEqual((document["schema"], len(document["rows"])), (1, 4))
        self.assertTrue(document["command"].startswith("./bindery compare --workload loop"))
        for row in document["rows"]:
            self.assertEqual(row["source"], "real")
            self.assertGreaterEqual(row["faults"], row["opt_faults"])
            self.assertTrue(row["checksum"])

    def test_compare_as_csv_is_csv(self):
        result = self.succeeds("compare", "--trace", str(self.trace), "--policy", "fifo", "--frames", "15,20", "--csv",
                               "-o", str(self.out), "--no-plot")
        rows = list(csv.DictReader(io.StringIO(result.out)))
        self.assertEqual([(row["frames"], row["faults"]) for row in rows], [("15", "100"), ("20", "20")])

    def test_bench_fault_measures_every_operation(self):
        result = bindery("bench", "fault", "--json")
        rows = result.json()["rows"]
        self.assertEqual([row["op"] for row in rows], bindery_peer.operations())
        for row in rows:
            self.assertEqual((row["system"], row["unit"], row["moved"]), ("bindery", "instructions", 0))
            target = registry.OPERATIONS[row["op"]].target
            self.assertGreater(row["instructions"], 0)
            if target:
                self.assertLessEqual(row["instructions"], target, row["op"])
        self.assertEqual(result.status, 0)

    def test_a_recorded_run_has_the_faults_of_the_simulator_fed_with_its_references(self):
        for policy in ("clock1", "clockpro"):
            path = self.out / f"{policy}.oracleGeneral.zst"
            result = self.succeeds("trace", "pages", "--policy", policy, "--frames", "24", "-o", str(path), "--json",
                                   "hashjoin", "--", "build=8000", "probe=2000")
            row, = result.json()["rows"]
            self.assertEqual(row["faults"], row["simulated"])
            self.assertGreater(row["faults"], row["pages"])  # there was a choice
            self.assertEqual(row["references"], row["faults"] + row["soft_faults"])
            more = row["instructions"] - row["instructions_without"]
            self.assertEqual(row["instructions_per_soft_fault"], round(more / row["soft_faults"], 1))
            self.assertEqual(row["ratio"], round(row["instructions"] / row["instructions_without"], 3))
            self.assertGreater(row["instructions_per_soft_fault"], 300)  # a fault, two calls, its part of a transfer
            self.assertLess(row["instructions_per_soft_fault"], 600)
            again = self.succeeds("simulate", "--trace", str(path), "--policy", policy, "--frames", "24", "--json")
            simulated, = again.json()["rows"]
            self.assertEqual((simulated["references"], simulated["faults"]), (row["references"], row["faults"]))
        compared = self.succeeds("compare", "--trace", str(path), "--policy", "clockpro", "--frames", "24", "--json",
                                 "--no-plot")
        self.assertEqual([each["faults"] for each in compared.json()["rows"]], [row["faults"]])

    def test_a_recording_without_room_says_so(self):
        with mock.patch("tools.recording.ROOM", 4096):
            run = recording.recorded("loop", ("pages=16", "laps=80"), "fifo")
        with self.assertRaisesRegex(BinderyError, "status 125: the recording has room for 1024 references, and there"):
            list(recording.record([run], 60))

    def test_trace_fault_shows_all_eight_steps(self):
        path = self.out / "fault.json"
        result = self.succeeds("trace", "fault", "--frames", "10", "-o", str(path), "loop", "--", "pages=20", "laps=2")
        for step in range(1, 9):
            self.assertRegex(result.out, rf"(?m)^{step} +(kernel|library OS)")
        names = {event["name"] for event in json.loads(path.read_text())["traceEvents"]}
        self.assertLessEqual({f"fault.{step}" for step in range(1, 9)}, names)
