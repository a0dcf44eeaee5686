# SPDX-License-Identifier: MIT
"""`bench peers`: other systems' machines and packages, with stand-ins; its rows, table and figure; the kept counts."""

import csv
import io
import json
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.cli.command import bindery, is_built
from tests.cli.place import InFolder
from tests.cli.standin import StandIn
from tools import counts, doctor, plot, tables
from tools.errors import Missing
from tools.peers import bindery as own
from tools.peers import common, debian, foreign, linux, report
from tools.peers.common import Options, Skipped
from tools.verbs import bench

HANGS = """
    report.write('{"event":"pid","pid":%d}\\n' % os.getpid())
    time.sleep(60)
"""


class Machines(StandIn):
    def boot(self, timeout=60, **more):
        return foreign.boot(["-kernel", "k"], self.place, "Linux", timeout, **more)

    def test_a_report_is_heard_and_the_machine_then_ends(self):
        self.stand_in("""
            console.write("hello\\n")
            report.write('{"event":"pid","pid":%d}\\n{"event":"done"}\\n' % os.getpid())
            time.sleep(60)
        """)
        heard = self.boot()
        self.assertEqual([event["event"] for event in heard.events], ["pid", "done"])
        self.assert_ended(heard.events[0]["pid"])

    def test_a_report_among_other_text_of_the_console(self):
        self.stand_in("""
            console.write('(XEN) booting {not ours}\\r\\n(d0) {"event":"pid","pid":%d}\\r\\n' % os.getpid())
            console.write('{"event":"bench","op":"a b"}\\n{"event":"done"}\\n')
            time.sleep(60)
        """)
        heard = self.boot(reports="console")
        self.assertEqual([event["event"] for event in heard.events], ["pid", "bench", "done"])
        self.assertIn("booting", heard.console)
        self.assert_ended(heard.events[0]["pid"])

    def test_a_boot_that_hangs_is_ended_and_named(self):
        self.stand_in(HANGS)
        pids = []
        with self.assertRaisesRegex(Skipped, "^Linux was stopped: it ran longer than 4 s$"):
            self.boot(4, on_event=lambda event: pids.append(event["pid"]))
        self.assert_ended(pids[0])

    def test_a_machine_that_ends_too_early_shows_its_last_words(self):
        self.stand_in("""
            console.write("Kernel panic - not syncing\\n")
            sys.exit(0)
        """)
        with self.assertRaisesRegex(Skipped, "before its work was done") as caught:
            self.boot()
        self.assertIn("Kernel panic", caught.exception.detail)

    def test_a_qemu_that_refuses_its_words_shows_its_log(self):
        self.stand_in("""
            print("qemu-system-x86_64: unknown option", file=sys.stderr)
            sys.exit(1)
        """)
        with self.assertRaisesRegex(Skipped, "QEMU failed with status 1") as caught:
            self.boot()
        self.assertIn("unknown option", caught.exception.detail)

    def test_instructions_are_counted_unless_told_otherwise(self):
        words = foreign.Foreign([], "p", 1, True, "tcg", []).command(1, 2)
        self.assertIn("shift=0,sleep=off", words)
        self.assertNotIn("-icount", foreign.Foreign([], "p", 1, False, "kvm", []).command(1, 2))


@unittest.skipUnless(shutil.which("dpkg-deb"), "needs dpkg-deb")
class Packages(StandIn):
    """With stand-ins for apt."""

    def setUp(self):
        super().setUp()
        debian.unpacked.cache_clear()
        self.addCleanup(debian.unpacked.cache_clear)
        for name, value in (("debian.PLACE", self.place / "kept"), ("packages.on_debian", lambda: True)):
            patch = mock.patch(f"tools.{'peers.' if name.startswith('debian') else ''}{name}", value)
            patch.start()
            self.addCleanup(patch.stop)

    def apt(self, knows="", depends=""):
        """apt knows one package, of version 2:1.0, which depends on another."""
        self.command("apt-cache", f"""#!/bin/sh
            for word; do last=$word; done
            case "$*" in
                *policy*) [ "$last" = "{knows}" ] && printf '%s:\\n  Candidate: 2:1.0\\n' "$last" ;;
                *depends*) printf '%s\\n  Depends: %s\\n' "$last" "{depends}" ;;
            esac
            exit 0
            """)
        self.command("apt-get", f"""#!/bin/sh
            case "$*" in
                *download*) cp {self.place}/made.deb . ;;
                *update*) exit 100 ;;
            esac
            """)

    def make(self, files):
        """The package that apt's stand-in downloads."""
        tree = self.place / "tree"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text("Package: p\nVersion: 1\nArchitecture: all\nMaintainer: m <m@m>\n"
                                                 "Description: d\n")
        for name in files:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(name)
        subprocess.run(["dpkg-deb", "-b", str(tree), str(self.place / "made.deb")], check=True, capture_output=True)

    def test_a_metapackage_s_file_is_found_and_nothing_is_fetched_twice(self):
        self.apt(knows="linux-image-6.1.0-9-cloud-amd64", depends="linux-image-6.1.0-9-cloud-amd64")
        self.make(["boot/vmlinuz-6.1"])
        path = debian.file_of("linux-image-cloud-amd64", "boot/vmlinuz-*")
        self.assertEqual(path.read_text(), "boot/vmlinuz-6.1")
        (self.place / "made.deb").unlink()
        debian.unpacked.cache_clear()
        self.assertEqual(debian.file_of("linux-image-cloud-amd64", "boot/vmlinuz-*"), path)
        with self.assertRaisesRegex(Skipped, "linux-image-6.1.0-9-cloud-amd64 2:1.0 has no file boot/xen"):
            debian.file_of("linux-image-cloud-amd64", "boot/xen")

    def test_without_a_network_the_last_package_is_used(self):
        self.apt(knows="linux-image-6.1.0-9-cloud-amd64", depends="linux-image-6.1.0-9-cloud-amd64")
        self.make(["boot/vmlinuz-6.1"])
        path = debian.file_of("linux-image-cloud-amd64", "boot/vmlinuz-*")
        self.apt()
        debian.unpacked.cache_clear()
        self.assertEqual(debian.file_of("linux-image-cloud-amd64", "boot/vmlinuz-*"), path)

    def test_a_package_that_does_not_exist_is_named(self):
        self.apt()
        with self.assertRaisesRegex(Skipped, "package no-such-package is not to be had here"):
            debian.unpacked("no-such-package")

    def test_a_download_that_fails_is_named_and_leaves_nothing(self):
        self.apt(knows="p")
        with self.assertRaisesRegex(Skipped, "package p 2:1.0 could not be downloaded"):
            debian.unpacked("p")
        self.assertEqual([path.name for path in (self.place / "kept").iterdir() if "=" in path.name], [])

    def test_elsewhere_than_on_debian_it_says_so(self):
        with mock.patch("tools.packages.on_debian", lambda: False), self.assertRaisesRegex(Skipped, "not Debian"):
            debian.unpacked("p")

    def test_a_missing_package_gives_a_row_for_everything_with_the_reason(self):
        self.apt()
        rows = bench._measure(["linux"], Options(timeout=1))
        self.assertEqual({(row["system"], row["op"]) for row in rows},
                         {(system, op) for system, ops in report.MODULES["linux"].items() for op in ops})
        for row in rows:
            self.assertIn("linux-image-cloud-amd64 is not to be had here", row["skipped"])
            self.assertNotIn("instructions", row)

    def test_a_boot_that_hangs_gives_a_row_for_everything_with_the_reason(self):
        self.stand_in(HANGS)
        program = self.place / "program"
        program.write_bytes(b"")
        with mock.patch.object(linux, "PROGRAM", program), mock.patch.object(debian, "file_of", lambda *_: program):
            rows = bench._measure(["linux"], Options(timeout=2))
        self.assertTrue(rows)
        for row in rows:
            self.assertIn("ran longer than 2 s", row["skipped"])


def rows():
    """What two modules might give."""
    return [common.row("linux", "fault.whole", 5000, 5001, 9000, 256, 900),
            common.row("bindery", "fault.whole", 100, 100, 100, 256),
            common.skipped("xen", "fault.whole", "no package"), common.row("linux", "yield", 20, 20, 20, 50),
            common.row("bindery", "appel-li.trap", 50, 50, 50, 256),
            common.row("linux", "appel-li.trap", 400, 400, 400, 256)]


class Report(unittest.TestCase):
    def finished(self, unit="instructions"):
        return {(row["system"], row["op"]): row for row in report.finished(rows(), unit)}

    def test_ratios_leave_out_what_moves_pages(self):
        found = self.finished()
        self.assertEqual(found["linux", "fault.whole"]["ratio"], 41.0)
        self.assertNotIn("ratio", found["bindery", "fault.whole"])
        self.assertNotIn("ratio", found["linux", "yield"])  # there is nothing of Bindery's beside it

    def test_nothing_is_missing_without_a_reason(self):
        given = [common.row("xen", "prot1", 1, 1, 1, 50)]
        found = report.absent("xen", "why", given)
        self.assertEqual({(row["system"], row["op"]) for row in given + found},
                         {(system, op) for system, ops in report.MODULES["xen"].items() for op in ops})
        self.assertEqual({row["skipped"] for row in found}, {"why"})

    def test_every_reason_is_told_once_with_its_operations(self):
        skipped = [common.skipped("xen", "prot1", "why"), common.skipped("xen", "prot100", "why")]
        self.assertEqual(report.reasons(rows() + skipped),
                         ["xen: no package (fault.whole)", "xen: why (prot1, prot100)"])
        self.assertEqual(report.reasons(skipped), ["xen: why (every row)"])

    def test_a_table_has_a_line_an_operation_and_columns_a_system(self):
        lines, columns, right = report.table(list(self.finished().values()), "instructions")
        self.assertEqual([line["op"] for line in lines], ["fault.whole", "yield", "appel-li.trap"])
        self.assertEqual(list(columns), ["op", "title", "bindery", "linux", "linux moved", "linux ratio", "xen"])
        self.assertEqual(right, list(columns)[2:])
        self.assertEqual((lines[0]["linux"], lines[0]["linux moved"], lines[0]["xen"]), (5000, 900, "skipped"))
        self.assertEqual((lines[1]["bindery"], lines[1]["xen"]), ("", ""))  # no such row is expected there

    def test_targets_are_judged(self):
        above = report.failures(list(self.finished().values()))
        self.assertEqual(above, ["appel-li.trap takes Linux 8.0 times as many instructions as Bindery; "
                                 "the target is 10 times"])
        slow = report.finished([common.row("bindery", "call.null", 21, 21, 21, 256)], "instructions")
        self.assertEqual(report.failures(slow), ["call.null takes 21 instructions; the target is 20"])

    def test_the_disk_is_measured_on_both_systems_or_not_at_all(self):
        self.assertEqual(report.modules(["linux", "bindery"], 5), ["bindery", "linux", "disk"])
        self.assertEqual(report.modules(["linux", "bindery"], 0), ["bindery", "linux"])
        self.assertEqual(report.modules(["xen", "bindery"], 5), ["bindery", "xen"])

    def test_a_longer_time_is_told_and_fails_nothing(self):
        found = report.finished([common.row("linux", "disk.major_fault", 9, 9, 9, 50, wall_ratio=0.8,
                                            wall_spread=[0.7, 0.9])], "instructions")
        self.assertEqual(report.slower(found), ["disk.major_fault took Bindery longer than linux: time ratio 0.8, "
                                                "of pairs 0.7 to 0.9"])
        self.assertEqual(report.failures(found), [])
        line, = report.table(found, "instructions")[0]
        self.assertEqual(line["linux wall_ratio"], 0.8)

    def test_cycles_are_called_so_and_not_judged(self):
        found = self.finished("cycles")
        row = found["linux", "appel-li.trap"]
        self.assertEqual((row["cycles"], row["unit"]), (400, "cycles"))
        self.assertNotIn("instructions", row)
        self.assertEqual(report.failures(list(found.values())), [])
        self.assertIn("cycles", tables.as_csv([row], report.csv_columns("cycles")).splitlines()[0].split(","))

    def test_rows_of_events(self):
        found = common.rows_of([
            {"event": "start"}, {"event": "skipped", "system": "xen", "op": "yield", "reason": "r"},
            {"event": "bench", "system": "xen", "op": "prot1", "minimum": 1, "median": 2, "maximum": 3, "samples": 4,
             "how": "so"}])
        self.assertEqual(found, [
            {"system": "xen", "op": "yield", "skipped": "r"},
            {"system": "xen", "op": "prot1", "instructions": 1, "median": 2, "maximum": 3, "samples": 4, "moved": 0,
             "how": "so"}])

    def test_the_figure_is_the_same_for_the_same_rows(self):
        measured = [row for row in self.finished().values() if "skipped" not in row]
        made = plot.bars(measured, "./bindery bench peers", "instructions")
        self.assertTrue(made["png"].startswith(b"\x89PNG"))
        self.assertIn(b"bindery bench peers", made["svg"])
        self.assertEqual(made, plot.bars(measured, "./bindery bench peers", "instructions"))


class Counts(unittest.TestCase):
    KEPT = [{"op": "a", "instructions": 100, "median": 100}, {"op": "b", "instructions": 20, "median": 20}]

    def changed(self, **figures):
        return [self.KEPT[0] | figures, self.KEPT[1]]

    def test_one_instruction_more_is_named_with_old_and_new(self):
        self.assertEqual(counts.differences(self.KEPT, self.KEPT), [])
        self.assertEqual(counts.differences(self.changed(instructions=101), self.KEPT),
                         ["a was 100 instructions and is 101"])
        self.assertEqual(counts.differences(self.changed(median=103), self.KEPT),
                         ["a was 100 instructions (median) and is 103"])

    def test_another_compiler_may_differ_by_a_tenth(self):
        self.assertEqual(counts.differences(self.changed(instructions=110), self.KEPT, exact=False), [])
        self.assertEqual(len(counts.differences(self.changed(instructions=111), self.KEPT, exact=False)), 1)

    def test_rows_on_one_side_only_are_named(self):
        self.assertIn("b is measured now", counts.differences(self.KEPT, self.KEPT[:1])[0])
        self.assertIn("b has a count", counts.differences(self.KEPT[:1], self.KEPT)[0])

    def test_every_operation_of_ours_has_a_count(self):
        self.assertEqual([row["op"] for row in counts.load()["rows"]], own.operations())

    def test_what_is_recorded_is_what_is_loaded(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(counts, "KEPT", Path(folder) / "counts.json"):
            with self.assertRaisesRegex(Missing, "bench fault --record makes it"):
                counts.load()
            self.assertEqual(counts.record(self.KEPT, "19.1.7 (3)"), [])
            self.assertEqual(counts.load()["rows"], self.KEPT)
            self.assertEqual(counts.load()["compiler"], "clang 19.1.7")
            self.assertEqual(counts.record(self.changed(instructions=99), "19.1.7"),
                             ["a was 100 instructions and is 99"])


class Usage(unittest.TestCase):
    def refuses(self, status, text, *words):
        result = bindery("bench", *words)
        self.assertEqual(result.status, status, result.err)
        self.assertIn(text, result.err)
        self.assertNotIn("Traceback", result.err)
        self.assertEqual(result.out, "")

    def test_bad_words_are_refused_before_anything_runs(self):
        with tempfile.NamedTemporaryFile() as file:
            for text, words in (("unknown system “linx”; did you mean “linux”?", ["peers", "--system", "linx"]),
                                ("empty item", ["peers", "--system", "linux,,xen"]),
                                ("--timeout", ["peers", "--timeout", "0"]),
                                ("--timeout", ["fault", "--timeout", "-1"]),
                                ("--pairs", ["peers", "--pairs", "-1"]),
                                ("--accel", ["peers", "--accel", "xen"]),
                                ("a file is in its place", ["peers", "-o", file.name]),
                                ("a file is in its place", ["peers", "-o", f"{file.name}/below"]),
                                ("there are none with --accel kvm", ["fault", "--record", "--accel", "kvm"])):
                with self.subTest(words):
                    self.refuses(2, text, *words)

    @unittest.skipIf(doctor.acceleration()["kvm"] == "works", "KVM works here")
    def test_kvm_that_cannot_run_our_kernel_is_refused_in_one_sentence(self):
        self.refuses(3, "--accel kvm cannot be used: ", "peers", "--accel", "kvm", "--system", "bindery")


@unittest.skipUnless(is_built(), "needs a built system")
class System(InFolder):
    def setUp(self):
        super().setUp()
        self.out = self.place / "out"

    def peers(self, *words):
        result = bindery("bench", "peers", "--system", "bindery", "-o", str(self.out), *words)
        self.assertEqual(result.status, 0, result.err)
        return result

    def test_rows_are_json_with_data_and_figure_beside_them(self):
        document = self.peers("--json").json()
        self.assertEqual(document["schema"], 1)
        self.assertEqual([row["op"] for row in document["rows"]], own.operations())
        self.assertLessEqual({"system", "op", "unit", "instructions", "median", "maximum", "samples", "moved"},
                             set(document["rows"][0]))
        self.assertEqual({path.name for path in self.out.iterdir()},
                         {f"peers.{kind}" for kind in ("json", "csv", "png", "svg")})
        kept = json.loads((self.out / "peers.json").read_text())
        self.assertEqual(kept["rows"], document["rows"])
        self.assertTrue(kept["command"].startswith("./bindery bench peers --system bindery"))

    def test_rows_are_csv(self):
        found = list(csv.DictReader(io.StringIO(self.peers("--csv").out)))
        self.assertEqual(list(found[0]), ["system", "op", "unit", "instructions", "median", "maximum", "samples",
                                          "moved", "ratio", "wall_ratio", "skipped"])
        self.assertEqual([row["op"] for row in found], own.operations())
