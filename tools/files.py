# SPDX-License-Identifier: MIT
"""Files that are either there whole or not at all: written beside their place and renamed."""

import os
import shutil
import tempfile
from pathlib import Path

from tools.errors import BinderyError


def write_whole(path, data):
    """Writes bytes to a file by rename; makes its folder."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
            os.chmod(partial, 0o644)
            os.replace(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
    except OSError as error:
        raise BinderyError(f"cannot write {path}: {error.strerror}") from None


def write_folder(folder, files):
    """Writes {name: bytes} to a folder. A new folder appears with all its files at once; in one that is there each
    file is replaced by rename and other files stay."""
    folder = Path(folder)
    if folder.exists():
        for name, data in files.items():
            write_whole(folder / name, data)
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise BinderyError(f"cannot write {folder}: {error.strerror}") from None
    try:
        for name, data in files.items():
            write_whole(partial / name, data)
        partial.chmod(0o755)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
