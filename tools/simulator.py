# SPDX-License-Identifier: MIT
"""bindery-sim (libos/pager/sim): the policies on the host, fed with reference strings; the traces it generates; and the
forms of trace files.
"""

import functools
import json
import subprocess

from tools import paths
from tools.errors import BinderyError, Missing, Usage

_running = set()


def _run(*words, text=True):
    if not paths.SIMULATOR.exists():
        raise Missing(f"there is no {paths.in_words(paths.SIMULATOR)}; ./bindery build makes it")
    with subprocess.Popen([paths.SIMULATOR, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        _running.add(process)
        try:
            out, err = process.communicate()
        except BaseException:
            process.kill()
            raise
        finally:
            _running.discard(process)
    said = err.decode(errors="replace").removeprefix("bindery-sim: ").strip()
    if process.returncode in (2, 3):
        raise (Usage if process.returncode == 2 else Missing)(said)
    if process.returncode != 0:
        raise BinderyError(f"bindery-sim failed with status {process.returncode}", said)
    return out.decode() if text else out


def stop():
    """Ends the simulations that run in other threads."""
    for process in list(_running):
        process.kill()


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


def simulate_together(trace, regions, frames, *options):
    """The rows of regions (policy, first page, pages) of one trace file that share frames, in their order."""
    words = [word for policy, first, pages in regions for word in ("--region", f"{policy}:{first}+{pages}")]
    text = _run("--trace", str(trace), *words, "--frames", str(frames), "--json", *options)
    return json.loads(text)["rows"]


def generate(name):
    """The text of a generated trace."""
    return _run("--generate", name, text=False)


def convert(source, target):
    """Writes a trace file in the form that the target's name says: text, or oracleGeneral; plain, or zstd."""
    _run("--convert", str(source), str(target))
