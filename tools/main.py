# SPDX-License-Identifier: MIT
"""The entry of the command line, started by the script `bindery` with the system's Python.

`doctor` must work before the packages are installed, so it is reached without importing click.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tools import errors, terminal  # noqa: E402  (the path above comes first)


def main(words):
    """Runs a command line and returns its exit status."""
    try:
        from tools import command
    except ImportError as missing:
        from tools import doctor

        if "doctor" in words:
            return doctor.run(as_json="--json" in words)
        terminal.complain(errors.Missing(f"the Python module {missing.name} is missing; try ./bindery doctor"))
        return errors.MISSING
    return command.run(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
