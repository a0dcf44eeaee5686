# SPDX-License-Identifier: MIT
"""Where things are in the source tree and in the build folder. Standard library only."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("BINDERY_BUILD", ROOT / "build")).resolve()
OUT = Path(os.environ.get("BINDERY_OUT", ROOT / "out"))  # results, unless told otherwise

KERNEL = BUILD / "exo" / "bindery-kernel"
INIT = BUILD / "libos" / "init" / "init"
SIMULATOR = BUILD / "libos" / "pager" / "bindery-sim"
POLICIES = BUILD / "libos" / "pager" / "unlisted.def"  # the policies that policy/policies.def doesn't name
CACHE = BUILD / "tools-cache"  # recorded reference strings and generated traces


def in_words(path):
    """A path as a message should show it: relative to the current folder if it lies below."""
    path = Path(path)
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
