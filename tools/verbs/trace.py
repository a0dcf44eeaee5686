# SPDX-License-Identifier: MIT
"""The verb `trace`: what happened when, for people and for trace viewers."""

import json

import click

from tools import builder, options, paths, recording, registry, session, simulator, steps, tables, terminal
from tools.command import Examples, Seconds, Subjects, Whole, shared
from tools.errors import FAILED, OK, BinderyError, Usage
from tools.files import write_whole

EXAMPLES = """\
./bindery trace fault loop
./bindery trace fault loop -o fault.json -- pages=64 laps=2
./bindery trace fault --policy sieve1_d1 --frames 32 loop -- pages=64 laps=2
./bindery trace pages loop -- pages=64 laps=2
./bindery trace pages --policy clockpro --frames 48 -o loop.oracleGeneral.zst loop -- pages=64 laps=2"""

COLUMNS = {"workload": "program", "policy": "policy", "frames": "frames", "pages": "pages", "references": "references",
           "faults": "faults", "simulated": "simulated", "soft_faults": "soft\nfaults", "instructions": "instr.",
           "instructions_without": "instr.\nunrecorded", "ratio": "ratio",
           "instructions_per_soft_fault": "instr./\nsoft fault"}


@click.command("trace", cls=Subjects, module="trace", verbs=("fault", "pages"), examples=EXAMPLES)
def verb_trace():
    """Record what happens when: the eight steps of each page fault, or the pages that a program refers to."""


@click.command("fault", cls=Examples, examples=EXAMPLES)
@click.option("--libos", default="unix", metavar="NAME", help="Library OS to link with.")
@click.option("--policy", metavar="NAME", help="Replacement policy of the heap.")
@click.option("--frames", type=Whole(), help="Frames of the heap.")
@click.option("--memory", metavar="SIZE", help="The same as memory: 512K, 8M.")
@click.option("-o", "--output", metavar="FILE", help="Write Chrome trace JSON here (default: out/APP-fault.json).")
@click.option("--timeout", type=Seconds(), default=120.0, show_default=True, help="Seconds until the machine is ended.")
@click.argument("app")
@click.argument("words", nargs=-1)
@shared
def subject_fault(libos, policy, frames, memory, output, timeout, app, words):
    """Run APP and show the eight steps of its page faults, in guest instructions.

    The file opens in Perfetto (ui.perfetto.dev) and speedscope.
    """
    registry.require("library OS", libos, registry.LIBOSES)
    registry.require("application", app, registry.apps())
    frames = options.one_size(frames, memory)
    if policy:
        options.policy_in(policy, frames)
    path = options.file_to_write("-o", output or paths.OUT / f"{app}-fault.json")
    builder.build(everything=False)
    run = session.Run(app, libos, tuple(words), policy, frames, ("trace=1",), options.files_of(app))
    outcome, = session.execute([[run]], limit=timeout, exact=True, trace=True, names=[app])
    found = steps.faults(outcome.of("step"))
    if not outcome.passed():
        raise BinderyError(outcome.sentence())
    if not found:
        raise BinderyError(f"{app} on {libos} took no page fault that was traced")
    write_whole(path, json.dumps(steps.chrome_trace(found, app, options.command_line())).encode())
    print(steps.listing(found))
    print()
    print(steps.example(found))
    terminal.say(f"trace: {path} (open it in Perfetto or speedscope)")


@click.command("pages", cls=Examples, examples=EXAMPLES)
@click.option("--policy", default="clock1", show_default=True, metavar="NAME", help="Replacement policy of the heap.")
@click.option("--frames", type=Whole(), help="Frames of the heap (default: as many as it has pages).")
@click.option("--memory", metavar="SIZE", help="The same as memory: 512K, 8M.")
@click.option("-o", "--output", metavar="FILE",
              help="Write the trace here, in the form that the name says: .txt, .oracleGeneral, or these with .zst "
                   "(default: out/APP-pages.txt).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--timeout", type=Seconds(), default=300.0, show_default=True, help="Seconds until the machine is ended.")
@click.argument("app")
@click.argument("words", nargs=-1)
@shared
def subject_pages(policy, frames, memory, output, as_json, timeout, app, words):
    """Run APP and record the string of heap pages that it refers to.

    Each change of page is a fault, soft if the page is in memory: recording costs one for each reference, and moves
    nothing between memory and disk that would not be moved otherwise. What that costs is measured: APP runs a second
    time without recording, and the table has the instructions of both. The run's own faults must be those of the
    simulator, fed with the recorded string.
    """
    registry.require("application", app, registry.apps())
    frames = options.one_size(frames, memory)
    options.policy_in(policy, frames)
    path = options.file_to_write("-o", output or paths.OUT / f"{app}-pages.txt")
    if app == "replay":
        raise Usage("replay refers to the pages that its trace says; the trace is its recording")
    builder.build(everything=False)
    outcome, text, cost = recording.record_and_weigh(app, words, policy, frames, options.files_of(app), timeout,
                                                     session.processors())
    with session.scratch() as folder:
        (folder / "trace.txt").write_text(text)
        pager = recording.heap_of(outcome)
        row, = simulator.simulate(folder / "trace.txt", [policy], [pager["frames"]], "--zero-filled")
        path.parent.mkdir(parents=True, exist_ok=True)
        simulator.convert(folder / "trace.txt", path)
    row |= {"workload": app, "faults": pager["faults"], "simulated": row["faults"], "source": "real"} | cost
    if as_json:
        print(tables.as_json([row]), end="")
    else:
        tables.show([row], COLUMNS)
    terminal.say(f"trace: {path}")
    if row["faults"] != row["simulated"]:
        terminal.say("failed: the run did not take the faults of the simulator fed with its references")
        return FAILED
    return OK
