# SPDX-License-Identifier: MIT
"""`bindery run --compat`: what a program lacks is told from its file, and is what a run shows."""

import re
import struct
import unittest

from tests.cli.command import bindery, is_built
from tests.cli.place import InFolder
from tests.cli.test_missing import SOURCE, compiled
from tests.cli.test_programs import executable
from tools import calls_in_code, compat

WAYS = r"""
__attribute__((noinline)) static long call(long number) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number) : "rcx", "r11", "memory");
    return result;
}
volatile long variable;
void _start(int argument) {
    call(argument ? 39 : 135);         /* two ways to one place, by a function's argument */
    call(0xffff);
    if (argument) call(variable);      /* from memory: cannot be told */
    __asm__ volatile("push $0; pop %%rax; mov %%eax, %%eax; syscall" ::: "rax", "rcx", "r11", "memory");
    __builtin_trap();
}
"""
NOTE = r"""__asm__(".section .note.needs,\"a\",@note; .p2align 3; .long 4, 16, 5; .asciz \"GNU\";"
                   ".long 0xc0008002, 4, 4, 0; .text");"""


@unittest.skipUnless(is_built(), "needs a built system")
class Compat(InFolder):
    def look(self, program, status):
        result = bindery("run", "--libos", "unix", "--compat", "--json", "--", str(program))
        self.assertEqual((result.status, result.err), (status, ""), result.out)
        return result.json()["rows"]

    def test_calls_are_found_and_compared_with_those_that_are_served(self):
        rows = self.look(compiled(self.place, SOURCE), 1)
        calls = {row["number"]: (row["name"], row["served"]) for row in rows}
        self.assertEqual(calls, {1: ("write", True), 95: ("umask", True), 101: ("ptrace", False),
                                 231: ("exit_group", True), 425: ("io_uring_setup", False), 99999: ("unknown", False)})

    def test_numbers_are_followed_and_what_cannot_be_told_is_counted(self):
        rows = self.look(compiled(self.place, WAYS), 1)
        self.assertEqual({row["number"]: row["served"] for row in rows},
                         {39: True, 135: False, 0xffff: False, None: None})
        self.assertEqual(rows[-1]["places"], 2)  # the function's, and the one behind the pop
        text = bindery("run", "--compat", str(self.place / "prog"))
        self.assertRegex(text.out, r"personality +135 +1 +gives ENOSYS")
        self.assertIn("3 system calls in 3 places of its code, 2 of them not served; in 2 places more the number",
                      text.out)
        self.assertNotIn("getpid", text.out)
        lines = bindery("run", "--compat", "--csv", str(self.place / "prog")).out.splitlines()
        self.assertEqual(lines[:2], ["kind,name,number,places,served,detail", "system call,getpid,39,1,True,"])

    def test_what_real_programs_call_was_told(self):
        for name, words in (("busybox", ["sh", "-c", "echo a; ls /; date"]), ("lua", ["-e", "print(os.tmpname())"]),
                            ("sqlite3", ["t.db", "create table t (a); select 1"])):
            with self.subTest(name):
                program = executable(name)
                found = compat.look(program)
                names = {row["name"] for row in found}
                run = bindery("run", "--strace", "--", str(program), *words)
                called = set(re.findall(r"^\[\d+\] (\w+)\(", run.err, re.M))
                self.assertGreater(len(called), 8, run.err)
                unseen = called - names
                self.assertLessEqual(len(unseen), 2, unseen)  # numbers that come from a table
                self.assertTrue(not unseen or compat.UNTOLD in names)
                refused = set(re.findall(r"\((\w+)\) is not served", run.err))
                self.assertEqual(refused - unseen,
                                 {row["name"] for row in found if row["served"] is False} & called - unseen)

    def test_instructions_linkers_addresses_and_machines(self):
        self.assertIn(("instructions", "x86-64-v3 (AVX2)"),
                      [(row["kind"], row["name"]) for row in self.look(compiled(self.place, NOTE + SOURCE), 1)])
        rows = self.look(compiled(self.place, SOURCE, "-Wl,--image-base=0x40000000"), 1)
        self.assertIn("addresses", [row["kind"] for row in rows])
        self.assertIn("dynamic linker", [row["kind"] for row in self.look("/bin/ls", 1)])
        data = bytearray(compiled(self.place, SOURCE).read_bytes())
        struct.pack_into("<H", data, 18, 183)
        (self.place / "arm").write_bytes(data)
        self.assertEqual([(row["kind"], row["name"]) for row in self.look(self.place / "arm", 1)],
                         [("machine", "EM_AARCH64")])

    def test_bad_input_is_one_sentence(self):
        good = compiled(self.place, SOURCE).read_bytes()
        far = bytearray(good)
        struct.pack_into("<Q", far, 32, 1 << 60)
        many = bytearray(good)
        struct.pack_into("<H", many, 56, 0xfffe)
        for name, data, status in (("empty", b"", 2), ("text", b"echo hello\n", 2), ("cut", good[:50], 2),
                                   ("far", bytes(far), 2), ("many", bytes(many), 2), ("absent", None, 3),
                                   ("folder", "folder", 3)):
            with self.subTest(name):
                path = self.place / name
                if data == "folder":
                    path.mkdir()
                elif data is not None:
                    path.write_bytes(data)
                for option in ("--compat", "--quiet"):  # looked at, and run
                    result = bindery("run", option, str(path))
                    self.assertEqual((result.status, result.out, result.err.count("\n")), (status, "", 1), result.err)
                    self.assertTrue(result.err.startswith("bindery: error: "), result.err)
        for words, said in ((("--libos", "dos", "--compat", "x"), "--compat is for --libos unix"),
                            (("--csv", "x"), "--csv is for --compat"),
                            (("--compat", "--csv", "--json", "x"), "give one of them")):
            result = bindery("run", *words)
            self.assertEqual((result.status, result.err.count("\n")), (2, 1), result.err)
            self.assertIn(said, result.err)

    def test_damaged_bytes_never_hurt_the_disassembler(self):
        import random
        draw = random.Random(1)
        for _ in range(20):
            calls_in_code.calls_in([(0x1000, draw.randbytes(3000))])
