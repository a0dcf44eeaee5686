# SPDX-License-Identifier: MIT
"""The C structures that the tools write and read, field by field, and the constants that go into them.

The headers pe/package.h, pe/types.h and libos/core/disk_layout.h rule. tests/cli/test_layout.py has the C compiler
assert every size, offset and constant below, so that a header cannot change without this file.
"""

import struct


class Layout:
    """A little-endian C structure: fields are (name, code of the struct module)."""

    def __init__(self, name, *fields):
        self.name, self.fields = name, fields
        self.codec = struct.Struct("<" + "".join(code for _, code in fields))
        self.size = self.codec.size

    def pack(self, **values):
        """The structure's bytes; text fields take str, absent fields are zero."""
        return self.codec.pack(*(self._encoded(name, code, values.pop(name, None)) for name, code in self.fields),
                               *self._none_left(values))

    def unpack(self, data, offset=0):
        """The structure at an offset of `data` as a dictionary."""
        values = self.codec.unpack_from(data, offset)
        return {name: value.split(b"\0")[0].decode() if code.endswith("s") else value
                for (name, code), value in zip(self.fields, values)}

    def offsets(self):
        """(field, offset, size) of each field."""
        at = 0
        for name, code in self.fields:
            size = struct.calcsize("<" + code)
            yield name, at, size
            at += size

    def _encoded(self, name, code, value):
        if not code.endswith("s"):
            return value or 0
        data = (value or "").encode()
        if len(data) >= int(code[:-1]):
            raise ValueError(f"{self.name}.{name} holds at most {int(code[:-1]) - 1} bytes: {value}")
        return data

    def _none_left(self, values):
        if values:
            raise ValueError(f"{self.name} has no field {next(iter(values))}")
        return ()


def _words(*names):
    return [(name, "Q") for name in names]


# pe/types.h
PAGE = 4096
READ, WRITE, EXECUTE = 1, 2, 4

# pe/package.h
ABI_VERSION = 1
PACKAGE_MAGIC = 0x3159_5245_444E_4942
PACKAGE_TRACE = 1
PACKAGE_SEGMENTS = 4
PACKAGE_LIMIT = 512 << 20
SEGMENT = Layout("exo_segment", *_words("address", "offset", "file_pages", "pages", "rights"))
IMAGE_HEAD = Layout("exo_image", ("name", "48s"), *_words("entry", "segments"))  # then PACKAGE_SEGMENTS segments
IMAGE_SIZE = IMAGE_HEAD.size + PACKAGE_SEGMENTS * SEGMENT.size
JOB = Layout("exo_job", *_words("image", "group", "frames", "block", "blocks", "slices", "arguments", "deadline",
                                "leased"))
PACKAGE = Layout("exo_package", ("magic", "Q"), ("abi_version", "I"), ("flags", "I"),
                 *_words("bytes", "images", "images_offset", "jobs", "jobs_offset"))

# libos/core/disk_layout.h
DISK_MAGIC = 0x4B53_4944_444E_4942
DISK_DIRECTORY_BLOCKS = 8
DISK_FILES = 511
DISK_FILE = Layout("disk_file", ("name", "40s"), ("bytes", "Q"), ("block", "I"), ("blocks", "I"), ("reserved", "Q"))
DISK_HEAD = Layout("disk_directory", *_words("magic", "files", "swap_block", "swap_blocks"), ("reserved", "32s"))


def pages(count):
    """Pages that hold `count` bytes."""
    return -(-count // PAGE)
