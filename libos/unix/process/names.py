#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the names of Linux's system calls and errors as macro lines, from libc's headers.

    names.py /usr/include/x86_64-linux-musl names.inc       # NUMBER_NAME(0, read) …, ERROR_NAME(1, EPERM) …
"""

import re
import sys
from pathlib import Path


def main():
    headers, target = sys.argv[1:]
    lines = []
    for header, pattern, macro in (("bits/syscall.h", r"#define\s+__NR_(\w+)\s+(\d+)", "NUMBER_NAME"),
                                   ("bits/errno.h", r"#define\s+(E\w+)\s+(\d+)", "ERROR_NAME")):
        names = {}
        for name, number in re.findall(pattern, Path(headers, header).read_text()):
            names.setdefault(int(number), name)
        lines += [f"{macro}({number}, {name})\n" for number, name in sorted(names.items())]
    Path(target).write_text("".join(lines))


if __name__ == "__main__":
    main()
