# SPDX-License-Identifier: MIT
"""The figures of one workload: miss ratios, write-backs, faults over the references, pages over time.

A section that has nothing to show says why.
"""

from html import escape

from tools.report import replay
from tools.report.svg import Chart, Scale, legend
from tools.tables import number

LINES = 10      # policies with a line of their own in a figure; the others' lines are thin
CLOSE = 6       # policies that are looked at reference by reference
INTERVALS = 80  # of a timeline
ACROSS, UP, LEVELS = 72, 36, 7  # fields of a map, and colours


def figure(chart, caption, below=""):
    return f"<figure>{chart.svg()}{below}<figcaption>{caption}</figcaption></figure>"


def curves(rows):
    """Miss ratios and write-backs over frames."""
    policies = list(dict.fromkeys(row["policy"] for row in rows if row["policy"] != "opt"))
    ordered = sorted(policies, key=lambda policy: _mean_ratio(rows, policy))
    chosen = [policy for policy in policies if policy in ordered[:LINES]]
    work = escape(rows[0]["workload"])
    floor = sorted({(row["frames"], row["opt_faults"] / row["references"]) for row in rows})
    ratios = _lines(rows, chosen, policies, lambda row: row["faults"] / row["references"], floor,
                    f"Miss ratio of {rows[0]['workload']} over frames", "miss ratio (faults ÷ references)")
    writes = _lines(rows, chosen, policies, lambda row: row["writebacks"], None,
                    f"Write-backs of {rows[0]['workload']} over frames", "write-backs")
    thin = len(policies) - len(chosen)
    if any(row["writebacks"] for row in rows):
        written = figure(writes, f"Write-backs of {work}: victims that were dirty.", legend(chosen, thin=thin))
    else:
        written = empty("No page of this workload was dirty when it was evicted, so there are no write-backs to draw.")
    return figure(ratios, f"Miss ratio of {work}. Nothing can be below OPT, which knows the future.",
                  legend(chosen, "opt (floor)", thin)), written


def _mean_ratio(rows, policy):
    own = [row["ratio_to_opt"] for row in rows if row["policy"] == policy]
    return sum(own) / len(own)


def _lines(rows, chosen, policies, value, floor, title, y_title):
    frames = [row["frames"] for row in rows]
    highest = max([value(row) for row in rows] + [y for _, y in floor or ()])
    said = f"{len(policies)} policies, {len(set(frames))} numbers of frames from {min(frames)} to {max(frames)}."
    chart = Chart(title, said, Scale(0, max(frames)), Scale(0, highest), "frames", y_title)
    if floor:
        chart.floor(floor, "opt")
    for policy in policies:
        points = sorted((row["frames"], value(row)) for row in rows if row["policy"] == policy)
        if policy in chosen:
            chart.line(points, chosen.index(policy), policy)
        else:
            chart.thin_line(points, policy)
    return chart


class Close:
    """One workload with one number of frames, reference by reference: OPT and the policies with the fewest faults."""

    def __init__(self, cells, book):
        sizes = sorted({cell.frames for cell in cells})
        self.frames = sizes[(len(sizes) - 1) // 2]
        own = [cell for cell in cells if cell.frames == self.frames]
        ordered = sorted((cell for cell in own if cell.policy != "opt"),
                         key=lambda cell: book.rows[cell.name]["faults"])
        self.cells = [cell for cell in own if cell in ordered[:CLOSE]]
        self.left_out = len(ordered) - len(self.cells)
        self.subject, self.seed, self.book = cells[0].subject, cells[0].seed, book
        self.string = replay.references(self.subject)
        self.faults = {policy: replay.faults(self.subject, policy, self.frames, self.seed)
                       for policy in (*(cell.policy for cell in self.cells), "opt")}

    def chosen(self):
        more = f"; the {len(self.cells)} policies with the fewest faults of {len(self.cells) + self.left_out}" \
            if self.left_out else ""
        return f"{number(self.frames)} frames{more}"

    def whence(self):
        """Where the positions of the faults are from, and what speaks for them."""
        rows = [self.book.rows[cell.name] for cell in self.cells]
        agree = [row["policy"] for row in rows if row["source"] == "real" and row["agrees"]]
        said = "Positions are the simulator's, fed with the same references"
        return f"{said}; the real runs of {escape(', '.join(agree))} have its counts." if agree else f"{said}."

    def timeline(self):
        """Faults per thousand references, over the references."""
        rates = {policy: replay.rate(positions, len(self.string), INTERVALS)
                 for policy, positions in self.faults.items()}
        highest = max(y for points in rates.values() for _, y in points)
        chart = Chart(f"Fault rate of {self.subject.name} over its references",
                      f"Faults per 1,000 references in {min(INTERVALS, len(self.string))} intervals.",
                      _exact(len(self.string)), Scale(0, highest), "references", "faults per 1,000 references")
        chart.floor(replay.stairs(rates["opt"]), "opt")
        for series, cell in enumerate(self.cells):
            chart.steps(rates[cell.policy], series, cell.policy)
        return figure(chart, f"Fault rate over the references with {self.chosen()}. {self.whence()}",
                      legend([cell.policy for cell in self.cells], "opt"))

    def maps(self):
        """Page × time: of all references, then of each policy's faults."""
        ranked, pages = replay.ranks(self.string)
        everything = range(len(self.string))
        made = [self._map(ranked, pages, list(everything), "references", self.subject.name)]
        made += [self._map(ranked, pages, positions, f"faults of {policy}", self.subject.name)
                 for policy, positions in self.faults.items()]
        return f'<div class="maps">{"".join(made)}</div>'

    def _map(self, ranked, pages, positions, what, name):
        counts = replay.density(ranked, pages, positions, ACROSS, UP)
        fields, least = replay.levels(counts, LEVELS)
        shades = [0, *(LEVELS * level // len(least) for level in range(1, len(least) + 1))]
        fields = [[shades[level] for level in row] for row in fields]
        chart = Chart(f"Pages and time: {what}, {name}", f"{len(positions):,} in all; the fullest field has "
                      f"{int(counts.max()):,}.", _exact(len(ranked)), _exact(pages), "references", "page", 400, 230)
        chart.field(fields, LEVELS)
        keys = "".join(f'<li><span class="swatch b{shade}"></span>{bound:,}+</li>'
                       for shade, bound in zip(shades[1:], least))
        return figure(chart, f"{escape(what.capitalize())}: {len(positions):,}.",
                      f'<ul class="legend" aria-label="in a field at least">{keys}</ul>')


def _exact(high):
    """An axis that ends at its highest value, as the fields of a map do."""
    scale = Scale(0, high)
    scale.ticks = [tick for tick in scale.ticks if tick <= high]
    scale.high = high
    return scale


def empty(why):
    return f'<p class="empty">{escape(why)}</p>'
