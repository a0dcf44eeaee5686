# SPDX-License-Identifier: MIT
"""Several library OSes side by side, started by libos/init: under memory pressure, preempted, next to bad neighbours.

    /usr/bin/python3 tests/vm/test_jobs.py BUILD

Each boot holds jobs of one group, which run at the same time. Data is checked by the programs themselves (apps/): a
page that a pager loses, mixes up or forgets to write back ends its program with status 1.
"""

import contextlib
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[0] = str(ROOT)

from tools import session  # noqa: E402
from tools.fleet import Boot, Fleet  # noqa: E402
from tools.image import DiskImage  # noqa: E402
from tools.package import Package  # noqa: E402
from tools.qemu import Machine  # noqa: E402
from tests.cli.run import Tap  # noqa: E402

BUILD = Path(sys.argv[1])
SWAP = 1024   # blocks of swap space for each job
LIMIT = 120   # seconds


class Job:
    """One job: an image of the build, its words, and what became of it."""

    def __init__(self, image, *words, group=0, frames=0, settings=(), deadline=0, slices=1, leased=0):
        self.image, self.words, self.group, self.frames = BUILD / image, words, group, frames
        self.settings, self.deadline, self.slices, self.leased = settings, deadline, slices, leased
        self.end = self.status = None
        self.events = []

    def of(self, kind):
        return [event for event in self.events if event["event"] == kind]

    def value(self, name):
        """A figure of the event `pager`."""
        return sum(event[name] for event in self.of("pager"))

    def result(self, name):
        return [event["value"] for event in self.of("result") if event["name"] == name]


def boot(*jobs, memory=64):
    """Runs jobs; fills in what became of them. Returns the console's text and the order in which they ended."""
    package = Package()
    package.add_image("init", BUILD / "libos/init/init")
    disk = DiskImage(SWAP * len(jobs))
    blocks = disk.place()
    images = {}
    for number, job in enumerate(jobs):
        if job.image not in images:
            images[job.image] = package.add_image(job.image.name, job.image)
        words = [f"job={number}", f"swap={disk.swap_block + SWAP * number}", f"swap_blocks={SWAP}", *job.settings, "--",
                 *job.words]
        package.add_job(images[job.image], " ".join(words), group=job.group, frames=job.frames, blocks=blocks,
                        slices=job.slices, deadline=job.deadline, leased=job.leased)
    console, order = [], []
    with session.scratch() as folder:
        disk.write(folder / "disk.img")
        (folder / "package").write_bytes(package.encode())
        machine = Machine(BUILD / "exo/bindery-kernel", folder / "package", folder / "disk.img", memory, exact=True)
        with contextlib.closing(Fleet(1, LIMIT).run([Boot(machine, folder, console.append, silence=LIMIT)])) as events:
            for _, event in events:
                if event["event"] == "done":
                    continue
                job = jobs[event["job"]]
                job.events.append(event)
                if event["event"] == "job":
                    job.end, job.status = event["end"], event.get("status")
                    order.append(job)
    return b"".join(console).decode(errors="replace"), order


class Jobs(unittest.TestCase):
    def ended_well(self, *jobs):
        for job in jobs:
            self.assertEqual((job.end, job.status), ("exit", 0), job.image.name)
            self.assertEqual(job.of("leak"), [])

    def test_four_pagers_side_by_side_keep_every_page_under_memory_pressure(self):
        def programs(frames):
            settings = ("policy=clock1", f"frames={frames}") if frames else ()
            return [Job("apps/matmul.unix", "n=96", "block=24", settings=settings, frames=1500),
                    Job("apps/hashjoin.unix", "build=8000", "probe=8000", settings=settings, frames=1500),
                    Job("apps/zipfkv.unix", "keys=2048", "operations=6000", settings=settings, frames=1500),
                    Job("apps/bfs.unix", "vertices=5000", "sources=1", settings=settings, frames=1500)]

        tight, ample = programs(32), programs(0)
        boot(*tight)
        boot(*ample)
        self.ended_well(*tight, *ample)
        for one, other in zip(tight, ample):
            self.assertTrue(one.result("checksum"))
            self.assertEqual(one.result("checksum"), other.result("checksum"))
            self.assertGreater(one.value("writebacks"), 50, one.image.name)
            self.assertGreater(one.value("reads"), 50, one.image.name)
            self.assertEqual(other.value("writebacks"), 0, other.image.name)

    def test_frames_that_move_between_pagers_lose_no_page(self):
        def programs(leased):
            settings = ("policy=clock1",)
            kinds = ([Job("apps/zipfkv.unix", "keys=2048", "operations=12000", settings=("policy=sieve1_d1",),
                          frames=1500, leased=leased)]
                     + [Job("apps/loop.unix", f"pages={pages}", "laps=30", "write=1", settings=settings, frames=1500,
                            leased=leased) for pages in (60, 110)])
            return kinds + [Job("apps/hashjoin.unix", "build=8000", "probe=8000", settings=("policy=clockpro",),
                                frames=1500, leased=leased)]

        tight, ample = programs(40), programs(0)
        boot(*tight)
        boot(*ample)
        self.ended_well(*tight, *ample)
        for one, other in zip(tight, ample):
            self.assertEqual(one.result("checksum"), other.result("checksum"))
            self.assertGreater(one.value("writebacks"), 0, one.image.name)
        leases = [job.of("lease")[0] for job in tight]
        self.assertGreater(sum(lease["went"] for lease in leases), 10)
        self.assertGreater(sum(lease["came"] for lease in leases), 4 * 40)
        self.assertEqual([job.of("repossessed") for job in tight], [[]] * 4)
        self.assertEqual([job.of("lease") for job in ample], [[]] * 4)

    def test_a_library_os_that_keeps_what_it_is_asked_for_loses_it(self):
        bad = Job("tests/vm/job-bad.bare", "keeps", frames=500, leased=60)
        good = Job("apps/loop.unix", "pages=110", "laps=2000", "write=1", settings=("policy=clock1",), frames=1500,
                   leased=60)
        alone = Job("apps/loop.unix", "pages=110", "laps=2000", "write=1", frames=1500)
        boot(bad, good)
        boot(alone)
        self.ended_well(bad, good, alone)
        self.assertGreater(sum(event["frames"] for event in bad.of("repossessed")), 0)
        self.assertEqual(bad.result("lost"), ["yes"])  # what it had mapped is gone, and it was not asked which
        self.assertEqual(good.of("repossessed"), [])   # though the other has named its frames as its own to give
        self.assertGreater(good.of("lease")[0]["came"], 60)
        self.assertEqual(good.result("checksum"), alone.result("checksum"))

    def test_frames_to_lend_that_are_not_there_are_said(self):
        job = Job("apps/loop.unix", "pages=60", leased=100000)
        other = Job("apps/hello.unix")
        boot(job, other)
        self.assertEqual(job.end, "not_started")
        self.assertIn("to lend", job.of("job")[0]["detail"])
        self.assertEqual(other.end, "exit")

    def test_the_same_program_side_by_side_with_different_policies(self):
        jobs = [Job("apps/loop.unix", "pages=100", "laps=4", "write=1", frames=1000,
                    settings=(f"policy={policy}", "frames=60"))
                for policy in ("fifo", "lifo", "sieve1_d1", "twoq_clock")]
        boot(*jobs)
        self.ended_well(*jobs)
        faults = [job.value("faults") for job in jobs]
        self.assertGreaterEqual(faults[0], 400)      # FIFO misses every reference of a loop larger than memory
        self.assertLess(faults[1], 0.7 * faults[0])  # LIFO keeps what it has

    def test_a_job_that_never_yields_neither_stops_its_neighbours_nor_outlives_its_deadline(self):
        spinner = Job("tests/vm/job-bad.bare", "spins", frames=300, deadline=40)
        worker = Job("apps/loop.unix", "pages=40", "laps=3", frames=800)
        _, order = boot(spinner, worker)
        self.ended_well(worker)
        self.assertEqual(spinner.end, "destroyed")
        self.assertEqual(order, [worker, spinner])

    def test_bad_neighbours_end_alone_each_with_a_report(self):
        ways = {"reads_kernel_memory": "exit", "writes_the_frame_table": "exit", "writes_its_own_text": "exit",
                "runs_its_data": "exit", "overruns_its_stack": None, "halts": "exit",
                "forgets_its_entries": "no_entry", "saws_its_branch_off": "triple_fault"}
        bad = [Job("tests/vm/job-bad.bare", way, frames=300) for way in ways]
        worker = Job("apps/loop.unix", "pages=40", "laps=3", frames=800)
        console, _ = boot(*bad, worker)
        self.ended_well(worker)
        for job, (way, end) in zip(bad, ways.items()):
            self.assertIsNotNone(job.end, way)
            self.assertNotEqual((job.end, job.status), ("exit", 0), way)
            self.assertNotEqual((job.end, job.status), ("exit", 99), way)
            if end:
                self.assertEqual(job.end, end, way)
            self.assertEqual(job.of("leak"), [], way)
        self.assertGreaterEqual(len([line for line in console.splitlines() if line.startswith("job ")]), 5, console)

    def test_random_calls_do_no_harm(self):
        caller = Job("tests/vm/job-bad.bare", "calls_at_random", frames=400, deadline=400)
        worker = Job("apps/zipfkv.unix", "operations=5000", frames=1200, settings=("policy=fifo", "frames=80"))
        boot(caller, worker)
        self.ended_well(worker)
        self.assertIsNotNone(caller.end)
        self.assertEqual(caller.of("leak"), [])

    def test_a_job_gets_the_frames_of_its_manifest_and_no_more(self):
        greedy = Job("tests/vm/job-bad.bare", "takes_all_memory", frames=500)
        worker = Job("apps/loop.unix", "pages=40", "laps=3", frames=800)
        boot(greedy, worker)
        self.ended_well(greedy, worker)
        self.assertLess(int(greedy.result("taken")[0]), 500)
        self.assertGreater(int(greedy.result("taken")[0]), 300)

    def test_a_job_that_does_not_fit_is_said_and_the_others_run(self):
        too_large = Job("apps/loop.unix", frames=1_000_000)
        worker = Job("apps/loop.unix", "pages=40", "laps=3", frames=800)
        boot(too_large, worker)
        self.assertEqual(too_large.end, "not_started")
        self.ended_well(worker)

    def test_frames_go_from_job_to_job(self):
        jobs = [Job("tests/vm/job-bad.bare", "takes_all_memory" if group % 2 else "exits_at_once", group=group)
                for group in range(30)]
        boot(*jobs, memory=32)
        for job in jobs:
            self.assertEqual(job.end, "exit")
            self.assertEqual(job.of("leak"), [])
        taken = {job.result("taken")[0] for job in jobs[1::2]}
        self.assertEqual(len(taken), 1)  # each found as many as the one before


if __name__ == "__main__":
    Jobs.__module__ = "vm.jobs"  # under which its cases are listed
    print("TAP version 13")
    result = Tap()
    unittest.defaultTestLoader.loadTestsFromTestCase(Jobs).run(result)
    print(f"1..{result.number}")
