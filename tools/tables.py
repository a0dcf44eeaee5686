# SPDX-License-Identifier: MIT
"""Results on stdout: rows (dictionaries) as a table for people, as CSV or as JSON with its schema version."""

import csv
import io
import json
import os
import sys

SCHEMA = 1
WIDTH = 400  # of a line before anything would be cut


def as_json(rows, **more):
    """The document {"schema":1,"rows":[…]}, one row a line so that it can be read and compared."""
    head = json.dumps({"schema": SCHEMA} | more)[:-1]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"{head}, \"rows\": [\n{lines}\n]}}\n" if rows else f"{head}, \"rows\": []}}\n"


def as_csv(rows, columns):
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write(form, rows, columns, table, **more):
    """Prints rows as "json" (with `more` beside them), as "csv" of `columns`, or as a "table", which the function
    `table` shows."""
    if form == "json":
        sys.stdout.write(as_json(rows, **more))
    elif form == "csv":
        sys.stdout.write(as_csv(rows, columns))
    else:
        table()
    sys.stdout.flush()


def number(value):
    """A value as a cell: thousands apart, ratios with two digits, – for what is not known."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.2f}" if value < 1000 else f"{value:,.0f}"
    return str(value)


def show(rows, columns, group=None, right=()):
    """Prints a table that is never folded; columns is {key: title}, a title may have several lines. A blank line
    separates rows whose `group` differs. Columns of numbers, and those in `right`, are aligned right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for key, title in columns.items():
        numeric = key in right or all(isinstance(row.get(key), (int, float, type(None))) for row in rows)
        table.add_column(title, justify="right" if numeric and rows else "left", no_wrap=True, vertical="bottom")
    before = rows[0] if rows else None
    for row in rows:
        if group is not None and row[group] != before[group]:
            table.add_row()
        before = row
        table.add_row(*(number(row.get(key)) for key in columns))
    paint = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    console = Console(file=sys.stdout, width=WIDTH, no_color=not paint or None, highlight=False, soft_wrap=True)
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        print(line.rstrip())
