#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Finds the policies: every NAME.c of this folder that defines `const struct policy policy_NAME`.

    find.py policies.def            prints their names in the order of all lists: first those that policies.def names,
                                    in its order, then the others by name
    find.py policies.def --others   prints POLICY(NAME) for each of the others; policies.def includes that

meson asks when it is set up, the tools whenever they need the names: a file that is put here is a policy, and nothing
else has to be told of it.
"""

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
NOT_POLICIES = {"policies"}  # the table of all
DEFINITION = re.compile(r"(?m)^const struct policy policy_(\w+)\b")
NAME = re.compile(r'(?m)^    \.name = "([^"]*)"')
TITLE = re.compile(r'\.title = "([^"]*)"')
LISTED = re.compile(r"(?m)^POLICY\((\w+)\)")


class Wrong(Exception):
    """The folder holds what can't be built; one sentence."""


def texts(folder=FOLDER):
    """{name: source} of all policies, sorted by name."""
    found = {}
    for path in sorted(Path(folder).glob("*.c")):
        if path.stem in NOT_POLICIES or path.name.startswith("."):
            continue
        text = path.read_text(encoding="utf-8")
        defined = DEFINITION.findall(text)
        if defined != [path.stem]:
            what = "no policy" if not defined else "policy_" + " and policy_".join(defined)
            raise Wrong(f"{path.name} defines {what}; it must define policy_{path.stem} and no other "
                        "(what several policies share belongs in a header)")
        if NAME.findall(text) not in ([], [path.stem]):
            raise Wrong(f"{path.name} has the .name “{NAME.search(text)[1]}”; a policy has the name of its file")
        found[path.stem] = text
    return found


def listed(folder=FOLDER):
    """The names that policies.def states, in its order."""
    return LISTED.findall((Path(folder) / "policies.def").read_text(encoding="utf-8"))


def names(folder=FOLDER):
    """{name: title} of all policies, in the order of all lists."""
    found, order = texts(folder), listed(folder)
    for name in order:
        if name not in found:
            raise Wrong(f"policies.def names {name}, but there is no {name}.c")
    if len(set(order)) < len(order):
        raise Wrong("policies.def names a policy twice")
    titles = {name: TITLE.search(text) for name, text in found.items()}
    return {name: titles[name][1] if titles[name] else "" for name in dict.fromkeys(order + list(found))}


def others(folder=FOLDER):
    """Text in the form of policies.def: the policies that it doesn't name itself."""
    order = set(listed(folder))
    lines = [f"POLICY({name})\n" for name in names(folder) if name not in order]
    return "".join(["// Made by libos/pager/policy/find.py: the policies that policies.def doesn't name.\n", *lines])


def main(words):
    folder = Path(words[0]).parent
    try:
        sys.stdout.write(others(folder) if "--others" in words else "".join(f"{name}\n" for name in names(folder)))
    except Wrong as wrong:
        sys.exit(f"libos/pager/policy: {wrong}")


if __name__ == "__main__":
    main(sys.argv[1:])
