#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks rules about the source tree that no compiler checks, and prints TAP: one test per rule.

    tests/check_layers.py [ROOT]

Each breach is a line "# FILE:LINE: what is wrong" under its rule. To break a rule on purpose, list the file in BUDGETS
or, for a new folder, say in MAY_INCLUDE what it builds on. Looks at the files that git would track (built and ignored
ones are left out), or at all files where there is no git.
"""
import re
import subprocess
import sys
from pathlib import Path

# From which folders a file may include, by the longest prefix of its own path. Nothing of the kernel sees a library
# OS, nothing of a library OS sees the kernel: they meet in pe/. Tests and the host machine may see what they test.
MAY_INCLUDE = {
    "pe": {"pe"},
    "secure-bindings": {"pe", "secure-bindings"},
    "exo": {"pe", "secure-bindings", "exo"},
    "libos": {"pe", "libos"},
    "apps": {"pe", "libos", "apps", "peers"},  # of peers/: what is to be done alike on every system
    "peers": {"peers"},  # programs for other systems
    "tests": {"pe", "secure-bindings", "exo", "libos", "apps", "tests"},
    "tests/vm": {"pe", "libos", "apps", "tests"},
    "tools": {"pe", "libos", "tools"},
}
FILE_LINES = 400
COLUMNS = 120
BUDGETS = {}  # path: lines it may have, with the reason beside it
KERNEL_CODE_LINES = 6000
# Not counted (design, section 10): drivers, the simulated machine, checks that are not in the kernel image.
NOT_KERNEL_SIZE = ("exo/dev/", "exo/arch/host/", "secure-bindings/audit.c", "secure-bindings/code/")

C_FILES = {".c", ".h", ".S", ".def"}
SOURCES = C_FILES | {".py", ".sh", ".ld", ".build"}
SOURCE_NAMES = {"bindery", "run"}
MARKS = re.compile(r"\b(TO" r"DO|FIX" r"ME|X{3}|HA" r"CK)\b")  # in pieces, so as to be none itself
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
CONDITION = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b")
ARCHITECTURE = re.compile(r"x86|amd64|i386|aarch64|__arm|arm64|riscv|_M_X64|__LP64__|ARCH_HOST", re.IGNORECASE)


def files_of(root):
    """Paths, relative to root, of every file that belongs to the project."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
        names = [name for name in listed if name and (root / name).is_file()]
    except (OSError, subprocess.CalledProcessError):
        paths = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
        names = [str(path) for path in paths if not any(part.startswith((".", "build")) for part in path.parts)]
    return sorted(names)


def is_source(name):
    path = Path(name)
    return path.suffix in SOURCES or (path.suffix == "" and path.name in SOURCE_NAMES)


def is_c(name):
    return Path(name).suffix in C_FILES


def layer_of(name):
    """The entry of MAY_INCLUDE that a file comes under, or None."""
    parts = Path(name).parts[:-1]
    for length in range(len(parts), 0, -1):
        layer = "/".join(parts[:length])
        if layer in MAY_INCLUDE:
            return layer
    return None


def without_comments(text):
    """C text with comments and string contents blanked; lines are kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)

    def blank(match):
        found = match.group(0)
        return found if found[0] in "\"'" else "\n" * found.count("\n")

    return pattern.sub(blank, text)


def code_lines(text):
    return sum(1 for line in without_comments(text).split("\n") if line.strip())


def includes_go_down(tree):
    for name, text in tree.items():
        if not is_c(name):
            continue
        layer = layer_of(name)
        for number, line in enumerate(text.split("\n"), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            style, included = match.groups()
            known = included in tree
            if style == "<":
                if known:
                    yield name, number, f"<{included}> is a file of the project: include it with quotes"
                continue
            if not known:
                if included == "arch_inline.h" and name == "exo/arch/arch.h":
                    continue  # the folder of the machine that is built for supplies it
                yield name, number, f'"{included}" is no file from the root of the project'
                continue
            if layer is None:
                yield name, number, "a file of this folder has no layer: add the folder to MAY_INCLUDE"
                continue
            target = included.split("/")[0]
            if target not in MAY_INCLUDE[layer]:
                allowed = ", ".join(sorted(MAY_INCLUDE[layer]))
                yield name, number, f'{layer}/ must not include "{included}": it may use {allowed}'


def machines_stay_in_arch(tree):
    """Portable kernel code sees a machine through exo/arch/arch.h only."""
    for name, text in tree.items():
        if not is_c(name) or not name.startswith("exo/") or name.startswith("exo/arch/"):
            continue
        driver = name.startswith("exo/dev/")  # drivers of a PC's devices use its ports
        for number, line in enumerate(text.split("\n"), 1):
            match = INCLUDE.match(line)
            if match and match.group(2).startswith("exo/arch/") and match.group(2) != "exo/arch/arch.h" and not driver:
                yield name, number, f'"{match.group(2)}" belongs to one machine: use exo/arch/arch.h'
    for name, text in tree.items():
        if not name.startswith("exo/arch/") or not is_c(name):
            continue
        own = "/".join(name.split("/")[:3])
        for number, line in enumerate(text.split("\n"), 1):
            match = INCLUDE.match(line)
            if not match or not match.group(2).startswith("exo/arch/") or match.group(2) == "exo/arch/arch.h":
                continue
            if not match.group(2).startswith(own + "/"):
                yield name, number, f'"{match.group(2)}" belongs to another machine than {own}'


def no_conditions_on_the_architecture(tree):
    for name, text in tree.items():
        if not is_c(name) or name.startswith("exo/arch/"):
            continue
        for number, line in enumerate(without_comments(text).split("\n"), 1):
            if CONDITION.match(line) and ARCHITECTURE.search(line):
                yield name, number, "a condition on the architecture outside exo/arch/"


def assembly_stays_low(tree):
    """Assembly files live with their machine, or on the library OS's side, or are a guest."""
    allowed = ("exo/arch/x86_64/", "libos/", "apps/", "tests/vm/", "peers/xen/")
    for name in tree:
        if name.endswith(".S") and not name.startswith(allowed):
            yield name, 1, "an assembly file outside " + ", ".join(allowed)


def files_are_short(tree):
    for name, text in tree.items():
        if not is_source(name):
            continue
        lines, most = text.count("\n"), BUDGETS.get(name, FILE_LINES)
        if lines > most:
            yield name, most + 1, f"{lines} lines, {most} allowed: split it by subject"
    for name in BUDGETS:
        if name not in tree:
            yield name, 1, "is in BUDGETS but not in the tree"


def lines_are_narrow(tree):
    for name, text in tree.items():
        if is_source(name):
            for number, line in enumerate(text.split("\n"), 1):
                if len(line) > COLUMNS:
                    yield name, number, f"{len(line)} columns, {COLUMNS} allowed"


def is_kernel_code(name):
    return (name.startswith(("exo/", "secure-bindings/")) and Path(name).suffix in {".c", ".h", ".S"}
            and not name.startswith(NOT_KERNEL_SIZE))


def kernel_is_small(tree):
    lines = {name: code_lines(text) for name, text in tree.items() if is_kernel_code(name)}
    total = sum(lines.values())
    print(f"# kernel: {total} code lines in {len(lines)} files, fewer than {KERNEL_CODE_LINES} wanted")
    if total >= KERNEL_CODE_LINES:
        largest = max(lines, key=lines.get)
        yield largest, 1, f"the kernel has {total} code lines; this file, the largest, {lines[largest]}"


def files_name_their_licence(tree):
    for name, text in tree.items():
        if not is_source(name):
            continue
        first = text.split("\n")
        line = 2 if first[0].startswith("#!") else 1
        if len(first) < line or not re.match(r"^(//|#|/\*) SPDX-License-Identifier: MIT\b", first[line - 1]):
            yield name, line, "does not begin with its SPDX-License-Identifier line"


def no_marks_of_unfinished_work(tree):
    for name, text in tree.items():
        for number, line in enumerate(text.split("\n"), 1):
            match = MARKS.search(line)
            if match:
                yield name, number, f"{match.group(1)}: finish it or open an issue"


def folders_have_a_readme(tree):
    folders = {name.split("/")[0] for name in tree if "/" in name and is_source(name)}
    for folder in sorted(folders):
        if not folder.startswith(".") and f"{folder}/README.md" not in tree:
            yield f"{folder}/README.md", 1, "is missing: what lives here, what may it use, which file first"


def readmes_name_their_files(tree):
    """A README with a table of files, "| file |", has a line for each beside it."""
    for name, text in tree.items():
        if not name.endswith("README.md") or not re.search(r"^\| *files? *\|", text, re.M):
            continue
        named = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`[^`\n]+`", text))))
        for other in tree:
            if is_source(other) and Path(other).parent == Path(name).parent and Path(other).suffix != ".build":
                if Path(other).stem not in named | {"__init__"}:
                    yield name, 1, f"does not name {Path(other).name}"


RULES = [
    ("includes go from a layer to those below it", includes_go_down),
    ("portable kernel code sees machines through arch.h only", machines_stay_in_arch),
    ("no condition on the architecture outside arch", no_conditions_on_the_architecture),
    ("assembly files stay in their folders", assembly_stays_low),
    (f"files have at most {FILE_LINES} lines or their budget", files_are_short),
    (f"lines have at most {COLUMNS} columns", lines_are_narrow),
    (f"the kernel has fewer than {KERNEL_CODE_LINES} code lines", kernel_is_small),
    ("every source file names its licence", files_name_their_licence),
    ("no marks of unfinished work", no_marks_of_unfinished_work),
    ("every top folder with sources has a README", folders_have_a_readme),
    ("tables of files name them all", readmes_name_their_files),
]


def read_tree(root):
    tree = {}
    for name in files_of(root):
        try:
            tree[name] = (root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # pictures and the like
    return tree


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    tree = read_tree(root)
    if not any(is_source(name) for name in tree):
        sys.exit(f"{root}: no source files here")
    print(f"1..{len(RULES)}")
    failed = False
    for number, (title, rule) in enumerate(RULES, 1):
        breaches = list(rule(tree))
        print(f"{'not ok' if breaches else 'ok'} {number} - {title}")
        for name, line, what in breaches:
            print(f"# {name}:{line}: {what}")
        failed = failed or bool(breaches)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
