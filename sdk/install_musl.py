#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Run by `meson install`: builds musl for bindery-cc --libos=unix (tools/musl.py) and puts it into lib/bindery/musl.

Where its source cannot be fetched, the rest of the SDK is installed without it, and a sentence says so.
"""

import os
import shutil
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)
os.environ["BINDERY_BUILD"] = os.environ["MESON_BUILD_ROOT"]

from tools import musl, terminal  # noqa: E402  (the path above comes first)
from tools.errors import BinderyError, Missing  # noqa: E402


def main():
    try:
        library = musl.built()
    except Missing as missing:
        terminal.say(f"{missing}; the SDK is installed without what --libos=unix links with")
        return 0
    except BinderyError as error:
        terminal.complain(error)
        return error.status
    target = Path(os.environ["MESON_INSTALL_DESTDIR_PREFIX"], "lib", "bindery", "musl")
    target.mkdir(parents=True, exist_ok=True)
    for name in musl.FILES:
        shutil.copy(library / name, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
