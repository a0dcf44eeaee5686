# SPDX-License-Identifier: MIT
"""Disk images: what is put in comes out, everything has its place, and what does not fit is refused."""

import os
import tempfile
import unittest
from pathlib import Path

from tools import image, layout
from tools.errors import BinderyError, Missing
from tools.layout import PAGE


class Images(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name) / "disk.img"

    def test_files_come_back_byte_by_byte(self):
        wanted = {"empty": b"", "short": b"abc", "page": bytes(PAGE), "long": os.urandom(3 * PAGE + 1)}
        disk = image.DiskImage(swap_blocks=100)
        for name, data in wanted.items():
            disk.add(name, data)
        blocks = disk.write(self.path)
        files, head = image.read(self.path)
        self.assertEqual(files, wanted)
        self.assertEqual(head["swap_blocks"], 100)
        self.assertEqual(self.path.stat().st_size, blocks * PAGE)
        self.assertEqual(head["swap_block"] + head["swap_blocks"], blocks)

    def test_extents_do_not_overlap_and_leave_room_to_grow(self):
        disk = image.DiskImage(swap_blocks=10)
        disk.add("a", b"x" * 5000)
        disk.add("b", b"y", room=10 * PAGE)
        disk.add("c", b"z")
        disk.place()
        places = [(file.block, file.blocks) for file in disk.files] + [(disk.swap_block, disk.swap_blocks)]
        end = layout.DISK_DIRECTORY_BLOCKS
        for block, blocks in places:
            self.assertEqual(block, end)
            end = block + blocks
        self.assertEqual([blocks for _, blocks in places], [2, 10, 1, 10])

    def test_swap_space_takes_no_room_on_the_host(self):
        disk = image.DiskImage(swap_blocks=32768)
        disk.add("a", b"x")
        disk.write(self.path)
        self.assertEqual(self.path.stat().st_size, (8 + 1 + 32768) * PAGE)
        self.assertLess(self.path.stat().st_blocks * 512, 1 << 20)

    def test_names_are_checked(self):
        disk = image.DiskImage()
        disk.add("n" * 39, b"")
        with self.assertRaisesRegex(BinderyError, "39 bytes"):
            disk.add("n" * 40, b"")
        with self.assertRaisesRegex(BinderyError, "two files"):
            disk.add("n" * 39, b"")

    def test_the_directory_has_an_end(self):
        disk = image.DiskImage()
        for number in range(layout.DISK_FILES):
            disk.add(str(number), b"")
        with self.assertRaisesRegex(BinderyError, "at most 511"):
            disk.add("one more", b"")

    def test_a_missing_source_is_named(self):
        with self.assertRaisesRegex(Missing, "cannot read .*absent"):
            image.DiskImage().add("file", Path(self.folder.name) / "absent")

    def test_an_image_that_is_too_small_is_refused(self):
        disk = image.DiskImage(swap_blocks=4)
        disk.add("file", b"x" * PAGE)
        blocks = disk.write(self.path)
        for size in (100, 8 * PAGE, (blocks - 1) * PAGE):
            os.truncate(self.path, size)
            with self.subTest(size), self.assertRaisesRegex(BinderyError, "too small"):
                image.read(self.path)

    def test_any_other_file_is_refused(self):
        self.path.write_bytes(bytes(16 * PAGE))
        with self.assertRaisesRegex(BinderyError, "not a disk image"):
            image.read(self.path)
