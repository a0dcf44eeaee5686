# SPDX-License-Identifier: MIT
"""Option values, trace files, tables, whole files: the small pure parts."""

import csv
import io
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools import constants, files, options, tables, traces
from tools.errors import BinderyError, Usage, unknown


class Constants(unittest.TestCase):
    def test_sums_products_and_names_of_the_header(self):
        self.assertEqual(constants.value("libos/core/map.h", "MAP_BASE"), 0x40000000)
        self.assertEqual(constants.value("libos/core/map.h", "MAP_END"), 0x80000000)
        self.assertEqual(constants.value("libos/core/map.h", "MAP_TABLES"), 512)

    def test_what_is_no_constant_there_is_refused(self):
        with self.assertRaises(KeyError):
            constants.value("libos/core/map.h", "MAP_NOWHERE")
        with self.assertRaises((KeyError, ValueError)):
            constants.value("libos/core/map.h", "MAP_PE_PAGE")  # of another header


class Options(unittest.TestCase):
    def test_lists_are_split_at_commas_without_repeats(self):
        self.assertEqual(options.split("a, b,a"), ["a", "b"])
        self.assertIsNone(options.split(None))
        with self.assertRaises(Usage):
            options.split("a,,b")

    def test_memory_is_turned_into_frames(self):
        self.assertEqual([options.frames_of(size) for size in ("4096", "8K", "4M", "1GiB")], [1, 2, 1024, 262144])
        for wrong in ("M", "4T", "-4M", "1K", ""):
            with self.subTest(wrong), self.assertRaises(Usage):
                options.frames_of(wrong)

    def test_frames_are_numbers_or_shares(self):
        self.assertEqual(options.sizes("10,50%", None), [10, 0.5])
        self.assertEqual(options.sizes(None, "4M,8M"), [1024, 2048])
        self.assertIsNone(options.sizes(None, None))
        for wrong in ("0", "ten", "-1", "5.5", "0%"):
            with self.subTest(wrong), self.assertRaises(Usage):
                options.sizes(wrong, None)

    def test_frames_and_memory_exclude_one_another(self):
        for function in (options.sizes, options.one_size):
            with self.assertRaisesRegex(Usage, "give one of them"):
                function(5, "4M")

    def test_unknown_names_bring_the_nearest_one(self):
        self.assertIn("did you mean “clock1”", str(unknown("policy", "clok1", ["fifo", "clock1"])))
        self.assertIn("there are: fifo", str(unknown("policy", "zzzzzz", ["fifo"])))


class Traces(unittest.TestCase):
    def check(self, text):
        return traces.check("t", text, "refs.txt", path=Path("unused"))

    def test_pages_are_numbered_by_first_use(self):
        trace = self.check(b"70\n7 R\n70 W\n18446744073\n")
        self.assertEqual(trace.text, b"0\n1 R\n0 W\n2\n")
        self.assertEqual((trace.references, trace.pages), (4, 3))

    def test_a_last_line_without_a_newline_counts(self):
        self.assertEqual(self.check(b"1\n2").references, 2)

    def test_a_bad_line_is_reported_with_its_number_and_what_was_expected(self):
        for text, line in ((b"1\nx\n", 2), (b"1\n2\n3 X\n", 3), (b"\n", 1), (b"1\n\n2\n", 2), (b"-1\n", 1),
                           (b"1  R\n", 1), (b"1 R \n", 1), (b"0x10\n", 1), (b"1\n99999999999999999999\n", 2)):
            with self.subTest(text), self.assertRaisesRegex(Usage, f"^refs.txt:{line}: expected “PAGE”"):
                self.check(text)

    def test_references_of_one_instruction_stay_joined_in_an_applications_string(self):
        trace = self.check(b"7 R\n+8 M\n+7 W\n9\n+8\n8 W\n")
        self.assertEqual(trace.text, b"0 R\n+1 M\n+0 W\n2\n+1\n1 W\n")
        self.assertEqual(trace.widest, 2)
        self.assertEqual(self.check(b"1\n+2\n3\n+4\n+5\n5\n").widest, 3)

    def test_what_is_replayed_is_made_one_reference_after_the_other(self):
        with mock.patch.object(traces, "store", lambda name, text: text):
            trace = traces.check("t", b"7 R\n+8 M\n+7 W\n9\n", "refs.txt")
        self.assertEqual((trace.path, trace.widest), (b"0 R\n1 W\n0 W\n2\n", 1))

    def test_that_a_replay_parts_instructions_is_said(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(traces, "store", lambda name, text: text), \
                mock.patch("tools.terminal.say") as say:
            path = Path(folder) / "refs.txt"
            path.write_text("7 R\n+8 M\n+7 W\n9\n")
            traces.load(path)
            self.assertIn(f"{path}: 2 of its 4 references are made by the instruction of the one", say.call_args[0][0])
            path.write_text("7 R\n9\n")
            traces.load(path)
        say.assert_called_once()

    def test_a_first_line_joins_nothing(self):
        with self.assertRaisesRegex(Usage, "^refs.txt:1: “\\+” joins"):
            self.check(b"+1\n")

    def test_too_many_pages_are_refused(self):
        with self.assertRaisesRegex(Usage, "at most 65536"):
            self.check(b"".join(b"%d\n" % page for page in range(65537)))


class Tables(unittest.TestCase):
    ROWS = [{"a": 1, "b": "x"}, {"a": None, "b": "y"}]

    def test_json_carries_its_schema(self):
        self.assertEqual(json.loads(tables.as_json(self.ROWS)), {"schema": 1, "rows": self.ROWS})
        self.assertEqual(json.loads(tables.as_json([], command="c")), {"schema": 1, "command": "c", "rows": []})

    def test_csv_has_the_columns_asked_for(self):
        rows = list(csv.reader(io.StringIO(tables.as_csv(self.ROWS, ["b", "a"]))))
        self.assertEqual(rows, [["b", "a"], ["x", "1"], ["y", ""]])

    def test_numbers_are_readable(self):
        self.assertEqual([tables.number(value) for value in (None, 1234567, 1.5, 12345.6, "s")],
                         ["–", "1,234,567", "1.50", "12,346", "s"])


class Files(unittest.TestCase):
    def test_a_folder_appears_whole_and_is_replaced_file_by_file(self):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "deep" / "out"
            files.write_folder(folder, {"a": b"1", "b": b"2"})
            (folder / "mine").write_text("stays")
            files.write_folder(folder, {"a": b"3"})
            found = {path.name: path.read_bytes() for path in folder.iterdir()}
            self.assertEqual(found, {"a": b"3", "b": b"2", "mine": b"stays"})
            self.assertEqual([path.name for path in folder.parent.iterdir()], ["out"])

    def test_a_place_that_cannot_be_written_is_one_sentence(self):
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "file").write_text("")
            with self.assertRaisesRegex(BinderyError, "cannot write"):
                files.write_whole(Path(place) / "file" / "below", b"")
