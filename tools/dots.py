# SPDX-License-Identifier: MIT
"""The figure of a comparison: a panel for each workload, a line for each policy, the best one above, and on it a dot
for each number of frames, as far to the right as there are more faults than OPT's.

The lines have the same order in all panels: that of the geometric mean over all cells, which stands at the right. The
hue says what a policy sees (`.sees` in its source), the shade how many frames there are. What is further out than the
panels reach is a number.
"""

import math

from tools import assign, plot, ranking, registry

HUES = {  # of what a policy sees: the words for it, and the colours of few and of many frames
    "faults": ("sees faults only", "#c4bfb8", "#4a4540"),
    "bits": ("sees accessed and dirty bits", "#a6cdf0", "#084594"),
    "references": ("sees every reference", "#fdc086", "#b03a00"),
    "future": ("sees the future", "#d9c6ea", "#54278f"),
    "map": ("one policy for each region", "#b5dfb0", "#00602b"),
}
ACROSS = 4                # panels side by side
PANEL, LINE = 2.35, 0.19  # inches: a panel's width, a policy's line
HEAD, FOOT = 0.7, 0.45   # above and below the lines of a panel
FURTHEST = 10             # times OPT's faults
MARGIN = 1.8              # as a factor: the part to the right of that
TICKS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
APART = 0.11              # of two ticks, in widths of a panel
NAME, SMALL = 8, 7        # points


def draw(rows, command):
    """{"png": bytes, "svg": bytes} of the figure of a comparison."""
    plt = plot.pyplot()
    workloads = list(dict.fromkeys(row["workload"] for row in rows))
    means = ranking.means([row for row in rows if row["policy"] != "opt"])
    policies = list(means)
    across = min(len(workloads), ACROSS)
    down = math.ceil(len(workloads) / across)
    names = 0.3 + 0.07 * min(max(map(len, policies), default=0), 60)
    size = (max(names + PANEL * across + 0.3, 7), (HEAD + FOOT + LINE * max(len(policies), 4)) * down + 1)
    figure, axes = plt.subplots(down, across, figsize=size, squeeze=False, sharey=True)
    for axis in axes.flat[len(workloads):]:
        axis.set_axis_off()
    for axis, workload in zip(axes.flat, workloads):
        _panel(axis, workload, [row for row in rows if row["workload"] == workload], policies)
    for axis in axes[:, 0]:
        axis.set_yticks(range(len(policies)), [_short(policy) for policy in policies], fontsize=NAME)
        for label, policy in zip(axis.get_yticklabels(), policies):
            label.set_color(_hue(policy)[2])
    axes[0, 0].set_ylim(len(policies) - 0.4, -0.6)
    _beside(axes[0, -1], means)
    return plot.finished(plt, figure, _legend(plt, policies), command)


def sight(policy):
    """The key of HUES for a policy or a map of policies."""
    return "map" if assign.is_map(policy) else registry.traits(policy)[0]


def _hue(policy):
    return HUES[sight(policy)]


def _short(policy):
    return policy if len(policy) <= 60 else policy[:59] + "…"


def _shades(policy, count):
    """Colours from few to many frames."""
    from matplotlib.colors import to_rgb

    _, few, many = _hue(policy)
    steps = [number / (count - 1) if count > 1 else 1 for number in range(count)]
    return [[a + (b - a) * step for a, b in zip(to_rgb(few), to_rgb(many))] for step in steps]


def _panel(axis, workload, rows, policies):
    floor = dict(sorted((row["frames"], row["opt_faults"]) for row in rows))
    sizes = list(floor)
    furthest = min(max([ranking.ratio(row) for row in rows] + [1.5]) * 1.08, FURTHEST)
    for line, policy in enumerate(policies):
        points = {row["frames"]: ranking.ratio(row) for row in rows if row["policy"] == policy}
        _line(axis, line, points, dict(zip(sizes, _shades(policy, len(sizes)))), furthest)
    axis.set_xscale("log")
    axis.set_xlim(0.97, furthest * (MARGIN if furthest == FURTHEST else 1))  # with room for numbers
    axis.axvline(1, color="black", linewidth=2.5, zorder=3)
    shown = []
    for tick in TICKS:
        if tick < furthest and not (shown and math.log(tick / shown[-1]) < APART * math.log(furthest)):
            shown.append(tick)
    axis.set_xticks(shown, [f"{tick:g}" for tick in shown], fontsize=SMALL)
    axis.minorticks_off()
    axis.tick_params(axis="y", length=0)
    axis.set_axisbelow(True)
    axis.grid(alpha=0.25)
    axis.set_xlabel("faults ÷ OPT’s", fontsize=SMALL)
    axis.set_title(workload, loc="left", fontsize=NAME + 2, fontweight="bold", pad=3 * SMALL + 5)
    axis.annotate(f"{_in_words(sizes)} frames,\nOPT {_in_words(floor.values())} faults", (0, 1), (0, 2),
                  xycoords="axes fraction", textcoords="offset points", fontsize=SMALL, va="bottom", color="#444444")
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _line(axis, line, points, colours, furthest):
    """A policy's dots, that of most frames on top, on a line between them."""
    seen = {frames: times for frames, times in points.items() if times < furthest}
    if seen:
        axis.plot([min(seen.values()), max(seen.values())], [line, line], color=colours[max(seen)], linewidth=0.8,
                  alpha=0.5, zorder=1)
    for frames, times in sorted(seen.items()):
        axis.plot([times], [line], "o", color=colours[frames], markersize=5.2, markeredgecolor="white",
                  markeredgewidth=0.5, zorder=2)
    beyond = [times for frames, times in points.items() if frames not in seen]
    if beyond:
        text = f"{'to ' if len(beyond) > 1 else ''}{max(beyond):,.0f} ▸"
        axis.annotate(text, (1, line), xycoords=("axes fraction", "data"), ha="right", va="center", fontsize=SMALL,
                      color=colours[max(points)])


def _beside(axis, means):
    """The means, at the right of a panel."""
    for line, text in [(-1, "mean"), *enumerate(f"{mean:,.2f}" for mean in means.values())]:
        axis.annotate(text, (1.14, line), xycoords=("axes fraction", "data"), ha="right", va="center", fontsize=SMALL,
                      annotation_clip=False)


def _in_words(numbers):
    """All of a few numbers; of many the first and the last."""
    texts = [f"{number:,}" for number in numbers]
    return " · ".join(texts) if len(texts) <= 3 else f"{texts[0]} … {texts[-1]}"


def _legend(plt, policies):
    """What hues and shades mean, and the floor."""
    def dot(colour):
        return plt.Line2D([], [], color=colour, marker="o", markersize=6, linewidth=0)

    seen = {sight(policy) for policy in policies}
    handles = {words: dot(many) for key, (words, _, many) in HUES.items() if key in seen}
    return handles | {"light: few frames, dark: many": dot("#cccccc"),
                      "OPT, the fewest possible": plt.Line2D([], [], color="black", linewidth=2.5)}
