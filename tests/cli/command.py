# SPDX-License-Identifier: MIT
"""Running `bindery` as a user does, for the tests of this folder."""

import json
import os
import subprocess
from dataclasses import dataclass

from tools import paths


@dataclass
class Result:
    status: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)


def bindery(*words, timeout=250, **environment):
    """Runs a command line; environment variables with the value None are taken away."""
    # The build folder is the one that is under test, and meson has just built it.
    variables = os.environ | {"BINDERY_BUILD": str(paths.BUILD), "BINDERY_BUILT": "1"} | environment
    variables = {name: value for name, value in variables.items() if value is not None}
    done = subprocess.run([paths.ROOT / "bindery", *words], capture_output=True, text=True, timeout=timeout,
                          env=variables, stdin=subprocess.DEVNULL)
    return Result(done.returncode, done.stdout, done.stderr)


def is_built():
    """Is there a system to run?"""
    return all(path.exists() for path in (paths.KERNEL, paths.INIT, paths.SIMULATOR))
