# SPDX-License-Identifier: MIT
"""The runner of machines, with a stand-in for QEMU: a script that talks through the same file descriptors."""

import os
from pathlib import Path
from unittest import mock

from tests.cli.standin import StandIn
from tools.errors import BinderyError, Missing, Timeout
from tools.fleet import Boot, Fleet
from tools.qemu import Machine, answers_at_once, quickest_aio


class Machines(StandIn):
    def boot(self, **options):
        return Boot(Machine(Path("kernel"), Path("package")), self.place, name="it", **options)

    def run_one(self, limit=60, **options):
        return [event for _, event in Fleet(limit=limit).run([self.boot(**options)])]

    def test_events_and_console_arrive(self):
        self.stand_in("""
            console.write("hello\\n")
            report.write('{"event":"job","job":0}\\n{"event":')
            report.write('"done"}\\n')
            sys.exit(1)
        """)
        said = []
        events = self.run_one(console=said.append)
        self.assertEqual([event["event"] for event in events], ["job", "done"])
        self.assertEqual(b"".join(said), b"hello\n")

    def test_several_machines_run_at_once(self):
        self.stand_in(f"""
            open("{self.place}/here-%d" % os.getpid(), "w").close()
            while sum(name.startswith("here-") for name in os.listdir("{self.place}")) < 4:
                time.sleep(0.05)
            report.write('{{"event":"done"}}\\n')
            sys.exit(1)
        """)
        boots = [self.boot() for _ in range(4)]
        for number, boot in enumerate(boots):
            boot.folder = self.place / str(number)
            boot.folder.mkdir()
        self.assertEqual(len(list(Fleet(parallel=4, limit=60).run(boots))), 4)

    def test_transfers_of_a_quick_machine_wake_no_thread_that_need_not_be(self):
        plain, quick = (" ".join(Machine(Path("kernel"), Path("package"), Path("disk"), quick=quick).command(3, 4))
                        for quick in (False, True))
        self.assertIn("aio=threads,", plain)
        self.assertNotIn("ioeventfd", plain)
        self.assertIn("virtio-blk-pci,drive=disk,disable-legacy=on,ioeventfd=off", quick)
        self.assertIn(f"aio={quickest_aio()},", quick)
        self.assertFalse(answers_at_once(self.place / "absent"))
        with mock.patch("os.preadv", side_effect=OSError):  # as in tmpfs
            self.assertFalse(answers_at_once(self.place))

    def test_a_failing_qemu_shows_the_end_of_its_log(self):
        self.stand_in("""
            print("qemu-system-x86_64: could not load kernel 'kernel'", file=sys.stderr)
            sys.exit(1)
        """)
        with self.assertRaisesRegex(BinderyError, "failed with exit status 1") as caught:
            self.run_one()
        self.assertIn("could not load kernel", caught.exception.detail)

    def test_a_machine_that_ends_too_early_is_an_error_with_its_last_words(self):
        self.stand_in("""
            console.write("There is no boot package.\\n")
            sys.exit(63 << 1 | 1)
        """)
        with self.assertRaisesRegex(BinderyError, "stopped with status 63") as caught:
            self.run_one()
        self.assertIn("no boot package", caught.exception.detail)

    def test_a_reset_is_told_from_an_end(self):
        self.stand_in("sys.exit(0)")
        with self.assertRaisesRegex(BinderyError, "was reset"):
            self.run_one()

    def test_a_machine_that_takes_too_long_is_ended(self):
        self.stand_in("""
            report.write('{"event":"pid","pid":%d}\\n' % os.getpid())
            time.sleep(60)
        """)
        events = []
        with self.assertRaises(Timeout) as caught:
            for _, event in Fleet(limit=4).run([self.boot()]):
                events.append(event)
        self.assertEqual(caught.exception.status, 124)
        self.assert_ended(events[0]["pid"])

    def test_a_report_that_is_no_event_ends_the_run(self):
        self.stand_in("""
            report.write("garbage\\n")
            time.sleep(60)
        """)
        with self.assertRaisesRegex(BinderyError, "no event: garbage"):
            self.run_one()

    def test_none_is_left_when_the_user_of_the_events_goes_away(self):
        self.stand_in("""
            report.write('{"event":"pid","pid":%d}\\n' % os.getpid())
            time.sleep(60)
        """)
        events = Fleet(limit=60).run([self.boot()])
        pid = next(events)[1]["pid"]
        events.close()
        self.assert_ended(pid)

    def test_none_is_left_when_this_process_is_killed(self):
        self.stand_in("""
            report.write('{"event":"pid","pid":%d}\\n' % os.getpid())
            time.sleep(60)
        """)
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            for _, event in Fleet(limit=30).run([self.boot()]):
                os.write(into, str(event["pid"]).encode())
        pid = int(os.read(out, 20))
        os.kill(child, 9)
        os.waitpid(child, 0)
        self.assert_ended(pid)

    def test_silence_is_told_once(self):
        self.stand_in("""
            time.sleep(1.8)
            report.write('{"event":"done"}\\n')
            sys.exit(1)
        """)
        with mock.patch("tools.terminal.say") as say:
            self.run_one(silence=0.2)
        say.assert_called_once()
        self.assertIn("silent for 0.2 s", say.call_args[0][0])

    def test_a_qemu_that_is_too_old_is_refused_before_it_starts(self):
        self.stand_in("sys.exit(1)", version="6.2.0")
        with self.assertRaisesRegex(Missing, "version 6.2.0; Bindery needs 7.2"):
            self.run_one()

    def test_a_missing_qemu_says_how_to_get_it(self):
        with mock.patch.dict(os.environ, PATH=str(self.place)), self.assertRaisesRegex(Missing, "qemu-system-x86"):
            self.run_one()
