# SPDX-License-Identifier: MIT
"""The results of `meson test`, case by case, from the JUnit file that it writes."""

import itertools
import re
import xml.etree.ElementTree as xml
from dataclasses import dataclass

from tools.errors import BinderyError


@dataclass
class Case:
    """One test case. `outcome` is passed, failed or skipped."""

    test: str  # the meson test it belongs to
    name: str
    outcome: str
    output: str = ""  # of a failed case: what is known of why


def read(path):
    """All cases of a JUnit file. A test that ended badly without a failed case of its own counts as one failed."""
    try:
        root = xml.parse(path).getroot()
    except (OSError, xml.ParseError) as error:
        raise BinderyError(f"the test results {path} cannot be read: {error}") from None
    cases = []
    for suite in root.iter("testsuite"):
        found = [_case(suite, element) for element in suite.iter("testcase")]
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        if bad and all(case.outcome != "failed" for case in found):
            found.append(Case(_readable(suite.get("name")), "ended as it should", "failed", _output(suite)))
        cases += found
    return cases


def _readable(name):
    """A test's name without what meson puts before it: project and suite, or a TAP line's number."""
    return re.sub(r"^(\S*:\S* / |\d+ - )", "", name or "")


def _remarks(text, name):
    """What a TAP output says right below a case that failed: remarks, or a block that is indented; the whole output if
    the case is not in it. (Where the output doesn't number its cases, meson has done so in their names.)"""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if line.startswith("not ok ") and line.endswith(_readable(name)):
            return "\n".join(itertools.takewhile(lambda each: each.startswith(("#", " ")), lines[at + 1:]))
    return text


def _case(suite, element):
    outcome = "passed"
    if element.find("failure") is not None or element.find("error") is not None:
        outcome = "failed"
    elif element.find("skipped") is not None:
        outcome = "skipped"
    output = ""
    if outcome == "failed":
        output = _output(element) or _remarks(_output(suite), element.get("name"))
    return Case(_readable(suite.get("name")), _readable(element.get("name")), outcome, output)


def _output(element):
    """What an element holds of messages and output."""
    parts = [child.get("message") for child in element if child.get("message")]
    parts += [child.text for child in element if child.tag in ("system-out", "system-err", "failure", "error")]
    return "\n".join(part.strip() for part in parts if part and part.strip())


def count(cases):
    """(passed, failed, skipped)."""
    outcomes = [case.outcome for case in cases]
    return tuple(outcomes.count(kind) for kind in ("passed", "failed", "skipped"))


def verdict(cases):
    """The last line of every test run."""
    passed, failed, skipped = count(cases)
    return f"{passed} passed, {failed} failed, {skipped} skipped"
