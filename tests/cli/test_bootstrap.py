# SPDX-License-Identifier: MIT
"""The script `bindery` before anything is installed, on a made-up machine: a PATH with stand-ins for Debian's tools."""

import os
import shutil
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

from tools import packages, paths

TOOLS = ("dirname", "readlink", "sed", "tr", "grep", "id", "env")  # what a bare Debian has, as far as the script asks


class Bootstrap(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.bin = Path(self.folder.name) / "bin"
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.calls = Path(self.folder.name) / "calls"
        self.installed([need.package for need in packages.needs()])

    def stand_in(self, name, body):
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def installed(self, names, grows=False):
        """dpkg-query knows these packages; apt-get only notes that it was called."""
        lines = "\\n".join(f"installed {name}" for name in names)
        self.stand_in("dpkg-query", f"printf '{lines}\\nnot-installed other\\n'")
        self.stand_in("apt-get", f'echo "$@" >> {self.calls}')

    def run_it(self, *words, user="0"):
        self.stand_in("id", f"echo {user}")
        return subprocess.run(["/bin/sh", str(paths.ROOT / "bindery"), *words], env={"PATH": str(self.bin)},
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def asked(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    @unittest.skipUnless(packages.on_debian(), "asks what Debian has")
    def test_with_everything_there_nothing_is_installed(self):
        result = self.run_it("list", "liboses")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("unix", result.stdout)
        self.assertEqual(self.asked(), [])

    @unittest.skipUnless(packages.on_debian(), "asks what Debian has")
    def test_what_is_missing_is_said_aloud_and_installed(self):
        self.installed([need.package for need in packages.needs() if need.package not in ("meson", "wamerican")])
        result = self.run_it("list", "liboses")
        self.assertEqual(result.returncode, 0)
        self.assertIn("missing and are installed now: meson wamerican", result.stderr)
        self.assertEqual(self.asked(), ["-q update", "install -y --no-install-recommends meson wamerican"])

    @unittest.skipUnless(packages.on_debian(), "asks what Debian has")
    def test_no_install_refuses_with_the_list(self):
        self.installed([])
        for words in (("--no-install", "compare"), ("compare", "--no-install"), ("test", "--no-install", "-v")):
            with self.subTest(words):
                result = self.run_it(*words)
                self.assertEqual(result.returncode, 3)
                for need in packages.needs():
                    wanted = not need.for_tests() or "test" in words
                    self.assertEqual(need.package in result.stderr.split(), wanted, need.package)
        self.assertEqual(self.asked(), [])

    @unittest.skipUnless(packages.on_debian(), "asks what Debian has")
    def test_what_only_the_tests_need_is_installed_for_them_alone(self):
        self.installed([need.package for need in packages.needs() if not need.for_tests()])
        self.assertEqual(self.run_it("list", "liboses").returncode, 0)
        self.assertEqual(self.asked(), [])
        self.assertEqual(self.run_it("test", "--no-such-flag").returncode, 2)
        theirs = [need.package for need in packages.needs() if need.for_tests()]
        self.assertEqual(self.asked(), ["-q update", f"install -y --no-install-recommends {' '.join(theirs)}"])

    @unittest.skipUnless(packages.on_debian(), "asks what Debian has")
    def test_a_user_installs_with_sudo_or_is_told_how(self):
        self.installed([])
        result = self.run_it("compare", user="1000")
        self.assertEqual(result.returncode, 3)
        self.assertIn("as root, run: apt-get install", result.stderr)
        self.stand_in("sudo", f'echo "sudo $@" >> {self.calls}; "$@"')
        self.run_it("list", "liboses", user="1000")
        self.assertIn("sudo apt-get -q update", self.asked())

    @unittest.skipUnless(packages.on_debian(), "asks what Debian has")
    def test_a_failed_installation_is_not_hidden(self):
        self.installed([])
        self.stand_in("apt-get", "exit 100")
        result = self.run_it("compare")
        self.assertEqual(result.returncode, 3)
        self.assertIn("the installation failed", result.stderr)

    def test_help_and_doctor_never_install(self):
        self.installed([])
        result = self.run_it("--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("./bindery compare", result.stdout)
        self.assertEqual(self.run_it().stdout, result.stdout)
        self.run_it("doctor")
        self.assertEqual(self.asked(), [])

    def test_on_another_system_it_names_what_it_misses_and_installs_nothing(self):
        for tool in ("dpkg-query", "apt-get"):
            (self.bin / tool).unlink()
        result = self.run_it("compare")
        self.assertEqual(result.returncode, 3)
        self.assertIn("this is not Debian", result.stderr)
        self.assertIn("qemu-system-x86", result.stderr)
        for need in packages.needs():
            for check in need.checks:
                if not check.startswith(("/", "python:")):
                    self.stand_in(check, "exit 0")
        result = self.run_it("list", "liboses")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_it_starts_from_any_folder_and_through_a_link(self):
        link = Path(self.folder.name) / "b"
        link.symlink_to(paths.ROOT / "bindery")
        result = subprocess.run([link, "--help"], cwd="/", capture_output=True, text=True, env=os.environ)
        self.assertEqual(result.returncode, 0)
        self.assertIn("./bindery compare", result.stdout)


class PackageList(unittest.TestCase):
    def test_every_line_names_a_package_a_check_and_a_reason(self):
        needs = packages.needs()
        self.assertEqual(len({need.package for need in needs}), len(needs))
        for need in needs:
            self.assertTrue(need.checks and need.why, need)
            self.assertNotIn(" ", need.why)
