# SPDX-License-Identifier: MIT
"""tools/layout.py says what the C headers say: the compiler asserts it."""

import subprocess
import unittest

from tools import builder, layout, paths

HEADERS = ("pe/package.h", "pe/types.h", "pe/pe.h", "libos/core/disk_layout.h")

# name in C: value in Python
CONSTANTS = {
    "EXO_PAGE_SIZE": layout.PAGE,
    "EXO_READ": layout.READ,
    "EXO_WRITE": layout.WRITE,
    "EXO_EXECUTE": layout.EXECUTE,
    "EXO_ABI_VERSION": layout.ABI_VERSION,
    "EXO_PACKAGE_MAGIC": layout.PACKAGE_MAGIC,
    "EXO_PACKAGE_TRACE": layout.PACKAGE_TRACE,
    "EXO_PACKAGE_SEGMENTS": layout.PACKAGE_SEGMENTS,
    "DISK_MAGIC": layout.DISK_MAGIC,
    "DISK_DIRECTORY_BLOCKS": layout.DISK_DIRECTORY_BLOCKS,
    "DISK_FILES": layout.DISK_FILES,
    "sizeof(struct exo_image)": layout.IMAGE_SIZE,
    "offsetof(struct exo_image, segment)": layout.IMAGE_HEAD.size,
    "offsetof(struct disk_directory, file)": layout.DISK_HEAD.size,
}
WHOLE = (layout.SEGMENT, layout.JOB, layout.PACKAGE, layout.DISK_FILE)   # described to their end
HEADS = (layout.IMAGE_HEAD, layout.DISK_HEAD)                            # an array follows


def compiles(assertions):
    """Does the C compiler agree with all (condition, sentence)?"""
    source = "#include <stddef.h>\n" + "".join(f'#include "{name}"\n' for name in HEADERS)
    source += "".join(f'static_assert({condition}, "{sentence}");\n' for condition, sentence in assertions)
    words = [builder.environment()["CC"], "-std=gnu2x", "-fsyntax-only", "-x", "c", "-I", str(paths.ROOT), "-"]
    return subprocess.run(words, input=source, capture_output=True, text=True)


class Layouts(unittest.TestCase):
    def test_every_field_has_the_place_and_size_of_the_header(self):
        checks = []
        for each in (*WHOLE, *HEADS):
            for field, at, size in each.offsets():
                member = f"struct {each.name}, {field}"
                checks.append((f"offsetof({member}) == {at}", f"{member} is elsewhere"))
                checks.append((f"sizeof(((struct {each.name} *)0)->{field}) == {size}", f"{member} has another size"))
        checks += [(f"sizeof(struct {each.name}) == {each.size}", f"{each.name} has another size") for each in WHOLE]
        result = compiles(checks)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_every_constant_has_the_value_of_the_header(self):
        result = compiles([(f"{name} == {value}ull", f"{name} is another") for name, value in CONSTANTS.items()])
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_wrong_offset_would_be_found(self):
        self.assertNotEqual(compiles([("offsetof(struct exo_job, frames) == 8", "wrong")]).returncode, 0)

    def test_a_field_that_does_not_exist_is_refused(self):
        with self.assertRaises(ValueError):
            layout.JOB.pack(no_such_field=1)

    def test_a_name_that_is_too_long_is_refused(self):
        with self.assertRaises(ValueError):
            layout.DISK_FILE.pack(name="n" * 40)
