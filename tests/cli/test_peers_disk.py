# SPDX-License-Identifier: MIT
"""The disk's rows of `bench peers`: what the counter counts, the rows made of it, the disk, and what the two sides of
the measurement must agree on. Of the machines, only Bindery is booted here."""

import re
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.cli.command import is_built
from tools import image as disk_images
from tools import layout, paths, qemu, session
from tools.errors import BinderyError
from tools.peers import common, disk, disk_boots


def header(name):
    return (paths.ROOT / "peers" / name).read_text()


def events(ticks, faults=7):
    """What a program reports, each operation with so many ticks."""
    return {op: {"event": "paging", "op": op, "pages": 256 if op == disk.OPS[0] else disk.PAGES, "ticks": ticks,
                 "faults": faults, "writes": 3} for op in disk.OPS}


def written(faults=256, page=100):
    """What the counter writes if a fault takes 1,000 + its number of instructions and a page `page`, 2 of them REP."""
    now, moved, lines = 0, 0, ["0 10 0", "256 12 0"]  # two markers in a row: 2 with this counter

    def mark(kind, number, passed, repeated=0):
        nonlocal now, moved
        now, moved = now + passed, moved + repeated
        lines.append(f"{kind * 256 + number} {now} {moved}")

    for fault in range(faults):
        mark(disk.BEGIN, 1, 50)
        mark(disk.END, 1, 1002 + fault, 5)
    for number in range(2, 6):
        mark(disk.BEGIN, number, 50)
        for _ in range(disk.PAGES // disk.STEP):
            mark(disk.ON_THE_WAY, number, page * disk.STEP, 2 * disk.STEP)
        mark(disk.END, number, 0)
    return "\n".join(lines) + "\n"


class Counts(unittest.TestCase):
    def test_markers_themselves_are_subtracted(self):
        spans = disk.counts(written())
        self.assertEqual(spans["disk.major_fault"][:2], [(1000, 5), (1001, 5)])
        self.assertEqual(spans["paging.swap.random"][0], (100 * disk.PAGES - 2, 2 * disk.PAGES))

    def test_a_row_of_single_faults_has_their_least_median_and_greatest(self):
        row = disk.row_of("linux", disk.OPS[0], disk.counts(written())[disk.OPS[0]], events(1)[disk.OPS[0]])
        self.assertEqual([row[key] for key in common.FIGURES], [1000, 1128, 1255, 256, 5])

    def test_a_row_of_a_pass_is_for_each_page(self):
        for op in disk.OPS[1:]:
            row = disk.row_of("bindery", op, disk.counts(written())[op], events(1)[op])
            self.assertEqual([row[key] for key in common.FIGURES], [100, 100, 100, disk.PAGES, 2])
            self.assertEqual((row["faults"], row["writes"]), (7, 3))

    def test_what_is_no_complete_count_is_refused(self):
        for text, reason in ((written() + "2 9 0\n", "no end of paging.file.sequential"),
                             ("257 9 0\n", "no beginning of disk.major_fault"),
                             ("6 9 0\n", "no operation"), ("1 9\n1 x 3\n", "no count: 1 x 3")):
            with self.assertRaisesRegex(BinderyError, reason):
                disk.counts(text)

    def test_faults_without_markers_are_not_passed_over(self):
        spans = disk.counts(written(faults=255))[disk.OPS[0]]
        with self.assertRaisesRegex(BinderyError, "saw 255 spans of disk.major_fault on linux, and not 256"):
            disk.row_of("linux", disk.OPS[0], spans, events(1)[disk.OPS[0]])


class Measure(unittest.TestCase):
    """measure() with boots that are stand-ins: `ticks` has Linux's for one after the other; Bindery takes 100."""

    def measure(self, pairs, ticks, plugin=True, accelerator="tcg"):
        left = iter(ticks)

        def boot(words, found):
            if words:
                Path(words[1].partition("out=")[2]).write_text(written())
            elif isinstance(found, Exception):
                raise found
            return events(found)

        with tempfile.TemporaryDirectory() as folder:
            counter = Path(folder) / "libcounter.so"
            if plugin:
                counter.touch()
            with mock.patch.object(disk, "Image"), mock.patch.object(disk, "COUNTER", counter), \
                    mock.patch.object(disk, "boot_bindery", lambda image, folder, options, words: boot(words, 100)), \
                    mock.patch.object(disk, "boot_linux",
                                      lambda image, folder, options, words: boot(words, 1 if words else next(left))):
                return disk.measure(common.Options(pairs=pairs, accelerator=accelerator))

    def test_every_row_is_there_once(self):
        rows = self.measure(1, [200])
        self.assertEqual([(row["system"], row["op"]) for row in rows],
                         [(system, op) for system in ("bindery", "linux") for op in disk.OPS])

    def test_the_ratio_is_the_median_of_pairs(self):
        for row in self.measure(3, [900, 150, 200]):
            if row["system"] == "bindery":
                self.assertNotIn("wall_ratio", row)
            else:
                self.assertEqual((row["wall_ratio"], row["wall_spread"], row["pairs"]), (2.0, [1.5, 9.0], 3))

    def test_a_pair_that_fails_leaves_the_instructions(self):
        rows = self.measure(2, [200, common.Skipped("it ran longer than 3 s")])
        self.assertEqual({row["wall_skipped"] for row in rows if row["system"] == "linux"}, {"it ran longer than 3 s"})
        self.assertTrue(all("instructions" in row and "wall_ratio" not in row for row in rows))

    def test_without_the_package_linux_is_skipped_and_bindery_is_not(self):
        missing = common.Skipped("no such package")
        with mock.patch.object(disk, "counted", side_effect=[[{"system": "bindery"}], missing]):
            rows = self.measure(1, [])
        self.assertEqual(rows[1:], [common.skipped("linux", op, "no such package") for op in disk.OPS])

    def test_without_the_counter_the_reason_is_named(self):
        with self.assertRaisesRegex(common.Skipped, "libcounter.so; ./bindery build"):
            self.measure(1, [200], plugin=False)

    def test_hardware_gives_ticks_of_a_page(self):
        rows = self.measure(3, [disk.PAGES * 3, disk.PAGES * 9, disk.PAGES], plugin=False, accelerator="kvm")
        row = rows[-1]
        self.assertEqual((row["system"], row["instructions"], row["median"], row["maximum"]), ("linux", 1, 3, 9))


class Disk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.image = disk_boots.Image(Path(cls.folder.name) / "disk.img")

    def block(self, number, blocks=1):
        with open(self.image.path, "rb") as file:
            file.seek(number * layout.PAGE)
            return file.read(blocks * layout.PAGE)

    def directory(self):
        """(the file's first block, its blocks, the swap space's first block)."""
        head = layout.DISK_HEAD.unpack(self.block(0))
        line = layout.DISK_FILE.unpack(self.block(0), layout.DISK_HEAD.size)
        return line["block"], line["blocks"], head["swap_block"]

    def test_both_systems_find_the_same_places(self):
        first, blocks, swap = self.directory()
        table = self.block(0)[446:512]
        partitions = [struct.unpack_from("<4xB3xII", table, 16 * n) for n in range(4)]
        self.assertEqual(partitions, [(0x83, 8 * first, 8 * blocks), (0x82, 8 * swap, 8 * disk_boots.SWAP_BLOCKS),
                                      (0, 0, 0), (0, 0, 0)])
        self.assertEqual(table[64:], b"\x55\xaa")

    def test_the_partition_table_leaves_the_directory_as_it_is(self):
        small = disk_images.DiskImage(1)
        small.add("paging", b"", layout.PAGE)
        small.place()
        lines = layout.DISK_HEAD.size + layout.DISK_FILE.size
        self.assertLess(lines, 446)
        self.assertEqual(self.block(0)[lines:446], small.directory()[lines:446])

    def test_pages_hold_their_numbers_at_both_ends(self):
        first, _, _ = self.directory()
        for page in (0, 1, 777, disk.PAGES - 1):
            words = struct.unpack("<512Q", self.block(first + page))
            self.assertEqual((words[0], words[-1], any(words[1:-1])),
                             (disk_boots.number(page), disk_boots.number(page), False))

    def test_of_the_second_part_one_page_in_a_group_holds_something(self):
        first, _, _ = self.directory()
        group = self.block(first + disk.PAGES + 5 * disk_boots.SPREAD, disk_boots.SPREAD)
        there = [page for page in range(disk_boots.SPREAD) if any(group[page * layout.PAGE:(page + 1) * layout.PAGE])]
        self.assertEqual(len(there), 1)
        word, = struct.unpack_from("<Q", group, there[0] * layout.PAGE)
        self.assertEqual(word, disk_boots.number(5 * disk_boots.SPREAD + there[0]))

    @unittest.skipUnless(shutil.which("swaplabel"), "no swaplabel")
    def test_linux_knows_the_swap_space(self):
        self.image.mark_swap()
        _, _, swap = self.directory()
        with open(Path(self.folder.name) / "swap", "wb") as out:
            out.write(self.block(swap))
            out.truncate(disk_boots.SWAP_BLOCKS * layout.PAGE)
        subprocess.run(["swaplabel", out.name], check=True, capture_output=True)


class Agreement(unittest.TestCase):
    def test_numbers_are_those_of_the_programs(self):
        values = dict(re.findall(r"PAGING_(\w+) = (\d+),", header("paging.h")))
        self.assertEqual((int(values["PAGES"]), int(values["SPREAD"]), int(values["STEP"])),
                         (disk.PAGES, disk_boots.SPREAD, disk.STEP))
        markers = re.findall(r"#define MARKER_(?:BEGIN|END|STEP) (0x\w+)", header("marker.h"))
        self.assertEqual([int(value, 16) >> 8 for value in markers], [disk.BEGIN, disk.END, disk.ON_THE_WAY])

    def test_operations_are_in_the_order_of_the_programs(self):
        body = re.search(r"enum paging_op \{(.*?)\}", header("paging.h"), re.S)[1]
        names = re.findall(r"PAGING_(\w+),", body)
        self.assertEqual(names[0], "NOTHING")
        self.assertEqual([name.lower() for name in names[1:]],
                         [op.removeprefix("paging.").removeprefix("disk.").replace(".", "_") for op in disk.OPS])

    def test_modules_are_those_that_the_program_inserts(self):
        body = re.search(r"modules\[\] = \{(.*?)\}", header("linux/disk.c"), re.S)[1]
        self.assertEqual(re.findall(r'"(\w+)"', body), list(disk_boots.MODULES))


def guest(code):
    """A guest of 32-bit code at 1 MiB, in the form of Multiboot 1 that has addresses in its header."""
    flags, base = 0x10000, 0x100000
    head = struct.pack("<8I", 0x1BADB002, flags, -(0x1BADB002 + flags) & 0xFFFFFFFF, base, base, 0, 0, base + 32)
    return head + code


def marker(name):
    return b"\x0f\x1f\x80" + struct.pack("<I", 0x0B1D0000 | name)


@unittest.skipUnless(disk.COUNTER.exists() and shutil.which(qemu.BINARY), "the counter is not built, or no QEMU")
class Counter(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.place = Path(self.folder.name)

    def run_guest(self, code, *words, plugin="out={}/counts"):
        """Runs code, which ends the machine by port 0xf4; returns QEMU's result."""
        (self.place / "guest").write_bytes(guest(code + b"\xb0\x10\xe6\xf4\xf4"))  # mov al, 16; out 0xf4, al; hlt
        return subprocess.run([qemu.BINARY, "-M", "pc", "-accel", "tcg", "-nodefaults", "-display", "none",
                               "-kernel", str(self.place / "guest"), "-device", "isa-debug-exit,iobase=0xf4",
                               "-plugin", f"{disk.COUNTER},{plugin.format(self.place)}", *words],
                              capture_output=True, text=True, timeout=120)

    def spans(self, code, *words):
        self.run_guest(code, *words)
        lines = [tuple(map(int, line.split())) for line in (self.place / "counts").read_text().splitlines()]
        return [name for name, *_ in lines], [(b[1] - a[1], b[2] - a[2]) for a, b in zip(lines, lines[1:])]

    # mov ecx, 5; mov edi, 0x200000; rep stosb: three instructions, the last of which is begun once more at its end.
    CODE = marker(1) + b"\x90" * 10 + marker(0x201) + b"\xb9\5\0\0\0\xbf\0\0\x20\0\xf3\xaa" + marker(0x101) + marker(7)
    NAMES, SPANS = [1, 0x201, 0x101, 7], [(11, 0), (2 + 6 + 1, 6), (1, 0)]

    def test_it_counts_instructions_and_iterations(self):
        self.assertEqual(self.spans(self.CODE), (self.NAMES, self.SPANS))

    def test_it_counts_the_same_with_icount(self):
        self.assertEqual(self.spans(self.CODE, "-icount", "shift=0,sleep=off"), (self.NAMES, self.SPANS))

    def test_it_counts_loops_and_tells_other_nops_from_markers(self):
        # mov ecx, 1000; dec ecx; jnz back; a NOP of the marker's form with another displacement
        code = marker(1) + b"\xb9\xe8\3\0\0\x49\x75\xfd" + b"\x0f\x1f\x80\1\0\x1e\x0b" + marker(0x101)
        self.assertEqual(self.spans(code), ([1, 0x101], [(1 + 2000 + 1 + 1, 0)]))

    def test_a_prefix_other_than_rep_counts_once(self):
        # 66 a5: movsw, once, with esi and edi somewhere in memory
        code = b"\xbe\0\0\x20\0\xbf\0\0\x30\0" + marker(1) + b"\x66\xa5" + marker(0x101)
        self.assertEqual(self.spans(code), ([1, 0x101], [(2, 0)]))

    def test_a_wrong_argument_is_named(self):
        self.assertIn("it takes one argument, out=FILE", self.run_guest(b"", plugin="into={}/x").stderr)


@unittest.skipUnless(is_built() and disk_boots.PROGRAM.exists() and disk.COUNTER.exists(), "it is not built")
class Bindery(unittest.TestCase):
    def setUp(self):
        self.options = common.Options(timeout=400)
        self.folder = self.enterContext(session.scratch())
        self.image = disk_boots.Image(self.folder / "disk.img")

    def boot(self, words):
        return disk.boot_bindery(self.image, self.folder, self.options, words)

    def test_every_page_comes_in(self):
        rows = {row["op"]: row for row in disk.counted("bindery", self.boot, self.folder)}
        self.assertEqual(list(rows), list(disk.OPS))
        self.assertEqual((rows["disk.major_fault"]["faults"], rows["paging.file.random"]["faults"]), (256, disk.PAGES))
        self.assertLess(rows["paging.file.sequential"]["faults"], disk.PAGES // 4)  # the rest was read ahead
        self.assertGreaterEqual(rows["paging.swap.sequential"]["writes"], 8000)     # the half that was in memory
        for op, row in rows.items():
            self.assertTrue(0 < row["instructions"] <= 5000, f"{op}: {row['instructions']} instructions")

    def test_a_wrong_page_is_found(self):
        with open(self.image.path, "r+b") as out:
            out.seek((layout.DISK_DIRECTORY_BLOCKS + 1 + 12345) * layout.PAGE - 8)  # the last word of page 12345
            out.write(bytes(8))
        with self.assertRaisesRegex(BinderyError, "did not end well") as caught:
            self.boot(())
        self.assertIn("paging.file.sequential: 1 pages do not hold what was put there", caught.exception.detail)


if __name__ == "__main__":
    unittest.main()
