# SPDX-License-Identifier: MIT
"""The verb `bench`: costs in exact guest instructions."""

import sys

import click

from tools import builder, paths, registry, session, tables, terminal
from tools.command import Examples, Subjects, shared
from tools.errors import FAILED, OK, BinderyError

EXAMPLES = """\
./bindery bench fault
./bindery bench fault --json"""

COLUMNS = {"op": "op", "title": "what", "instructions": "instructions", "median": "median", "samples": "samples",
           "target": "target", "verdict": "verdict"}


@click.command("bench", cls=Subjects, module="bench", verbs=("fault",), examples=EXAMPLES)
def verb_bench():
    """Measure costs in guest instructions; `bench fault` is the fault path."""


@click.command("fault", cls=Examples, examples=EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds until the machine is ended.")
@shared
def subject_fault(as_json, as_csv, timeout):
    """Count the guest instructions of each part of the fault path.

    QEMU counts instructions (-icount shift=0): one tick of the time-stamp counter is one instruction. Each figure is
    the least of its samples, less what the empty measurement costs. Exception delivery and page walks are not
    instructions and not counted, so this says nothing of time.
    """
    builder.build(everything=False)
    rows = measure(timeout)
    if as_json:
        sys.stdout.write(tables.as_json(rows))
    elif as_csv:
        sys.stdout.write(tables.as_csv(rows, ["system", "op", "instructions", "median", "maximum", "samples"]))
    else:
        tables.show([_described(row) for row in rows], COLUMNS)
        print("\nHow each is measured:\n")
        for op, operation in registry.OPERATIONS.items():
            print(f"{op:<18}{operation.measured}")
    above = [row["op"] for row in rows if 0 < registry.OPERATIONS[row["op"]].target < row["instructions"]]
    if above:
        terminal.say(f"above their targets: {', '.join(above)}")
    return FAILED if above else OK


def measure(timeout):
    """Boots bench_fault and returns a row for each operation, in the registry's order."""
    image = paths.BUILD / "apps" / "bench_fault.bare"
    run = session.Run("bench_fault", image=image)
    outcome, = session.execute([[run]], limit=timeout, exact=True, names=["bench_fault"])
    if not outcome.passed():
        raise BinderyError(outcome.sentence())
    found = {event["op"]: event for event in outcome.of("bench")}
    absent = [op for op in registry.OPERATIONS if op not in found]
    if absent:
        raise BinderyError(f"bench_fault did not measure {', '.join(absent)}")
    return [{"system": "bindery", "op": op, "instructions": found[op]["minimum"], "median": found[op]["median"],
             "maximum": found[op]["maximum"], "samples": found[op]["samples"]} for op in registry.OPERATIONS]


def _described(row):
    operation = registry.OPERATIONS[row["op"]]
    verdict = None
    if operation.target:
        verdict = "reached" if row["instructions"] <= operation.target else "above"
    return row | {"title": operation.title, "target": operation.target or None, "verdict": verdict or ""}
