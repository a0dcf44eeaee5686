# SPDX-License-Identifier: MIT
"""What QEMU's driver blklogwrites has logged of a disk: every write and flush, in the format of Linux's dm-log-writes.

    entries = read(Path("log"))            # [Entry(offset, data, flush, end)]
    image = cut(base, entries, 17, draw)   # the disk after a power cut: 17 were begun, the last ones perhaps lost

An entry is in the log when it is done on the disk. What came before a flush is on it for good; of what came after the
last one, any part may be lost, sector by sector.
"""

import struct
from collections import namedtuple

MAGIC = 0x6A736677736872
HEAD = struct.Struct("<QQQI")    # magic, version, entries, size of a sector
ENTRY = struct.Struct("<QQQQ")   # sector, sectors, flags, bytes of data that are not in the log
FLUSH, DISCARD = 1, 4
SECTOR = 512                     # what a disk writes whole

Entry = namedtuple("Entry", "offset data flush end")


def read(path):
    """The entries; `end` is where each one ends in the log."""
    log = path.read_bytes()
    magic, version, _, sector = HEAD.unpack_from(log)
    if (magic, version) != (MAGIC, 1):
        raise ValueError(f"{path} is no log of writes")
    entries, at = [], sector
    while at + ENTRY.size <= len(log):
        first, count, flags, _ = ENTRY.unpack_from(log, at)
        if flags & DISCARD:
            raise ValueError("a discard, which nobody here makes")
        at += sector
        size = 0 if flags & FLUSH else count * sector
        entries.append(Entry(first * sector, log[at:at + size], bool(flags & FLUSH), at + size))
        at += size
    return entries


def cut(base, entries, count, draw=None):
    """A bytearray: `base` with the first `count` entries. With `draw`, a random part of what came after their last
    flush is lost, and writes may be torn."""
    image = bytearray(base)
    flushed = max((place + 1 for place, entry in enumerate(entries[:count]) if entry.flush), default=0)
    for place, (offset, data, _, _) in enumerate(entries[:count]):
        if draw is None or place < flushed or draw.random() < 0.4:
            image[offset:offset + len(data)] = data
        elif draw.random() < 0.3:
            for sector in range(0, len(data), SECTOR):
                if draw.random() < 0.5:
                    image[offset + sector:offset + sector + SECTOR] = data[sector:sector + SECTOR]
    return image
