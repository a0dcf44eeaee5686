# SPDX-License-Identifier: MIT
"""Constants of C headers, which are defined there only.

    constants.value("libos/core/map.h", "MAP_END")      # 0x80000000

Understands `constexpr TYPE NAME = EXPRESSION;` with numbers, sums, products and other constants of the same header.
"""

import functools
import re

from tools import paths

WORD = re.compile(r"\b[A-Z]\w*\b")


@functools.cache
def value(header, name):
    found = re.search(rf"^constexpr \w+ {name} = ([^;]+);", (paths.ROOT / header).read_text(), re.M)
    if found is None:
        raise KeyError(f"{header} defines no constant {name}")
    plain = re.sub(r"(?<=[0-9a-f])'(?=[0-9a-f])", "", found[1])
    expression = WORD.sub(lambda word: str(value(header, word[0])), plain)
    if not re.fullmatch(r"[0-9a-fx+*/() -]+", expression):
        raise ValueError(f"{header}: {name} is {found[1]}, which is more than sums of numbers")
    return eval(expression.replace("/", "//"), {})  # of digits and operators only
