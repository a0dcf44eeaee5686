# SPDX-License-Identifier: MIT
"""The verb `trace`: what happened when, for people and for trace viewers."""

import json
from pathlib import Path

import click

from tools import builder, options, paths, registry, session, steps, terminal
from tools.command import Examples, Subjects, shared
from tools.errors import BinderyError
from tools.files import write_whole

EXAMPLES = """\
./bindery trace fault loop
./bindery trace fault loop -o fault.json -- pages=64 laps=2
./bindery trace fault --policy sieve1_d1 --frames 32 loop -- pages=64 laps=2"""


@click.command("trace", cls=Subjects, module="trace", verbs=("fault",), examples=EXAMPLES)
def verb_trace():
    """Record what happens when; `trace fault` records the eight steps of each page fault."""


@click.command("fault", cls=Examples, examples=EXAMPLES)
@click.option("--libos", default="unix", metavar="NAME", help="Library OS to link with.")
@click.option("--policy", metavar="NAME", help="Replacement policy of the heap.")
@click.option("--frames", type=int, help="Frames of the heap.")
@click.option("--memory", metavar="SIZE", help="The same as memory: 512K, 8M.")
@click.option("-o", "--output", metavar="FILE", help="Write Chrome trace JSON here (default: out/APP-fault.json).")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds until the machine is ended.")
@click.argument("app")
@click.argument("words", nargs=-1)
@shared
def subject_fault(libos, policy, frames, memory, output, timeout, app, words):
    """Run APP and show the eight steps of its page faults, in guest instructions.

    The file opens in Perfetto (ui.perfetto.dev) and speedscope.
    """
    registry.require("library OS", libos, registry.LIBOSES)
    registry.require("application", app, registry.apps())
    if policy:
        registry.require("policy", policy, registry.policies())
    frames = options.one_size(frames, memory)
    builder.build(everything=False)
    run = session.Run(app, libos, tuple(words), policy, frames, ("trace=1",), options.files_of(app))
    outcome, = session.execute([[run]], limit=timeout, exact=True, trace=True, names=[app])
    found = steps.faults(outcome.of("step"))
    if not outcome.passed():
        raise BinderyError(outcome.sentence())
    if not found:
        raise BinderyError(f"{app} on {libos} took no page fault that was traced")
    path = Path(output) if output else paths.OUT / f"{app}-fault.json"
    write_whole(path, json.dumps(steps.chrome_trace(found, app, options.command_line())).encode())
    print(steps.listing(found))
    print()
    print(steps.example(found))
    terminal.say(f"trace: {path} (open it in Perfetto or speedscope)")
