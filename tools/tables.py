# SPDX-License-Identifier: MIT
"""Results on stdout: rows (dictionaries) as a table for people, as CSV or as JSON with its schema version."""

import csv
import io
import json
import os
import sys

SCHEMA = 1


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


def show(rows, columns, group=None):
    """Prints a table; columns is {key: title}. A rule separates rows whose `group` differs."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for key, title in columns.items():
        numeric = all(isinstance(row.get(key), (int, float, type(None))) for row in rows)
        table.add_column(title, justify="right" if numeric and rows else "left", overflow="fold")
    for row, after in zip(rows, [*rows[1:], None]):
        last = group is not None and after is not None and row[group] != after[group]
        table.add_row(*(number(row.get(key)) for key in columns), end_section=last)
    width = None if sys.stdout.isatty() else 200
    Console(file=sys.stdout, width=width, no_color="NO_COLOR" in os.environ or None, highlight=False).print(table)
