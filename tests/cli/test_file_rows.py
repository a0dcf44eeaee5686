# SPDX-License-Identifier: MIT
"""Rows of `bench processes` that need a disk: samples and what the device was asked for lie between marks."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools import file_rows
from tools.errors import BinderyError
from tools.peers import common

LOG = """virtio_blk_req_complete vdev 0x1 req 0xa status 0
marker 2 0 0
virtio_blk_handle_write vdev 0x1 req 0xa sector 8 nsectors 8
virtio_blk_handle_read vdev 0x1 req 0xb sector 16 nsectors 16
virtio_blk_req_complete vdev 0x1 req 0xa status 0
virtio_blk_req_complete vdev 0x1 req 0xa status 0
marker 258 0 0
virtio_blk_req_complete vdev 0x1 req 0xc status 0
virtio_blk_handle_write vdev 0x1 req 0xc sector 8 nsectors 800
marker 2 0 0
virtio_blk_req_complete vdev 0x1 req 0xb status 0
virtio_blk_req_complete vdev 0x1 req 0xd status 0
marker 258 0 0
"""
EVENTS = [{"event": "marked", "number": 2, "op": "disk.x", "how": "…", "samples": 2},
          {"event": "bench", "op": "file.x", "minimum": 9, "median": 10}]


class Marked(unittest.TestCase):
    def figures(self, counts, events=EVENTS):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "counts").write_text(counts)
            (Path(folder) / "qemu.log").write_text(LOG)
            return file_rows._figures(Path(folder), events)

    def test_what_completes_and_is_no_transfer_is_a_flush(self):
        self.assertEqual(file_rows.transfers(LOG), {2: {"read": 8, "written": 4, "flushes": 2}})

    def test_a_row_is_the_mean_of_its_samples(self):
        found = self.figures("2 100 0\n258 150 0\n2 1000 0\n258 1100 0\n")
        self.assertEqual(found["disk.x"] | {"instructions": 75, "read": 4, "written": 2, "flushes": 1}, found["disk.x"])
        self.assertEqual(found["file.x"]["minimum"], 9)

    def test_a_sample_that_was_not_marked_is_missed(self):
        with self.assertRaisesRegex(BinderyError, "1 samples of disk.x, and not 2"):
            self.figures("2 100 0\n258 150 0\n")

    def test_a_row_that_failed_is_named(self):
        with self.assertRaisesRegex(common.Skipped, "disk.x: a call failed"):
            self.figures("", [{"event": "skipped", "op": "disk.x", "reason": "a call failed"}])

    def test_linux_has_the_better_of_its_formats_in_each_row(self):
        boots = [{"a": {"instructions": 5}, "b": {"minimum": 7}}, {"a": {"instructions": 6}, "b": {"minimum": 4}}]
        with mock.patch.object(file_rows, "_boot_linux", side_effect=boots):
            found = file_rows.on_linux(None, 1)
        self.assertEqual(found, {"a": {"instructions": 5}, "b": {"minimum": 4}})


if __name__ == "__main__":
    unittest.main()
