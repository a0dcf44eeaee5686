# SPDX-License-Identifier: MIT
"""Boots one image as the first PE and prints its tests as TAP, for meson.

    python3 tools/tap.py --kernel build/exo/bindery-kernel build/tests/vm/binding

The image reports {"event":"plan","tests":N}, {"event":"test","name":…,"ok":…,"detail":…} and at last "done". With
--init the image is instead a job that libos/init starts, with the arguments that follow it.
"""

import argparse
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tools import errors, layout  # noqa: E402  (the path above comes first)
from tools.fleet import Boot, Fleet  # noqa: E402
from tools.image import DiskImage  # noqa: E402
from tools.package import Package  # noqa: E402
from tools.qemu import Machine  # noqa: E402
from tools.session import scratch  # noqa: E402


def parsed(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", type=Path, help="ELF file")
    parser.add_argument("--kernel", type=Path, required=True)
    parser.add_argument("--init", type=Path, help="libos/init: run the image as its one job")
    parser.add_argument("--memory", type=int, default=64, help="MiB (64)")
    parser.add_argument("--blocks", type=int, default=1024, help="4 KiB blocks of swap space on the disk (1024)")
    parser.add_argument("--exact", action="store_true", help="count instructions")
    parser.add_argument("--trace", action="store_true", help="keep fault times")
    parser.add_argument("--timeout", type=float, default=100, help="seconds (100)")
    parser.add_argument("arguments", nargs="*", help="name=value words of the job")
    return parser.parse_args(words)


def boot(options, folder):
    """The Boot of the image."""
    package = Package(flags=layout.PACKAGE_TRACE if options.trace else 0)
    disk = DiskImage(options.blocks)
    blocks = disk.write(folder / "disk.img")
    if options.init:
        package.add_image("init", options.init)
        package.add_job(package.add_image(options.image.name[:47], options.image),
                        " ".join(["job=0", f"app={options.image.name}", *options.arguments]), blocks=blocks, slices=1)
    else:
        package.add_image(options.image.name[:47], options.image)
    (folder / "package").write_bytes(package.encode())
    machine = Machine(options.kernel, folder / "package", folder / "disk.img", options.memory, options.exact)
    return Boot(machine, folder, console=_comment, name=options.image.name)


_line = b""


def _comment(data):
    """Console output as TAP comments, whole lines only."""
    global _line
    *lines, _line = (_line + data).split(b"\n")
    for line in lines:
        print("# " + line.decode(errors="replace").rstrip(), flush=True)


def run(options):
    """Prints TAP; returns 0 if all went well."""
    number, failed, planned = 0, 0, None
    print("TAP version 13")
    try:
        with scratch() as folder:
            for _, event in Fleet(limit=options.timeout).run([boot(options, folder)]):
                if event["event"] == "plan":
                    planned = event["tests"]
                if event["event"] == "test":
                    number += 1
                    failed += not event["ok"]
                    detail = f" # {event['detail']}" if event.get("detail") else ""
                    print(f"{'ok' if event['ok'] else 'not ok'} {number} - {event['name']}{detail}", flush=True)
                if event["event"] == "job" and (event["end"] != "exit" or event.get("status")):
                    print(f"# the job ended by {event['end']}, status {event.get('status')}")
                    failed += 1
    except errors.BinderyError as error:
        failed += 1
        number += 1
        print(f"not ok {number} - the boot ends as it should # {error}")
        for line in error.detail.splitlines():
            print(f"# {line}")
    print(f"1..{planned if planned is not None else number}")
    return 1 if failed or (planned is not None and planned != number) else 0


if __name__ == "__main__":
    sys.exit(run(parsed(sys.argv[1:])))
