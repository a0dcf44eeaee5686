# SPDX-License-Identifier: MIT
"""Runs the unittest modules of this folder and prints TAP, so that meson counts single cases.

    /usr/bin/python3 tests/cli/run.py [MODULE …]

Plain `python3 -m unittest` in the source's root works as well.
"""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[0] = str(ROOT)


class Tap(unittest.TestResult):
    """Prints a line for each case as it ends. Subtests count with their case."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.bad = {}

    def line(self, test, good, remark=""):
        self.number += 1
        # tests.cli.test_image.Image.test_a_file_comes_back → image / a file comes back
        module, _, method = test.id().rpartition(".")
        name = method.removeprefix("test_").replace("_", " ")
        place = module.split(".")[-2].removeprefix("test_")
        print(f"{'ok' if good else 'not ok'} {self.number} - {place} / {name}{remark}", flush=True)

    def addSuccess(self, test):
        self.line(test, True)

    def addSkip(self, test, reason):
        self.line(test, True, f" # SKIP {reason}")

    def fail(self, test, trace):
        self.line(test, False)
        for text in trace.splitlines():
            print(f"# {text}")

    def addFailure(self, test, err):
        self.fail(test, self._exc_info_to_string(err, test))

    def addError(self, test, err):
        self.addFailure(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.addFailure(subtest.test_case, err)


def main(names):
    names = names or sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
    suite = unittest.defaultTestLoader.loadTestsFromNames([f"tests.cli.{name}" for name in names])
    print("TAP version 13")
    result = Tap()
    suite.run(result)
    print(f"1..{result.number}")


if __name__ == "__main__":
    main(sys.argv[1:])
