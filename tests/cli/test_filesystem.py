# SPDX-License-Identifier: MIT
"""A folder goes into an image's file system and comes back as it was; what cannot be done is said in a sentence."""

import errno
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools import filesystem
from tools.errors import BinderyError, Missing, Usage

BLOCKS = 4096


def listing(folder):
    """Everything in a folder: type, permissions, links, owners, time, contents."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        status = path.lstat()
        contents = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(folder))] = (
            status.st_mode, status.st_uid, status.st_gid, path.is_dir() or (status.st_nlink, status.st_rdev),
            status.st_mtime_ns, contents)
    return found


class FileSystem(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.root, self.image = self.folder / "root", self.folder / "disk.img"
        (self.root / "usr/share").mkdir(parents=True)
        (self.root / "usr/share/words").write_bytes(bytes(range(256)) * 700)
        (self.root / "empty").touch()
        (self.root / "run").write_text("#!/bin/sh\n")
        (self.root / "run").chmod(0o755)
        (self.root / "short").symlink_to("usr/share")
        (self.root / "long").symlink_to("x" * 200)
        (self.root / "a name with blanks, \u00fc and a \" in it").write_text("y")
        os.mkfifo(self.root / "pipe")
        os.link(self.root / "empty", self.root / "usr/empty too")
        os.symlink(b"\xff", os.fsencode(self.root) + b"/not \xfe in UTF-8")
        if os.geteuid() == 0:
            os.chown(self.root / "run", 12, 70000)
            os.mknod(self.root / "device", stat.S_IFCHR | 0o600, os.makedev(300, 70000))
        (self.root / "run").chmod(0o4711)
        (self.root / "sparse").touch()
        os.truncate(self.root / "sparse", 64 << 20)
        with open(self.root / "sparse", "r+b") as file:
            file.seek(30_000_000)
            file.write(b"in the middle")
        (self.root / "nobody's").mkdir()
        (self.root / "nobody's").chmod(0)
        self.addCleanup((self.root / "nobody's").chmod, 0o700)
        os.utime(self.root / "usr/share", ns=(1, 946_684_799_123_456_789))
        os.utime(self.root / "short", ns=(1, 3 * 2**31 * 10**9 + 5), follow_symlinks=False)  # after 2038
        for number in range(300):
            (self.root / "usr" / f"file{number}").write_text(str(number))

    def test_a_folder_comes_back_as_it_was(self):
        filesystem.make_image(self.root, self.image, BLOCKS)
        filesystem.save_image(self.image, self.folder / "after", BLOCKS)
        self.assertEqual(listing(self.folder / "after"), listing(self.root))
        self.assertLess((self.folder / "after/sparse").stat().st_blocks, 256)  # of 512 bytes

    def test_where_nothing_fits_the_files_are_kept(self):
        filesystem.make_image(self.root, self.image, BLOCKS)
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with mock.patch("tools.unpack._file", side_effect=full), \
                self.assertRaisesRegex(BinderyError, "No space left on device; its files are in") as said:
            filesystem.save_image(self.image, self.folder / "after", BLOCKS)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["disk.img", "root"])
        kept = Path(re.search(r"in (\S+), an ext4 image", str(said.exception))[1])
        self.addCleanup(shutil.rmtree, kept.parent)
        filesystem.save_image(kept, self.folder / "after", BLOCKS)
        self.assertEqual(listing(self.folder / "after"), listing(self.root))

    def test_the_file_system_may_be_a_part_of_the_image(self):
        self.image.write_bytes(b"head" * 4096 * 3)
        with open(self.image, "r+b") as file:
            file.truncate((BLOCKS + 100) * filesystem.BLOCK)
        filesystem.make_image(self.root, self.image, BLOCKS, first=7)
        self.assertEqual(self.image.stat().st_size, (BLOCKS + 100) * filesystem.BLOCK)
        self.assertEqual(self.image.read_bytes()[:7 * filesystem.BLOCK], (b"head" * 4096 * 3)[:7 * filesystem.BLOCK])
        filesystem.save_image(self.image, self.folder / "after", BLOCKS, first=7)
        self.assertEqual(listing(self.folder / "after"), listing(self.root))

    def test_the_same_folder_makes_the_same_image(self):
        for path in [self.root, *self.root.rglob("*")]:  # read last in the future: so reading them changes no time
            os.utime(path, (2 ** 31 - 1, 1), follow_symlinks=False)
        filesystem.make_image(self.root, self.image, BLOCKS)
        first = self.image.read_bytes()
        self.image.unlink()
        filesystem.make_image(self.root, self.image, BLOCKS)
        self.assertTrue(first == self.image.read_bytes())

    def test_an_empty_file_system(self):
        filesystem.make_image(None, self.image, BLOCKS)
        filesystem.save_image(self.image, self.folder / "after", BLOCKS)
        self.assertEqual(listing(self.folder / "after"), {})

    def test_what_does_not_fit_is_refused(self):
        (self.root / "large").write_bytes(os.urandom(20 << 20))
        with self.assertRaisesRegex(BinderyError, "does not fit into a file system of 16 MiB"):
            filesystem.make_image(self.root, self.image, BLOCKS)
        with self.assertRaisesRegex(Usage, "2304 to"):
            filesystem.make_image(self.root, self.image, 2000)
        with self.assertRaisesRegex(Missing, "there is no folder"):
            filesystem.make_image(self.folder / "absent", self.image, BLOCKS)

    def test_a_files_time_is_found_in_an_image(self):
        filesystem.make_image(self.root, self.image, BLOCKS, first=7)
        for name in ("run", "usr/share/words", "a name with blanks, \u00fc and a \" in it"):
            time = (self.root / name).stat().st_mtime_ns
            self.assertEqual(filesystem.modified(self.image, name, first=7), time, name)
        for name in ("none", "usr/none", "run/none"):
            self.assertIsNone(filesystem.modified(self.image, name, first=7), name)
        self.assertIsNone(filesystem.modified(self.image, "run", first=3), "no file system begins there")

    def test_what_may_not_be_read_is_named(self):
        # As mke2fs says it to another user than the superuser, whom these tests may have.
        said = ('\ndo_write_internal: Permission denied while opening "a secret" to copy\n'
                '__populate_fs: Permission denied while writing file "a secret"\n')
        done = subprocess.CompletedProcess([], 1, "Creating regular file\n", said)
        with mock.patch.object(filesystem, "_run", return_value=done), \
                self.assertRaisesRegex(BinderyError, "root holds a secret, which you may not read; take it out"):
            filesystem.make_image(self.root, self.image, BLOCKS)

    def test_a_folder_with_files_is_not_written_over(self):
        filesystem.make_image(self.root, self.image, BLOCKS)
        with self.assertRaisesRegex(Usage, "is there already"):
            filesystem.save_image(self.image, self.root, BLOCKS)
        (self.folder / "new").mkdir()
        filesystem.save_image(self.image, self.folder / "new", BLOCKS)
        self.assertEqual(listing(self.folder / "new"), listing(self.root))

    def test_a_damaged_image_leaves_nothing_behind(self):
        filesystem.make_image(self.root, self.image, BLOCKS)
        with open(self.image, "r+b") as file:
            file.write(b"\xff" * 40 * filesystem.BLOCK)
        with self.assertRaisesRegex(BinderyError, "is damaged"):
            filesystem.save_image(self.image, self.folder / "after", BLOCKS)
        with self.assertRaisesRegex(Missing, "there is no"):
            filesystem.save_image(self.folder / "absent", self.folder / "after", BLOCKS)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["disk.img", "root"])


if __name__ == "__main__":
    unittest.main()
