# SPDX-License-Identifier: MIT
"""The verb `doctor`; what it does is in tools/doctor.py, which also runs without click."""

import click

from tools import doctor
from tools.command import Verb, shared


@click.command("doctor", cls=Verb, examples="./bindery doctor\n./bindery doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@shared
def verb_doctor(as_json):
    """Say what is needed, what is found and how to get the rest; probe whether KVM can run the kernel."""
    return doctor.run(as_json)
