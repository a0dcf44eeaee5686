# SPDX-License-Identifier: MIT
"""Bad usage and missing things: one sentence, the right exit status, never a traceback."""

import unittest

from tests.cli.command import bindery, is_built
from tools import command, registry


class Usage(unittest.TestCase):
    def refuses(self, status, text, *words, **environment):
        result = bindery(*words, **environment)
        self.assertEqual(result.status, status, result.err)
        self.assertIn(text, result.err)
        self.assertNotIn("Traceback", result.err)
        self.assertEqual(result.out, "")

    def test_unknown_names_bring_a_suggestion_and_exit_2(self):
        for text, words in (("did you mean “compare”?", ["compre"]),
                            ("did you mean “clock1”?", ["compare", "--policy", "clok1"]),
                            ("did you mean “matmul”?", ["compare", "--workload", "matmull"]),
                            ("did you mean “hello”?", ["run", "helo"]),
                            ("did you mean “unix”?", ["run", "--libos", "unxi", "hello"]),
                            ("did you mean “policies”?", ["list", "policy"]),
                            ("did you mean “fault”?", ["bench", "fualt"]),
                            ("did you mean --policy?", ["compare", "--polcy", "fifo"])):
            with self.subTest(words):
                self.refuses(2, text, *words)

    def test_values_that_make_no_sense_exit_2(self):
        for text, words in (("give one of them", ["compare", "--frames", "5", "--memory", "4M"]),
                            ("is no size", ["run", "--memory", "much", "hello"]),
                            ("at least one frame", ["run", "--frames", "0", "hello"]),
                            ("empty item", ["compare", "--policy", "fifo,,lifo"]),
                            ("--jobs: expected a whole number from 1 to 64, not “0”", ["compare", "--jobs", "0"]),
                            ("--seed: expected a whole number from 0 ", ["together", "loop,loop", "--seed", "x"]),
                            ("--timeout: expected a number of seconds above 0", ["trace", "pages", "loop", "--timeout",
                                                                                 "-1"]),
                            ("unknown option --zzz; see ./bindery list --help", ["list", "--zzz"]),
                            ("missing argument 'APP'; see ./bindery trace pages --help", ["trace", "pages"])):
            with self.subTest(words):
                self.refuses(2, text, *words)
                self.assertEqual(len(bindery(*words).err.splitlines()), 1)

    def test_help_shows_whole_sentences_and_a_subject_s_own_examples(self):
        self.assertNotIn("...", bindery("--help").out.partition("Commands:")[2])
        shown = bindery("trace", "pages", "--help").out
        self.assertIn("./bindery trace pages loop", shown)
        self.assertNotIn("trace fault", shown)

    def test_one_form_of_the_result_at_a_time(self):
        for words in (["compare"], ["simulate", "--trace", "loop"], ["together", "loop,loop"], ["bench", "fault"],
                      ["bench", "ways"], ["bench", "processes"], ["bench", "sqlite"], ["bench", "peers"]):
            with self.subTest(words):
                self.refuses(2, "--json and --csv are two forms of one table", *words, "--json", "--csv")

    def test_missing_files_exit_3(self):
        self.refuses(3, "there is no matrix file fifo; policies are said by --policy", "compare", "fifo")
        self.refuses(3, "cannot read the trace no/such/trace", "compare", "--trace", "no/such/trace")
        self.refuses(3, "cannot read the trace .: Is a directory", "compare", "--trace", ".")

    @unittest.skipUnless(is_built(), "needs a built system")
    def test_a_bad_trace_line_is_named(self):
        import tempfile

        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("1\n2 R\n3 Q\n")
            file.flush()
            self.refuses(2, f"{file.name}:3: expected “PAGE”, “PAGE R” or “PAGE W”", "compare", "--trace", file.name)

    def test_without_a_build_it_says_how_to_get_one(self):
        self.refuses(3, "./bindery build makes it", "run", "hello", BINDERY_BUILD="/nonexistent")

    def test_help_begins_with_examples(self):
        for words in (["--help"], *([verb, "--help"] for verb in command.VERBS), ["bench", "fault", "-h"],
                      ["trace", "fault", "-h"]):
            with self.subTest(words):
                result = bindery(*words)
                self.assertEqual(result.status, 0)
                self.assertTrue(result.out.startswith("Examples:\n  ./bindery"), result.out[:80])

    def test_every_verb_has_the_shared_flags(self):
        for verb in command.VERBS:
            words = [verb, "fault"] if verb in ("bench", "trace") else [verb]
            text = bindery(*words, "--help").out
            for flag in ("--quiet", "--verbose", "--no-install"):
                self.assertIn(flag, text, verb)


class Lists(unittest.TestCase):
    def test_lists_are_those_of_the_registry(self):
        for name, content in registry.LISTS.items():
            with self.subTest(name):
                rows = bindery("list", name, "--json").json()
                self.assertEqual(rows["schema"], 1)
                self.assertEqual([row["name"] for row in rows["rows"]], list(content()))

    def test_every_policy_of_the_definition_is_there_with_its_traits(self):
        found = registry.policies()
        for name in ("fifo", "lifo", "random_lcg", "clock1", "clock1_d1", "sieve1", "sieve1_d1", "esc", "aging8_f64",
                     "twoq_clock", "clockpro", "opt"):
            self.assertIn(name, found)
        self.assertEqual(registry.traits("fifo"), ("faults", 1))
        self.assertEqual(registry.traits("opt")[0], "future")
        self.assertEqual(registry.traits("lru")[0], "references")

    def test_every_workload_is_an_application(self):
        self.assertLessEqual({work.app or name for name, work in registry.WORKLOADS.items()}, set(registry.apps()))
