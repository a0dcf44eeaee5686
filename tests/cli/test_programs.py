# SPDX-License-Identifier: MIT
"""Real programs on libos/unix: each prints, byte for byte, what the same executable prints on Linux, and ends alike.

The programs are made of Debian's packages and sources (tools/stock.py). Each case is a folder that is the
current one on Linux, and the root on libos/unix.
"""

import functools
import json
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

from tests.cli.command import is_built
from tests.cli.place import InFolder
from tools import paths, stock
from tools.errors import Missing
from tools.peers.common import Skipped

HERE = paths.ROOT / "tests" / "programs"
ENVIRONMENT = {"PATH": "/bin:/usr/bin:/sbin:/usr/sbin", "HOME": "/"}
HELLO = r"""
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>
static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
int main(int argc, char **argv) {
    qsort(argv + 1, argc - 1, sizeof *argv, compare);
    for (int i = 1; i < argc; i++) printf("%s %.4f\n", argv[i], sqrt(i));
    return argc;
}
"""


@functools.cache
def executable(name):
    try:
        return stock.path(name)
    except (Skipped, Missing) as error:
        raise unittest.SkipTest(f"{name}: {error}") from None


@unittest.skipUnless(is_built(), "needs a built system")
class Programs(InFolder):
    def setUp(self):
        super().setUp()
        self.root = self.place / "root"
        self.root.mkdir()
        (self.root / "tmp").mkdir()

    def put(self, *names, **files):
        """Programs by name, and files with their contents or sources, into the root."""
        for name in names:
            shutil.copy(executable(name), self.root)
        for name, content in files.items():
            target = self.root / name.replace("__", "/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read_bytes() if isinstance(content, Path) else content)

    def on_linux(self, words, stdin=b""):
        root = self.place / "linux"
        shutil.copytree(self.root, root, symlinks=True)
        done = subprocess.run(words, cwd=root, input=stdin, env=ENVIRONMENT, timeout=300, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return done.returncode if done.returncode >= 0 else 128 - done.returncode, done.stdout

    def on_bindery(self, words, stdin=b"", options=()):
        environment = os.environ | {"BINDERY_BUILD": str(paths.BUILD), "BINDERY_BUILT": "1"}
        done = subprocess.run([paths.ROOT / "bindery", "run", "--root", self.root, *options, "--", *words],
                              input=stdin, env=environment, timeout=300, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        self.assertEqual(done.stderr, b"")  # nor any call that is not served
        return done.returncode, done.stdout

    def same(self, words, stdin=b"", options=(), edit=lambda text: text):
        status, output = self.on_linux(words, stdin)
        own_status, own_output = self.on_bindery(words, stdin, options)
        self.maxDiff = None
        self.assertEqual(*(edit(each.decode(errors="backslashreplace")) for each in (own_output, output)))
        self.assertEqual(own_status, status)
        return output

    def test_a_shell_script_of_a_hundred_lines(self):
        self.put("busybox", **{"script.sh": HERE / "script.sh"})
        self.assertIn(b"== archives", self.same(["./busybox", "sh", "script.sh"]))

    def test_the_same_script_in_little_memory(self):
        self.put("busybox", **{"script.sh": HERE / "script.sh"})
        self.same(["./busybox", "sh", "script.sh"], options=["--memory", "1M", "--policy", "clockpro"])

    def counted(self, words, *options):
        """What a run prints, and what the library OS says of it: {event: the first one}."""
        run = [paths.ROOT / "bindery", "run", "--quiet", "--json", *options, "--root", self.root, "--", *words]
        environment = os.environ | {"BINDERY_BUILD": str(paths.BUILD), "BINDERY_BUILT": "1"}
        done = subprocess.run(run, stdin=subprocess.DEVNULL, env=environment, timeout=300, capture_output=True)
        row, = json.loads(done.stdout)["rows"]
        self.assertEqual(row["end"], "exit", row)
        return row["output"], {event["event"]: event for event in reversed(row["events"])}

    def rewritten(self, words, sites, left):
        """The program prints the same with its call sites rewritten: so many of them at least, and `left` at most. How
        many calls trap without that; how many trap, and how many do not, with it."""
        _, output = self.on_linux(words)
        plain_output, plain = self.counted(words)
        own_output, own = self.counted(words, "--rewrite")
        self.assertEqual([plain_output, own_output], 2 * [output.decode(errors="replace")])
        self.assertGreaterEqual(own["rewritten"]["sites"], sites)
        self.assertLessEqual(own["rewritten"]["left"], left)
        self.assertNotIn("rewritten", plain)
        self.assertEqual(plain["calls"]["direct"], 0)
        return plain["calls"]["trapped"], own["calls"]["trapped"], own["calls"]["direct"]

    def test_a_shell_script_traps_hardly_with_call_sites_rewritten(self):
        self.put("busybox", **{"script.sh": HERE / "script.sh"})
        plain, trapped, direct = self.rewritten(["./busybox", "sh", "script.sh"], 255, 20)  # it has no symbols
        self.assertLess(trapped, plain / 50)
        self.assertGreater(direct, plain / 2)

    def test_lua_traps_hardly_with_call_sites_rewritten(self):
        self.put("lua", **{"work.lua": HERE / "work.lua"})
        plain, trapped, direct = self.rewritten(["./lua", "work.lua"], 80, 20)
        self.assertLess(trapped, plain / 30)
        self.assertEqual(trapped + direct, plain)

    def test_zstd_traps_hardly_with_call_sites_rewritten(self):
        self.put("zstd", text=b"".join(b"%d is the square of %d\n" % (n * n, n) for n in range(40000)))
        plain, trapped, _ = self.rewritten(["./zstd", "-q", "-1", "-c", "--no-check", "text"], 80, 30)
        self.assertLess(trapped, plain / 5)

    def test_input_from_a_pipe(self):
        self.put("busybox")
        data = os.urandom(300000)
        self.same(["./busybox", "md5sum"], stdin=data)
        self.assertEqual(self.on_bindery(["./busybox", "cat"], stdin=data), (0, data))

    def test_lua(self):
        self.put("lua", **{"work.lua": HERE / "work.lua"})
        self.same(["./lua", "work.lua"])

    def test_a_database_in_a_file(self):
        self.put("sqlite3", **{"work.sql": HERE / "work.sql"})
        self.same(["./sqlite3", "work.db", ".read work.sql"])

    def test_a_database_in_little_memory(self):
        self.put("sqlite3", **{"work.sql": HERE / "work.sql"})
        self.same(["./sqlite3", "work.db", ".read work.sql"], options=["--memory", "1M", "--policy", "clock1"])

    def test_sqlites_speed_test(self):
        self.put("speedtest1")
        seconds = functools.partial(re.sub, r" *[0-9.]+s\b", " _s")
        self.same(["./speedtest1", "--size", "2", "--verify", "test.db"], edit=seconds)

    def test_zstd_with_threads(self):
        self.put("zstd", **{"text": Path("/usr/share/dict/american-english").read_bytes()[:400000]})
        for words in (["-q", "-1"], ["-q", "-12", "-T2"]):
            with self.subTest(words):
                shutil.rmtree(self.place / "linux", ignore_errors=True)
                self.same(["./zstd", *words, "-c", "text"])
        packed = subprocess.run([executable("zstd"), "-q", "-c", self.root / "text"], capture_output=True).stdout
        self.assertEqual(self.on_bindery(["./zstd", "-q", "-d"], stdin=packed), (0, (self.root / "text").read_bytes()))

    def test_a_c_compiler_and_what_it_compiles(self):
        self.put("tcc", "busybox", **{"hello.c": HELLO.encode()})
        executable("tcc")
        shutil.copytree(stock.tcc_library(), self.root / "tcc-library")
        musl = self.root / "musl"
        shutil.copytree("/usr/include/x86_64-linux-musl", musl / "include")
        for name in ("crt1.o", "crti.o", "crtn.o", "libc.a"):
            shutil.copy(stock.MUSL / name, musl)
        compile_it = ("./tcc -Btcc-library -nostdinc -Itcc-library/include -Imusl/include -nostdlib -static "
                      "musl/crt1.o musl/crti.o hello.c musl/libc.a tcc-library/libtcc1.a musl/crtn.o -o hello")
        self.same(["./busybox", "sh", "-c", f"{compile_it} && ./busybox md5sum hello && ./hello pear apple fig"])

    def test_what_is_written_can_be_saved(self):
        self.put("busybox", **{"old": b"old\n"})
        after = self.place / "after"
        status, _ = self.on_bindery(["./busybox", "sh", "-c",
                                     "b=./busybox; $b mkdir -p a/b; $b seq 1 50000 >a/b/new; $b rm old; "
                                      "$b ln -s b a/l"],
                                    options=["--save", after])
        self.assertEqual(status, 0)
        self.assertEqual((after / "a/b/new").read_text(), "".join(f"{n}\n" for n in range(1, 50001)))
        self.assertEqual(os.readlink(after / "a/l"), "b")
        self.assertFalse((after / "old").exists())
        self.assertTrue((self.root / "old").exists(), "the host's folder stays as it is")

    def test_what_is_written_and_not_saved_is_named(self):
        self.put("busybox", same=b"1\n", other=b"2\n")
        (self.root / "busybox").rename(self.root / "busybox of mine")
        words = ["./busybox of mine", "sh", "-c", 'cat "$@"; echo 3 >"$1"', "sh", "other", "same"]
        done = subprocess.run([paths.ROOT / "bindery", "run", "--", *words], cwd=self.root, stdin=subprocess.DEVNULL,
                              env=os.environ | {"BINDERY_BUILD": str(paths.BUILD), "BINDERY_BUILT": "1"}, timeout=300,
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, "2\n1\n"))
        self.assertEqual(done.stderr, "bindery: what ./busybox of mine made of other is gone; "
                                      "--save DIR keeps a run's files\n")
