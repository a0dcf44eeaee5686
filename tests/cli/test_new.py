# SPDX-License-Identifier: MIT
"""`new`, and how policies are found. Nothing is written to this tree: all of it happens in a copy."""

import re
import unittest

from libos.pager.policy import find
from tests.cli.command import is_built
from tests.cli.place import InFolder
from tests.cli.tutorial import Walk
from tools import builder

TUTORIAL = "doc/write-a-policy.md"


class Policies(Walk):
    def policies(self):
        return [line.split()[0] for line in self.run_it("./bindery list policies").stdout.splitlines()]


class New(Policies):
    def refuses(self, text, words):
        before = self.files()
        result = self.run_it(f"./bindery new {words}")
        self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
        self.assertIn(text, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertEqual(self.files(), before, "something was written")

    def test_bad_names_are_refused_in_a_sentence_and_nothing_is_written(self):
        for text, name in (("lower case, digits", "Mine"), ("lower case, digits", "my-policy"),
                           ("lower case, digits", "2q"), ("lower case, digits", "_a"), ("lower case, digits", "a__b"),
                           ("lower case, digits", "a_"), ("lower case, digits", "''"), ("lower case, digits", "../a"),
                           ("lower case, digits", "p" * 25), ("it means every policy", "all"),
                           ("the table of all policies", "policies"), ("a word of C", "switch"),
                           ("is there already: first in, first out (libos/pager/policy/fifo.c)", "fifo"),
                           ("libos/pager/policy/clock.h is something that policies share", "clock"),
                           ("did you mean “clock1”", "good --like clok1")):
            with self.subTest(name):
                self.refuses(text, f"policy {name}")

    def test_an_unknown_kind_is_refused(self):
        self.refuses("did you mean “policy”?", "polcy mine")

    def test_expectations_left_behind_are_not_overwritten(self):
        (self.root / "tests/policies/orphan.txt").write_text("# mine\n")
        self.refuses("tests/policies/orphan.txt is there already", "policy orphan")
        (self.root / "tests/policies/orphan.txt").unlink()

    def test_two_files_are_written_and_none_is_changed(self):
        before = self.files()
        result = self.run_it("./bindery new policy two_files")
        self.assertEqual(result.returncode, 0, result.stderr)
        after = self.files()
        made = {"libos/pager/policy/two_files.c", "tests/policies/two_files.txt"}
        self.assertEqual(set(result.stdout.split()), made)
        self.assertEqual(set(after) - set(before), made)
        self.assertEqual({name: after[name] for name in before}, before)
        self.assertIn("two_files", self.policies())
        self.assertEqual(self.run_it("/usr/bin/python3 tests/check_layers.py .").returncode, 0)

    def test_every_policy_can_be_begun_from(self):
        compiler = [builder.environment()["CC"], "-std=gnu2x", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I."]
        for like in find.names():
            with self.subTest(like):
                name = f"{like}_copy"
                result = self.run_it(f"./bindery new policy {name} --like {like}")
                self.assertEqual(result.returncode, 0, result.stderr)
                source = self.root / f"libos/pager/policy/{name}.c"
                self.assertIn(f'.name = "{name}"', source.read_text())
                compiled = self.run_it(" ".join([*compiler, str(source)]))
                self.assertEqual(compiled.returncode, 0, compiled.stderr)
                source.unlink()
                (self.root / f"tests/policies/{name}.txt").unlink()


class Found(InFolder):
    def setUp(self):
        super().setUp()
        self.write("policies.def", "POLICY(second)\nPOLICY(first)\n")
        for name in ("first", "second", "zebra", "ant"):
            self.write(f"{name}.c", f'const struct policy policy_{name} = {{\n    .title = "the {name}",\n}};\n')
        self.write("policies.c", "extern const struct policy policy_x;\n")

    def write(self, name, text):
        (self.place / name).write_text(text)

    def test_the_stated_order_comes_first_then_the_others_by_name(self):
        self.assertEqual(list(find.names(self.place)), ["second", "first", "ant", "zebra"])
        self.assertEqual(find.names(self.place)["ant"], "the ant")
        self.assertEqual(re.findall(r"POLICY\((\w+)\)", find.others(self.place)), ["ant", "zebra"])

    def refused(self, sentence):
        with self.assertRaises(find.Wrong) as caught:
            find.names(self.place)
        self.assertIn(sentence, str(caught.exception))

    def test_a_file_must_define_the_policy_of_its_name(self):
        self.write("bee.c", "const struct policy policy_wasp = {};\n")
        self.refused("bee.c defines policy_wasp; it must define policy_bee")

    def test_a_policy_has_the_name_of_its_file(self):
        self.write("bee.c", 'const struct policy policy_bee = {\n    .name = "wasp",\n};\n')
        self.refused("bee.c has the .name “wasp”")

    def test_a_file_without_a_policy_is_named(self):
        self.write("bee.c", "// nothing yet\n")
        self.refused("bee.c defines no policy")

    def test_a_stated_policy_must_have_a_file(self):
        (self.place / "first.c").unlink()
        self.refused("policies.def names first, but there is no first.c")

    def test_a_policy_is_stated_once(self):
        self.write("policies.def", "POLICY(second)\nPOLICY(second)\n")
        self.refused("policies.def names a policy twice")


@unittest.skipUnless(is_built(), "needs a built system")
class Tutorial(Policies):
    def test_the_tutorial_works_as_it_is_written(self):
        before = self.files()
        self.walk(TUTORIAL, lambda: self.assertEqual(len(self.files()), len(before) + 2))
        self.assertEqual(self.files(), before, "the last step takes away what the first one made")
        self.assertNotIn("mine", self.policies())
