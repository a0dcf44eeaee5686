# SPDX-License-Identifier: MIT
"""The SDK: one program built outside the tree in every way that sdk/README.md names, and run; the tutorial on library
OSes, carried out as it stands."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.cli.command import is_built
from tests.cli.tutorial import Walk
from tools import paths

BINDERY = paths.ROOT / "bindery"

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    int *words = malloc(300000);
    words[70000] = argc;
    printf("%d %s %s\n", words[70000], argc > 1 ? argv[1] : "-", LIBOS);
    return 40 + argc;
}
"""
MESON = "project('p', 'c')\nexecutable('p', 'p.c', c_args: '-DLIBOS=\"meson\"')\n"
CMAKE = ("cmake_minimum_required(VERSION 3.20)\nproject(p C)\nadd_executable(p p.c)\n"
         "target_compile_definitions(p PRIVATE LIBOS=\"cmake\")\n")


def command(words, **more):
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, **more)


@unittest.skipUnless(is_built(), "needs a built system")
class Sdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        first, cls.prefix = cls.folder / "first", cls.folder / "moved"
        result = command([BINDERY, "build", "--install", first])
        assert result.returncode == 0, result.stderr
        first.rename(cls.prefix)  # it must find itself wherever it is
        (cls.folder / "p.c").write_text(PROGRAM)
        (cls.folder / "meson.build").write_text(MESON)
        (cls.folder / "CMakeLists.txt").write_text(CMAKE)
        cls.compiler = cls.prefix / "bin" / "bindery-cc"

    def must(self, words, **more):
        result = command(words, cwd=self.folder, **more)
        self.assertEqual(result.returncode, 0, f"{words}\n{result.stdout}{result.stderr}")
        return result

    def runs(self, program, libos):
        result = command([BINDERY, "run", "--quiet", self.folder / program, "word"])
        self.assertEqual((result.stdout, result.returncode), (f"2 word {libos}\n", 42), result.stderr)

    def test_the_driver_links_one_program_with_either_library_os(self):
        for libos in ("unix", "dos"):
            with self.subTest(libos):
                result = self.must([self.compiler, f"--libos={libos}", f'-DLIBOS="{libos}"', "-O2", "-Wall", "-Werror",
                                    "p.c", "-o", libos])
                self.assertEqual(result.stderr, "")
                self.runs(libos, libos)

    def test_objects_can_be_compiled_and_linked_apart(self):
        self.must([self.compiler, "--libos=dos", '-DLIBOS="apart"', "-c", "p.c", "-o", "apart.o"])
        self.must([self.compiler, "--libos=dos", "apart.o", "-o", "apart"])
        self.runs("apart", "apart")

    def test_a_service_that_is_lacking_is_named(self):
        (self.folder / "sync.c").write_text("#include <unistd.h>\nint main(void) { return fsync(1); }\n")
        result = command([self.compiler, "--libos=dos", "sync.c", "-o", "sync"], cwd=self.folder)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("undefined symbol: fsync", result.stderr)
        self.assertFalse((self.folder / "sync").exists())

    def test_the_library_os_must_be_said(self):
        for words, sentence in (([], "say which library OS"), (["--libos=os2"], "no library OS “os2” here")):
            result = command([self.compiler, *words, "p.c"], cwd=self.folder)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn(sentence, result.stderr)

    def test_pkg_config_gives_the_same(self):
        variables = os.environ | {"PKG_CONFIG_PATH": str(self.prefix / "lib" / "pkgconfig")}
        flags = {what: self.must(["pkg-config", what, "bindery-unix"], env=variables).stdout.split()
                 for what in ("--cflags", "--libs")}
        self.must(["clang-19", *flags["--cflags"], '-DLIBOS="flags"', "p.c", "-o", "flags", *flags["--libs"]])
        self.runs("flags", "flags")

    def test_meson_builds_with_the_cross_file(self):
        variables = os.environ | {"PATH": f"{self.prefix / 'bin'}:{os.environ['PATH']}",
                                  "XDG_DATA_HOME": str(self.prefix / "share")}
        self.must(["meson", "setup", "--cross-file", "bindery-dos.ini", "by-meson"], env=variables)
        self.must(["meson", "compile", "-C", "by-meson"], env=variables)
        self.runs("by-meson/p", "meson")

    @unittest.skipUnless(shutil.which("cmake"), "cmake is not installed")
    def test_cmake_builds_with_the_toolchain_file(self):
        toolchain = self.prefix / "share" / "bindery" / "cmake" / "bindery-unix.cmake"
        self.must(["cmake", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", "-G", "Ninja", "-B", "by-cmake"])
        self.must(["cmake", "--build", "by-cmake"])
        self.runs("by-cmake/p", "cmake")

    def test_programs_that_cannot_run_are_refused_in_a_sentence(self):
        (self.folder / "text").write_text("hello\n")
        for program, status, sentence in (("/bin/ls", 2, "is linked dynamically"),
                                          ("./absent", 3, "there is no absent"),
                                          ("./text", 2, "no readable ELF header")):
            with self.subTest(program):
                result = command([BINDERY, "run", "--quiet", program], cwd=self.folder)
                self.assertEqual((result.returncode, result.stdout), (status, ""), result.stderr)
                self.assertIn(sentence, result.stderr)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)


@unittest.skipUnless(is_built(), "needs a built system")
class Tutorial(Walk):
    """On what is built already: the document changes nothing of the tree."""

    variables = {"BINDERY_BUILD": str(paths.BUILD), "BINDERY_BUILT": "1"}

    def test_the_tutorial_works_as_it_is_written(self):
        before = self.files()
        self.walk("doc/write-a-library-os.md")
        after = self.files()
        own = {path for path in after if path.startswith(("mine/", "sdk-root/"))}
        self.assertEqual({path: digest for path, digest in after.items() if path not in own}, before)

    def test_bad_names_write_nothing(self):
        self.run_it("mkdir taken")
        for name in ("Mine", "../a", "switch", "taken", "a b"):
            with self.subTest(name):
                before = self.files()
                result = self.run_it(f"./bindery new libos '{name}'")
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
                self.assertEqual(self.files(), before)
