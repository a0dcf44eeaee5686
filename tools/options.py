# SPDX-License-Identifier: MIT
"""Values of command-line options: lists by comma, sizes, files, and the command line itself."""

import re
import shlex
import sys
from pathlib import Path

from tools import assign, layout, registry
from tools.errors import Usage, unknown

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def split_all(text):
    """The items of a list by comma in which an item may stand twice."""
    items = [item.strip() for item in text.split(",")]
    if not all(items):
        raise Usage(f"the list “{text}” has an empty item")
    return items


def split(text):
    """The items of a list by comma; None for an option that was not given."""
    return None if text is None else list(dict.fromkeys(split_all(text)))


def policies(text):
    """The same for policies, of which one may be a map with commas of its own (tools/assign.py)."""
    return None if text is None else assign.group(split_all(text))


def frames_of(memory):
    """Whole frames in a size such as 512K or 8M."""
    match = re.fullmatch(r"(\d+)([KMG]?)i?B?", memory, re.I)
    if not match:
        raise Usage(f"“{memory}” is no size; expected a number with K, M or G, such as 8M")
    frames = int(match[1]) * UNITS[match[2].upper()] // layout.PAGE
    if frames == 0:
        raise Usage(f"{memory} is less than one frame of {layout.PAGE} bytes")
    return frames


def one_size(frames, memory):
    """--frames or --memory of a single run, in frames; 0 if neither is given."""
    if frames is not None and memory is not None:
        raise Usage("--frames and --memory say the same thing; give one of them")
    if memory is not None:
        return frames_of(memory)
    if frames is not None and frames < 1:
        raise Usage(f"--frames {frames}: at least one frame is needed")
    return frames or 0


def policy_in(name, frames):
    """A policy's name, if there is one with it and it can do with so many frames (0: not said)."""
    registry.require("policy", name, registry.policies())
    least = registry.traits(name)[1]
    if 0 < frames < least:
        raise Usage(f"{name} needs at least {least} frames, not {frames}")
    return name


def file_to_write(flag, name):
    """Where a result goes; refused before anything is run if it can't be a file."""
    path = Path(name)
    if path.is_dir():
        raise Usage(f"{flag} {path} is to be a file, and a folder is in its place")
    if any(each.exists() and not each.is_dir() for each in path.parents):
        raise Usage(f"{flag} {path}: a file is in the place of one of its folders")
    return path


def folder_to_write(flag, name):
    """The same for a folder."""
    folder = Path(name)
    if any(each.exists() and not each.is_dir() for each in (folder, *folder.parents)):
        raise Usage(f"{flag} {folder} is to be a folder, and a file is in its place")
    return folder


def one_policy(text, frames, app):
    """--policy of a single run, as the library OS takes it: a policy's name or a map for the application's regions."""
    if not assign.is_map(text):
        return policy_in(text, frames)
    found = assign.parse(text)
    if app in registry.apps():  # of another program's regions nothing is known here
        assign.check_regions(found, app)
    return found.argument(frames)


def sizes(frames, memory):
    """--frames N,N% or --memory 4M,8M as a list of numbers of frames and of shares; None if neither is given."""
    if frames is not None and memory is not None:
        raise Usage("--frames and --memory say the same thing; give one of them")
    if memory is not None:
        return [frames_of(item) for item in split(memory)]
    found = []
    for item in split(frames) or ():
        match = re.fullmatch(r"(\d+)(%?)", item)
        if not match or int(match[1]) == 0:
            raise Usage(f"--frames {item}: expected a number of frames such as 500, or a share of the workload's pages "
                        "such as 50%")
        found.append(int(match[1]) / 100 if match[2] else int(match[1]))
    return found or None


def files_of(app, extra=()):
    """The files that a run of an application finds on its disk: those of its workload and some more."""
    work = registry.WORKLOADS.get(app)
    files = list(work.files) if work else []
    for path in extra:
        if not Path(path).is_file():
            raise unknown("file", path, [str(each) for each in Path(path).parent.glob("*")] if "/" in path else [])
        files.append((Path(path).name, path, 0))
    return tuple(files)


def command_line():
    """The command that is running, as the user would type it."""
    return shlex.join(["./bindery", *sys.argv[1:]])
