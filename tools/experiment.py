# SPDX-License-Identifier: MIT
"""A comparison from its matrix to its rows: which cells there are, those still to be run, and their journal."""

from contextlib import contextmanager

from tools import assign, cells, journal, options, paths, provenance, registry, subjects, terminal
from tools.errors import Usage, unknown


def policies_of(part):
    """The names of a part's policies, each one known, and its maps from regions to policies."""
    found = []
    for name in part.policies:
        found += [_map_for(part, name)] if assign.is_map(name) else registry.policies_of([name])
    return list(dict.fromkeys(found))


def _map_for(part, text):
    """A map in its usual form; raises Usage if a workload of the part has not the regions that it names."""
    assigned = assign.parse(text)
    for name in part.workloads:
        if name in registry.WORKLOADS:
            assign.check_regions(assigned, name)
    others = [*part.traces, *(name for name in part.workloads if name not in registry.WORKLOADS)]
    if others:
        raise Usage(f"{others[0]} has no regions that {assigned.text} could give policies to; only applications have")
    return assigned.text


def plan(parts):
    """The cells of some parts of a matrix (tools/matrix.py). Applications that have no recorded reference string yet
    are run once for that."""
    workloads = list(dict.fromkeys(name for part in parts for name in part.workloads))
    traces = list(dict.fromkeys(name for part in parts for name in part.traces))
    found = dict(zip([*workloads, *(("trace", name) for name in traces)], subjects.find(workloads, traces)))
    made = []
    for part in parts:
        some = [found[name] for name in part.workloads] + [found["trace", name] for name in part.traces]
        made += cells.plan(some, policies_of(part), part.sizes, part.seed, part.transfers)
    made = cells.distinct(made)
    if not made:
        raise Usage("no cell is left to run")
    return made


def header(made):
    """What the journal of these cells begins with."""
    return journal.header(made, provenance.known({cell.subject.app for cell in made}), options.command_line())


def complete(row, head):
    """A row with what it was made with, so that it can be repeated when it stands alone."""
    return row | {key: head[key] for key in provenance.KEYS}


def conduct(made, head, folder, parallel, limit, resume=False, changed_is_fine=False):
    """Runs the cells whose rows are not there yet. Returns the journal, and the sentences of the cells that failed."""
    book = journal.Journal(folder, head)
    if resume:
        book.resume(made, changed_is_fine)
        terminal.say(f"{len(book.rows)} of {len(made)} cells are there already")
    elif book.begin():
        terminal.say(f"the journal of an interrupted comparison is kept as {folder}/{journal.KEPT}")
    missing = [cell for cell in made if cell.name not in book.rows]
    with saying_what_is_kept(book, len(made)):
        cells.simulate(missing, parallel)
        failures = cells.execute(missing, parallel, limit, lambda row: book.add(complete(row, head)))
    return book, failures


@contextmanager
def saying_what_is_kept(book, total):
    try:
        yield
    except BaseException:
        terminal.say(f"{len(book.rows)} of {total} cells are kept in {paths.in_words(book.path)}; the same command "
                     "with --resume goes on")
        raise


def conduct_one(made, name, head, folder, limit):
    """Runs one of the cells by itself. Returns its row, or None, and the sentences of what failed."""
    cell = next((cell for cell in made if cell.name == name), None)
    if cell is None:
        raise unknown("cell", name, [cell.name for cell in made])
    rows = []
    cells.simulate([cell])
    failures = cells.execute([cell], 1, limit, lambda row: rows.append(complete(row, head)))
    for row in rows:
        journal.Journal(folder, head).write_single(row)
    return rows, failures
