# SPDX-License-Identifier: MIT
"""The Linux peer of `bench peers`: its initramfs, its command line, and the rows made of what it reports."""

import stat
import unittest
from pathlib import Path
from unittest import mock

from tests.cli.standin import StandIn
from tools import counts, registry
from tools.peers import common, debian, linux, report


def unpacked(archive):
    """{name: (mode, device numbers, data)} of a cpio archive in the format "newc", by cpio(5)."""
    found, at = {}, 0
    while True:
        assert archive[at:at + 6] == b"070701" and at % 4 == 0
        fields = [int(archive[at + 6 + 8 * n:at + 14 + 8 * n], 16) for n in range(13)]
        length, words = fields[6], fields[11]
        name = archive[at + 110:at + 110 + words]
        assert name.endswith(b"\0")
        start = (at + 110 + words + 3) & ~3
        if name == b"TRAILER!!!\0":
            return found
        found[name[:-1].decode()] = fields[1], tuple(fields[9:11]), archive[start:start + length]
        at = (start + length + 3) & ~3


def event(kind, system="linux", op="call.null", minimum=100, **more):
    return {"event": kind, "system": system, "op": op, "how": f"{kind} of {op}", "minimum": minimum,
            "median": minimum + 1, "maximum": minimum + 2, "samples": 256, "moved": 0} | more


def everything():
    """A bench event for all that is owed."""
    return [event("bench", system, op) for owed in linux.OWED.values() for system, ops in owed.items() for op in ops]


class Initramfs(unittest.TestCase):
    def test_files_of_every_length_come_back(self):
        files = {f"f{length}": bytes(range(length)) for length in range(9)}
        found = unpacked(linux.initramfs(files))
        self.assertEqual({name: found[name][2] for name in files}, files)
        self.assertTrue(all(stat.S_ISREG(found[name][0]) and found[name][0] & 0o111 for name in files))

    def test_folders_and_the_console_come_first(self):
        found = unpacked(linux.initramfs({"init": b"x"}))
        self.assertEqual(list(found), ["dev", "proc", "dev/console", "init"])
        self.assertTrue(stat.S_ISDIR(found["dev"][0]) and stat.S_ISDIR(found["proc"][0]))
        self.assertTrue(stat.S_ISCHR(found["dev/console"][0]))
        self.assertEqual(found["dev/console"][1], (5, 1))


class CommandLine(unittest.TestCase):
    def test_the_part_is_named_and_settings_are_on_request(self):
        tuned, default = linux.command_line("disk").split(), linux.command_line("disk", tuned=False).split()
        for words in (tuned, default):
            self.assertIn("bench=disk", words)
            self.assertIn("panic=-1", words)  # a panic must end the machine
        self.assertEqual(set(tuned) - set(default), set(linux.TUNED))

    def test_protection_that_bindery_has_too_is_never_off(self):
        for word in linux.command_line("fault").split():
            self.assertNotIn(word.partition("=")[0], ("nosmep", "nosmap", "noexec", "clearcpuid"))


class Rows(unittest.TestCase):
    def test_what_is_owed_is_what_the_table_expects(self):
        owed = {}
        for part in linux.OWED.values():
            for system, ops in part.items():
                owed.setdefault(system, set()).update(ops)
        self.assertEqual(owed, {system: set(ops) for system, ops in report.MODULES["linux"].items()})
        self.assertLessEqual(set().union(*owed.values()), set(registry.OPERATIONS))

    def test_a_whole_report_gives_rows_without_gaps(self):
        rows = linux.rows_of(everything())
        self.assertEqual(len(rows), len(everything()))
        self.assertFalse([row for row in rows if "skipped" in row])
        self.assertEqual({row["settings"] for row in rows}, {"tuned"})

    def test_candidates_stand_with_their_row(self):
        ways = [event("candidate", minimum=120, moved=20), event("candidate", minimum=105),
                event("candidate", op="prot1")]
        row = linux.rows_of([*ways, event("bench", how="the best", minimum=105)], tuned=False)[0]
        self.assertEqual((row["how"], row["instructions"], row["settings"]), ("the best", 105, "default"))
        self.assertEqual([(way["instructions"], way["moved"]) for way in row["candidates"]], [(120, 20), (105, 0)])

    def test_a_part_that_failed_names_the_reason_in_each_of_its_rows(self):
        lost = {("linux", op) for op in linux.OWED["protect"]["linux"]}
        events = [each for each in everything() if (each["system"], each["op"]) not in lost]
        events.append({"event": "failed", "part": "protect", "reason": "mprotect failed: no memory"})
        skipped = [row for row in linux.rows_of(events) if "skipped" in row]
        self.assertEqual({(row["system"], row["op"]) for row in skipped}, lost)
        self.assertEqual({row["skipped"] for row in skipped}, {"mprotect failed: no memory"})

    def test_the_program_s_own_skipped_row_is_not_doubled(self):
        events = [each for each in everything() if each["op"] != "syscall.redirect"]
        events.append({"event": "skipped", "system": "linux", "op": "syscall.redirect", "reason": "none here"})
        rows = [row for row in linux.rows_of(events) if row["op"] == "syscall.redirect"]
        self.assertEqual([row["skipped"] for row in rows], ["none here"])

    def test_what_moves_is_not_told_in_cycles(self):
        kernel = event("bench", "linux-kernel", "fault.whole", moved=512)
        self.assertEqual(linux.rows_of([kernel])[0]["moved"], 512)
        self.assertEqual(linux.rows_of([kernel], exact=False)[0]["moved"], 0)


class Boots(StandIn):
    def setUp(self):
        super().setUp()
        for name in ("kernel", "program"):
            (self.place / name).write_bytes(b"")
        for patch in (mock.patch.object(linux, "PROGRAM", self.place / "program"),
                      mock.patch.object(linux.debian, "file_of", lambda package, pattern: self.place / "kernel")):
            patch.start()
            self.addCleanup(patch.stop)

    def test_rows_that_came_before_a_hang_are_kept(self):
        self.stand_in("""
            report.write('{"event":"bench","system":"linux","op":"call.null","how":"getppid","minimum":309,'
                         '"median":309,"maximum":309,"samples":256,"moved":0}\\n')
            time.sleep(60)
        """)
        rows = linux.measure(common.Options(timeout=3))
        self.assertEqual([row["instructions"] for row in rows if "skipped" not in row], [309])
        self.assertEqual({row["skipped"] for row in rows if "skipped" in row},
                         {"Linux was stopped: it ran longer than 3 s"})

    def test_a_boot_that_reports_nothing_is_skipped_with_its_reason(self):
        self.stand_in("""
            console.write("Kernel panic - not syncing\\n")
        """)
        with self.assertRaisesRegex(common.Skipped, "before its work was done") as caught:
            linux.measure(common.Options(timeout=30))
        self.assertIn("Kernel panic", caught.exception.detail)

    def test_a_program_that_was_not_built_is_named(self):
        with mock.patch.object(linux, "PROGRAM", Path("nowhere/linux-init")):
            with self.assertRaisesRegex(common.Skipped, "there is no nowhere/linux-init; ./bindery build makes it"):
                linux.measure(common.Options())


@unittest.skipUnless(linux.PROGRAM.exists(), "needs a built system")
class Machine(unittest.TestCase):
    """One real boot."""

    @classmethod
    def setUpClass(cls):
        try:
            debian.file_of(linux.PACKAGE, "boot/vmlinuz-*")
        except common.Skipped as reason:
            raise unittest.SkipTest(str(reason)) from None
        cls.rows = {(row["system"], row["op"]): row for row in linux.measure(common.Options(timeout=400))}

    def cost(self, op, system="linux"):
        row = self.rows[system, op]
        return row["instructions"] - row["moved"]

    def test_every_row_is_measured(self):
        self.assertEqual({key: row["skipped"] for key, row in self.rows.items() if "skipped" in row}, {})
        self.assertGreaterEqual(min(row["samples"] for row in self.rows.values()), 50)

    def test_a_fault_is_the_sum_of_its_parts_and_a_handler(self):
        for system in ("linux", "linux-uffd-sigbus"):
            parts = sum(self.cost(op, system) for op in ("fault.entry", "fault.bind", "fault.resume"))
            self.assertLess(abs(self.cost("fault.whole", system) - parts), 200, system)

    def test_what_appel_and_li_measured_takes_linux_ten_times_as_many_instructions(self):
        ours = {row["op"]: row["instructions"] for row in counts.load()["rows"]}
        for op, operation in registry.OPERATIONS.items():
            if operation.least:
                with self.subTest(op=op):
                    self.assertGreaterEqual(self.cost(op), operation.least * ours[op])
