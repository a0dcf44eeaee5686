# SPDX-License-Identifier: MIT
"""The matrix of a comparison: what is to be compared on what, from a TOML file, from flags, or from both.

    policy = ["fifo", "clock1", "opt"]      # or "fifo,clock1,opt", or "all", or "default"
    frames = ["25%", 500]                   # or memory = ["1M", "2M"]
    seed = 1

    [[part]]
    workload = "matmul"

    [[part]]
    trace = "refs.txt"                      # from this file's folder
    frames = [100, 200]

A policy may be a map from regions to policies (tools/assign.py). Keys outside of the parts hold for every part that
does not say otherwise; without parts they are the one part. A flag takes the place of its key everywhere.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from tools import options, transit
from tools.errors import Missing, Usage, unknown

POLICIES = ("default",)  # tools/registry.py says which
WORKLOADS = ("matmul96", "bfs", "hashjoin", "zipfkv")
SIZES = "25%,50%,75%"
TIMEOUT = 600.0  # seconds a machine may run

LISTS = ("workload", "trace", "policy", "frames", "memory", "readahead", "cluster")
KINDS = {  # of the other keys: what it takes, and in words
    "seed": (lambda value: type(value) is int and 0 <= value < 1 << 63, "a number from 0 on"),
    "output": (lambda value: isinstance(value, str) and value, "the name of a folder"),
    "report": (lambda value: isinstance(value, str) and value, "the name of a folder"),
    "jobs": (lambda value: type(value) is int and 1 <= value <= 64, "a number from 1 to 64"),
    "timeout": (lambda value: type(value) in (int, float) and value > 0, "a number of seconds"),
    "plot": (lambda value: isinstance(value, bool), "true or false"),
}
IN_PARTS = (*LISTS, "seed")
OF_ALL = ("output", "report", "jobs", "timeout", "plot")


@dataclass
class Part:
    """A cross product: subjects by name, policies by name, numbers of frames or shares of the subject's pages."""

    workloads: list
    traces: list
    policies: list
    sizes: list
    seed: int = 1
    transfers: tuple = (transit.Transfer(),)


def load(path):
    """The document of a matrix file, checked key by key; its trace files as seen from here."""
    path = Path(path)
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise Missing(f"there is no matrix file {path}; policies are said by --policy, workloads by --workload") \
            from None
    except OSError as error:
        raise Missing(f"cannot read the matrix {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Usage(f"{path}: this is no text, so no matrix in TOML") from None
    except tomllib.TOMLDecodeError as error:
        raise Usage(f"{path}: not TOML: {error}") from None
    parts = document.pop("part", [])
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise Usage(f"{path}: a part begins with [[part]]")
    checked = _checked(path, document, (*IN_PARTS, *OF_ALL), ("part",))
    return checked | {"parts": [_checked(path, part, IN_PARTS) for part in parts]}


def _checked(path, table, keys, more=()):
    for key in table:
        if key not in keys:
            raise unknown(f"key of {path}", key, (*keys, *more))
    found = {key: _list(path, key, value) if key in LISTS else _value(path, key, value)
             for key, value in table.items()}
    if "frames" in found and "memory" in found:
        raise Usage(f"{path}: “frames” and “memory” say the same thing; give one of them")
    if "trace" in found:
        found["trace"] = [str(path.parent / name) for name in found["trace"]]
    return found


def _list(path, key, value):
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, str) or type(item) is int for item in items):
        raise Usage(f"{path}: “{key}” is a text, a number or a list of them, and not empty")
    if key == "policy":
        return options.policies(",".join(str(item) for item in items))
    return [word for item in items for word in options.split(str(item))]


def _value(path, key, value):
    right, words = KINDS[key]
    if not right(value):
        raise Usage(f"{path}: “{key}” is {words}, not {value!r}")
    return value


def settle(document, flags):
    """Joins a document (or {}) with the flags that were given: ({key of OF_ALL: value or None}, [Part, …])."""
    given = {key: value for key, value in flags.items() if value not in (None, [])}
    chosen = {key: given.get(key, document.get(key)) for key in OF_ALL}
    common = {key: value for key, value in document.items() if key in IN_PARTS}
    parts = [_joined(common, part) for part in document.get("parts") or [{}]]
    flags_of_part = {key: given[key] for key in IN_PARTS if key in given}
    return chosen, [_part(_joined(part, flags_of_part)) for part in parts]


def _joined(general, special):
    """`special` over `general`. What is one choice in two keys is replaced as one."""
    left = dict(general)
    for pair in (("frames", "memory"), ("workload", "trace")):
        if any(key in special for key in pair):
            for key in pair:
                left.pop(key, None)
    return left | special


def _part(keys):
    sizes = options.sizes(_text(keys.get("frames")), _text(keys.get("memory"))) or options.sizes(SIZES, None)
    traces = keys.get("trace") or []
    workloads = keys.get("workload") or ([] if traces else list(WORKLOADS))
    return Part(list(workloads), list(traces), list(keys.get("policy") or POLICIES), sizes, keys.get("seed", 1),
                tuple(transit.transfers(keys.get("readahead"), keys.get("cluster"))))


def _text(items):
    return None if items is None else ",".join(items)
