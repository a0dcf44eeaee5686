# SPDX-License-Identifier: MIT
"""Reads an ext4 file system, as far as ours use it: extents, no checksums, 32-bit block numbers (tools/filesystem.py
makes them so). For what e2fsprogs' own tools lose: holes, hard links, special files, times finer than a second.

    with ext4.opened(image, first_block) as files:
        root = files.inode(ext4.ROOT)
        for name, inode in root.entries(): …

The layout: Linux's Documentation/filesystems/ext4. What is damaged gives BinderyError; e2fsck is what looks for damage.
"""

import contextlib
import mmap
import stat
import struct

from tools.errors import BinderyError

MAGIC = 0xEF53  # of a superblock
ROOT = 2
BLOCK = 4096
WITH_EXTENTS = 0x80000  # of an inode's flags
EXTENTS = 0xF30A        # begins a block of extents
WRITTEN = 32768         # the longest extent; longer ones hold nothing yet, and read as zeros
TIMES = {"accessed": (8, 140), "changed": (12, 132), "modified": (16, 136)}  # seconds, and what is finer


@contextlib.contextmanager
def opened(path, first=0, writable=False):
    """The file system that begins at a block of an image."""
    with open(path, "r+b" if writable else "rb") as image, \
            mmap.mmap(image.fileno(), 0, access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ) as bytes_:
        yield Files(bytes_, first * BLOCK)


class Files:
    def __init__(self, image, start):
        self.image, self.start = image, start
        if self.at("<H", 1024 + 56) != (MAGIC,):
            raise BinderyError(f"no ext4 file system begins at byte {start} of the image")
        self.per_group, = self.at("<I", 1024 + 40)
        self.inode_bytes, = self.at("<H", 1024 + 88)

    def at(self, form, offset):
        try:
            return struct.unpack_from(form, self.image, self.start + offset)
        except struct.error:
            raise BinderyError(f"the file system is damaged: something lies past its end, at byte {offset}") from None

    def inode(self, number):
        table, = self.at("<I", BLOCK + (number - 1) // self.per_group * 32 + 8)
        return Inode(self, number, table * BLOCK + (number - 1) % self.per_group * self.inode_bytes)


class Inode:
    def __init__(self, files, number, offset):
        self.files, self.number, self.offset = files, number, offset
        self.mode, uid, low, gid, self.links, self.flags = files.at("<HHI16xHH4xI", offset)
        high, uid_high, gid_high = files.at("<I8xHH", offset + 108)
        self.uid, self.gid = uid | uid_high << 16, gid | gid_high << 16
        self.size = low | high << 32

    def time(self, name):
        """In nanoseconds since 1970."""
        seconds, finer = TIMES[name]
        (whole,), (fine,) = self.files.at("<i", self.offset + seconds), self.files.at("<I", self.offset + finer)
        return (whole + ((fine & 3) << 32)) * 10**9 + (fine >> 2)

    def refine(self, name, time):
        """Adds to a time what is finer than seconds, unless the seconds are others."""
        seconds, finer = TIMES[name]
        whole, fine = divmod(time, 10**9)
        stored, = self.files.at("<i", self.offset + seconds)
        if whole & 0xFFFFFFFF == stored & 0xFFFFFFFF:
            struct.pack_into("<I", self.files.image, self.files.start + self.offset + finer,
                             fine << 2 | whole - stored >> 32 & 3)

    def extents(self, node=None, depth=8):
        """(first block of the file, how many, first block of the disk) of all that is written."""
        node = self.offset + 40 if node is None else node
        magic, count, levels = self.files.at("<HH2xH", node)
        if magic != EXTENTS or depth == 0:
            raise BinderyError(f"the file system is damaged: the blocks of inode {self.number}")
        for i in range(count):
            entry = node + 12 + 12 * i
            if levels:
                low, high = self.files.at("<4xIH", entry)
                yield from self.extents((low | high << 32) * BLOCK, depth - 1)
                continue
            block, length, high, low = self.files.at("<IHHI", entry)
            if length <= WRITTEN:
                yield block, length, low | high << 32

    def parts(self):
        """(offset, bytes) of what is written, in pieces of at most a MiB."""
        for block, length, place in self.extents():
            for i in range(0, length, 256):
                offset = (block + i) * BLOCK
                room = min(min(256, length - i) * BLOCK, self.size - offset)
                if room > 0:
                    at = self.files.start + (place + i) * BLOCK
                    yield offset, self.files.image[at:at + room]

    def target(self):
        """Where a symbolic link leads."""
        if self.flags & WITH_EXTENTS:
            return b"".join(part for _, part in self.parts())
        at = self.files.start + self.offset + 40
        return self.files.image[at:at + self.size]

    def device(self):
        old, new = self.files.at("<II", self.offset + 40)
        return (old >> 8, old & 0xFF) if old else (new >> 8 & 0xFFF, new & 0xFF | new >> 12 & 0xFFF00)

    def entries(self):
        """(name, inode) of a directory's entries but itself and the one above."""
        if not stat.S_ISDIR(self.mode):
            return
        for _, part in self.parts():
            at = 0
            while at + 8 <= len(part):
                number, length, named = struct.unpack_from("<IHB", part, at)
                name = part[at + 8:at + 8 + named]
                if length < 8 or b"/" in name or b"\0" in name:
                    raise BinderyError(f"the file system is damaged: an entry of directory {self.number}")
                if number and name not in (b".", b".."):
                    yield name, self.files.inode(number)
                at += length
