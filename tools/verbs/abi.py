# SPDX-License-Identifier: MIT
"""The verb `abi`: the tables of calls, upcalls, events and errors."""

import json
import sys

import click

from tools import abi, tables
from tools.command import Verb, shared

TITLES = {"calls": "Exo-calls", "upcalls": "Upcalls", "events": "Events", "errors": "Errors"}


@click.command("abi", cls=Verb, examples="./bindery abi\n./bindery abi --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared
def verb_abi(as_json):
    """Print the kernel's interface, as pe/*.def define it."""
    found = abi.tables()
    if as_json:
        sys.stdout.write(json.dumps({"schema": tables.SCHEMA} | found, indent=1) + "\n")
        return
    for name, rows in found.items():
        print(f"{TITLES[name]}\n")
        for row in rows:
            arguments = ""
            if "arguments" in row:
                arguments = "(" + ", ".join(f"{each['type']} {each['name']}" for each in row["arguments"]) + ")"
            errors = f" [{', '.join(row['errors'])}]" if row.get("errors") else ""
            print(f"{row['number']:>4}  {row['name']}{arguments}{errors}\n      {row['sentence']}")
        print()
