# SPDX-License-Identifier: MIT
"""ELF files go into a boot package and come out as they were."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from tools import builder, layout, package
from tools.errors import BinderyError, Missing
from tools.layout import PAGE

PROGRAM = """
const char constant[] = "read only";
int data = 5;
char zeroes[3 * 4096];
void _start(void) { zeroes[0] = constant[data]; while (1) ; }
"""


def compiled(folder, source=PROGRAM, *flags):
    """An executable made of a C source."""
    path = Path(folder) / "program"
    words = [builder.environment()["CC"], "-x", "c", "-", "-o", str(path), "-nostdlib", "-static", "-fuse-ld=lld",
             "-Wl,--build-id=none", "-Wl,-z,max-page-size=4096", "-Wl,-z,separate-code", "-Wl,-z,noexecstack", *flags]
    subprocess.run(words, input=source, text=True, check=True, capture_output=True)
    return path


class Packages(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def test_a_package_comes_back_as_it_was_made(self):
        made = package.Package(flags=layout.PACKAGE_TRACE)
        image = made.add_image("program", compiled(self.folder.name))
        made.add_job(image, "job=0 app=program policy=fifo frames=10", group=1, frames=300, blocks=9, slices=2)
        made.add_job(image, "", deadline=7)
        back = package.decode(made.encode())
        self.assertEqual(back.flags, layout.PACKAGE_TRACE)
        self.assertEqual([job.arguments for job in back.jobs], [job.arguments for job in made.jobs])
        job = back.jobs[0]
        self.assertEqual((job.group, job.frames, job.blocks, job.slices), (1, 300, 9, 2))
        self.assertEqual(back.jobs[1].deadline, 7)
        for old, new in zip(made.images[0].segments, back.images[0].segments):
            self.assertEqual((old.address, old.pages, old.rights), (new.address, new.pages, new.rights))
            self.assertEqual(old.data.ljust(len(new.data), b"\0"), new.data)
        self.assertEqual((back.images[0].name, back.images[0].entry), ("program", made.images[0].entry))

    def test_segments_lie_on_pages_of_their_own(self):
        made = package.Package()
        made.add_image("program", compiled(self.folder.name))
        data = made.encode()
        self.assertEqual(len(data) % PAGE, 0)
        ends = 0
        for number in range(len(made.images[0].segments)):
            at = layout.PACKAGE.size + layout.IMAGE_HEAD.size + number * layout.SEGMENT.size
            segment = layout.SEGMENT.unpack(data, at)
            self.assertEqual(segment["offset"] % PAGE, 0)
            self.assertGreaterEqual(segment["offset"], ends)
            ends = segment["offset"] + segment["file_pages"] * PAGE
        self.assertEqual(ends, len(data))

    def test_memory_that_is_zero_takes_no_room(self):
        image = package.read_elf("program", compiled(self.folder.name))
        writable, = [segment for segment in image.segments if segment.rights & layout.WRITE]
        self.assertGreaterEqual(writable.pages, 3)
        self.assertLess(len(writable.data), PAGE * 2)

    def test_no_segment_is_writable_and_executable(self):
        with self.assertRaisesRegex(BinderyError, "writable and executable"):
            package.read_elf("program", compiled(self.folder.name, PROGRAM, "-Wl,-N"))

    def test_a_position_independent_executable_is_refused(self):
        with self.assertRaisesRegex(BinderyError, "static x86-64"):
            package.read_elf("program", compiled(self.folder.name, PROGRAM, "-static-pie", "-fPIE"))

    def test_a_file_that_is_no_program_is_refused(self):
        path = Path(self.folder.name) / "text"
        path.write_text("no program")
        with self.assertRaisesRegex(BinderyError, "not an ELF file"):
            package.read_elf("text", path)

    def test_a_missing_program_says_how_to_get_it(self):
        with self.assertRaisesRegex(Missing, "bindery build"):
            package.read_elf("program", Path(self.folder.name) / "absent")

    def test_a_package_cut_short_is_refused(self):
        made = package.Package()
        made.add_image("program", compiled(self.folder.name))
        for length in (0, 10, PAGE):
            with self.subTest(length), self.assertRaises(BinderyError):
                package.decode(made.encode()[:length])
