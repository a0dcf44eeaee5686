# SPDX-License-Identifier: MIT
"""`bindery run` of an unmodified Linux program on libos/unix: its output is ours, and so is its exit status."""

import json
import sys

from tools import builder, console, registry, session, tables, terminal, unix
from tools.errors import Usage

NOT_SERVED = "is not served; the program gets ENOSYS"  # libos/unix/process/trace.c


def run(words, folder, save, environment, policy, frames, strace, rewrite, limit, as_json):
    """Runs words[0] with its arguments; returns the exit status."""
    if policy:
        check_policy(policy)
    with unix.Root(words, folder, environment) as root:
        if save:
            root.save_to(save)
        builder.build(everything=False)
        settings = unix.console_settings() + (["strace=1"] if strace else [])
        settings += ["rewrite=1"] if rewrite else []
        outcome, output = boot(root, root.run(policy, frames, settings), limit, None if as_json else _print,
                               on_event=None if as_json else _notice)
    if as_json:
        row = {"program": words[0], "arguments": words[1:], "end": outcome.end, "status": outcome.status,
               "output": output.decode(errors="replace"), "events": outcome.events}
        json.dump({"schema": tables.SCHEMA, "rows": [row]}, sys.stdout, indent=1)
        print()
    if root.changed:
        terminal.say(f"what {words[0]} made of {', '.join(root.changed)} is gone; --save DIR keeps a run's files")
    if outcome.end != "exit":
        terminal.say(outcome.sentence())
    return outcome.exit_status()


def check_policy(policy):
    """Raises Usage for what is none, or none for processes."""
    registry.require("policy", policy, registry.policies())
    if not registry.sees_enough(policy):
        raise Usage(f"{policy} needs to see every reference, and a Linux program does not show its; "
                    "take another, such as clock1 or clockpro")


def boot(root, one, limit, show=None, **options):
    """Boots a machine for one run; returns its Outcome and what it printed."""
    printed = bytearray()
    inputs = []

    def takes_input(machine):
        inputs.append(console.Input(machine.console))
        inputs[0].__enter__()

    def took(data):
        printed.extend(data)
        if show:
            show(data)

    memory = -(-(one.frames * 3 // 2 + unix.OVERHEAD) * 4096 >> 20) if one.frames else 0
    try:
        outcome, = session.execute([[one]], limit=limit, console=took, names=[one.label], on_input=takes_input,
                                   talks=True, memory=memory or unix.MEMORY, silence=limit, **options)
    except KeyboardInterrupt:
        raise Usage(f"{one.label} was ended from the keyboard") from None
    finally:
        for each in inputs:
            each.__exit__()
    return outcome, bytes(printed)


def _print(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _notice(event):
    """What the library OS says of the program: with --strace each call; calls that are not served, unless --quiet."""
    if event["event"] == "notice" and not (terminal.quiet() and event["text"].endswith(NOT_SERVED)):
        print(event["text"], file=sys.stderr, flush=True)
