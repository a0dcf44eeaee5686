# SPDX-License-Identifier: MIT
"""The eight steps of page faults, from the report channel to Chrome trace JSON and to a listing.

A fault is the events {"step","time","page"} with one number `fault`; a step lasts until the next one of its fault,
and the last one (8, resume) ends with the application's next instruction, which nobody stamps: it has no duration.
Under -icount a tick of the time-stamp counter is one instruction and one nanosecond of the machine's time.
"""

from collections import defaultdict
from statistics import median

from tools.tables import number

STEPS = {
    1: ("kernel", "detects the fault"),
    2: ("kernel", "finds the entry in the PE, upcalls the library OS"),
    3: ("library OS", "runs its replacement policy if no frame is free"),
    4: ("library OS", "unbinds the victim's TLB entry, writes it back first if dirty"),
    5: ("library OS", "issues the disk read into the frame"),
    6: ("kernel", "on completion, upcalls through the PE"),
    7: ("library OS", "installs the TLB entry"),
    8: ("library OS", "resumes the application, without the kernel"),
}
THREADS = {"kernel": 1, "library OS": 2}


def faults(events):
    """{fault number: [(step, time, page), …] in order of time} from events of kind `step`."""
    found = defaultdict(list)
    for event in events:
        found[event["fault"]].append((event["step"], event["time"], event["page"]))
    for steps in found.values():
        steps.sort(key=lambda each: (each[1], each[0]))
    return dict(sorted(found.items()))


def chrome_trace(found, app, command):
    """The document that Perfetto and speedscope open. Times are microseconds of the machine."""
    start = min((steps[0][1] for steps in found.values()), default=0)
    events = [{"ph": "M", "name": "process_name", "pid": 1, "args": {"name": app}}]
    events += [{"ph": "M", "name": "thread_name", "pid": 1, "tid": tid, "args": {"name": who}}
               for who, tid in THREADS.items()]
    events.append({"ph": "M", "name": "thread_name", "pid": 1, "tid": 0, "args": {"name": "page faults"}})
    for fault, steps in found.items():
        first, last, page = steps[0][1], steps[-1][1], steps[0][2]
        events.append({"ph": "B", "name": "fault", "pid": 1, "tid": 0, "ts": (first - start) / 1000,
                       "args": {"fault": fault, "page": page}})
        events.append({"ph": "E", "name": "fault", "pid": 1, "tid": 0, "ts": (last - start) / 1000})
        for (step, time, about), after in zip(steps, [*steps[1:], steps[-1]]):
            who, what = STEPS[step]
            events.append({"ph": "X", "name": f"fault.{step}", "cat": who, "pid": 1, "tid": THREADS[who],
                           "ts": (time - start) / 1000, "dur": (after[1] - time) / 1000,
                           "args": {"what": what, "fault": fault, "page": about, "instructions": after[1] - time}})
    return {"displayTimeUnit": "ns", "otherData": {"command": command, "clock": "guest instructions, 1 = 1 ns"},
            "traceEvents": events}


def listing(found):
    """The numbered listing: for each step how many faults took it and the instructions until the next step."""
    spent = defaultdict(list)
    whole = []
    for steps in found.values():
        whole.append(steps[-1][1] - steps[0][1])
        for (step, time, _), after in zip(steps, steps[1:]):
            spent[step].append(after[1] - time)
    taken = {step: sum(any(each[0] == step for each in steps) for steps in found.values()) for step in STEPS}
    lines = [f"{len(found):,} page faults; instructions from each step to the fault's next one", "",
             f"{'step':<5}{'who':<12}{'taken':>8}{'least':>9}{'median':>9}{'most':>11}   what"]
    for step, (who, what) in STEPS.items():
        counts = spent[step]
        cells = [min(counts), int(median(counts)), max(counts)] if counts else [None] * 3
        lines.append(f"{step:<5}{who:<12}{taken[step]:>8,}{number(cells[0]):>9}{number(cells[1]):>9}"
                     f"{number(cells[2]):>11}   {what}")
    if whole:
        lines.append(f"{'whole':<17}{len(whole):>8,}{min(whole):>9,}{int(median(whole)):>9,}{max(whole):>11,}"
                     f"   from detection to resume")
    return "\n".join(lines)


def example(found):
    """One fault step by step: one that took as many steps as any."""
    fault, steps = max(found.items(), key=lambda each: len(each[1]))
    start, before = steps[0][1], steps[0][1]
    lines = [f"fault {fault} on page {steps[0][2]}, step by step", "",
             f"{'step':<5}{'at':>9}{'since':>9}   what"]
    for step, time, _ in steps:
        lines.append(f"{step:<5}{time - start:>9,}{time - before:>9,}   {STEPS[step][0]}: {STEPS[step][1]}")
        before = time
    return "\n".join(lines)
