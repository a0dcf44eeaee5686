# SPDX-License-Identifier: MIT
"""The verb `build`."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import click

from tools import builder, musl, paths, terminal
from tools.command import Verb, shared
from tools.errors import BinderyError, Missing

EXAMPLES = """\
./bindery build
./bindery build --install sdk-root"""


@click.command("build", cls=Verb, examples=EXAMPLES)
@click.option("--install", "prefix", metavar="DIR", help="Build what the SDK consists of, and put it into DIR.")
@shared
def verb_build(prefix):
    """Build everything into build/, with meson, ninja, clang 19 and lld 19."""
    builder.build(everything=prefix is None)
    terminal.say(f"{paths.in_words(paths.BUILD)} is up to date")
    if prefix is not None:
        _install(Path(prefix))


def _install(prefix):
    """What `meson install` would put into its prefix goes to another one."""
    try:
        musl.built()
    except Missing as missing:  # sdk/install_musl.py does without it, too
        terminal.say(f"{missing}; the SDK is installed without what --libos=unix links with")
    options = _meson("introspect", "--buildoptions", str(paths.BUILD))
    own = next(option["value"] for option in json.loads(options) if option["name"] == "prefix")
    with tempfile.TemporaryDirectory() as folder:
        _meson("install", "-C", str(paths.BUILD), "--no-rebuild", "--destdir", folder)
        try:
            shutil.copytree(Path(folder) / own.lstrip("/"), prefix, dirs_exist_ok=True)
        except OSError as error:
            raise BinderyError(f"cannot install into {paths.in_words(prefix)}: {error}") from None
    terminal.say(f"the SDK is in {paths.in_words(prefix)}: {paths.in_words(prefix / 'bin' / 'bindery-cc')} --help")


def _meson(*words):
    result = subprocess.run(["meson", *words], capture_output=True, text=True)
    if result.returncode:
        raise BinderyError(f"meson {words[0]} failed:", result.stdout[-2000:] + result.stderr[-2000:])
    return result.stdout
