# SPDX-License-Identifier: MIT
"""What `bindery run` says about a Linux program beside its output: with --strace each call; a call that is not served,
once. Both on stderr, so that the program's output stays its own."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.cli.command import bindery, is_built
from tests.cli.place import InFolder

SOURCE = r"""
static long call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}
void _start(void) {
    static const char text[] = "output\n";
    long good = 0;
    for (int i = 0; i < 3; i++) good += call(101, 0, 0, 0) == -38; /* ptrace */
    good += call(425, 0, 0, 0) == -38;                             /* io_uring_setup */
    good += call(99999, 0, 0, 0) == -38;
    call(1, 1, (long)text, sizeof(text) - 1);
    call(95, 0750, 0, 0);                                          /* umask */
    call(231, good, 0, 0);
    __builtin_unreachable();
}
"""


def compiled(folder, source, *flags):
    """A small program without a C library, by the compiler that builds everything else."""
    from tools import builder

    target = Path(folder) / "prog"
    subprocess.run([builder.environment()["CC"], "-O1", "-static", "-nostdlib", "-fuse-ld=lld-19",
                    "-fno-stack-protector", "-ffreestanding", *flags, "-x", "c", "-", "-o", target],
                   input=source, text=True, check=True)
    return target


@unittest.skipUnless(is_built() and shutil.which("clang-19"), "needs a built system")
class Missing(InFolder):
    def setUp(self):
        super().setUp()
        self.program = str(compiled(self.place, SOURCE))

    def test_a_call_that_is_not_served_is_named_once_with_the_program(self):
        result = bindery("run", "--", self.program)
        self.assertEqual((result.status, result.out), (5, "output\n"), result.err)  # each of the five gave ENOSYS
        said = [line for line in result.err.splitlines() if "ENOSYS" in line]
        self.assertEqual(said, [
            f"prog: system call {number} ({name}) is not served; the program gets ENOSYS"
            for number, name in ((101, "ptrace"), (425, "io_uring_setup"), (99999, "unknown"))])
        self.assertEqual(bindery("run", "--quiet", "--", self.program).err, "")

    def test_strace_prints_each_call(self):
        result = bindery("run", "--quiet", "--strace", "--", self.program)
        self.assertEqual((result.status, result.out), (5, "output\n"), result.err)
        lines = [line.partition("] ")[2] for line in result.err.splitlines() if line.startswith("[")]
        self.assertEqual(sum(line.startswith("ptrace(") and line.endswith("= -1 ENOSYS") for line in lines), 3, lines)
        self.assertTrue(any(line.startswith("write(1, ") and line.endswith(", 7) = 7") for line in lines), lines)
        self.assertIn("umask(0750) = 18", lines)
        self.assertTrue(lines[-1].startswith("exit_group(5)"), lines)
        self.assertEqual(result.err.splitlines()[-1],
                         f"{len(lines)} system calls: {len(lines)} trapped into the kernel, "
                         "0 came by a procedure call or a rewritten call site")

    def test_strace_shows_a_call_that_waits_before_it_returns(self):
        call = SOURCE[:SOURCE.index("void _start")]
        source = call + "void _start(void) { call(7, 0, 0, 20); call(34, 0, 0, 0); }"  # poll, pause
        with tempfile.TemporaryDirectory() as folder:
            result = bindery("run", "--strace", "--timeout", "5", "--", str(compiled(folder, source)))
        self.assertEqual([line for line in result.err.splitlines() if line.startswith("[")],
                         ["[1] poll(NULL, 0, 20) waits", "[1] poll(NULL, 0, 20) = 0", "[1] pause() waits"])

    def test_a_deadly_signal_is_named_and_strace_says_where(self):
        with tempfile.TemporaryDirectory() as folder:
            program = str(compiled(folder, "void _start(void) { *(volatile int *)16 = 1; for (;;); }"))
            result = bindery("run", "--strace", "--", program)
        self.assertEqual((result.status, result.out), (139, ""), result.err)
        self.assertRegex(result.err, r"\[1\] --- signal 11, address 0x10, at instruction 0x[0-9a-f]+\n")
        self.assertIn("prog was ended by signal 11\n", result.err)
