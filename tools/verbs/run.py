# SPDX-License-Identifier: MIT
"""The verb `run`: one application on one library OS, its output on stdout, its exit status ours."""

import json
import shutil
import sys
import termios
from pathlib import Path

import click

from tools import builder, options, program, registry, run_linux, session, tables, terminal, transit
from tools.command import Seconds, Verb, Whole, form_of, shared
from tools.errors import Missing, Usage

EXAMPLES = """\
./bindery run hello
./bindery run --libos dos hello -- one two
./bindery run --policy sieve1_d1 --memory 512K matmul -- n=96
./bindery run --policy prices=clock1@97,table=lifo@250,default=fifo --frames 349 reports
./bindery run sort
./bindery run FILE one two
./bindery run --memory 8M --policy clockpro -- FILE arguments
./bindery run --libos unix --compat -- FILE
./bindery run --root DIR --save DIR --strace -- FILE arguments"""


@click.command("run", cls=Verb, examples=EXAMPLES)
@click.option("--libos", default="unix", metavar="NAME", help="Library OS to link with: unix (default) or dos.")
@click.option("--policy", metavar="NAME|MAP",
              help="Replacement policy of the heap, or one for each region: REGION=POLICY@FRAMES,…,default=POLICY.")
@click.option("--frames", type=Whole(), help="Frames of all memory that is paged.")
@click.option("--memory", metavar="SIZE", help="The same as memory: 512K, 8M.")
@click.option("--readahead", metavar="NAME", help="Way of reading ahead: none (default), sequential, around.")
@click.option("--cluster", metavar="N", help="Dirty pages written at a time. Default: 1.")
@click.option("--file", "files", multiple=True, metavar="PATH", help="Put a file on the disk (may be repeated).")
@click.option("--root", metavar="DIR",
              help="Of a Linux program: the folder that is its root, and in which APP is a path.")
@click.option("--save", metavar="DIR", help="Of a Linux program: a new folder for all its files, after the run.")
@click.option("--env", "environment", multiple=True, metavar="NAME=VALUE",
              help="Of a Linux program: a variable of its environment (may be repeated).")
@click.option("--strace", is_flag=True, help="Of a Linux program: print each of its system calls.")
@click.option("--compat", is_flag=True,
              help="Of a Linux program: list what it needs that libos/unix lacks, without running it; exit 1 if any.")
@click.option("--rewrite", is_flag=True,
              help="Of a Linux program: system calls without the kernel, where that is safe.")
@click.option("--timeout", type=Seconds(), default=120.0, show_default=True, help="Seconds until the machine is ended.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the application's output.")
@click.option("--csv", "as_csv", is_flag=True, help="With --compat: print CSV.")
@click.argument("app")
@click.argument("words", nargs=-1)
@shared
def verb_run(libos, policy, frames, memory, readahead, cluster, files, root, save, environment, strace, compat, rewrite,
             timeout, as_json, as_csv, app, words):
    """Run APP in QEMU: an application of ours by its name, or a program of yours by its path.

    A program linked with a library OS (bindery-cc) runs on that. Any other static Linux executable runs unmodified on
    libos/unix, in a file system of its own: that of --root, or one with the program and the files that its arguments
    name. It is gone after the run, but for what --save keeps. Ctrl-] ends the machine.
    """
    registry.require("library OS", libos, registry.LIBOSES)
    if as_csv and not compat:
        raise Usage("--csv is for --compat, which prints a table")
    if compat:
        return _compat(libos, root, app, form_of(as_json, as_csv))
    if root or ("/" in app and program.kind(app) == program.LINUX):
        for option, given in (("--libos", libos != "unix"), ("--file", files), ("--readahead", readahead),
                              ("--cluster", cluster)):
            if given:
                raise Usage(f"{option} is for programs that are linked with a library OS; {app} is not")
        return run_linux.run([app, *words], root, save, environment, policy, options.one_size(frames, memory), strace,
                             rewrite, timeout, as_json)
    for option, given in (("--save", save), ("--env", environment), ("--strace", strace),
                          ("--rewrite", rewrite)):
        if given:
            raise Usage(f"{option} is for unmodified Linux programs; {app} is linked with a library OS")
    image = Path(app) if "/" in app else None
    if image is None:
        registry.require("application", app, registry.apps())
    frames = options.one_size(frames, memory)
    policy = policy and options.one_policy(policy, frames, app)
    transfer, = transit.transfers(readahead and [readahead], cluster and [cluster])
    builder.build(everything=False)
    run = session.Run(image.name if image else app, libos, tuple(words), policy, frames, transfer.settings(),
                      files=options.files_of(app, files), image=image)
    run.executable()
    output = []
    with _terminal_restored():
        outcome, = session.execute([[run]], limit=timeout, interactive=not as_json and sys.stdin.isatty(),
                                   console=output.append if as_json else _print, names=[app])
    if as_json:
        row = {"app": app, "libos": libos, "end": outcome.end, "status": outcome.status,
               "output": b"".join(output).decode(errors="replace"), "events": outcome.events}
        json.dump({"schema": tables.SCHEMA, "rows": [row]}, sys.stdout, indent=1)
        print()
    if outcome.end != "exit":
        terminal.say(outcome.sentence())
    return outcome.exit_status()


def _compat(libos, root, app, form):
    if libos != "unix":
        raise Usage(f"--compat is for --libos unix, which runs Linux programs; {libos} does not")
    from tools import compat  # here, as it needs a disassembler

    found = Path(root, app.lstrip("/")) if root else app if "/" in app else shutil.which(app)
    if not found:
        raise Missing(f"there is no program {app}")
    return compat.run(found, form)


def _print(data):
    sys.stdout.buffer.write(data.replace(b"\r\n", b"\n"))
    sys.stdout.buffer.flush()


class _terminal_restored:
    """QEMU puts the terminal into raw mode and cannot undo it when it is killed."""

    def __enter__(self):
        self.before = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None

    def __exit__(self, *error):
        if self.before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self.before)
