# SPDX-License-Identifier: MIT
"""The verb `bench`: costs in exact guest instructions, of Bindery alone and beside other systems."""

import importlib
import sys

import click

from tools import builder, counts, database, options, paths, plot, processes, registry, tables, terminal, ways
from tools.command import Examples, Seconds, Subjects, Whole, shared, tabular
from tools.errors import FAILED, OK, Usage
from tools.files import write_folder
from tools.peers import bindery, report
from tools.peers.common import Options, Skipped, check_accelerator

EXAMPLES = """\
./bindery bench fault
./bindery bench fault --json
./bindery bench ways
./bindery bench processes
./bindery bench sqlite --size 1 --frames 448
./bindery bench peers"""
PROCESSES_EXAMPLES = """\
./bindery bench processes
./bindery bench processes --json"""
SQLITE_EXAMPLES = """\
./bindery bench sqlite --size 1 --frames 448
./bindery bench sqlite --policy NAME --limit group,locked --json"""
WAYS_EXAMPLES = """\
./bindery bench ways
./bindery bench ways --csv"""
PEERS_EXAMPLES = """\
./bindery bench peers                           beside Linux and Xen, all rows
./bindery bench peers --system bindery --csv    without other systems"""

COLUMNS = {"op": "op", "title": "what", "instructions": "instructions", "median": "median", "samples": "samples",
           "target": "target", "verdict": "verdict"}
ACCELERATORS = click.Choice(["tcg", "kvm"])


@click.command("bench", cls=Subjects, module="bench", verbs=("fault", "ways", "processes", "sqlite", "peers"),
               examples=EXAMPLES)
def verb_bench():
    """Measure costs in guest instructions: `fault` and `ways` Bindery's, `processes` and `sqlite` Linux's too, `peers`
    all others'."""


@click.command("fault", cls=Examples, examples=EXAMPLES)
@tabular
@click.option("--record", is_flag=True, help="Keep the counts in tests/bench, where a test compares them.")
@click.option("--accel", type=ACCELERATORS, default="tcg", show_default=True, help="With kvm: cycles, if it runs here.")
@click.option("--timeout", type=Seconds(), default=120.0, show_default=True, help="Seconds until the machine is ended.")
@shared
def subject_fault(form, record, accel, timeout):
    """Count the guest instructions of the fault path and of Appel and Li's primitives.

    QEMU counts instructions (-icount shift=0): one tick of the time-stamp counter is one instruction. Each figure is
    the least of its samples, less what the empty measurement costs. Exception delivery and page walks are not
    instructions and not counted, so this says nothing of time.
    """
    how = Options(timeout=timeout, accelerator=accel)
    if record and not how.exact():
        raise Usage("--record keeps exact counts of instructions; there are none with --accel kvm")
    builder.build(everything=False)
    check_accelerator(accel)
    measured, compiler = bindery.execute(how)
    rows = report.finished(measured, how.unit())
    if record:
        for change in counts.record(measured, compiler):
            terminal.say(change)
        terminal.say(f"recorded in {paths.in_words(counts.KEPT)}; say in the commit why counts have changed")
    tables.write(form, rows, report.csv_columns(how.unit()), lambda: _show(rows, how.unit()))
    return _verdict(rows)


def _show(rows, unit):
    columns = COLUMNS
    if unit != "instructions":  # there are no targets for these
        columns = {"op": "op", "title": "what", unit: unit, "median": "median", "samples": "samples"}
    tables.show([_described(row) for row in rows], columns, group="group")
    print("\nHow each is measured:\n")
    for row in rows:
        print(f"{row['op']:<20}{registry.OPERATIONS[row['op']].measured}")


def _described(row):
    operation = registry.OPERATIONS[row["op"]]
    verdict = None
    if operation.target and "instructions" in row:
        verdict = "reached" if row["instructions"] <= operation.target else "above"
    return row | {"title": operation.title, "target": operation.target or None, "verdict": verdict or "",
                  "group": report.group(row["op"])}


@click.command("ways", cls=Examples, examples=WAYS_EXAMPLES)
@tabular
@click.option("--timeout", type=Seconds(), default=120.0, show_default=True, help="Seconds each machine may run.")
@shared
def subject_ways(form, timeout):
    """Count the instructions of the same calls by each way into an OS: procedure call, rewritten call site, trap,
    message, one-way message.

    Columns: instructions (the least of the samples); steps of REP among them that copy 8 bytes each; bytes copied;
    crossings into the kernel; who is protected from whom. See doc/ways.md.
    """
    builder.build(everything=False)
    rows = ways.rows(ways.heard(timeout))
    tables.write(form, rows, ways.COLUMNS, lambda: tables.show(rows, ways.COLUMNS, group="op"))
    return OK


@click.command("processes", cls=Examples, examples=PROCESSES_EXAMPLES)
@tabular
@click.option("--timeout", type=Seconds(), default=300.0, show_default=True, help="Seconds each machine may run.")
@shared
def subject_processes(form, timeout):
    """Count what fork, exec, pipes, files, signals and threads cost on libos/unix and on Linux, in the same QEMU.

    One static program is measured on both. Figures are the least of the samples, in instructions, those that zero and
    copy pages included; on Linux with the settings of `bench peers`. Rows of files are measured on Linux's ext4, too;
    rows `disk.…` are means of what the whole machine executed while files were synced or read from the disk, with what
    the disk was asked for. See doc/measuring.md.
    """
    builder.build(everything=False, peers=True)
    rows = processes.measure(timeout)
    tables.write(form, rows, processes.COLUMNS, lambda: tables.show(rows, processes.COLUMNS))
    return OK


@click.command("sqlite", cls=Examples, examples=SQLITE_EXAMPLES)
@click.option("--size", type=Whole(1, 100), default=5, show_default=True, help="Of speedtest1.")
@click.option("--frames", type=Whole(64), default=512, show_default=True, help="Pages of the tight memory.")
@click.option("--policy", "policies", metavar="A,B", default="clock1,clockpro", show_default=True,
              help="Policies at tight memory.")
@click.option("--limit", "limits", metavar="A,B", default="group", show_default=True,
              help=f"Ways to limit Linux's memory, of {','.join(database.WAYS)}; the better one is shown.")
@click.option("--further", type=click.IntRange(0), default=database.FURTHER, show_default=True,
              help="Pages that Linux has besides, for ext4's metadata.")
@tabular
@click.option("--timeout", type=Seconds(), default=600.0, show_default=True, help="Seconds each machine may run.")
@shared
def subject_sqlite(size, frames, policies, limits, further, form, timeout):
    """Count the instructions of SQLite's speedtest1 on libos/unix and on Linux, at ample and at tight memory.

    One static executable, the same disk image, in the same QEMU; all that each machine executes from the program's
    start to its end, and what it reads from its disk and writes. Linux is limited by a control group, or by a process
    that locks all other memory. See doc/measuring.md.
    """
    ways = tuple(registry.require("limit", name, database.WAYS) for name in options.split(limits))
    names = tuple(registry.require("policy", name, registry.policies()) for name in options.split(policies))
    builder.build(everything=False, peers=True)
    cases = database.Case("ample"), database.Case("tight", frames, names, further)
    rows = database.measure(cases, size, timeout, ways)
    tables.write(form, rows, database.COLUMNS | database.MORE, lambda: tables.show(rows, database.COLUMNS))
    return OK


@click.command("peers", cls=Examples, examples=PEERS_EXAMPLES)
@click.option("--system", "systems", metavar="A,B", help=f"Of {','.join(report.SELECTABLE)}. Default: all.")
@tabular
@click.option("-o", "--output", metavar="DIR", help="Folder for data and figure. Default: out/peers.")
@click.option("--pairs", type=Whole(0, 100), default=5, show_default=True,
              help="Paired runs of the disk rows; 0: no disk rows.")
@click.option("--accel", type=ACCELERATORS, default="tcg", show_default=True, help="With kvm: cycles, if it runs here.")
@click.option("--timeout", type=Seconds(), default=300.0, show_default=True, help="Seconds each machine may run.")
@shared
def subject_peers(systems, form, output, pairs, accel, timeout):
    """Measure the same work on Bindery, Linux and Xen, in the same QEMU.

    The other systems are packages of Debian, downloaded and unpacked below the build folder (never installed), with a
    small program of ours each. Ratios are of instructions, without those that zero or copy a page, to Bindery's; time
    ratios are of paired runs. What of another system cannot be measured is named with the reason, and is no failure;
    the exit status is 1 if a target is not reached. See doc/measuring.md.
    """
    chosen = _systems(systems)
    folder = options.folder_to_write("-o", output or paths.OUT / "peers")
    how = Options(timeout=timeout, pairs=pairs, accelerator=accel)
    builder.build(everything=False, peers=True)
    check_accelerator(accel)
    rows = report.finished(_measure(report.modules(chosen, pairs), how), how.unit())
    tables.write(form, rows, report.csv_columns(how.unit()), lambda: _show_peers(rows, how.unit()))
    _write(rows, folder, how.unit())
    missing = sum("skipped" in row for row in rows)
    if missing:
        terminal.say(f"warning: {missing} of {len(rows)} rows were not measured:")
        for line in report.reasons(rows):
            terminal.say(f"  {line}")
    for line in report.slower(rows):
        terminal.say(line)
    return _verdict(rows)


def _systems(text):
    names = options.split(text) or list(report.SELECTABLE)
    return [registry.require("system", name, report.SELECTABLE) for name in names]


def _measure(modules, how):
    """The rows of every module. A peer that cannot be measured gives rows that say why; Bindery's own failures, also
    those of its disk rows, are failures."""
    rows = []
    for number, name in enumerate(modules, 1):
        terminal.say(f"measuring {name} ({number} of {len(modules)})")
        if name == "bindery":
            rows += bindery.measure(how)
            continue
        try:
            found = importlib.import_module(f"tools.peers.{name}").measure(how)
            rows += found + report.absent(name, "its program did not report this row", found)
        except (Skipped, OSError) as error:
            rows += report.absent(name, str(error))
            if getattr(error, "detail", ""):
                terminal.detail(error.detail)
    return rows


def _show_peers(rows, unit):
    lines, columns, right = report.table(rows, unit)
    tables.show(lines, columns, group="group", right=right)
    print(f"\n{unit}: the least of the samples; ratio: to Bindery's, without what is moved (zeroed or copied)")
    if any("skipped" in row for row in rows):
        print("\nNot measured:\n")
        for line in report.reasons(rows):
            print(line)


def _write(rows, folder, unit):
    command = options.command_line()
    files = {"peers.json": tables.as_json(rows, command=command).encode(),
             "peers.csv": tables.as_csv(rows, report.csv_columns(unit)).encode()}
    measured = [row for row in rows if "skipped" not in row]
    files |= {f"peers.{kind}": data for kind, data in plot.bars(measured, command, unit).items()} if measured else {}
    write_folder(folder, files)
    terminal.say(f"data and figure: {folder}/peers.*")


def _verdict(rows):
    """Says which targets are not reached; returns the exit status."""
    failures = report.failures(rows)
    for sentence in failures:
        print(f"bindery: failed: {sentence}", file=sys.stderr)
    return FAILED if failures else OK
