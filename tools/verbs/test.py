# SPDX-License-Identifier: MIT
"""The verb `test`: everything is built and every test is run by meson; single cases are counted."""

import json
import re
import subprocess
import sys

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
    """Build everything and run the tests; FILTER keeps those whose name contains it.

    The last line is the verdict: N passed, N failed, N skipped.
    """
    builder.build()
    names = _chosen(suite, words)
    _run(names)
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
    """Names of the meson tests to run."""
    listed = json.loads(subprocess.run(["meson", "introspect", "--tests", str(paths.BUILD)], capture_output=True,
                                       text=True, check=True).stdout)
    suites = {name.split(":")[-1] for test in listed for name in test["suite"]}
    if suite and suite not in suites:
        raise unknown("suite", suite, sorted(suites))
    names = [test["name"] for test in listed
             if not suite or suite in {name.split(":")[-1] for name in test["suite"]}]
    chosen = [name for name in names if not words or words in name]
    if not chosen:
        raise unknown("test", words or "", names)
    return chosen


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
