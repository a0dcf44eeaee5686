# SPDX-License-Identifier: MIT
"""From the rows of several systems to one table, what is missing from it, and whether targets are reached.

Ratios are of instructions without those that zero or copy a page, a system's to Bindery's: above 1 Bindery needs fewer.
"""

from tools import registry
from tools.peers.common import SYSTEMS, skipped

_FAULT = ("fault.entry", "fault.bind", "fault.resume", "fault.whole")
_PROTECTION = ("prot1", "prot100", "unprot1", "unprot100")
_APPEL_LI = tuple(op for op in registry.OPERATIONS if op.startswith("appel-li."))
_DISK = tuple(op for op in registry.OPERATIONS if op.startswith(("disk.", "paging.")))

# The modules of this package, and which rows each must give: one that is absent is named, never left out.
MODULES = {
    "bindery": {"bindery": tuple(op for op, operation in registry.OPERATIONS.items() if operation.program)},
    "linux": {"linux": ("call.null", *_FAULT, "syscall.redirect", *_PROTECTION, "yield", *_APPEL_LI),
              "linux-uffd": _FAULT, "linux-uffd-sigbus": (*_FAULT, *_PROTECTION, *_APPEL_LI[1:]),
              "linux-kernel": ("fault.whole",)},
    "xen": dict.fromkeys(("xen", "xen-unikernel"),
                         ("call.null", *_FAULT, "syscall.redirect", *_PROTECTION, "yield", *_APPEL_LI)),
    "disk": {"bindery": _DISK, "linux": _DISK},
}
SELECTABLE = ("bindery", "linux", "xen")  # the disk's rows belong to the first two
CSV = ("system", "op", "unit", "median", "maximum", "samples", "moved", "ratio", "wall_ratio", "skipped")


def modules(systems, pairs):
    """The modules that measure some systems; Bindery's first, and the disk's, which take longest, last."""
    disk = ["disk"] if pairs and {"bindery", "linux"} <= set(systems) else []
    return [name for name in MODULES if name in systems] + disk


def absent(module, reason, rows=()):
    """Skipped rows for everything that a module should have given beside `rows`."""
    given = {(row["system"], row["op"]) for row in rows}
    return [skipped(system, op, reason) for system, ops in MODULES[module].items() for op in ops
            if (system, op) not in given]


def finished(rows, unit):
    """The rows in the order of the table, with unit and ratio to Bindery; in cycles, the count is under that name."""
    ops, systems = list(registry.OPERATIONS), list(SYSTEMS)
    rows = [row for row in rows if row["op"] in ops and row["system"] in systems]
    rows.sort(key=lambda row: (ops.index(row["op"]), systems.index(row["system"])))
    ours = {row["op"]: net(row) for row in rows if row["system"] == "bindery" and "skipped" not in row}
    done = []
    for row in rows:
        row = {"system": row["system"], "op": row["op"], "unit": unit} | row
        if "skipped" not in row and row["system"] != "bindery" and ours.get(row["op"], 0) > 0:
            row["ratio"] = round(net(row) / ours[row["op"]], 2)
        if unit != "instructions" and "instructions" in row:
            row = {unit if key == "instructions" else key: value for key, value in row.items()}
        done.append(row)
    return done


def net(row, unit="instructions"):
    """Its count without what moves pages."""
    return row[unit] - row["moved"]


def table(rows, unit):
    """(lines, columns, keys to align right) for tables.show: a line an operation, a group of columns a system."""
    columns, right = {"op": "op", "title": "what"}, []
    for system in SYSTEMS:
        own = [row for row in rows if row["system"] == system]
        if not own:
            continue
        columns[system] = f"{system}\n{unit}"
        if any(row.get("moved") for row in own):
            columns[f"{system} moved"] = "moved"
        if any("ratio" in row for row in own):
            columns[f"{system} ratio"] = "ratio"
        if any("wall_ratio" in row for row in own):
            columns[f"{system} wall_ratio"] = "time\nratio"
        right += [key for key in columns if key.startswith(system)]
    lines = {}
    for row in rows:
        line = lines.setdefault(row["op"], dict.fromkeys(columns, "") | {
            "op": row["op"], "title": registry.OPERATIONS[row["op"]].title, "group": group(row["op"])})
        system = row["system"]
        line[system] = "skipped" if "skipped" in row else row[unit]
        for key in ("moved", "ratio", "wall_ratio"):
            if row.get(key) and f"{system} {key}" in columns:
                line[f"{system} {key}"] = row[key]
    return list(lines.values()), columns, right


def group(op):
    """Operations of one group stand together in table and figure."""
    return "appel-li" if op in _APPEL_LI else "disk" if op in _DISK else "kernel"


def reasons(rows):
    """A line for each reason why rows are missing: "xen: why (op, op …)"."""
    found, every = {}, {}
    for row in rows:
        every.setdefault(row["system"], []).append(row["op"])
        if "skipped" in row:
            found.setdefault((row["system"], row["skipped"]), []).append(row["op"])
    return [f"{system}: {reason} ({'every row' if ops == every[system] and len(ops) > 1 else ', '.join(ops)})"
            for (system, reason), ops in found.items()]


def failures(rows):
    """A sentence for each target that is not reached: Bindery's own, and how many times fewer than Linux."""
    found = []
    for row in rows:
        operation = registry.OPERATIONS[row["op"]]
        if "instructions" not in row:
            continue
        if row["system"] == "bindery" and 0 < operation.target < row["instructions"]:
            found.append(f"{row['op']} takes {row['instructions']} instructions; the target is {operation.target}")
        if row["system"] == "linux" and row.get("ratio", operation.least) < operation.least:
            found.append(f"{row['op']} takes Linux {row['ratio']} times as many instructions as Bindery; the target is "
                         f"{operation.least:g} times")
    return found


def slower(rows):
    """A sentence for each row in which Bindery took more time than a peer. Time is the host's too: it fails nothing."""
    return [f"{row['op']} took Bindery longer than {row['system']}: time ratio {row['wall_ratio']}, of pairs "
            f"{' to '.join(map(str, row.get('wall_spread', ())))}" for row in rows if row.get("wall_ratio", 1) < 1]


def csv_columns(unit):
    """Of --csv and of the file beside the figure."""
    return (*CSV[:3], unit, *CSV[3:])
