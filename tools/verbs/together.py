# SPDX-License-Identifier: MIT
"""The verb `together`: applications that run at the same time, each with its own library OS and policy, and what they
do to one another's page faults."""

import dataclasses
import sys

import click

from tools import builder, constants, options, registry, session, subjects, tables, terminal
from tools.command import Seconds, Verb, Whole, shared, tabular
from tools.errors import FAILED, OK, BinderyError, Usage
from tools.fleet import SILENCE_LONG

EXAMPLES = """\
./bindery together zipfkv,loop --frames 200
./bindery together zipfkv,loop --frames 120,80 --policy clockpro,lifo --replacement local,global
./bindery together bfs,hashjoin,loop --memory 1M --json"""

REPLACEMENTS = {
    "local": "each has its own frames, and no other's faults change them",
    "global": "frames move, one at a time, to whoever faults most from whoever faults least",
}
COLUMNS = {"replacement": "replacement", "workload": "workload", "policy": "policy", "frames": "frames",
           "frames_end": "at the\nend", "came": "came", "went": "went", "alone": "faults\nalone", "faults": "faults",
           "difference": "diffe-\nrence", "writebacks": "write-\nbacks", "reads": "disk\nreads"}
CSV = (*COLUMNS, "with", "seed", "same_victims", "checksum")
LEAST = constants.value("libos/init/share.h", "SHARE_LEAST")
MOST = 896  # LEASE_MOST of libos/init/lease.c


@click.command("together", cls=Verb, examples=EXAMPLES)
@click.argument("workloads", metavar="X,Y,…")
@click.option("--policy", metavar="A,B", default="clock1", show_default=True,
              help="One policy for all, or one for each.")
@click.option("--frames", metavar="N|N,M", help="Frames of all together, in equal shares, or of each. Default: 200.")
@click.option("--memory", metavar="SIZE", help="The same as memory.")
@click.option("--replacement", metavar="A,B", default="local,global", show_default=True,
              help="; ".join(f"{name}: {what}" for name, what in REPLACEMENTS.items()) + ".")
@click.option("--seed", type=Whole(0, (1 << 63) - 1), default=1,
              help="For policies that draw numbers. Default: 1.")
@tabular
@click.option("--timeout", type=Seconds(), default=600.0, show_default=True, help="Seconds until a machine is ended.")
@shared
def verb_together(workloads, policy, frames, memory, replacement, seed, form, timeout):
    """Run applications at the same time and count what that does to each one's faults.

    X and Y are applications, generated traces or trace files, which an application replays. Each of them has its own
    library OS, its own policy, and at the start its share of the frames. It is run alone in that many frames, too; the
    difference is what its neighbours did to it. Under local replacement that is 0. Under global replacement init moves
    frames by how often each application faults (libos/init/share.h): it asks the one that faults least for one, and
    that library OS chooses the page.
    """
    names = _names(workloads)
    policies = _one_for_each("--policy", options.split_all(policy), names)
    for each in policies:
        registry.require("policy", each, registry.policies())
    kinds = [registry.require("replacement", each, REPLACEMENTS) for each in options.split(replacement)]
    shares = _shares(frames, memory, names, policies)
    if "global" in kinds and sum(shares) > MOST:
        raise Usage(f"{sum(shares)} frames: at most {MOST} can move between applications")
    builder.build(everything=False)
    parties = [_run(*each, seed) for each in zip(names, policies, shares)]
    for run in parties:
        if run.app != "replay" and registry.traits(run.policy)[0] == "future":
            raise Usage(f"{run.policy} needs the references to come, and those of {run.app} are not known")
    rows = _measure(parties, kinds, seed, timeout)
    tables.write(form, rows, CSV, lambda: tables.show(rows, COLUMNS, group="replacement"))
    return _verdict(rows)


def _names(text):
    names = options.split_all(text)
    if len(names) < 2:
        raise Usage("together wants two applications or more, by comma")
    return names


def _one_for_each(option, items, names):
    if len(items) not in (1, len(names)):
        raise Usage(f"{option} has {len(items)} items; expected one for all, or one for each of {len(names)}")
    return items if len(items) == len(names) else items * len(names)


def _shares(frames, memory, names, policies):
    """Frames of each."""
    if frames is not None and memory is not None:
        raise Usage("--frames and --memory say the same thing; give one of them")
    if memory is not None:
        counts = [options.frames_of(item) for item in options.split_all(memory)]
    else:
        counts = [options.one_size(_number(item), None) for item in options.split_all(frames or "200")]
    if len(counts) == 1:
        counts = [counts[0] // len(names) + (place < counts[0] % len(names)) for place in range(len(names))]
    _one_for_each("--frames" if frames else "--memory", counts, names)
    for name, policy, count in zip(names, policies, counts):
        least = max(LEAST, registry.traits(policy)[1])
        if count < least:
            raise Usage(f"{name} with {policy} would have {count} frames; at least {least} are needed")
    return counts


def _number(text):
    if not text.isdecimal():
        raise Usage(f"--frames {text}: expected a number of frames")
    return int(text)


def _run(name, policy, frames, seed):
    settings = (f"seed={seed}",)
    work = registry.WORKLOADS.get(name)
    if work is not None:
        return session.Run(name, "unix", work.arguments, policy, frames, settings, work.inputs(), label=name)
    subject, = subjects.find([name], [])
    return dataclasses.replace(subject.run(policy, frames), settings=settings, label=subject.name)


def _measure(parties, kinds, seed, limit):
    terminal.say(f"each of {len(parties)} applications alone")
    alone = session.execute([[run] for run in parties], session.processors(), limit, True, silence=SILENCE_LONG)
    rows = []
    for kind in kinds:
        terminal.say(f"together, {kind} replacement")
        runs = parties if kind == "local" else [dataclasses.replace(run, frames=0, leased=run.frames)
                                                for run in parties]
        outcomes = session.execute([runs], 1, limit, True, silence=SILENCE_LONG, together=True)
        for place, (run, before, after) in enumerate(zip(parties, alone, outcomes)):
            others = [each.label for number, each in enumerate(parties) if number != place]
            rows.append(_row(kind, run, before, after, others, seed))
    return rows


def _row(kind, run, before, after, others, seed):
    for outcome in (before, after):
        if not outcome.passed():
            raise BinderyError(outcome.sentence())
    alone, count = _paged(before), _paged(after)
    moved = next(iter(after.of("lease")), {"came": run.frames, "went": 0, "end": run.frames})
    checksums = {event["value"] for outcome in (before, after) for event in outcome.of("result")
                 if event["name"] == "checksum"}
    if len(checksums) != 1:
        raise BinderyError(f"{run.label}: other results together ({', '.join(sorted(checksums))}) than alone")
    return {"replacement": kind, "workload": run.label, "policy": run.policy, "frames": run.frames,
            "frames_end": moved["end"], "came": moved["came"] - run.frames, "went": moved["went"],
            "alone": alone["faults"], "faults": count["faults"], "difference": count["faults"] - alone["faults"],
            "writebacks": count["writebacks"], "reads": count["reads"], "with": " ".join(others), "seed": seed,
            "same_victims": count["sequence"] == alone["sequence"], "checksum": checksums.pop()}


def _paged(outcome):
    """What the pager reports of the one region that has frames."""
    found = outcome.of("pager")
    if len(found) != 1:
        raise BinderyError(f"{outcome.run.label}: {len(found)} paged regions; together is for programs with one")
    return found[0]


def _verdict(rows):
    """Local replacement is local: the same victims in the same order as alone."""
    wrong = [row for row in rows if row["replacement"] == "local" and (row["difference"] or not row["same_victims"])]
    for row in wrong:
        print(f"bindery: failed: {row['workload']} has other faults beside {row['with']} than alone, though its frames "
              "are its own", file=sys.stderr)
    return FAILED if wrong else OK
