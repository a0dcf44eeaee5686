# SPDX-License-Identifier: MIT
"""Programs given by a path: what kind of executable it is.

    kind("build/prog")      # IMAGE: linked with a library OS of ours (bindery-cc); LINUX: a static Linux program

An image lies in the part of the address space that is the library OSes' (libos/core/map.h), where no linker puts a
program for Linux.
"""

import contextlib
import errno
import struct

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from tools import constants, paths
from tools.errors import Missing, Usage

IMAGE, LINUX = "image", "linux"
UNREADABLE = "{} is no executable that runs here: it has no readable ELF header"
OWN_PLACE = range(*(constants.value("libos/core/map.h", name) for name in ("MAP_BASE", "MAP_END")))


@contextlib.contextmanager
def opened(path, damaged):
    """The ELF file of a path. What goes wrong in reading it, then or later, is refused in a sentence: `damaged` with
    the name in it, if its contents are to blame."""
    name = paths.in_words(path)
    try:
        with open(path, "rb") as file:
            yield ELFFile(file)
    except FileNotFoundError:
        raise Missing(f"there is no {name}") from None
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place in the file that no file can have
            raise Missing(f"cannot read {name}: {error.strerror}") from None
        raise Usage(damaged.format(name)) from None
    except (ELFError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError,
            struct.error):
        raise Usage(damaged.format(name)) from None


def kind(path):
    """IMAGE or LINUX. Anything that cannot run here is refused in a sentence."""
    name = paths.in_words(path)
    with opened(path, UNREADABLE) as elf:
        segments = list(elf.iter_segments())
        machine, form, entry = elf["e_machine"], elf["e_type"], elf["e_entry"]
    if machine != "EM_X86_64" or form not in ("ET_EXEC", "ET_DYN"):
        raise Usage(f"{name} is no executable for x86-64 (ELF type {form}, machine {machine})")
    if any(segment["p_type"] == "PT_INTERP" for segment in segments):
        raise Usage(f"{name} is linked dynamically, and there is no dynamic linker here; link it with -static")
    return IMAGE if form == "ET_EXEC" and entry in OWN_PLACE else LINUX
