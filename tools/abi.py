# SPDX-License-Identifier: MIT
"""The ABI's lists (pe/*.def) as data. The C preprocessor reads them, so there is no second parser to go wrong.

Each line becomes one JSON object by macros that print it; adjacent string literals are joined afterwards.
"""

import json
import re
import subprocess

from tools import builder, paths
from tools.errors import BinderyError

ARGUMENTS = "\n".join(
    f"#define ARGS{count}({', '.join(f't{i}, a{i}' for i in range(count))}) "
    + ", ".join(f'{{"type":#t{i},"name":#a{i}}}' for i in range(count))
    for count in range(6))

# list: (file, macro, its parameters, the object each line becomes)
LISTS = {
    "calls": ("calls", "CALL", "number, name, arguments, errors, sentence",
              '{"number":number,"name":STRING(name),"arguments":[arguments],"errors":errors,"sentence":sentence}'),
    "upcalls": ("upcalls", "UPCALL", "number, name, sentence",
                '{"number":number,"name":STRING(name),"sentence":sentence}'),
    "events": ("upcalls", "EVENT", "number, name, sentence",
               '{"number":number,"name":STRING(name),"sentence":sentence}'),
    "errors": ("errors", "ERROR", "number, name, sentence",
               '{"number":number,"name":STRING(name),"sentence":sentence}'),
}


def table(name):
    """The rows of one list."""
    file, macro, parameters, shape = LISTS[name]
    # `#parameter` works in a macro's own body only, so each line's objects are spelt there.
    body = shape.replace("STRING(name)", "#name")
    source = f'{ARGUMENTS}\n#define {macro}({parameters}) @@{body}\n#include "pe/{file}.def"\n'
    compiler = builder.environment()["CC"]
    words = [compiler, "-E", "-P", "-x", "c", "-I", str(paths.ROOT), "-"]
    result = subprocess.run(words, input=source, capture_output=True, text=True)
    if result.returncode:
        raise BinderyError(f"pe/{file}.def cannot be read:", result.stderr)
    joined = re.sub(r'(?<!\\)"\s+"', "", result.stdout)
    rows = [json.loads(text) for text in joined.split("@@")[1:]]
    for row in rows:
        if "errors" in row:
            row["errors"] = row["errors"].split()
    return rows


def tables():
    """Every list, {name: rows}."""
    return {name: table(name) for name in LISTS}
