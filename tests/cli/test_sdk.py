# SPDX-License-Identifier: MIT
"""The SDK: one program built outside the tree in every way that sdk/README.md names, and run; the tutorial on library
OSes, carried out as it stands."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.cli.command import is_built
from tests.cli.tutorial import Walk
from tools import musl, paths
from tools.errors import Missing

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
# Processes, a pipe, a program started by another, a signal, a thread that is cancelled in a call.
POSIX = r"""
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static int ends[2], closed[2];
static volatile sig_atomic_t signals;
static void on_signal(int number) { signals += number == SIGCHLD; }
static void cleaned_up(void *word) { strcpy(word, "cleaned"); }
static void *blocked(void *word) {
    char byte;
    pthread_cleanup_push(cleaned_up, word);
    while (read(closed[0], &byte, 1) < 0) {}
    pthread_cleanup_pop(0);
    return word;
}
int main(int argc, char **argv) {
    if (argc == 3) return (int)write(1, argv[2], strlen(argv[2]));
    char text[20] = "", word[20] = "";
    int status;
    pthread_t thread;
    void *result;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGCHLD, &action, 0);
    if (pipe(ends) || pipe(closed)) return 1;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        execl("/proc/self/exe", argv[0], "child", "hello", (char *)0);
        _exit(99);
    }
    close(ends[1]);
    while (read(ends[0], text + strlen(text), 9) > 0) {}
    waitpid(child, &status, 0);
    pthread_create(&thread, 0, blocked, word);
    usleep(20000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    for (int i = 0; i < 1000; i++) status += getppid() < 0;
    printf("%s %d, signals %d, %s %d\n", text, WEXITSTATUS(status), (int)signals, word, result == PTHREAD_CANCELED);
    return 0;
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
        try:
            musl.built()
        except Missing as missing:
            raise unittest.SkipTest(str(missing)) from None
        first, cls.prefix = cls.folder / "first", cls.folder / "moved"
        result = command([BINDERY, "build", "--install", first])
        assert result.returncode == 0, result.stderr
        first.rename(cls.prefix)  # it must find itself wherever it is
        (cls.folder / "p.c").write_text(PROGRAM)
        (cls.folder / "meson.build").write_text(MESON)
        (cls.folder / "CMakeLists.txt").write_text(CMAKE)
        cls.compiler = cls.prefix / "bin" / "bindery-cc"

    def test_meson_install_gives_the_same(self):
        plain = self.folder / "plain"
        self.must(["meson", "install", "-C", paths.BUILD, "--no-rebuild", "--quiet", "--destdir", plain])
        compiler, = plain.rglob("bindery-cc")
        prefix = compiler.parent.parent
        files = [{file.relative_to(root): (file.read_bytes(), file.stat().st_mode) for file in root.rglob("*")
                  if file.is_file()} for root in (prefix, self.prefix)]
        self.assertGreater(len(files[0]), 50)
        self.assertEqual(*(each.keys() for each in files))
        self.assertTrue(files[0] == files[1])

    def must(self, words, **more):
        result = command(words, cwd=self.folder, **more)
        self.assertEqual(result.returncode, 0, f"{words}\n{result.stdout}{result.stderr}")
        return result

    def runs(self, program, libos):
        result = command([BINDERY, "run", "--quiet", self.folder / program, "word"])
        self.assertEqual((result.stdout, result.returncode), (f"2 word {libos}\n", 42), result.stderr)

    def test_the_driver_links_one_program_with_any_library_os(self):
        for libos in ("unix", "linked", "dos"):
            with self.subTest(libos):
                result = self.must([self.compiler, f"--libos={libos}", f'-DLIBOS="{libos}"', "-O2", "-Wall", "-Werror",
                                    "p.c", "-o", libos])
                self.assertEqual(result.stderr, "")
                self.runs(libos, libos)

    def posix(self, compiler, name):
        """The program with processes, as it runs on libos/unix: what it prints, and how its system calls came."""
        (self.folder / "posix.c").write_text(POSIX)
        self.must([*compiler, "-O1", "-Wall", "-Werror", "posix.c", "-o", name])
        run = self.must([BINDERY, "run", "--quiet", "--json", f"./{name}"])
        row, = json.loads(run.stdout)["rows"]
        self.assertEqual((row["end"], row["status"]), ("exit", 0), row)
        return row["output"], next(event for event in row["events"] if event["event"] == "calls")

    def test_unix_has_processes_and_threads_and_its_calls_are_procedure_calls(self):
        output, calls = self.posix([self.compiler, "--libos=unix"], "posix")
        self.assertEqual(output, "hello 5, signals 1, cleaned 1\n")
        self.assertGreater(calls["direct"], 1000)
        self.assertLessEqual(calls["trapped"], 10)  # two starts, a thread's creation and end, handlers' ends
        self.assertEqual(self.must(["./posix"]).stdout, output)  # on Linux

    def test_the_same_source_linked_with_debians_musl_traps_each_time(self):
        resources = self.must(["clang-19", "-print-resource-dir"]).stdout.strip()
        place = "/usr/lib/x86_64-linux-musl"
        output, calls = self.posix(["clang-19", "-nostdinc", "-isystem", "/usr/include/x86_64-linux-musl", "-idirafter",
                                    f"{resources}/include", "-static", "-nostdlib", "-fuse-ld=lld-19",
                                    *(f"{place}/{name}" for name in ("crt1.o", "crti.o", "libc.a", "crtn.o"))], "stock")
        self.assertEqual(output, "hello 5, signals 1, cleaned 1\n")
        self.assertEqual(calls["direct"], 0)
        self.assertGreater(calls["trapped"], 1000)
        self.must([self.compiler, "--libos=unix", "posix.c", "-o", "called"])
        listed = [{row["number"] for row in json.loads(command([BINDERY, "run", "--compat", "--json", f"./{name}"],
                                                               cwd=self.folder).stdout)["rows"]}
                  for name in ("called", "stock")]
        self.assertEqual(listed[0], listed[1])  # whichever way: both are found

    def test_objects_can_be_compiled_and_linked_apart(self):
        self.must([self.compiler, "--libos=dos", '-DLIBOS="apart"', "-c", "p.c", "-o", "apart.o"])
        self.must([self.compiler, "--libos=dos", "apart.o", "-o", "apart"])
        self.runs("apart", "apart")

    def test_the_source_can_be_standard_input_or_have_any_name(self):
        (self.folder / "p.text").write_text(PROGRAM)
        for libos in ("unix", "dos"):
            self.must([self.compiler, f"--libos={libos}", '-DLIBOS="named"', "-x", "c", "p.text", "-o",
                       f"named-{libos}"])
            self.runs(f"named-{libos}", "named")
        made = subprocess.run([self.compiler, "--libos=unix", '-DLIBOS="input"', "-xc", "-", "-o", "input"],
                              cwd=self.folder, input=PROGRAM, capture_output=True, text=True, timeout=300)
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        self.runs("input", "input")

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

    def test_without_its_musl_unix_is_refused_in_a_sentence(self):
        bare = self.folder / "bare" / "bin" / "bindery-cc"
        bare.parent.mkdir(parents=True)
        shutil.copy(self.compiler, bare)
        result = command([bare, "--libos=unix", "p.c", "-o", "none"], cwd=self.folder)
        self.assertEqual((result.returncode, result.stdout), (3, ""))
        self.assertRegex(result.stderr, r"^bindery-cc: --libos=unix links with musl, and .* has none: .*\n$")

    def test_pkg_config_gives_the_same(self):
        variables = os.environ | {"PKG_CONFIG_PATH": str(self.prefix / "lib" / "pkgconfig")}
        for libos in ("unix", "linked", "dos"):
            with self.subTest(libos):
                flags = {what: self.must(["pkg-config", what, f"bindery-{libos}"], env=variables).stdout.split()
                         for what in ("--cflags", "--libs")}
                self.must(["clang-19", *flags["--cflags"], '-DLIBOS="flags"', "p.c", "-o", f"flags-{libos}",
                           *flags["--libs"]])
                self.runs(f"flags-{libos}", "flags")

    def test_meson_builds_with_the_cross_file(self):
        variables = os.environ | {"PATH": f"{self.prefix / 'bin'}:{os.environ['PATH']}",
                                  "XDG_DATA_HOME": str(self.prefix / "share")}
        for libos in ("unix", "dos"):
            with self.subTest(libos):
                self.must(["meson", "setup", "--cross-file", f"bindery-{libos}.ini", f"meson-{libos}"], env=variables)
                self.must(["meson", "compile", "-C", f"meson-{libos}"], env=variables)
                self.runs(f"meson-{libos}/p", "meson")

    @unittest.skipUnless(shutil.which("cmake"), "cmake is not installed")
    def test_cmake_builds_with_the_toolchain_file(self):
        for libos in ("unix", "linked"):
            with self.subTest(libos):
                toolchain = self.prefix / "share" / "bindery" / "cmake" / f"bindery-{libos}.cmake"
                self.must(["cmake", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", "-G", "Ninja", "-B", f"cmake-{libos}"])
                self.must(["cmake", "--build", f"cmake-{libos}"])
                self.runs(f"cmake-{libos}/p", "cmake")

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
