# SPDX-License-Identifier: MIT
"""The verb `list`: the names that the other verbs take."""

import sys

import click

from tools import registry, tables
from tools.command import Verb, shared

EXAMPLES = """\
./bindery list policies
./bindery list workloads --json"""


@click.command("list", cls=Verb, examples=EXAMPLES)
@click.argument("what")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared
def verb_list(what, as_json):
    """List names: policies, workloads, ops, apps or liboses."""
    registry.require("list", what, registry.LISTS)
    rows = [{"name": name, "title": title} for name, title in registry.LISTS[what]().items()]
    if as_json:
        sys.stdout.write(tables.as_json(rows))
    else:
        width = max((len(row["name"]) for row in rows), default=0)
        for row in rows:
            print(f"{row['name']:<{width}}  {row['title']}".rstrip())
