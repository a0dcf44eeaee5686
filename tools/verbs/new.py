# SPDX-License-Identifier: MIT
"""The verb `new`: the first version of a policy or a library OS, ready to be built.

A policy is found by its file (libos/pager/policy/find.py), so its row is in every list and comparison from then on.
"""

import re
import sys
import tempfile
from pathlib import Path

import click

from libos.pager.policy import find
from tools import paths, registry, terminal
from tools.command import Verb, shared
from tools.errors import BinderyError, Usage
from tools.files import write_whole

EXAMPLES = """\
./bindery new policy NAME
./bindery new policy NAME --like clock1
./bindery new libos NAME"""

KINDS = {"policy": "a page-replacement policy", "libos": "a library OS outside this tree"}
NAME = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
LONGEST = 24  # letters; a column of the tables
RESERVED = {"all": "every policy", "default": "one policy of each kind", "none": "no policy at all",
            "policies": "the table of all policies"}
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
    """Write the first version of a policy and of its test, or of a library OS and an application. They work as they
    are.

    A policy is found by the build: no other file is touched. A library OS is a folder here, built with the SDK.
    doc/write-a-policy.md and doc/write-a-library-os.md go on from there.
    """
    registry.require("kind of new thing", what, KINDS)
    if what == "libos":
        if like is not None:
            raise Usage("--like is for policies; a new library OS starts from its template")
        _new_libos(name)
        return
    _new_policy(name, like)


def _new_libos(name):
    """A folder of its own in the current one. It appears whole or not at all."""
    if not re.fullmatch(NAME, name) or len(name) > LONGEST or name in C_WORDS:
        raise Usage(f"“{name}” can't be a library OS's name: lower case, digits and single “_” between them, at most "
                    f"{LONGEST} characters, a letter first, and no word of C")
    folder = Path(name)
    if folder.exists():
        raise Usage(f"{name} is there already; nothing was written")
    try:
        with tempfile.TemporaryDirectory(dir=".", prefix=f".{name}-") as place:
            made = Path(place) / name
            made.mkdir()
            for template in sorted((TEMPLATES / "libos").iterdir()):
                (made / template.name).write_text(template.read_text(encoding="utf-8").replace("@NAME@", name))
            made.rename(folder)
    except OSError as error:
        raise BinderyError(f"cannot write {name}: {error.strerror}") from None
    sys.stdout.write("".join(f"{path}\n" for path in sorted(folder.iterdir())))
    terminal.say(f"now: {folder / 'README.md'}, and doc/write-a-library-os.md")


def _new_policy(name, like):
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
    if not re.fullmatch(NAME, name) or len(name) > LONGEST:
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
    said = f"// {name}, begun as a copy of {like}: say here what it does otherwise.\n// Of {like} is said:"
    text = f"{licence}\n{said}\n//\n{rest}"
    if f'.name = "{name}"' not in text or find.DEFINITION.findall(text) != [name]:
        raise BinderyError(f"{like}.c is not written so that it can be copied; copy it by hand")
    return text
