# SPDX-License-Identifier: MIT
"""The Xen peer of `bench peers`: what is booted, the rows made of what the guest reports, and a real boot."""

import gzip
import unittest
from pathlib import Path
from unittest import mock

from tests.cli.standin import StandIn
from tools import qemu, registry
from tools.peers import common, debian, report, xen


def event(kind, system="xen", op="call.null", minimum=100, **more):
    return {"event": kind, "system": system, "op": op, "how": f"{kind} of {op}", "minimum": minimum,
            "median": minimum + 1, "maximum": minimum + 2, "samples": 256, "moved": 0} | more


def everything():
    """A bench event for all that is owed."""
    return [event("bench", system, op) for system, ops in xen.OWED.items() for op in ops]


class CommandLine(unittest.TestCase):
    def test_settings_are_on_request(self):
        tuned, default = xen.command_line().split(), xen.command_line(tuned=False).split()
        self.assertIn("console=com1", default)  # whatever Xen says of a failure is to be seen
        self.assertEqual(set(tuned) - set(default), set(xen.TUNED))

    def test_the_processor_has_the_features_of_all_others(self):
        self.assertTrue(xen.TUNED_PROCESSOR.startswith(f"{qemu.PROCESSOR},"))
        self.assertNotRegex(xen.TUNED_PROCESSOR.removeprefix(qemu.PROCESSOR), r"[-+]|=off|=on")

    def test_protection_that_bindery_has_too_is_never_off(self):
        for word in xen.command_line().split():
            self.assertNotIn(word.partition("=")[0], ("smep", "smap", "cpuid"))


class Rows(unittest.TestCase):
    def test_what_is_owed_is_what_the_table_expects(self):
        for system, ops in report.MODULES["xen"].items():
            self.assertEqual(set(xen.OWED[system]), set(ops))
        for system, ops in xen.OWED.items():
            self.assertIn(system, common.SYSTEMS)
            self.assertLessEqual(set(ops), set(registry.OPERATIONS))

    def test_a_whole_report_gives_rows_without_gaps(self):
        rows = xen.rows_of(everything())
        self.assertEqual(len(rows), len(everything()))
        self.assertFalse([row for row in rows if "skipped" in row])
        self.assertEqual({row["settings"] for row in rows}, {"tuned"})

    def test_candidates_stand_with_their_row(self):
        ways = [event("candidate", minimum=120), event("candidate", minimum=105), event("candidate", op="prot1"),
                event("candidate", system="xen-unikernel", minimum=90)]
        row = xen.rows_of([*ways, event("bench", how="the best", minimum=105)], tuned=False)[0]
        self.assertEqual((row["how"], row["instructions"], row["settings"]), ("the best", 105, "default"))
        self.assertEqual([way["instructions"] for way in row["candidates"]], [120, 105])

    def test_a_row_that_never_came_says_why(self):
        for reason, expected in (("Xen was stopped", "Xen was stopped"), (None, "the guest did not report it")):
            with self.subTest(reason=reason):
                skipped = [row for row in xen.rows_of(everything()[1:], reason=reason) if "skipped" in row]
                self.assertEqual([(row["system"], row["op"], row["skipped"]) for row in skipped],
                                 [("xen", everything()[0]["op"], expected)])

    def test_the_guest_s_own_skipped_row_is_not_doubled(self):
        events = [each for each in everything() if each["op"] != "syscall.redirect" or each["system"] == "xen"]
        events.append({"event": "skipped", "system": "xen-unikernel", "op": "syscall.redirect", "reason": "none here"})
        rows = [row for row in xen.rows_of(events) if "skipped" in row]
        self.assertEqual([row["skipped"] for row in rows], ["none here"])


class Boots(StandIn):
    def setUp(self):
        super().setUp()
        (self.place / "xen.gz").write_bytes(gzip.compress(b"unpacked hypervisor"))
        (self.place / "guest").write_bytes(b"the guest")
        for patch in (mock.patch.object(xen, "GUEST", self.place / "guest"),
                      mock.patch.object(xen.debian, "file_of", lambda package, pattern: self.place / "xen.gz")):
            patch.start()
            self.addCleanup(patch.stop)

    def refused(self, sentence, timeout=30):
        with self.assertRaisesRegex(common.Skipped, sentence) as caught:
            xen.measure(common.Options(timeout=timeout))
        return caught.exception

    def test_qemu_gets_the_unpacked_hypervisor_and_the_guest_as_its_module(self):
        self.stand_in("""
            words = sys.argv
            kernel, module = (words[words.index(name) + 1] for name in ("-kernel", "-initrd"))
            said = [open(kernel).read(), open(module).read(), words[words.index("-cpu") + 1],
                    words[words.index("-append") + 1], "-icount" in words]
            if said == ["unpacked hypervisor", "the guest", %r, %r, True]:
                report.write('{"event":"bench","system":"xen","op":"call.null","how":"multicall","minimum":241,'
                             '"median":241,"maximum":241,"samples":256,"moved":0}\\n{"event":"done"}\\n')
            else:
                console.write(repr(said))
        """ % (xen.TUNED_PROCESSOR, xen.command_line()))
        rows = xen.measure(common.Options(timeout=30))
        self.assertEqual([row["instructions"] for row in rows if "skipped" not in row], [241])

    def test_rows_that_came_before_a_hang_are_kept(self):
        self.stand_in("""
            report.write('{"event":"bench","system":"xen","op":"call.null","how":"multicall","minimum":241,'
                         '"median":241,"maximum":241,"samples":256,"moved":0}\\n')
            time.sleep(60)
        """)
        rows = xen.measure(common.Options(timeout=3))
        self.assertEqual([row["instructions"] for row in rows if "skipped" not in row], [241])
        self.assertEqual({row["skipped"] for row in rows if "skipped" in row},
                         {"Xen was stopped: it ran longer than 3 s"})

    def test_a_crash_is_told_in_xen_s_words(self):
        for words, told in ((r"Hardware Dom0 crashed: rebooting machine in 5 seconds.", "Hardware Dom0 crashed"),
                            (r"Panic on CPU 0:\r\n(XEN) Could not construct domain 0", "Could not construct domain 0"),
                            (r"[    0.283379] Panic on CPU 0:", "Panic on CPU 0")):
            with self.subTest(words=words):
                self.stand_in(f"""
                    console.write("(XEN) Xen version 4.17\\r\\n(XEN) {words}\\r\\n")
                """)
                self.assertIn(told, str(self.refused("before its work was done; it said: ")))

    def test_a_guest_that_fails_says_what_failed(self):
        self.stand_in("""
            report.write('{"event":"failed","part":"guest","reason":"Xen refused a hypercall for the trap table"}\\n')
            sys.exit(3)
        """)
        self.refused("^the guest failed: Xen refused a hypercall for the trap table$")

    def test_a_guest_that_was_not_built_is_named(self):
        with mock.patch.object(xen, "GUEST", Path("nowhere/xen-guest")):
            self.refused("there is no nowhere/xen-guest; ./bindery build makes it")

    def test_a_damaged_hypervisor_is_named(self):
        for data in (b"no archive", gzip.compress(bytes(1000))[:-9]):
            with self.subTest(data=data[:8]):
                (self.place / "xen.gz").write_bytes(data)
                self.stand_in("sys.exit(0)")
                self.refused("xen.gz of Debian's package .* cannot be unpacked")

    def test_a_package_that_is_not_to_be_had_is_named(self):
        reason = common.Skipped("Debian's package x is not to be had here")
        with mock.patch.object(xen.debian, "file_of", side_effect=reason):
            self.refused("^Debian's package x is not to be had here$")


@unittest.skipUnless(xen.GUEST.exists(), "needs a built system")
class Machine(unittest.TestCase):
    """One real boot."""

    @classmethod
    def setUpClass(cls):
        try:
            debian.file_of(xen.PACKAGE, xen.IMAGE)
        except common.Skipped as reason:
            raise unittest.SkipTest(str(reason)) from None
        cls.rows = {(row["system"], row["op"]): row for row in xen.measure(common.Options(timeout=250))}

    def cost(self, op, system="xen"):
        return self.rows[system, op]["instructions"]

    def test_every_row_is_measured_but_the_one_that_cannot_be(self):
        skipped = [key for key, row in self.rows.items() if "skipped" in row]
        self.assertEqual(skipped, [("xen-unikernel", "syscall.redirect")])

    def test_counts_are_the_same_in_most_samples(self):
        for key, row in self.rows.items():
            with self.subTest(row=key):
                self.assertTrue("skipped" in row or row["instructions"] == row["median"] > 0)
                self.assertTrue("skipped" in row or row["samples"] >= 50)

    def test_a_fault_is_the_sum_of_its_parts_and_a_handler(self):
        for system in xen.OWED:
            parts = sum(self.cost(op, system) for op in ("fault.entry", "fault.bind", "fault.resume"))
            self.assertLess(abs(self.cost("fault.whole", system) - parts), 40)

    def test_returning_costs_a_hypercall_only_out_of_user_mode(self):
        self.assertGreater(self.cost("fault.resume"), self.cost("call.null"))
        self.assertLess(self.cost("fault.resume", "xen-unikernel"), 40)


if __name__ == "__main__":
    unittest.main()
