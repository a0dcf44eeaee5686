# SPDX-License-Identifier: MIT
"""The verb `build`."""

import click

from tools import builder, paths, terminal
from tools.command import Verb, shared


@click.command("build", cls=Verb, examples="./bindery build")
@shared
def verb_build():
    """Build everything into build/, with meson, ninja, clang 19 and lld 19."""
    builder.build()
    terminal.say(f"{paths.in_words(paths.BUILD)} is up to date")
