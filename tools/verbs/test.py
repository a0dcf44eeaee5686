# SPDX-License-Identifier: MIT
"""The verb `test`: everything is built and every test is run by meson; single cases are counted."""

import json
import re
import subprocess
import sys
from pathlib import Path

import click

from tools import builder, paths, results, session, terminal
from tools.command import Verb, shared
from tools.errors import FAILED, OK, BinderyError, unknown

EXAMPLES = """\
./bindery test
./bindery test --suite unit
./bindery test bindings"""

RESULT = re.compile(r"\s*\d+/\d+ ")
OUTPUT_LINES = 40  # of a failed case


@click.command("test", cls=Verb, examples=EXAMPLES)
@click.option("--suite", metavar="NAME", help="Run only the tests of one suite.")
@click.argument("words", metavar="[FILTER]", required=False)
@shared
def verb_test(suite, words):
    """Build and run the tests; FILTER keeps those whose name contains it.

    Everything is built, or, if all that is left are tests that are a program each, these programs. The last line is the
    verdict: N passed, N failed, N skipped.
    """
    builder.build(targets=["build.ninja"])  # the list of tests is that of now
    tests = _chosen(suite, words)
    builder.build(targets=_programs(tests))
    _run([test["name"] for test in tests])
    cases = results.read(paths.BUILD / "meson-logs" / "testlog.junit.xml")
    for case in cases:
        if case.outcome == "failed":
            print(f"failed: {case.test}: {case.name}")
            for line in case.output.splitlines()[-OUTPUT_LINES:]:
                print(f"    {line}")
    if not cases:
        raise BinderyError("no test was run")
    print(results.verdict(cases), flush=True)
    return FAILED if results.count(cases)[1] else OK


def _chosen(suite, words):
    """The meson tests to run."""
    listed = json.loads(subprocess.run(["meson", "introspect", "--tests", str(paths.BUILD)], capture_output=True,
                                       text=True, check=True).stdout)
    suites = {name.split(":")[-1] for test in listed for name in test["suite"]}
    if suite and suite not in suites:
        raise unknown("suite", suite, sorted(suites))
    tests = [test for test in listed if not suite or suite in {name.split(":")[-1] for name in test["suite"]}]
    chosen = [test for test in tests if not words or words in test["name"]]
    if not chosen:
        raise unknown("test", words or "", [test["name"] for test in tests])
    return chosen


def _programs(tests):
    """What must be built for some tests, as targets: their programs; nothing, which means everything, if one of them is
    a script or depends on more than its program."""
    programs = [Path(test["cmd"][0]) for test in tests]
    if all(path.is_relative_to(paths.BUILD) and len(test["depends"]) == 1 for path, test in zip(programs, tests)):
        return [str(path.relative_to(paths.BUILD)) for path in programs]
    return []


def _run(names):
    """Runs meson tests with a line of progress for each on stderr."""
    words = ["meson", "test", "-C", str(paths.BUILD), "--no-rebuild", "--num-processes", str(session.processors())]
    with subprocess.Popen([*words, *names], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace") as meson:
        said = []
        for line in meson.stdout:
            said.append(line)
            if RESULT.match(line) and not terminal.quiet():
                print(line.rstrip(), file=sys.stderr, flush=True)
            else:
                terminal.detail(line.rstrip())
    if meson.returncode < 0 or meson.returncode > 125:
        raise BinderyError("meson test could not run", "".join(said[-20:]))
