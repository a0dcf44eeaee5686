# SPDX-License-Identifier: MIT
"""`bench sqlite`: the figures are of one marked run, and of the same work on both systems."""

import functools
import re
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.cli.command import is_built
from tests.cli.test_programs import executable
from tools import database, layout
from tools.errors import BinderyError
from tools.image import DiskImage
from tools.peers import common
from tools.peers.disk_boots import write_partitions

OWN = {"hash": "aa", "major": 0, "instructions": 90, "policy": "clock1", "misses": 5, "reads": 4, "writes": 3,
       "evictions": 2, "read": 16, "written": 12, "kernel": 10, "library": 20}
LINUX = {"hash": "aa", "major": 7, "instructions": 100, "read": 20, "written": 24, "way": "group",
         "kernel": 50, "taken": 0}


class Figures(unittest.TestCase):
    def counts(self, text):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "counts").write_text(text)
            return database._instructions(Path(folder))

    def test_what_lies_between_the_marks_is_counted(self):
        self.assertEqual(self.counts("1 1000 5\n257 4500 9\n"), 3500)

    def test_another_number_of_marks_is_refused(self):
        for text in ("", "1 1000 5\n", "1 10 0\n257 20 0\n257 30 0\n", "257 10 0\n1 20 0\n"):
            with self.subTest(text), self.assertRaisesRegex(BinderyError, "other markers"):
                self.counts(text)

    def test_systems_that_found_different_things_are_not_compared(self):
        with self.assertRaisesRegex(BinderyError, "aa on libos/unix and bb on Linux"):
            database._row(database.Case("ample"), OWN, LINUX | {"hash": "bb"})

    def test_the_ratio_is_to_linux(self):
        row = database._row(database.Case("tight", 256), OWN, LINUX)
        self.assertEqual((row["ratio"], row["frames"], row["linux_major"]), (0.9, 256, 7))
        self.assertEqual((row["system"], row["linux_system"]), (30, 50))
        self.assertIsNone(database._row(database.Case("ample"), OWN, None)["ratio"])

    def test_a_run_that_failed_or_checked_nothing_has_no_figure(self):
        for status, found in ((1, "12"), (0, "0")):
            with self.subTest(status=status), self.assertRaises(BinderyError):
                database._checked({"status": status, "hash": found, "major": 0})

    def test_without_linux_our_own_figures_are_there(self):
        with mock.patch.multiple(database, _root=mock.DEFAULT, on_linux=mock.DEFAULT, on_bindery=mock.DEFAULT) as names:
            names["on_linux"].side_effect = common.Skipped("none here")
            names["on_bindery"].return_value = OWN
            row, = database.measure([database.Case("ample")], 1, 60)
        self.assertEqual((row["bindery"], row["linux"]), (90, None))

    def test_linux_has_the_way_that_is_better_for_it(self):
        found = {"group": LINUX, "locked": LINUX | {"instructions": 95, "way": "locked"}}
        with mock.patch.object(database, "on_linux", side_effect=lambda *words: found[words[4]]):
            best = database._best(None, database.Case("tight", 256), 1, 60, 0, database.WAYS)
            self.assertEqual(best["way"], "locked")
            found["locked"]["instructions"] = 105
            self.assertEqual(database._best(None, database.Case("tight", 256), 1, 60, 0, database.WAYS)["way"], "group")

    def test_transfers_between_the_marks_are_added_up(self):
        line = "virtio_blk_handle_{} vdev 0x5 req 0x6 sector 0 nsectors {}"
        lines = [line.format("read", 8), "marker 1 5 100", line.format("read", 16), line.format("write", 64), "else",
                 line.format("read", 8), "marker 257 9 130", line.format("write", 8)]
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "qemu.log").write_text("\n".join(lines))
            self.assertEqual(database._transfers(Path(folder)), {"read": 12, "written": 32, "kernel": 4, "library": 30})
            (Path(folder) / "qemu.log").write_text("\n".join(lines[2:]))
            with self.assertRaisesRegex(BinderyError, "other markers"):
                database._transfers(Path(folder))

    def test_the_partition_table_leaves_the_directory_as_it_is(self):
        with tempfile.TemporaryDirectory() as folder:
            disk = DiskImage(8)
            disk.add("command", b"x")
            disk.add("root", None, 4 * layout.PAGE)
            disk.write(Path(folder) / "disk")
            write_partitions(Path(folder) / "disk", 3, 4, 7, 8)
            data = (Path(folder) / "disk").read_bytes()
        used = layout.DISK_HEAD.size + 2 * layout.DISK_FILE.size
        self.assertLessEqual(used, 446)
        self.assertEqual(data[:used], disk.directory()[:used])
        self.assertEqual(data[510:512], b"\x55\xaa")


@unittest.skipUnless(is_built(), "needs a built system")
class Measured(unittest.TestCase):
    def test_speedtest1_in_little_memory_finds_what_it_finds_on_the_host(self):
        program = executable("speedtest1")
        with tempfile.TemporaryDirectory() as place:
            said = subprocess.run([program, *database.arguments(1)], cwd=place, capture_output=True, text=True).stdout
            expected = re.search(r"Verification Hash: \d+ ([0-9a-f]{16})", said)[1]
            folder = database._root(Path(place))
            measured = functools.partial(database.on_bindery, folder, size=1, timeout=200)
            found = measured(database.Case("tight", 256), "clockpro")
        self.assertEqual(found["hash"], expected)
        self.assertEqual(found["policy"], "clockpro")
        self.assertGreater(found["evictions"], 256)
        self.assertGreater(found["instructions"], 50_000_000)


if __name__ == "__main__":
    unittest.main()
