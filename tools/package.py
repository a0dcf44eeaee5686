# SPDX-License-Identifier: MIT
"""The boot package (pe/package.h): programs laid out in pages and the manifest of what to run.

    package = Package()
    init = package.add_image("init", Path("build/libos/init/init"))      # image 0 is started by the kernel
    hello = package.add_image("hello.unix", Path("build/apps/hello.unix"))
    package.add_job(hello, "job=0 app=hello")
    path.write_bytes(package.encode())

Layout: header, images, jobs, argument strings; then the segments' bytes, each on a page of its own.
"""

from dataclasses import dataclass, field

from tools import layout
from tools.errors import BinderyError, Missing
from tools.layout import PAGE
from tools.paths import in_words


@dataclass
class Segment:
    address: int
    data: bytes  # what is stored; padded to whole pages
    pages: int   # in memory
    rights: int


@dataclass
class Image:
    name: str
    entry: int
    segments: list

    def pages(self):
        """Pages it takes in memory."""
        return sum(segment.pages for segment in self.segments)


@dataclass
class Job:
    """One run of one image, as struct exo_job has it; its fields are explained there."""

    image: int
    arguments: str = ""
    group: int = 0
    frames: int = 0
    block: int = 0
    blocks: int = 0
    slices: int = 0
    deadline: int = 0
    leased: int = 0


@dataclass
class Package:
    images: list = field(default_factory=list)
    jobs: list = field(default_factory=list)
    flags: int = 0

    def add_image(self, name, path):
        """Takes an ELF file in and returns its index."""
        self.images.append(read_elf(name, path))
        return len(self.images) - 1

    def add_job(self, image, arguments="", **fields):
        """Takes a job in and returns its index."""
        self.jobs.append(Job(image, arguments, **fields))
        return len(self.jobs) - 1

    def encode(self):
        """The package's bytes."""
        images_at = layout.PACKAGE.size
        jobs_at = images_at + layout.IMAGE_SIZE * len(self.images)
        strings_at = jobs_at + layout.JOB.size * len(self.jobs)
        strings, jobs = b"", b""
        for job in self.jobs:
            fields = vars(job) | {"arguments": strings_at + len(strings)}
            jobs += layout.JOB.pack(**fields)
            strings += job.arguments.encode() + b"\0"
        body_at = layout.pages(strings_at + len(strings)) * PAGE
        images, body = self._images(body_at)
        head = layout.PACKAGE.pack(magic=layout.PACKAGE_MAGIC, abi_version=layout.ABI_VERSION, flags=self.flags,
                                   bytes=body_at + len(body), images=len(self.images), images_offset=images_at,
                                   jobs=len(self.jobs), jobs_offset=jobs_at)
        data = (head + images + jobs + strings).ljust(body_at, b"\0") + body
        if len(data) >= layout.PACKAGE_LIMIT:
            raise BinderyError(f"the boot package has {len(data) >> 20} MiB; the kernel takes less than 512")
        return data

    def _images(self, body_at):
        table, body = b"", b""
        for image in self.images:
            table += layout.IMAGE_HEAD.pack(name=image.name, entry=image.entry, segments=len(image.segments))
            lines = b""
            for segment in image.segments:
                stored = layout.pages(len(segment.data))
                lines += layout.SEGMENT.pack(address=segment.address, offset=body_at + len(body), file_pages=stored,
                                             pages=segment.pages, rights=segment.rights)
                body += segment.data.ljust(stored * PAGE, b"\0")
            table += lines.ljust(layout.PACKAGE_SEGMENTS * layout.SEGMENT.size, b"\0")
        return table, body


def decode(data):
    """The Package that some bytes hold; raises BinderyError if they hold none."""
    if len(data) < layout.PACKAGE.size:
        raise BinderyError("too short to be a boot package")
    head = layout.PACKAGE.unpack(data)
    if head["magic"] != layout.PACKAGE_MAGIC or head["bytes"] != len(data):
        raise BinderyError("not a boot package, or not all of one")
    if head["abi_version"] != layout.ABI_VERSION:
        raise BinderyError(f"a boot package of ABI version {head['abi_version']}, not {layout.ABI_VERSION}")
    package = Package(flags=head["flags"])
    for index in range(head["images"]):
        at = head["images_offset"] + index * layout.IMAGE_SIZE
        line = layout.IMAGE_HEAD.unpack(data, at)
        segments = []
        for number in range(line["segments"]):
            one = layout.SEGMENT.unpack(data, at + layout.IMAGE_HEAD.size + number * layout.SEGMENT.size)
            stored = data[one["offset"]:one["offset"] + one["file_pages"] * PAGE]
            segments.append(Segment(one["address"], stored, one["pages"], one["rights"]))
        package.images.append(Image(line["name"], line["entry"], segments))
    for index in range(head["jobs"]):
        fields = layout.JOB.unpack(data, head["jobs_offset"] + index * layout.JOB.size)
        end = data.index(b"\0", fields["arguments"])
        package.jobs.append(Job(**fields | {"arguments": data[fields["arguments"]:end].decode()}))
    return package


def read_elf(name, path):
    """The Image of an ELF executable. Segments that share a page or are writable and executable are refused."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with open(path, "rb") as file:
            elf = ELFFile(file)
            if elf["e_machine"] != "EM_X86_64" or elf["e_type"] != "ET_EXEC":
                raise BinderyError(f"{in_words(path)} is not a static x86-64 executable")
            loads = [part for part in elf.iter_segments("PT_LOAD") if part["p_memsz"]]
            segments = [_segment(part, path) for part in loads]
            entry = elf["e_entry"]
    except FileNotFoundError:
        raise Missing(f"there is no {in_words(path)}; ./bindery build makes it") from None
    except ELFError as error:
        raise BinderyError(f"{in_words(path)} is not an ELF file: {error}") from None
    if len(segments) > layout.PACKAGE_SEGMENTS:
        raise BinderyError(f"{in_words(path)} has {len(segments)} segments; a package image has at most "
                           f"{layout.PACKAGE_SEGMENTS}")
    end = 0
    for segment in segments:
        if segment.address < end:
            raise BinderyError(f"{in_words(path)}: two segments share the page at {segment.address:#x}")
        end = segment.address + segment.pages * PAGE
    return Image(name, entry, segments)


def _segment(part, path):
    """One loadable segment, widened to whole pages."""
    from elftools.elf.constants import P_FLAGS

    flags = part["p_flags"]
    rights = ((layout.READ if flags & P_FLAGS.PF_R else 0) | (layout.WRITE if flags & P_FLAGS.PF_W else 0)
              | (layout.EXECUTE if flags & P_FLAGS.PF_X else 0))
    if rights & layout.WRITE and rights & layout.EXECUTE:
        raise BinderyError(f"{in_words(path)} has a segment that is writable and executable")
    before = part["p_vaddr"] % PAGE
    data = b"\0" * before + part.data() if part["p_filesz"] else b""
    return Segment(part["p_vaddr"] - before, data, layout.pages(before + part["p_memsz"]), rights)
