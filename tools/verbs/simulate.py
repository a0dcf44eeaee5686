# SPDX-License-Identifier: MIT
"""The verb `simulate`: replacement policies on reference strings, on the host and without a machine."""

from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import click

from tools import builder, dots, options, registry, session, simulator, tables, terminal, traces
from tools.command import Verb, Whole, shared, tabular
from tools.errors import Usage, unknown
from tools.files import write_folder

EXAMPLES = """\
./bindery simulate --trace zipf10
./bindery simulate --trace refs.txt --policy fifo,clock1,clockpro,opt --frames 100,200,400 --json
./bindery simulate --trace loop1100,scanmix --policy all --frames 25%,50% --csv
./bindery simulate --trace refs.txt --policy car,opt --memory 256K,512K -o simulated
./bindery simulate --trace textbook --policy clock1,sieve1 --frames 3 --starts-clear"""

POLICIES = "default"
SIZES = "25%,50%,75%"

COLUMNS = {"workload": "workload", "policy": "policy", "frames": "frames", "frames_mean": "mean\nframes",
           "references": "references", "faults": "faults", "writebacks": "write-\nbacks", "reads": "disk\nreads",
           "ratio_to_opt": "÷ OPT", "source": "source"}
CSV = ("workload", "policy", "frames", "references", "faults", "writebacks", "reads", "source",
       "policy_instructions_per_fault", "opt_faults", "ratio_to_opt", "pages", "frames_mean")


@click.command("simulate", cls=Verb, examples=EXAMPLES)
@click.option("--trace", "chosen", multiple=True, required=True, metavar="FILE|NAME,…",
              help="Trace files: lines PAGE, PAGE R or PAGE W, decimal, or libCacheSim's oracleGeneral, plain or zstd. "
                   "Or generated traces.")
@click.option("--policy", "policies", metavar="A,B",
              help="Policies; all; or default, one of each kind. These two leave out those that need more frames.")
@click.option("--frames", metavar="N,M", help=f"Frames, or shares of the trace's pages. Default: {SIZES}.")
@click.option("--memory", metavar="4M,8M", help="The same as memory.")
@tabular
@click.option("-o", "--output", metavar="DIR", help="Folder for data and, if OPT is among the policies, a figure.")
@click.option("--no-plot", is_flag=True, help="Draw no figure.")
@click.option("--jobs", type=Whole(1, 64),
              help="Simulations at a time. Default: one a processor.")
@click.option("--seed", type=Whole(0, (1 << 64) - 1),
              help="For policies that draw numbers. Default: 1.")
@click.option("--zero-filled", is_flag=True, help="Pages are zero until written back: a first touch reads nothing.")
@click.option("--starts-clear", is_flag=True,
              help="The accessed bit of a new page starts clear, as in papers and unlike hardware.")
@click.option("--drop-repeats", is_flag=True, help="A repeat of the reference before counts, but sets no bit.")
@shared
def verb_simulate(chosen, policies, frames, memory, form, output, no_plot, jobs, seed, zero_filled,
                  starts_clear, drop_repeats):
    """Simulate page-replacement policies on reference strings.

    Every combination of the lists is a row, as in `compare`, from the same policy files that the library OS runs. By
    default accessed bits are hardware's, so that the counts are those of a real run of the same references. The ratio
    to OPT is known where OPT is among the policies.
    """
    folder = options.folder_to_write("-o", output) if output else None
    sizes = options.sizes(frames, memory) or options.sizes(SIZES, None)
    names = _policies(policies)
    chosen = list(dict.fromkeys(name for text in chosen for name in options.split(text)))
    builder.build(everything=False)
    found = [_trace(name) for name in chosen]
    given = {"--zero-filled": zero_filled, "--starts-clear": starts_clear, "--drop-repeats": drop_repeats,
             "--leave-out": policies in (None, "all", "default")}
    flags = [flag for flag, wanted in given.items() if wanted]
    if seed is not None:
        flags += ["--seed", str(seed)]
    rows = _simulate(found, names, [_word(size) for size in sizes], flags, jobs or session.processors())
    if not rows:
        raise Usage("no cell is left: every policy needs more frames")
    tables.write(form, rows, CSV, lambda: _show(rows))
    if folder:
        _write(rows, folder, not no_plot and "opt" in names)


def _policies(text):
    if text and "=" in text:
        raise Usage(f"“{text}” is a map of policies for regions, and a trace has no regions; "
                    "./bindery compare --workload APP --policy MAP runs and simulates a program by it")
    return registry.policies_of(options.split(text or POLICIES))


def _trace(name):
    """A trace as bindery-sim takes it."""
    known = registry.generated_traces()
    if name in known:
        return f"@{name}"
    path = Path(name)
    if not path.exists() and "/" not in name and not path.suffix:
        raise unknown("trace", name, known)
    traces.require(path)
    return f"./{name}" if name.startswith("@") else name


def _word(size):
    """A number of frames or a share, as bindery-sim takes it."""
    return str(size) if isinstance(size, int) else f"{round(size * 100)}%"


def _simulate(strings, policies, sizes, flags, parallel):
    """The rows of all cells, in the order of traces, frames and policies. A job is a trace and a policy."""
    jobs = [(trace, policy) for trace in strings for policy in policies]
    cells = {}
    with ThreadPoolExecutor(parallel) as pool, terminal.progress("simulating", len(jobs)) as bar:
        futures = {pool.submit(simulator.simulate, trace, [policy], sizes, *flags): (trace, policy)
                   for trace, policy in jobs}
        try:
            for future in as_completed(futures):
                trace, policy = futures[future]
                for row in future.result():
                    cells[strings.index(trace), row["frames"], policies.index(policy)] = row
                bar.step(f"{trace.removeprefix('@')} with {policy}")
        except BaseException:
            for future in futures:
                future.cancel()
            simulator.stop()
            raise
    optimum = {at[:2]: row["faults"] for at, row in cells.items() if row["policy"] == "opt"}
    return [_row(cells[at], optimum.get(at[:2])) for at in sorted(cells)]


def _row(row, optimum):
    """A row as `compare` has them."""
    return row | {"policy_instructions_per_fault": None, "opt_faults": optimum,
                  "ratio_to_opt": round(row["faults"] / optimum, 4) if optimum else None}


def _show(rows):
    varying = any(registry.varies(row["policy"]) for row in rows)
    columns = {key: title for key, title in COLUMNS.items() if varying or key != "frames_mean"}
    tables.show(rows, columns, group="workload")


def _write(rows, folder, figure):
    command = options.command_line()
    files = {"simulate.json": tables.as_json(rows, command=command).encode(),
             "simulate.csv": tables.as_csv(rows, CSV).encode()}
    if figure:
        files |= {f"simulate.{kind}": data for kind, data in dots.draw(rows, command).items()}
    write_folder(folder, files)
    terminal.say(f"data{' and figure' if figure else ''}: {folder}/simulate.*")
