# SPDX-License-Identifier: MIT
"""Debian's packages of other systems, downloaded and unpacked below the build folder. Nothing is installed.

    debian.file_of("linux-image-cloud-amd64", "boot/vmlinuz-*")      # a metapackage stands for what it depends on
    debian.unpacked("busybox-static").path / "bin/busybox"

apt's own lists say where a package is; where they don't know it or are too old, new ones are fetched into a folder of
ours. A package is downloaded once, until Debian has a newer version of it; offline, the last one is used.
"""

import functools
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools import packages, paths, terminal
from tools.errors import tail
from tools.files import write_whole
from tools.peers.common import Skipped

PLACE = paths.BUILD / "peers" / "debian"
SECONDS = 600  # for a download
QUERY_SECONDS = 60


@dataclass(frozen=True)
class Unpacked:
    """A package as it lies below the build folder."""

    name: str
    version: str
    path: Path


@functools.cache
def unpacked(package):
    """Downloads and unpacks a package if need be. Raises Skipped with the reason if it is not to be had."""
    reason = Skipped(f"Debian's package {package} is not to be had here")
    if not packages.on_debian() or not all(map(shutil.which, ("apt-get", "apt-cache", "dpkg-deb"))):
        reason = Skipped(f"the package {package} is fetched by apt-get, and this is not Debian")
    else:
        for own in ((), _own_lists()):
            if own and not _update(own):
                break
            try:
                found = _get(package, own)
            except Skipped as error:  # apt's lists may be older than what the mirror has
                reason = error
                continue
            if found:
                write_whole(PLACE / f"{package}.last", found.path.name.encode())
                return found
    last = PLACE / f"{package}.last"
    if last.exists() and (PLACE / last.read_text()).is_dir():
        return _unpacked(PLACE / last.read_text())
    raise reason


def _get(package, own):
    """The package as apt's lists have it, downloaded if need be; None if they don't know it."""
    name = _real(package, own)
    match = re.search(r"^\s*Candidate: (\S+)", _ask("policy", name, own), re.M)
    if not match or match[1] == "(none)":
        return None
    place = PLACE / f"{name}={match[1].replace(':', '%3a')}"
    if not place.is_dir():
        terminal.say(f"downloading Debian's package {name} {match[1]}")
        _fetch(name, match[1], own, place)
    return _unpacked(place)


def _unpacked(place):
    name, _, version = place.name.partition("=")
    return Unpacked(name, version.replace("%3a", ":"), place)


def file_of(package, pattern):
    """The file of a package that matches a pattern. Raises Skipped if there is none."""
    found = unpacked(package)
    for path in sorted(found.path.glob(pattern)):
        return path
    raise Skipped(f"Debian's package {found.name} {found.version} has no file {pattern}")


def _real(package, own):
    """What a metapackage such as linux-image-cloud-amd64 stands for: the package it depends on of the same family."""
    depends = re.findall(r"^\s*Depends: (\S+)$", _ask("depends", package, own), re.M)
    family = package.removesuffix("-amd64").rpartition("-")[0] or package
    same = [name for name in depends if name.startswith(f"{family}-") and name.endswith("-amd64")]
    return same[0] if len(same) == 1 and len(depends) <= 2 else package


def _ask(what, package, own):
    try:
        return subprocess.run(["apt-cache", *own, what, package], capture_output=True, text=True,
                              timeout=QUERY_SECONDS).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _own_lists():
    lists, cache = PLACE / "apt" / "lists", PLACE / "apt" / "cache"
    return ("-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}")


def _update(own):
    """Fetches apt's lists into our own folder; False if that fails."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (PLACE / "apt" / folder).mkdir(parents=True, exist_ok=True)
    terminal.say("fetching Debian's lists of packages")
    return _run(["apt-get", "-q", *own, "update"], PLACE) == 0


def _fetch(name, version, own, place):
    """Downloads NAME=VERSION and unpacks it to `place`, which appears whole or not at all."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=PLACE) as folder:
        if _run(["apt-get", "-q", *own, "download", f"{name}={version}"], folder):
            raise Skipped(f"Debian's package {name} {version} could not be downloaded", tail(Path(folder) / "log"))
        archive, = Path(folder).glob("*.deb")
        files = Path(folder) / "files"
        if _run(["dpkg-deb", "-x", str(archive), str(files)], folder):
            raise Skipped(f"Debian's package {name} {version} could not be unpacked", tail(Path(folder) / "log"))
        try:
            files.rename(place)
        except OSError:
            if not place.is_dir():  # or another command was faster
                raise


def _run(words, folder):
    """Runs a command in a folder with its words in the file `log`; returns its status, 124 after too long."""
    with open(Path(folder) / "log", "a") as log:
        try:
            return subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  timeout=SECONDS).returncode
        except subprocess.TimeoutExpired:
            return 124
        except OSError:
            return 127
