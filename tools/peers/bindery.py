# SPDX-License-Identifier: MIT
"""Bindery's own rows, by the applications bench_fault, bench_gate and bench_appel. Used by `bench fault` too.

All are jobs of one boot, one after the other. Unlike a peer's, a row of ours that is absent is a failure.
"""

from tools import paths, registry, session
from tools.errors import BinderyError
from tools.peers.common import row

PROGRAMS = ("bench_fault", "bench_gate", "bench_appel")


def operations():
    """The names of the operations that these programs measure, in the registry's order."""
    return [op for op, operation in registry.OPERATIONS.items() if operation.program]


def measure(options):
    """A row for each operation."""
    return execute(options)[0]


def execute(options):
    """(the rows, the version of the compiler that built the programs)."""
    runs = [session.Run(name, image=paths.BUILD / "apps" / f"{name}.bare") for name in PROGRAMS]
    outcomes = session.execute([runs], limit=options.timeout, exact=options.exact(), names=["Bindery"],
                               accelerator=options.accelerator)
    for outcome in outcomes:
        if not outcome.passed():
            raise BinderyError(outcome.sentence())
    found = {event["op"]: event for outcome in outcomes for event in outcome.of("bench")}
    absent = [op for op in operations() if op not in found]
    if absent:
        raise BinderyError(f"{' and '.join(PROGRAMS)} did not measure {', '.join(absent)}")
    rows = [row("bindery", op, found[op]["minimum"], found[op]["median"], found[op]["maximum"], found[op]["samples"])
            for op in operations()]
    return rows, outcomes[0].of("compiler")[0]["version"]
