# SPDX-License-Identifier: MIT
"""The disk image (libos/core/disk_layout.h): a directory, files in fixed extents, swap space.

    image = DiskImage(swap_blocks=1024)
    image.add("words.txt", Path("/usr/share/dict/american-english"))
    image.add("out.txt", size=0, room=1 << 20)         # an empty file that may grow to 1 MiB
    image.write(path)

The image is written sparsely: swap space and spare room take no bytes on the host until they are used.
"""

from dataclasses import dataclass
from pathlib import Path

from tools import layout
from tools.errors import BinderyError, Missing
from tools.layout import PAGE
from tools.paths import in_words

BLOCKS_LIMIT = 1 << 32  # block numbers of files have 32 bits


@dataclass
class File:
    name: str
    data: bytes
    blocks: int     # reserved
    block: int = 0  # first


class DiskImage:
    """What will be on a disk; nothing is written before write()."""

    def __init__(self, swap_blocks=0):
        self.files = []
        self.swap_block = 0
        self.swap_blocks = swap_blocks

    def add(self, name, source=None, room=0):
        """Adds a file from a path, bytes or nothing, with room for it to grow to `room` bytes."""
        if len(name.encode()) >= 40:
            raise BinderyError(f"a file name on the disk has at most 39 bytes: {name}")
        if any(file.name == name for file in self.files):
            raise BinderyError(f"two files on the disk would be called {name}")
        if len(self.files) == layout.DISK_FILES:
            raise BinderyError(f"a disk has at most {layout.DISK_FILES} files")
        data = _read(source)
        self.files.append(File(name, data, max(layout.pages(max(len(data), room)), 1)))

    def place(self):
        """Decides where everything goes; returns the number of blocks of the whole disk."""
        at = layout.DISK_DIRECTORY_BLOCKS
        for file in self.files:
            file.block = at
            at += file.blocks
        self.swap_block = at
        at += self.swap_blocks
        if at >= BLOCKS_LIMIT:
            raise BinderyError(f"a disk of {at * PAGE >> 30} GiB is larger than the directory can describe")
        return at

    def find(self, name):
        """The File of a name; its place is known after place()."""
        return next(file for file in self.files if file.name == name)

    def directory(self):
        """The directory's bytes; call place() first."""
        head = layout.DISK_HEAD.pack(magic=layout.DISK_MAGIC, files=len(self.files), swap_block=self.swap_block,
                                     swap_blocks=self.swap_blocks)
        lines = b"".join(layout.DISK_FILE.pack(name=file.name, bytes=len(file.data), block=file.block,
                                               blocks=file.blocks) for file in self.files)
        return (head + lines).ljust(layout.DISK_DIRECTORY_BLOCKS * PAGE, b"\0")

    def write(self, path):
        """Writes the image; returns its length in blocks."""
        blocks = self.place()
        with open(path, "wb") as out:
            out.write(self.directory())
            for file in self.files:
                out.seek(file.block * PAGE)
                out.write(file.data)
            out.truncate(blocks * PAGE)
        return blocks


def _read(source):
    if source is None:
        return b""
    if isinstance(source, bytes):
        return source
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise Missing(f"cannot read {in_words(source)}: {error.strerror}") from None


def _directory(path, data):
    """The head and the lines of the directory that an image begins with."""
    size = layout.DISK_DIRECTORY_BLOCKS * PAGE
    if len(data) < size:
        raise BinderyError(f"{in_words(path)} is too small for a disk image: {len(data)} bytes")
    head = layout.DISK_HEAD.unpack(data)
    if head["magic"] != layout.DISK_MAGIC:
        raise BinderyError(f"{in_words(path)} is not a disk image of Bindery")
    return head, [layout.DISK_FILE.unpack(data, layout.DISK_HEAD.size + index * layout.DISK_FILE.size)
                  for index in range(head["files"])]


def read_room(path, name, count):
    """The first bytes of the room that a file has, whatever its length is."""
    with open(path, "rb") as image:
        _, lines = _directory(path, image.read(layout.DISK_DIRECTORY_BLOCKS * PAGE))
        image.seek(next(line["block"] for line in lines if line["name"] == name) * PAGE)
        return image.read(count)


def read(path):
    """The files of an image as {name: bytes}, and its directory's head. Checks that everything lies on the disk."""
    data = Path(path).read_bytes()
    head, lines = _directory(path, data)
    files = {}
    for line in lines:
        start = line["block"] * PAGE
        if start + line["blocks"] * PAGE > len(data) or line["bytes"] > line["blocks"] * PAGE:
            raise BinderyError(f"{in_words(path)} is too small: {line['name']} lies past its end")
        files[line["name"]] = data[start:start + line["bytes"]]
    if (head["swap_block"] + head["swap_blocks"]) * PAGE > len(data):
        raise BinderyError(f"{in_words(path)} is too small: its swap space lies past its end")
    return files, head
