# SPDX-License-Identifier: MIT
"""The ways in which a command can end other than well, each with its exit status and one sentence.

Every message says what is wrong and what to do next; none shows a Python traceback. Standard library only, because
`bindery doctor` runs before anything is installed.
"""

import difflib

OK, FAILED, USAGE, MISSING, TIMEOUT = 0, 1, 2, 3, 124


class BinderyError(Exception):
    """A failure with a sentence for the user. `detail` (a log's tail, say) is printed below it."""

    status = FAILED

    def __init__(self, sentence, detail=""):
        super().__init__(sentence)
        self.detail = detail


class Usage(BinderyError):
    """The user asked for something that does not exist or makes no sense."""

    status = USAGE


class Missing(BinderyError):
    """Something is not there on this machine: a package, a file, a build product."""

    status = MISSING


class Timeout(BinderyError):
    """Something took longer than it was allowed to."""

    status = TIMEOUT


def unknown(kind, name, names):
    """The Usage error for a name that is not among `names`, with the nearest one as a suggestion."""
    names = list(names)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return Usage(f"unknown {kind} “{name}”; did you mean “{near[0]}”?")
    return Usage(f"unknown {kind} “{name}”; there are: {', '.join(names) or 'none'}")


def tail(path, lines=15):
    """The last lines of a text file, for a message; empty if there is no such file."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
