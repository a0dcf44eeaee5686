# SPDX-License-Identifier: MIT
"""What the machine measured in every real run: when its faults were, and how many instructions they took.

One block for each number of frames of a workload, which opens when it is pressed; the middle one is open.
"""

from html import escape

from tools.report.svg import Chart, Scale, legend
from tools.tables import number

LINES = 10  # policies with a line of their own in a figure; the others' lines are thin
QUANTILES = {"median": "median", "p90": "90 %", "p99": "99 %"}
NONE = ("There is nothing to show here: no policy of this workload ran on the machine. Policies that need an "
        "application's future are simulated, and a simulated fault takes no instructions.")


def blocks(rows):
    """The blocks of one workload's rows."""
    sizes = sorted({row["frames"] for row in rows})
    middle = sizes[(len(sizes) - 1) // 2]
    found = []
    for frames in sizes:
        real = [row for row in rows if row["frames"] == frames and row["latency"]]
        if real:
            found.append(f'<details{" open" if frames == middle else ""}><summary>{number(frames)} frames: '
                         f'{", ".join(escape(row["policy"]) for row in real)}</summary><div class="pair">'
                         f"<div>{_timeline(real)}</div><div>{_latency(real)}</div></div>{_table(real)}</details>\n")
    return "".join(found) or f'<p class="empty">{NONE}</p>'


def _title(what, rows):
    return f"{what}, {rows[0]['workload']}, {rows[0]['frames']} frames"


def _draw(chart, rows, points):
    """A line of steps for each row. Returns the legend."""
    chosen = sorted(rows, key=lambda row: row["faults"])[:LINES]
    own = [row for row in rows if row in chosen]
    for row in rows:
        chart.steps(points(row), own.index(row) if row in own else None, row["policy"])
    return legend([row["policy"] for row in own], thin=len(rows) - len(own))


def _timeline(rows):
    rates = {row["policy"]: _rates(row["timeline"]) for row in rows}
    chart = Chart(_title("Faults of real runs over time", rows),
                  "Faults per million instructions, over the instructions of the run; waits for the disk left out.",
                  Scale(0, max(points[-1][0] for points in rates.values())),
                  Scale(0, max(y for points in rates.values() for _, y in points)),
                  "instructions, waits left out", "faults per million instructions")
    names = _draw(chart, rows, lambda row: rates[row["policy"]])
    return _figure(chart, names, "Faults over the run's own time: its instructions, without the waits for the disk.")


def _rates(timeline):
    """(start of each interval, faults per million instructions), and the end."""
    interval, faults = timeline["interval"], timeline["faults"]
    points = [(at * interval, 1e6 * count / interval) for at, count in enumerate(faults)]
    return [*points, (len(faults) * interval, points[-1][1])]


def _latency(rows):
    histograms = {row["policy"]: row["latency"]["histogram"] for row in rows}
    least, most = (pick(each[at][0] for each in histograms.values()) for pick, at in ((min, 0), (max, -1)))
    chart = Chart(_title("Instructions of a fault", rows),
                  "Share of the faults that took at most so many instructions, waits for the disk left out.",
                  Scale(least, most + 1, log=True), Scale(0, 100), "guest instructions", "% of the faults")
    names = _draw(chart, rows, lambda row: _rising(histograms[row["policy"]], chart.x.low, chart.x.high))
    return _figure(chart, names, "How many of the faults took at most so many instructions.")


def _rising(histogram, low, high):
    """The share of the faults, in %, from each bucket on."""
    total, seen, points = sum(faults for _, faults in histogram), 0, [(low, 0)]
    for least, faults in histogram:
        seen += faults
        points.append((least, 100 * seen / total))
    return [*points, (high, 100)]


def _figure(chart, names, caption):
    return f"<figure>{chart.svg()}{names}<figcaption>{caption}</figcaption></figure>"


def _table(rows):
    titles = ("policy", "faults", "least", *QUANTILES.values(), "most")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    body = "".join(_line(row) for row in rows)
    return ("<table><caption>Instructions of single faults, from step 3 to step 8 without the waits for the disk, "
            f"to an eighth</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def _line(row):
    histogram = row["latency"]["histogram"]
    values = (row["faults"], histogram[0][0], *(row["latency"][key] for key in QUANTILES), histogram[-1][0])
    return f'<tr><th scope="row">{escape(row["policy"])}</th>{"".join(f"<td>{value:,}</td>" for value in values)}</tr>'
