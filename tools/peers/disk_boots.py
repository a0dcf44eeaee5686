# SPDX-License-Identifier: MIT
"""The disk of disk.py's two systems, and one boot of each with it: {op: what its program reports of it}.

    image = Image(folder / "disk.img")
    boot_bindery(image, folder, options)["paging.swap.random"]["ticks"]
    boot_linux(image, folder, options, ("-plugin", …))
"""

import contextlib
import struct

from tools import layout, paths, qemu, session
from tools.errors import BinderyError
from tools.fleet import Boot, Fleet
from tools.image import DiskImage
from tools.package import Package
from tools.peers import common, debian, foreign, linux

# As in peers/paging.h.
PAGES, SPREAD = 16384, 8
OPS = ("disk.major_fault", "paging.file.sequential", "paging.file.random", "paging.swap.sequential",
       "paging.swap.random")  # by their numbers in markers, from 1 on; 0 is two markers in a row

PROGRAM = paths.BUILD / "apps" / "bench_paging.unix"
FILE = "paging"
SWAP_BLOCKS = 2 * PAGES
SECTORS = layout.PAGE // 512  # in a block
# peers/linux/disk.c inserts the same, in this order.
MODULES = ("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk")


class Image:
    """The disk of both systems. Bindery finds the file and the swap space by the directory in its first blocks, Linux
    by a partition table, for which the first block has room between lines of the directory that are not used."""

    def __init__(self, path):
        disk = DiskImage(SWAP_BLOCKS)
        disk.add(FILE, b"", PAGES * (1 + SPREAD) * layout.PAGE)
        self.path, self.blocks = path, disk.write(path)
        self.swap = disk.swap_block
        file, = disk.files
        write_partitions(path, file.block, file.blocks, self.swap, SWAP_BLOCKS)
        with open(path, "r+b") as out:
            for page in range(PAGES):
                _write_page(out, file.block, page)
            for group in range(PAGES):
                _write_page(out, file.block + PAGES, group * SPREAD + (number(group) >> 61))

    def mark_swap(self):
        """Writes the head of Linux's swap space, which Bindery uses as any other block of it."""
        write_swap_head(self.path, self.swap, SWAP_BLOCKS)

    def words(self):
        """QEMU's words for the disk; what qemu.Machine says for every disk."""
        return _words(self.path)


def _words(path):
    return ["-drive", f"if=none,format=raw,id=disk,cache=unsafe,file={path}",
            "-device", "virtio-blk-pci,drive=disk,disable-legacy=on"]


def root_disk(path, place):
    """QEMU's words for a disk of session.prepare, on which Linux, too, is to find the file system at `place` (an
    image.File), in its first partition, and the swap space behind it, in its second."""
    swap = place.block + place.blocks
    write_partitions(path, place.block, place.blocks, swap, session.SWAP_BLOCKS)
    write_swap_head(path, swap, session.SWAP_BLOCKS)
    return _words(path)


def module(name):
    """One of MODULES."""
    return debian.file_of(linux.PACKAGE, f"lib/modules/*/kernel/drivers/*/{name}.ko").read_bytes()


def write_partitions(path, block, blocks, swap, swap_blocks):
    """Linux's partition table of a file and of the swap space, over lines of the directory that are not used."""
    with open(path, "r+b") as out:
        out.seek(446)
        for kind, first, count in ((0x83, block, blocks), (0x82, swap, swap_blocks)):
            out.write(struct.pack("<8B2I", 0, 0, 0, 0, kind, 0, 0, 0, first * SECTORS, count * SECTORS))
        out.seek(510)
        out.write(b"\x55\xaa")


def write_swap_head(path, block, blocks):
    """The head of Linux's swap space."""
    head = bytearray(layout.PAGE)
    struct.pack_into("<III", head, 1024, 1, blocks - 1, 0)  # version, last page, bad pages
    head[-10:] = b"SWAPSPACE2"
    with open(path, "r+b") as out:
        out.seek(block * layout.PAGE)
        out.write(head)


def number(page):
    """What the first and the last word of a page hold (peers/paging.h)."""
    return (page + 1) * 0x9E3779B97F4A7C15 & (1 << 64) - 1


def _write_page(out, block, page):
    word = struct.pack("<Q", number(page))
    out.seek((block + page) * layout.PAGE)
    out.write(word.ljust(layout.PAGE - len(word), b"\0") + word)


class _Bindery(qemu.Machine):
    """Our machine with the same thread model as the others' and with further words."""

    more = ()

    def command(self, console, report):
        words = super().command(console, report)
        at = words.index("-accel") + 1
        words[at] = "tcg,thread=single" if words[at] == "tcg" else words[at]
        return [*words, *self.more]


def boot_bindery(image, folder, options, words=()):
    """One boot of bench_paging; raises BinderyError if it fails, as our own programs must not."""
    for needed in (paths.KERNEL, paths.INIT, PROGRAM):
        if not needed.exists():
            raise BinderyError(f"there is no {paths.in_words(needed)}; ./bindery build makes it")
    package = Package()
    package.add_image("init", paths.INIT)
    package.add_job(package.add_image("bench_paging", PROGRAM), f"job=0 app=bench_paging -- file={FILE}",
                    blocks=image.blocks, slices=1)
    (folder / "package").write_bytes(package.encode())
    machine = _Bindery(paths.KERNEL, folder / "package", image.path, foreign.MEMORY, accelerator=options.accelerator)
    machine.more = words
    boot = Boot(machine, folder, name="bench_paging on Bindery", silence=foreign.SILENCE)
    with contextlib.closing(Fleet(limit=options.timeout).run([boot])) as events:
        heard = [event for _, event in events]
    end = next((event for event in heard if event["event"] == "job"), {})
    if end.get("end") != "exit" or end.get("status") != 0:
        raise BinderyError(f"bench_paging did not end well: {end}", boot.tail.decode(errors="replace"))
    return _passes(heard, "bench_paging")


def boot_linux(image, folder, options, words=()):
    """One boot of Linux with the part `disk` of peers/linux. Raises common.Skipped."""
    image.mark_swap()
    modules = {f"{name}.ko": module(name) for name in MODULES}
    heard = linux.boot(folder, "disk", options, files=modules, words=[*image.words(), *words], exact=False)
    for event in heard.events:
        if event["event"] == "failed":
            raise common.Skipped(event["reason"])
    return _passes(heard.events, "Linux's program", common.Skipped)


def _passes(events, who, error=BinderyError):
    passes = {event["op"]: event for event in events if event["event"] == "paging"}
    absent = [op for op in OPS if op not in passes]
    if absent:
        raise error(f"{who} did not report {', '.join(absent)}")
    return passes
