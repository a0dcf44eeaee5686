# SPDX-License-Identifier: MIT
"""The verb `compare`: replacement policies on real page faults."""

import sys
from pathlib import Path

import click

from tools import builder, cells, options, paths, plot, registry, session, subjects, tables, terminal
from tools.command import Verb, shared
from tools.errors import FAILED, OK, Usage
from tools.files import write_folder

EXAMPLES = """\
./bindery compare
./bindery compare --policy fifo,clock1,sieve1_d1 --workload matmul,bfs --memory 256K,512K
./bindery compare --trace refs.txt --frames 100,200,400 --json
./bindery compare --workload loop1100 --policy fifo,lifo,opt --frames 1000 --no-plot
./bindery list policies"""

POLICIES = ("fifo", "clock1", "sieve1_d1", "twoq_clock", "clockpro", "opt")
WORKLOADS = ("matmul", "bfs", "hashjoin", "zipfkv")
SIZES = "25%,50%,75%"

COLUMNS = {"workload": "workload", "policy": "policy", "frames": "frames", "references": "references",
           "faults": "faults", "writebacks": "write-\nbacks", "reads": "disk\nreads",
           "policy_instructions_per_fault": "policy\ninstr./\nfault", "ratio_to_opt": "÷ OPT", "source": "source"}
CSV = ("workload", "policy", "frames", "references", "faults", "writebacks", "reads", "source",
       "policy_instructions_per_fault", "opt_faults", "ratio_to_opt", "pages")


@click.command("compare", cls=Verb, examples=EXAMPLES)
@click.option("--policy", "policies", metavar="A,B", help=f"Policies, or all. Default: {','.join(POLICIES)}.")
@click.option("--workload", "workloads", metavar="X,Y",
              help=f"Applications and generated traces. Default: {','.join(WORKLOADS)}.")
@click.option("--trace", "trace_files", multiple=True, metavar="FILE,…",
              help="Trace files: lines PAGE, PAGE R or PAGE W, decimal.")
@click.option("--frames", metavar="N,M", help=f"Frames, or shares of the workload's pages. Default: {SIZES}.")
@click.option("--memory", metavar="4M,8M", help="The same as memory.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("-o", "--output", metavar="DIR", help="Folder for data and figure. Default: out/compare.")
@click.option("--no-plot", is_flag=True, help="Draw no figure.")
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="Machines at a time. Default: one a processor.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds a machine may run.")
@shared
def verb_compare(policies, workloads, trace_files, frames, memory, as_json, as_csv, output, no_plot, jobs, timeout):
    """Compare page-replacement policies on real page faults.

    Every combination of the lists is run in QEMU: the policy decides in the library OS's page-fault handler, pages
    come from a disk. The machine counts guest instructions. OPT is what nobody can beat: it knows the future.
    A real run must equal the simulator fed with the same references, victim by victim.
    """
    sizes = options.sizes(frames, memory) or options.sizes(SIZES, None)
    names = _policies(policies)
    traces = [path for text in trace_files for path in options.split(text)]
    chosen = options.split(workloads) or ([] if traces else list(WORKLOADS))
    builder.build(everything=False)
    found = cells.make(subjects.find(chosen, traces), names, sizes)
    if not found:
        raise Usage("no cell is left to run")
    rows, failures = cells.execute(found, jobs or session.processors(), timeout)
    _print(rows, as_json, as_csv)
    _write(rows, Path(output) if output else paths.OUT / "compare", no_plot)
    return _verdict(rows, failures)


def _policies(text):
    known = registry.policies()
    if text == "all":
        return list(known)
    return [registry.require("policy", name, known) for name in options.split(text) or POLICIES]


def _print(rows, as_json, as_csv):
    if as_json:
        sys.stdout.write(tables.as_json(rows))
    elif as_csv:
        sys.stdout.write(tables.as_csv(rows, CSV))
    else:
        tables.show(rows, COLUMNS, group="workload")
    sys.stdout.flush()


def _write(rows, folder, no_plot):
    command = options.command_line()
    files = {"compare.json": tables.as_json(rows, command=command).encode(),
             "compare.csv": tables.as_csv(rows, CSV).encode()}
    if not no_plot and rows:
        files |= {f"compare.{kind}": data for kind, data in plot.draw(rows, command).items()}
    write_folder(folder, files)
    terminal.say(f"data{'' if no_plot else ' and figure'}: {folder}/compare.*")


def _verdict(rows, failures):
    """Says what went wrong; returns the exit status."""
    for sentence in failures:
        print(f"bindery: failed: {sentence}", file=sys.stderr)
    real = [row for row in rows if row["source"] == "real"]
    wrong = [row for row in real if not row["agrees"]]
    for row in wrong:
        print(f"bindery: failed: {row['workload']} with {row['policy']} in {row['frames']} frames differs from the "
              f"simulator: {row['faults']} faults, simulated {row['simulated_faults']}", file=sys.stderr)
    if real:
        terminal.say(f"{len(real) - len(wrong)} of {len(real)} real runs equal the simulator fed with their references")
    return FAILED if failures or wrong else OK
