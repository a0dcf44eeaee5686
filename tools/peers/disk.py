# SPDX-License-Identifier: MIT
"""The disk's rows: one major fault, and 64 MiB paged in from a file and from swap space, on Bindery and on Linux.

Both systems run in the same QEMU with the same memory and the same disk (one image, with the file and the swap space in
the same places; cache=unsafe, in the host's memory if there is room), read the same pages in the same order and check
what is in them. What is touched is in peers/paging.h, how each system goes about it in apps/bench_paging.c and
peers/linux/disk.c.

Instructions: one boot of each system with the counter (peers/counter) in QEMU, which tells what was executed while the
guest waited for the disk, too. The row of a pass has the mean of its pages, and median and maximum of runs of 256 of
them; disk.major_fault has what single faults took. `moved` is what REP instructions did. QEMU does not count time here,
so timer interrupts are in it on both sides: the figures repeat to some percent, not to the instruction. `faults` are
those that had to wait for a read of their own, `writes` pages written to swap space.

Time: pairs of boots without the counter, Bindery and Linux in turn. wall_ratio, on Linux's rows, is the median over the
pairs of Linux's time-stamp ticks to Bindery's (above 1 Bindery is faster), wall_spread the least and the greatest. A
loaded host spreads them; neither system's ticks mean anything by themselves.

With --accel kvm there is no counter: the rows are ticks per page, the least and the median of the pairs.
"""

import statistics

from tools import paths, session, terminal
from tools.errors import BinderyError
from tools.peers import common
from tools.peers.disk_boots import OPS, PAGES, Image, boot_bindery, boot_linux

# As in peers/paging.h and peers/marker.h.
STEP = 256
BEGIN, END, ON_THE_WAY = 0, 1, 2

COUNTER = paths.BUILD / "peers" / "counter" / "libcounter.so"


def measure(options):
    """Rows of Bindery and of Linux. What of Linux cannot be measured is skipped with the reason."""
    with session.scratch() as folder:
        image = Image(folder / "disk.img")

        def bindery_boots(words):
            return boot_bindery(image, folder, options, words)

        def linux_boots(words):
            return boot_linux(image, folder, options, words)

        rows = counted("bindery", bindery_boots, folder) if options.exact() else []
        try:
            rows += counted("linux", linux_boots, folder) if options.exact() else []
        except common.Skipped as error:
            return rows + [common.skipped("linux", op, error) for op in OPS]
        try:
            found = pairs({"bindery": bindery_boots, "linux": linux_boots}, options.pairs)
        except common.Skipped as error:
            if not rows:
                raise
            return [row | {"wall_skipped": str(error)} if row["system"] == "linux" else row for row in rows]
        return timed(rows or ticks(found), found)


def counted(system, boot, folder):
    """The rows of one boot with the counter. Raises Skipped if that was not built."""
    if not COUNTER.exists():
        raise common.Skipped(f"there is no {paths.in_words(COUNTER)}; ./bindery build makes it")
    path = folder / "counts"
    passes = boot(("-plugin", f"{COUNTER},out={path}"))
    spans = counts(path.read_text())
    absent = [op for op in OPS if op not in spans]
    if absent:
        raise BinderyError(f"the counter saw no markers of {', '.join(absent)} on {system}")
    return [row_of(system, op, spans[op], passes[op]) for op in OPS]


def pairs(boots, number):
    """[{system: {op: its event}}] of pairs of boots without the counter."""
    found = []
    with terminal.progress("paired runs", number * len(boots)) as bar:
        for _ in range(number):
            pair = {}
            for system, boot in boots.items():
                pair[system] = boot(())
                bar.step(system)
            found.append(pair)
    return found


# ---- rows ----

def counts(text):
    """What the counter wrote: {op: [(instructions, moved), …]}, one for each span between markers.

    A single fault's span is from its beginning to its end; a pass has its whole span first, then those between its
    steps. Raises BinderyError if a span has no end.
    """
    begun, steps, found = {}, {}, {op: [] for op in OPS}
    nothing = []
    for line in text.splitlines():
        try:
            name, *now = map(int, line.split())
        except ValueError:
            raise BinderyError(f"the counter wrote what is no count: {line[:80]}") from None
        kind, number = divmod(name, 256)
        if number > len(OPS):
            raise BinderyError(f"the counter saw a marker of no operation: {name:#x}")
        if kind == BEGIN:
            begun[number], steps[number] = now, [now]
            continue
        if number not in begun:
            raise BinderyError(f"the counter saw no beginning of {_name(number)}")
        if kind == ON_THE_WAY:
            steps[number].append(now)
        elif number == 0:
            nothing.append(_span(begun.pop(0), now))
        else:
            spans = [_span(*pair) for pair in zip(steps[number], steps[number][1:])]
            found[OPS[number - 1]] += [_span(begun.pop(number), now), *spans]
    if begun:
        raise BinderyError(f"the counter saw no end of {', '.join(map(_name, begun))}")
    empty = min(nothing, default=(0, 0))[0]  # markers themselves
    return {op: [(span[0] - empty, span[1]) for span in spans] for op, spans in found.items() if spans}


def _name(number):
    return OPS[number - 1] if number else "two markers in a row"


def _span(before, after):
    return after[0] - before[0], after[1] - before[1]


def row_of(system, op, spans, event):
    """A row from the counter's spans, and what the program itself counted."""
    more = {"faults": event["faults"], "writes": event["writes"]}
    if system == "linux":
        more["settings"] = "tuned"
    whole, *steps = spans
    if event["pages"] == PAGES and len(steps) * STEP == PAGES:
        chunks = [round(span[0] / STEP) for span in steps]
        return common.row(system, op, round(whole[0] / PAGES), round(statistics.median(chunks)), max(chunks), PAGES,
                          round(whole[1] / PAGES), **more)
    if event["pages"] != len(spans):
        raise BinderyError(f"the counter saw {len(spans)} spans of {op} on {system}, and not {event['pages']}")
    spans = sorted(spans)
    return common.row(system, op, spans[0][0], spans[len(spans) // 2][0], spans[-1][0], len(spans), spans[0][1], **more)


def timed(rows, found):
    """The rows, Linux's with the ratios of the pairs' times."""
    for row in rows:
        if row["system"] == "linux" and found:
            ratios = [pair["linux"][row["op"]]["ticks"] / pair["bindery"][row["op"]]["ticks"] for pair in found]
            row |= {"wall_ratio": round(statistics.median(ratios), 2), "pairs": len(ratios),
                    "wall_spread": [round(min(ratios), 2), round(max(ratios), 2)]}
    return rows


def ticks(found):
    """Rows of ticks per page, where instructions can't be counted."""
    rows = []
    for system in ("bindery", "linux"):
        for op in OPS:
            events = [pair[system][op] for pair in found]
            each = [round(event["ticks"] / event["pages"]) for event in events]
            rows.append(common.row(system, op, min(each), round(statistics.median(each)), max(each), len(each),
                                   faults=events[0]["faults"], writes=events[0]["writes"]))
    return rows
