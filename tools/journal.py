# SPDX-License-Identifier: MIT
"""The journal of a comparison: compare.jsonl, a line of JSON for each cell as it ends.

The first line says what is compared and with what: the digest of the matrix, the number of cells, and the provenance.
Each further line is a row, complete in itself. A line is written with one write and brought to the disk, so a
command that is killed leaves whole lines and perhaps one that is cut off at the end, which is dropped when the journal
is opened again. The file itself is begun, and begun anew, by rename.

A cell that was run by itself (`--cell`, on another machine perhaps) is a journal of one row in the folder cells/.
"""

import hashlib
import json
import os
from pathlib import Path

from tools import provenance, tables
from tools.errors import BinderyError, Usage
from tools.files import write_whole

NAME, SINGLE = "compare.jsonl", "cells"
KEPT = "compare.interrupted.jsonl"
ROW, HEAD = "row", "experiment"
ANYWAY = "--even-if-changed goes on and keeps what is there"


def header(cells, known, command):
    """The first line of a journal of these cells."""
    identities = sorted(json.dumps(cell.identity(), sort_keys=True) for cell in cells)
    digest = hashlib.sha256("\n".join(identities).encode()).hexdigest()[:16]
    return {"schema": tables.SCHEMA, "matrix": digest, "cells": len(cells), "command": command} | known


class Journal:
    """Rows by the name of their cell, and the file that they are kept in."""

    def __init__(self, folder, head):
        self.folder, self.path, self.head = Path(folder), Path(folder) / NAME, head
        self.rows = {}

    def begin(self):
        """A new journal. One of an interrupted comparison that is in its place is kept beside it; True: there was."""
        kept = False
        if self.path.exists():
            before, rows = _read(self.path)
            if before is not None and 0 < len(rows) < before.get("cells", 0):
                self.path.replace(self.folder / KEPT)
                kept = True
        write_whole(self.path, _line(self.head, HEAD))
        return kept

    def resume(self, cells, changed_is_fine=False):
        """Takes over what is there of the cells. Raises Usage if it was made from something else."""
        singles = sorted((self.folder / SINGLE).glob("*.jsonl"))
        found = [path for path in (self.path, *singles) if path.exists()]
        if not found:
            raise Usage(f"{self.folder} holds no comparison to go on with; without --resume one is begun")
        identities = {cell.name: cell.identity() for cell in cells}
        for path in found:
            head, rows = _read(path)
            if not changed_is_fine:
                self._check(path, head)
            self.rows |= {name: row for name, row in rows.items() if _is(row, identities.get(name))}
        lines = [_line(self.head, HEAD), *(_line(row, ROW) for row in self.rows.values())]
        write_whole(self.path, b"".join(lines))

    def _check(self, path, head):
        if head is None:
            raise Usage(f"{path} does not say what it was made with; {ANYWAY}")
        wrong = provenance.differences(head, self.head)
        if head["matrix"] != self.head["matrix"]:
            wrong.insert(0, f"another matrix ({head['cells']} cells then, {self.head['cells']} now)")
        if wrong:
            raise Usage(f"{path} was begun with something else: {'; '.join(wrong)}; {ANYWAY}")

    def add(self, row):
        self.rows[row["cell"]] = row
        self._append(_line(row, ROW))

    def _append(self, line):
        try:
            with open(self.path, "ab", buffering=0) as file:
                if file.write(line) != len(line):
                    raise BinderyError(f"cannot write {self.path}: the disk is full")
                os.fsync(file.fileno())
        except OSError as error:
            raise BinderyError(f"cannot write {self.path}: {error.strerror}") from None

    def write_single(self, row):
        """The journal of one cell. Returns its path."""
        path = self.folder / SINGLE / f"{row['cell']}.jsonl"
        write_whole(path, _line(self.head, HEAD) + _line(row, ROW))
        return path


def _is(row, identity):
    return identity is not None and all(row.get(key) == value for key, value in identity.items())


def _line(record, kind):
    return json.dumps({"kind": kind} | record, ensure_ascii=False).encode() + b"\n"


def _read(path):
    """(head or None, {cell: row}) of a journal; a last line that is cut off is left out."""
    head, rows = None, {}
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BinderyError(f"cannot read {path}: {error.strerror}") from None
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        try:
            record = json.loads(line)
            kind = record.pop("kind")
            if kind == HEAD:
                head = record
            elif kind == ROW:
                rows[record["cell"]] = record
            else:
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Usage(f"{path}:{number}: this is no line of a comparison's journal") from None
    return head, rows
