# SPDX-License-Identifier: MIT
"""The verb `new`: the first version of something that is one file here, with its test, ready to be built.

A policy is found by its file (libos/pager/policy/find.py), so its row is in every list and comparison from then on.
"""

import re
import sys

import click

from libos.pager.policy import find
from tools import paths, registry, terminal
from tools.command import Verb, shared
from tools.errors import BinderyError, Usage
from tools.files import write_whole

EXAMPLES = """\
./bindery new policy NAME
./bindery new policy NAME --like clock1"""

KINDS = {"policy": "a page-replacement policy"}
LONGEST = 24  # letters; a column of the tables
RESERVED = {"all": "every policy", "none": "no policy at all", "policies": "the table of all policies"}
C_WORDS = frozenset("auto bool break case char const continue default do double else enum extern false float for goto "
                    "if inline int long register restrict return short signed sizeof static struct switch true "
                    "typedef typeof union unsigned void volatile while".split())
TEMPLATES = paths.ROOT / "tools" / "templates"
EXPECTED = paths.ROOT / "tests" / "policies"


@click.command("new", cls=Verb, examples=EXAMPLES)
@click.argument("what")
@click.argument("name")
@click.option("--like", metavar="POLICY", help="Start from a copy of this policy instead of second chance.")
@shared
def verb_new(what, name, like):
    """Write the first version of a policy, which works, and of its test.

    No other file is touched: the build finds the policy by itself. doc/write-a-policy.md goes on from there.
    """
    registry.require("kind of new thing", what, KINDS)
    known = registry.policies()
    _check(name, known)
    if like is not None:
        registry.require("policy", like, known)
    source, expected = _paths(name)
    for path in (source, expected):
        if path.exists():
            raise Usage(f"{paths.in_words(path)} is there already; nothing was written")
    write_whole(source, (_copied(like, name) if like else _filled("policy.c", name)).encode())
    try:
        write_whole(expected, _filled("copy.txt" if like else "policy.txt", name, like).encode())
    except BinderyError:
        source.unlink()
        raise
    sys.stdout.write(f"{paths.in_words(source)}\n{paths.in_words(expected)}\n")
    terminal.say(f"now: ./bindery compare --policy {name},fifo,clock1,opt, and doc/write-a-policy.md")


def _paths(name):
    return find.FOLDER / f"{name}.c", EXPECTED / f"{name}.txt"


def _check(name, known):
    """Refuses what can't be a policy's name, in a sentence."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > LONGEST:
        raise Usage(f"“{name}” can't be a policy's name: lower case, digits and single “_” between them, at most "
                    f"{LONGEST} characters, a letter first")
    if name in known:
        raise Usage(f"the policy {name} is there already: {known[name]} ({paths.in_words(find.FOLDER / name)}.c)")
    if name in RESERVED:
        raise Usage(f"“{name}” can't be a policy's name: it means {RESERVED[name]}")
    if name in C_WORDS:
        raise Usage(f"“{name}” can't be a policy's name: it is a word of C")
    header = find.FOLDER / f"{name}.h"
    if header.exists():
        raise Usage(f"“{name}” can't be a policy's name: {paths.in_words(header)} is something that policies share")


def _filled(template, name, like=None):
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    return text.replace("@NAME@", name).replace("@LIKE@", like or "")


def _copied(like, name):
    """The source of a policy under another name: its functions, its definition and what lists say of it."""
    text = find.texts()[like]
    for function in set(re.findall(rf"(?m)^static .*?\b({like}_\w+)\(", text)):
        text = re.sub(rf"\b{function}\b", name + function.removeprefix(like), text)
    text = text.replace(f"policy_{like} =", f"policy_{name} =").replace(f'.name = "{like}"', f'.name = "{name}"')
    text = re.sub(r'\.title = "', '.title = "to be changed: ', text)
    text = re.sub(r'\.source = "', '.source = "own work, after ', text)
    licence, rest = text.split("\n", 1)
    said = f"{name}, begun as a copy of {like}: say here what it does otherwise. Of {like} is said:"
    text = f"{licence}\n// {said}\n//\n{rest}"
    if f'.name = "{name}"' not in text or find.DEFINITION.findall(text) != [name]:
        raise BinderyError(f"{like}.c is not written so that it can be copied; copy it by hand")
    return text
