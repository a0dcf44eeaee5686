# SPDX-License-Identifier: MIT
"""The figure of `bench peers`: for each operation a bar a system; and what all figures have in common. That of a
comparison: dots.py.

Drawn from the rows alone, the same that stand in the data files beside it. Bars differ by hatching as well as by
colour. The command that made the rows stands below.
"""

import io
import math

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f3fbf", "#8c6d31", "#555555", "#b22222")
HATCHES = ("", "//", "..", "xx", "\\\\", "++")
LETTERS = 9      # points of those of the legend
PER_LINE = 6     # names in a line of the legend, at most
LINE = 0.25      # inches that a line of the legend takes; two are in the height of each figure
CHARACTERS = 16  # of the footer in an inch


def bars(rows, command, unit):
    """{"png": bytes, "svg": bytes} of the figure of `bench peers`: what each operation costs each system, without what
    moves pages, on a logarithmic scale."""
    plt = pyplot()
    ops = list(dict.fromkeys(row["op"] for row in rows))
    systems = list(dict.fromkeys(row["system"] for row in rows))
    figure, axis = plt.subplots(figsize=(9, 1.4 + 0.17 * len(rows) + 0.12 * len(ops)))
    place, ticks, handles = 0.0, [], {}
    for op in ops:
        own = [row for row in rows if row["op"] == op]
        ticks.append(place + (len(own) - 1) / 2)
        for row in own:
            number = systems.index(row["system"])
            count = max(row[unit] - row["moved"], 1)
            handles[row["system"]] = axis.barh(place, count, height=0.9, color=COLOURS[number % len(COLOURS)],
                                               hatch=HATCHES[number % len(HATCHES)], edgecolor="white", linewidth=0)
            axis.text(count * 1.06, place, f"{count:,}", va="center", fontsize=6)
            place += 1
        place += 0.8
    axis.set_yticks(ticks, ops, fontsize=8)
    axis.set_ylim(place, -1)
    axis.set_xscale("log")
    axis.set_xlim(left=1, right=axis.get_xlim()[1] * 2)
    axis.set_xlabel(f"{unit}, iterations that zero or copy a page left out")
    axis.grid(axis="x", alpha=0.25)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    return finished(plt, figure, {system: handles[system] for system in systems}, command)


def pyplot():
    """pyplot, set up so that the same rows give the same file."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "bindery"
    import matplotlib.pyplot as plt

    return plt


def legend(figure, handles):
    """Puts the names above, as many in a line as fit; returns how many lines there are."""
    for across in range(min(PER_LINE, len(handles)), 0, -1):
        box = figure.legend(handles.values(), handles.keys(), loc="upper center", ncol=across, frameon=False,
                            fontsize=LETTERS)
        if across == 1 or box.get_window_extent().width <= figure.bbox.width:
            return math.ceil(len(handles) / across)
        box.remove()
    return 0


def finished(plt, figure, handles, command):
    """Adds legend and command, and gives the files."""
    width, height = figure.get_size_inches()
    lines = legend(figure, handles)
    height += LINE * max(lines - 2, 0)
    figure.set_size_inches(width, height)
    wrap = int(width * CHARACTERS)
    footer = [command[at:at + wrap] for at in range(0, len(command), wrap)]
    figure.text(0.01, 0.01, "\n".join(footer), fontsize=7, family="monospace", color="#444444", va="bottom")
    figure.tight_layout(rect=(0, (0.1 + 0.14 * len(footer)) / height, 1, 1 - (0.1 + LINE * lines) / height))
    files = {}
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
        out = io.BytesIO()
        figure.savefig(out, format=kind, dpi=150, metadata=metadata)
        files[kind] = out.getvalue()
    plt.close(figure)
    return files
