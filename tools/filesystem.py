# SPDX-License-Identifier: MIT
"""A host folder as the file system of a disk image, and back (libos/unix/disk/README.md), by e2fsprogs.

    make_image(Path("root"), Path("disk.img"), blocks=16384)                 # --root DIR
    save_image(Path("disk.img"), Path("after"), blocks=16384)                # --save DIR

The file system may be a part of a larger image: `first` is its first block there. The same folder makes the same bytes
each time, but for the files' own times. Owners and permissions are kept; files of the host's user belong to that user.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools import ext4, terminal, unpack
from tools.errors import BinderyError, Missing, Usage
from tools.paths import in_words

BLOCK = 4096
LEAST = 2304  # blocks: there is a journal of 1,024
MOST = (1 << 32) - 1
# What libos/unix/disk/library.c serves, whatever this machine's mke2fs.conf says.
FEATURES = "none,has_journal,extent,filetype,sparse_super,large_file,huge_file,dir_nlink,extra_isize,flex_bg"
IDENTITY = "62696e64-6572-7900-8000-000000000001"  # all images have the same, so that they can be compared
DAMAGED = 4  # of e2fsck's status: what it found is not repaired


def make_image(folder, path, blocks, first=0):
    """Puts a folder (None: nothing) into a new file system in `blocks` blocks of an image, from block `first` on."""
    if not LEAST <= blocks <= MOST:
        raise Usage(f"a file system has {LEAST} to {MOST} blocks of {BLOCK} bytes, not {blocks}")
    if folder is not None and not Path(folder).is_dir():
        raise Missing(f"there is no folder {in_words(folder)}")
    options = ["-q", "-F", "-t", "ext4", "-b", BLOCK, "-I", "256", "-m", "0", "-O", FEATURES, "-U", IDENTITY,
               "-J", f"size={journal_mib(blocks)}",
               "-E", f"offset={first * BLOCK},hash_seed={IDENTITY},root_owner=0:0,lazy_itable_init=0,nodiscard"]
    if folder is not None:
        options += ["-d", folder]
    done = _run("mke2fs", [*options, path, blocks])
    if done.returncode == 0:
        if folder is not None:
            unpack.refine_times(path, folder, first)
        return
    said = done.stderr + done.stdout
    if folder is not None and re.search(r"[Cc]ould not allocate|No space|ran out of|not enough", said):
        raise BinderyError(f"{in_words(folder)} does not fit into a file system of {blocks * BLOCK >> 20} MiB")
    denied = re.search(r'Permission denied while [^"]*"(.*)"', said)
    if folder is not None and denied:
        raise BinderyError(f"{in_words(folder)} holds {denied[1]}, which you may not read; "
                           "take it out, or change its mode")
    raise BinderyError("mke2fs could not make the file system", said[-1000:])


def add_features(path, features, first=0):
    """Gives the file system at block `first` of an image more of ext4's features than libos/unix serves."""
    done = _run("tune2fs", ["-O", ",".join(features), f"{path}?offset={first * BLOCK}"])
    if done.returncode:
        raise BinderyError("tune2fs could not change the file system", (done.stderr + done.stdout)[-1000:])


def journal_mib(blocks):
    """The journal's size: a sixteenth of the disk, 4 to 64 MiB."""
    return max(4, min(64, (blocks * BLOCK >> 20) // 16))


def check_target(folder):
    """What save_image needs of its target: asked for before a long run."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Usage(f"{in_words(folder)} is there already; name a folder that is not, or is empty")
    if not folder.absolute().parent.is_dir():
        raise Missing(f"there is no folder {in_words(folder.absolute().parent)}")
    try:
        tempfile.TemporaryFile(dir=folder.absolute().parent).close()
    except OSError as error:
        raise Usage(f"nothing can be written beside {in_words(folder)}: {error.strerror}") from None


def save_image(path, folder, blocks, first=0):
    """Copies all files of an image's file system into a new folder. The image stays as it is; what is in its journal
    only, as after a power cut, counts. If the files don't find room, the file system is kept as an image."""
    check_target(folder)
    folder = Path(folder)
    with tempfile.TemporaryDirectory(prefix="bindery-image-") as other:
        copy = Path(other, "image")
        _copy(path, copy, blocks, first)
        checked = _run("e2fsck", ["-fp", copy])
        if checked.returncode >= DAMAGED:
            raise BinderyError(f"the file system in {in_words(path)} is damaged", checked.stdout[-1000:])
        try:
            _unpack(copy, folder)
        except OSError as error:
            kept = Path(tempfile.mkdtemp(prefix="bindery-saved-"), "root.ext4")
            copy.rename(kept)
            raise BinderyError(f"{in_words(folder)} cannot be made: {error.strerror}; its files are in {kept}, an ext4 "
                               "image that debugfs reads") from None


def _unpack(image, folder):
    """All or nothing."""
    with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder.absolute().parent) as scratch:
        files = Path(scratch, "files")
        files.mkdir()
        left_out = unpack.unpack(image, files)
        if left_out:
            terminal.say(f"left out, as only root can make devices: {', '.join(left_out)}")
        if (files / "lost+found").is_dir() and not any((files / "lost+found").iterdir()):
            (files / "lost+found").rmdir()
        if folder.exists():
            folder.rmdir()
        files.rename(folder)


def modified(path, name, first=0):
    """When a file of an image's file system was modified last, in nanoseconds; None: it is not there, or the image was
    left in the middle of something. What is in the journal only does not count."""
    try:
        with ext4.opened(path, first) as files:
            inode = files.inode(ext4.ROOT)
            for part in os.fsencode(name).split(b"/"):
                inode = dict(inode.entries())[part]
            return inode.time("modified")
    except (KeyError, BinderyError):
        return None


def damage(path):
    """What e2fsck finds wrong with the file system that an image is, which stays as it is; "" for nothing."""
    checked = _run("e2fsck", ["-fn", path])
    return (checked.stdout or checked.stderr)[-1000:] if checked.returncode else ""


def _copy(path, to, blocks, first):
    """A part of an image as an image of its own, without what is zero."""
    try:
        with open(path, "rb") as image, open(to, "wb") as out:
            image.seek(first * BLOCK)
            for block in range(0, blocks, 256):
                data = image.read(min(256, blocks - block) * BLOCK)
                if data.strip(b"\0"):
                    out.seek(block * BLOCK)
                    out.write(data)
            out.truncate(blocks * BLOCK)
    except FileNotFoundError:
        raise Missing(f"there is no {in_words(path)}") from None


def _run(tool, arguments):
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    if not shutil.which(tool, path=path):
        raise Missing(f"there is no {tool} here; it is in the Debian package e2fsprogs")
    environment = dict(os.environ, PATH=path, MKE2FS_CONFIG="/dev/null", E2FSPROGS_FAKE_TIME="1700000000", LC_ALL="C")
    if tool == "e2fsck":
        del environment["E2FSPROGS_FAKE_TIME"]
    return subprocess.run([tool, *map(str, arguments)], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace")
