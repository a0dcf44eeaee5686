# SPDX-License-Identifier: MIT
"""Debian's source packages, fetched below the build folder. Nothing is installed, and the system's lists of sources
stay as they are: apt runs with lists and caches of its own. What it fetches it checks against Debian's signatures.

    sources.unpacked("lua5.4", paths.BUILD / "programs")          # the folder of its original sources

A package is fetched once; to have a newer one, delete its folder.
"""

import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tools.errors import Missing

SECONDS = 600


def unpacked(package, place):
    """The folder with the original sources of a package, below `place`."""
    folder = place / f"{package}.source"
    if not folder.is_dir():
        archive = fetched(package, place)
        with tempfile.TemporaryDirectory(prefix=".", dir=place) as scratch:
            with tarfile.open(archive) as tar:
                tar.extractall(f"{scratch}/files")
            try:
                Path(scratch, "files").rename(folder)
            except OSError:
                if not folder.is_dir():  # or another command was faster
                    raise
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 else folder


def fetched(package, place):
    """The original source archive of a package in `place`."""
    place.mkdir(parents=True, exist_ok=True)
    pattern = re.compile(rf"{re.escape(package)}_[^/]*\.orig\.tar\.(gz|xz|bz2)")
    found = _matching(place, pattern)
    if found:
        return found
    apt = place / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    (apt / "sources.list").write_text("\n".join(_source_lines()) + "\n")
    command = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={apt}/sources.list",
               "-o", "Dir::Etc::sourceparts=/dev/null", "-o", f"Dir::State::lists={apt}/lists",
               "-o", f"Dir::Cache={apt}/cache", "-o", "APT::Sandbox::User="]
    if not any((apt / "lists").glob("*Sources*")):
        _run([*command, "update"], place, package)
    _run([*command, "--download-only", "source", package], place, package)
    found = _matching(place, pattern)
    if not found:
        raise Missing(f"Debian's source package {package} has no original archive of a known kind")
    return found


def _matching(place, pattern):
    for path in sorted(place.iterdir(), reverse=True):
        if pattern.fullmatch(path.name):
            return path
    return None


def _run(words, place, package):
    try:
        done = subprocess.run(words, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"Debian's source package {package} could not be fetched: {error}") from None
    if done.returncode:
        raise Missing(f"Debian's source package {package} could not be fetched", done.stderr[-1000:])


def _source_lines():
    """deb-src lines for each of the system's own Debian sources of packages."""
    if not shutil.which("apt-get"):
        raise Missing("source packages are fetched by apt-get, and there is none here")
    form = "$(ORIGIN)|$(REPO_URI)|$(CODENAME)|$(COMPONENT)"
    listed = subprocess.run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"],
                            capture_output=True, text=True).stdout
    lines = []
    for line in listed.split("\n"):
        origin, *rest = line.split("|") if line.count("|") == 3 else [None]
        if origin == "Debian" and f"deb-src {' '.join(rest)}" not in lines:
            lines.append(f"deb-src {' '.join(rest)}")
    return lines or _written_lines()


def _written_lines():
    """The same from apt's own files: where no lists were fetched yet, apt tells no origin."""
    lines = []
    for path in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("debian*"))]:
        text = path.read_text() if path.is_file() else ""
        for match in re.finditer(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)$", text, re.MULTILINE):
            lines.append("deb-src " + " ".join(match.groups()))
        for part in re.split(r"\n\s*\n", text):
            fields = dict(re.findall(r"^(\w[\w-]*):\s*(.*)$", part, re.MULTILINE))
            if "URIs" in fields:
                lines += [f"deb-src {uri} {suite} {fields.get('Components', 'main')}"
                          for uri in fields["URIs"].split() for suite in fields.get("Suites", "").split()]
    if not lines:
        raise Missing("apt knows no Debian source of packages here")
    return lines
