# SPDX-License-Identifier: MIT
"""What a result depends on besides its own arguments: the source, the build and the tools, in a few words each.

`build` is a digest of what the machine loads (kernel, init, the applications in question) and of the simulator, without
debugging information: two builds with the same digest count the same.
"""

import hashlib
import re
import subprocess

from elftools.elf.elffile import ELFFile

from tools import link, paths, qemu

SOURCES = ("pe", "secure-bindings", "exo", "libos", "apps", "tools", "meson.build", "bindery")  # what results depend on

KEYS = {"git": "git commit", "modified": "modified source", "build": "build", "clang": "clang", "qemu": "QEMU",
        "bindery": "Bindery"}


def known(apps):
    """{key: value} for results of some applications. `git` and `modified` are None outside of a repository; `modified`
    says that sources differ from the commit, or are new."""
    commit = _git("rev-parse", "HEAD")
    files = [paths.KERNEL, paths.INIT, paths.SIMULATOR, *(link.executable(app, "unix") for app in sorted(apps))]
    return {"git": commit, "modified": None if commit is None else bool(_git("status", "--porcelain", "--", *SOURCES)),
            "build": _digest(files), "clang": compiler(paths.SIMULATOR), "qemu": qemu.check(), "bindery": version()}


def _git(*words):
    """What git says of the source tree, or None."""
    try:
        ran = subprocess.run(["git", "-C", str(paths.ROOT), *words], capture_output=True, text=True)
    except OSError:
        return None
    return ran.stdout.strip() if ran.returncode == 0 else None


def _digest(files):
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode())
        with open(path, "rb") as file:
            for segment in ELFFile(file).iter_segments("PT_LOAD"):
                digest.update(segment.data())
    return digest.hexdigest()[:16]


def compiler(path):
    """The version of clang that an ELF file says it was made with, or None. The kernel does not say: it has no such
    section."""
    with open(path, "rb") as file:
        section = ELFFile(file).get_section_by_name(".comment")
        match = section and re.search(rb"clang version ([\d.]+)", section.data())
    return match[1].decode() if match else None


def version():
    """Bindery's own version, which meson.build states."""
    match = re.search(r"version: '([\d.]+)'", (paths.ROOT / "meson.build").read_text())
    return match[1] if match else None


def differences(then, now):
    """What differs between two, in words, for a sentence; nothing if they are the same."""
    return [f"{title} {_shown(then.get(key))} then, {_shown(now.get(key))} now"
            for key, title in KEYS.items() if then.get(key) != now.get(key)]


def _shown(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else str(value)[:12]
