# SPDX-License-Identifier: MIT
"""What must be installed, read from packages.txt, the one list. Standard library only."""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.paths import ROOT


@dataclass
class Need:
    """One line of packages.txt."""

    package: str
    checks: list  # alternatives: a command, /a/file or python:module
    why: str

    def for_tests(self):
        """Does nothing but `test` need it?"""
        return self.why.startswith("tests-")

    def found(self):
        """The first alternative that is there, or None."""
        return next((check for check in self.checks if _there(check)), None)


def _there(check):
    if check.startswith("/"):
        return Path(check).exists()
    if check.startswith("python:"):
        return importlib.util.find_spec(check.removeprefix("python:")) is not None
    return shutil.which(check) is not None


def needs(path=ROOT / "packages.txt"):
    """The lines of the list, in its order."""
    lines = []
    for text in path.read_text().splitlines():
        entry, _, why = text.partition("#")
        if entry.strip():
            package, checks = entry.split()
            lines.append(Need(package, checks.split("|"), why.strip()))
    return lines


def on_debian():
    try:
        return re.search(r"^ID=debian$", Path("/etc/os-release").read_text(), re.M) is not None
    except OSError:
        return False


def how_to_get(packages):
    """The sentence that says how to get some packages."""
    words = " ".join(packages)
    if on_debian():
        return f"apt-get install --no-install-recommends {words}"
    return f"install what this system calls {words}"


def version(command):
    """The first number with dots in what COMMAND --version says, or None."""
    try:
        said = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\d+(\.\d+)+", said)
    return match.group(0) if match else None


def at_least(have, want):
    """Is the dotted version `have` not older than `want`?"""
    return [int(part) for part in have.split(".")] >= [int(part) for part in want.split(".")]
