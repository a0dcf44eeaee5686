# SPDX-License-Identifier: MIT
"""bindery-sim (libos/pager/sim): the policies on the host, fed with reference strings; and the traces it generates."""

import functools
import json
import subprocess

from tools import paths
from tools.errors import BinderyError, Missing, Usage


def _run(*words, text=True):
    if not paths.SIMULATOR.exists():
        raise Missing(f"there is no {paths.in_words(paths.SIMULATOR)}; ./bindery build makes it")
    result = subprocess.run([paths.SIMULATOR, *words], capture_output=True, text=text)
    if result.returncode == 2:
        said = result.stderr if text else result.stderr.decode()
        raise Usage(said.removeprefix("bindery-sim: ").strip())
    if result.returncode != 0:
        raise BinderyError(f"bindery-sim failed with status {result.returncode}", str(result.stderr).strip())
    return result.stdout


@functools.cache
def names():
    """{"policy": {name: title}, "trace": {name: title}} of what is built in."""
    found = {"policy": {}, "trace": {}}
    for row in json.loads(_run("--list", "--json"))["rows"]:
        found[row["kind"]][row["name"]] = row["title"]
    return found


def simulate(trace, policies, frames, *options):
    """The rows for a trace file, or a generated trace as @NAME, over all policies and frame counts."""
    text = _run("--trace", str(trace), "--policy", ",".join(policies), "--frames", ",".join(map(str, frames)), "--json",
                *options)
    return json.loads(text)["rows"]


def generate(name):
    """The text of a generated trace."""
    return _run("--generate", name, text=False)
