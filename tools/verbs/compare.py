# SPDX-License-Identifier: MIT
"""The verb `compare`: replacement policies on real page faults."""

import shutil
import sys
from pathlib import Path

import click

from tools import (assign, builder, dots, experiment, matrix, options, own_program, paths, ranking, regions, registry,
                   session, tables, terminal, transit)
from tools.command import Seconds, Verb, Whole, shared, tabular
from tools.errors import FAILED, OK, Usage
from tools.files import write_folder
from tools.report import page

EXAMPLES = """\
./bindery compare
./bindery compare --policy fifo,clock1,sieve1_d1 --workload matmul,bfs --memory 256K,512K
./bindery compare --trace refs.txt --frames 100,200,400 --json
./bindery compare --workload loop1100 --policy fifo,lifo,opt --frames 1000 --no-plot
./bindery compare --workload loop --policy clock1 --frames 150 --readahead none,sequential,around --cluster 1,8
./bindery compare MATRIX.toml -o DIR --resume     go on after an interruption
./bindery compare --workload anomaly --frames 3,4,5 --report page
./bindery compare --policy fifo,clock1,clockpro --frames 25%,50% -- FILE arguments
./bindery list policies"""

COLUMNS = {"workload": "workload", "policy": "policy", "region": "region", "readahead": "read-\nahead",
           "cluster": "clus-\nter", "frames": "frames", "frames_mean": "mean\nframes", "references": "references",
           "faults": "faults", "soft_faults": "soft\nfaults", "major": "major", "writebacks": "write-\nbacks",
           "reads": "disk\nreads", "ahead_hits": "ahead\nhits", "ahead_wasted": "ahead\nwasted", "kicks": "kicks",
           "instructions": "instr.", "policy_instructions_per_fault": "policy\ninstr./\nfault",
           "ratio_to_opt": "÷ OPT", "source": "source"}
CSV = ("workload", "policy", "region", "frames", "references", "faults", "writebacks", "reads", "source",
       "policy_instructions_per_fault", "instructions", "readahead", "cluster", "policy_frames", "major", "ahead_reads",
       "ahead_hits", "ahead_wasted", "rescues", "kicks", "opt_faults", "ratio_to_opt", "pages", "cell", "seed",
       "arguments", "string", "git", "modified", "build", "clang", "qemu", "bindery", "frames_mean", "soft_faults")
PLAN = {"cell": "cell", "workload": "workload", "policy": "policy", "frames": "frames", "seed": "seed",
        "source": "source"}


@click.command("compare", cls=Verb, examples=EXAMPLES)
@click.argument("words", nargs=-1, metavar="[MATRIX.toml | -- PROGRAM ARGUMENTS]")
@click.option("--policy", metavar="A,B", help="Policies; all; or default, one of each kind.")
@click.option("--workload", metavar="X,Y",
              help=f"Applications and generated traces. Default: {','.join(matrix.WORKLOADS)}.")
@click.option("--trace", multiple=True, metavar="FILE,…",
              help="Trace files: lines PAGE, PAGE R or PAGE W, decimal, or libCacheSim's oracleGeneral, plain or zstd.")
@click.option("--frames", metavar="N,M", help=f"Frames, or shares of the workload's pages. Default: {matrix.SIZES}.")
@click.option("--memory", metavar="4M,8M", help="The same as memory.")
@click.option("--readahead", metavar="A,B", help="Ways of reading ahead: none (default), sequential, around.")
@click.option("--cluster", metavar="N,M", help="Dirty pages written at a time. Default: 1.")
@click.option("--seed", type=Whole(0, (1 << 63) - 1),
              help="For policies that draw numbers. Default: 1.")
@tabular
@click.option("-o", "--output", metavar="DIR", help="Folder for data and figure. Default: out/compare.")
@click.option("--report", metavar="DIR", help="Write a page about the results, DIR/index.html, that needs no network.")
@click.option("--resume", is_flag=True, help="Run only the cells that the folder for data does not hold yet.")
@click.option("--even-if-changed", is_flag=True, help="Resume although matrix, source or tools are not the same.")
@click.option("--list-cells", is_flag=True, help="Print which cells there are, and run none.")
@click.option("--cell", metavar="NAME", help="Run one cell; its row is kept for a later --resume.")
@click.option("--root", metavar="DIR", help="Of a Linux program: the folder that is its root; PROGRAM is a path in it.")
@click.option("--no-plot", is_flag=True, help="Draw no figure.")
@click.option("--jobs", type=Whole(1, 64), help="Machines at a time. Default: one a processor.")
@click.option("--timeout", type=Seconds(),
              help=f"Seconds a machine may run. Default: {matrix.TIMEOUT:g}.")
@shared
def verb_compare(words, policy, workload, trace, frames, memory, readahead, cluster, seed, form, output, report,
                 resume, even_if_changed, list_cells, cell, root, no_plot, jobs, timeout):
    """Compare page-replacement policies on real page faults.

    Every combination of the lists is run in QEMU: the policy decides in the library OS's page-fault handler, pages
    come from a disk. The machine counts guest instructions. OPT is what nobody can beat: it knows the future.
    A real run must equal the simulator fed with the same references, victim by victim.

    The lists can be in a file, MATRIX.toml (see doc/experiments.md); flags take the place of what it says.

    Or on a Linux program of yours, in processes of libos/unix: its memory and its cached files are what is paged, and
    the blocks that go from and to the disk are what counts.
    """
    if root or _is_program(words):
        for flag, given in (("--workload", workload), ("--trace", trace), ("--readahead", readahead),
                            ("--cluster", cluster), ("--report", report), ("--resume", resume),
                            ("--even-if-changed", even_if_changed), ("--list-cells", list_cells), ("--cell", cell)):
            if given:
                raise Usage(f"{flag} does not go with a program, which is compared in one go")
        sizes = options.sizes(frames, memory) or options.sizes(matrix.SIZES, None)
        subject = own_program.Subject(words, root, seed or 1)
        folder = options.folder_to_write("-o", output or paths.OUT / "compare")
        return _own(subject, options.policies(policy) or list(matrix.POLICIES), sizes, form, folder, not no_plot,
                    jobs or session.processors(), timeout or matrix.TIMEOUT)
    file = words[0] if words else None
    if even_if_changed and not resume:
        raise Usage("--even-if-changed goes with --resume")
    if cell and (resume or list_cells or report):
        raise Usage("--cell runs one cell and nothing else; it goes neither with --resume, --list-cells nor --report")
    flags = {"policy": options.policies(policy), "workload": options.split(workload),
             "trace": [path for text in trace for path in options.split(text)], "frames": options.split(frames),
             "memory": options.split(memory), "readahead": options.split(readahead), "cluster": options.split(cluster),
             "seed": seed, "output": output, "report": report, "jobs": jobs,
             "timeout": timeout, "plot": False if no_plot else None}
    if frames is not None and memory is not None:
        raise Usage("--frames and --memory say the same thing; give one of them")
    chosen, parts = matrix.settle(matrix.load(file) if file else {}, flags)
    folder = options.folder_to_write("-o", chosen["output"] or paths.OUT / "compare")
    place = options.folder_to_write("--report", chosen["report"]) if chosen["report"] else None
    parallel, limit = chosen["jobs"] or session.processors(), chosen["timeout"] or matrix.TIMEOUT
    for part in parts:  # before anything is built
        experiment.policies_of(part)
    builder.build(everything=False)
    made = experiment.plan(parts)
    if list_cells:
        return _list(made, form)
    head = experiment.header(made)
    if cell:
        rows, failures = experiment.conduct_one(made, cell, head, folder, limit)
        _print(rows, form, head)
        return _verdict(rows, failures)
    book, failures = experiment.conduct(made, head, folder, parallel, limit, resume, even_if_changed)
    rows = [book.rows[each.name] for each in made if each.name in book.rows]
    _print(rows, form, head)
    _write(folder, rows, _by_region(rows), CSV, dots.draw if chosen["plot"] is not False else None, experiment=head)
    if place and rows:
        page.make(made, book, place)
    return _verdict(rows, failures)


def _is_program(words):
    """A matrix is one file of text; all else are the words of a command."""
    if len(words) != 1:
        return bool(words)
    path = Path(words[0])
    if not path.is_file():
        return shutil.which(words[0]) is not None
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _own(subject, policies, sizes, form, folder, with_plot, parallel, limit):
    """A comparison on a Linux program."""
    policies = own_program.policies_of(policies)
    builder.build(everything=False)
    rows, failures = own_program.measure(subject, policies, sizes, parallel, limit)
    tables.write(form, rows, own_program.CSV, lambda: own_program.show(rows))
    _write(folder, rows, rows, own_program.CSV, own_program.draw if with_plot else None)
    return OK if own_program.verdict(rows, failures) else FAILED


def _list(made, form):
    rows = [cell.identity() | {"source": "real" if cell.real() else "simulated"} for cell in made]
    tables.write(form, rows, tuple(rows[0]), lambda: tables.show(rows, PLAN, group="workload"))
    return OK


def _print(rows, form, head):
    if form == "json":  # the regions are within their rows
        tables.write(form, rows, None, None, experiment=head)
    else:
        lines = _by_region(rows)
        tables.write(form, lines, CSV, lambda: _show(rows, lines))


def _show(rows, lines):
    tables.show(lines, _columns(rows), group="workload")
    ranking.show(rows)


def _by_region(rows):
    """The rows, each followed by those of its regions."""
    return [each for row in rows for each in regions.rows_of(row)]


def _columns(rows):
    """Those in which there is something to see."""
    hidden = set()
    if not any("regions" in row for row in rows):
        hidden.add("region")
    if not any(row["readahead"] != transit.NONE or row["cluster"] != 1 for row in rows):
        hidden |= {"readahead", "cluster", "major", "ahead_hits", "ahead_wasted", "kicks", "instructions"}
    if not any(row["soft_faults"] for row in rows):
        hidden.add("soft_faults")
    if not any(row["frames_mean"] is not None and registry.varies(row["policy"]) for row in rows
               if not assign.is_map(row["policy"])):
        hidden.add("frames_mean")
    return {key: title for key, title in COLUMNS.items() if key not in hidden}


def _write(folder, rows, lines, columns, draw, **head):
    """The data, with `lines` as CSV, and what draw(rows, command), if there is one, makes of the rows."""
    command = options.command_line()
    files = {"compare.json": tables.as_json(rows, command=command, **head).encode(),
             "compare.csv": tables.as_csv(lines, columns).encode()}
    if draw and rows:
        files |= {f"compare.{kind}": data for kind, data in draw(rows, command).items()}
    write_folder(folder, files)
    terminal.say(f"data{' and figure' if draw else ''}: {folder}/compare.*")


def _verdict(rows, failures):
    """Says what went wrong; returns the exit status."""
    for sentence in failures:
        print(f"bindery: failed: {sentence}", file=sys.stderr)
    real = [row for row in rows if row["source"] == "real"]
    wrong = [row for row in real if row["agrees"] is False]
    for row in wrong:
        print(f"bindery: failed: {row['workload']} with {row['policy']} in {row['frames']} frames differs from the "
              f"simulator: {row['faults']} faults, simulated {row['simulated_faults']}", file=sys.stderr)
    if real:
        equal = sum(row["agrees"] is True for row in real)
        terminal.say(f"{equal} of {len(real)} real runs equal the simulator fed with their references")
    return FAILED if failures or wrong else OK
