# SPDX-License-Identifier: MIT
"""Charts as inline SVG: axes with round numbers, lines, areas, marks and fields of colour.

    chart = Chart("Title", "One sentence that says what it shows", Scale(0, 500), Scale(0, 1), "frames", "miss ratio")
    chart.line([(100, 0.5), (200, 0.25)], series=0)
    text = chart.svg()

All colours are classes that style.css gives values for, light and dark. Lines differ by dash and mark as well.
"""

import itertools
import math
from html import escape

WIDTH, HEIGHT = 520, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 24, 12, 44
COLOURS = 10  # classes c0 … c9 of style.css
DASHES = ("", "7 3", "2 3", "9 3 2 3")
MARKS = ("M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0", "M-3-3h6v6h-6z", "M0-4l4 7h-8z", "M0-4l4 4-4 4-4-4z",
         "M-3-3l6 6m0-6l-6 6", "M0 4l-4-7h8z", "M-4 0h8m-4-4v8")

_numbers = itertools.count(1)


def style_of(series):
    """(class of the colour, dash, mark) of a line by its number."""
    return f"c{series % COLOURS}", DASHES[series % len(DASHES)], MARKS[series % len(MARKS)]


class Scale:
    """Values on an axis, from `low` to `high`, which are widened to round numbers."""

    def __init__(self, low, high, log=False):
        self.log = log
        if log:
            self.low = 10 ** math.floor(math.log10(max(low, 1)))
            self.high = 10 ** math.ceil(math.log10(max(high, 10 * self.low)))
            decades = round(math.log10(self.high / self.low))
            self.ticks = [self.low * 10 ** step for step in range(0, decades + 1, max(1, decades // 6))]
            return
        high = high if high > low else low + 1
        step = _round_step((high - low) / 5)
        self.low = math.floor(low / step) * step
        self.high = max(math.ceil(round(high / step, 9)) * step, self.low + step)
        self.ticks = [round(self.low + number * step, 9) for number in range(round((self.high - self.low) / step) + 1)]

    def share(self, value):
        """Where a value is between the ends, from 0 to 1."""
        if self.log:
            return math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def _round_step(least):
    """The least of 1, 2, 5 × a power of ten that is not below `least`."""
    power = 10 ** math.floor(math.log10(least))
    return next(each * power for each in (1, 2, 5, 10) if each * power >= least * 0.999999)


def shown(value):
    """A number beside an axis."""
    if value == round(value):
        return f"{round(value):,}"
    return f"{value:.6f}".rstrip("0")


class Chart:
    def __init__(self, title, description, x, y, x_title, y_title, width=WIDTH, height=HEIGHT):
        self.title, self.description, self.width, self.height = title, description, width, height
        self.x, self.y, self.parts = x, y, []
        self._axes(x_title, y_title)

    def at_x(self, value):
        return round(LEFT + self.x.share(value) * (self.width - LEFT - RIGHT), 1)

    def at_y(self, value):
        return round(self.height - BOTTOM - self.y.share(value) * (self.height - TOP - BOTTOM), 1)

    def _axes(self, x_title, y_title):
        bottom, right = self.height - BOTTOM, self.width - RIGHT
        for value in self.y.ticks:
            y = self.at_y(value)
            self.parts.append(f'<path class="grid" d="M{LEFT} {y}H{right}"/>'
                              f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{shown(value)}</text>')
        for value in self.x.ticks:
            x = self.at_x(value)
            self.parts.append(f'<path class="grid" d="M{x} {TOP}V{bottom}"/>'
                              f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{shown(value)}</text>')
        middle = (TOP + bottom) / 2
        self.parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>'
                          f'<text x="{(LEFT + right) / 2}" y="{self.height - 8}" text-anchor="middle">'
                          f'{escape(x_title)}</text>'
                          f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">'
                          f'{escape(y_title)}</text>')

    def _path(self, points):
        return "M" + "L".join(f"{self.at_x(x)} {self.at_y(y)}" for x, y in points)

    def line(self, points, series, name):
        """A line with a mark at each point."""
        mark = style_of(series)[2]
        places = "".join(f'<path class="mark" transform="translate({self.at_x(x)} {self.at_y(y)})" d="{mark}"/>'
                         for x, y in points)
        self._named(self._path(points), series, name, places)

    def steps(self, points, series, name):
        """A line of steps through (start, value), without marks; thin if `series` is None."""
        x, y = self.at_x(points[0][0]), self.at_y(points[0][1])
        path = [f"M{x} {y}"]
        for start, value in points[1:]:
            x, before, y = self.at_x(start), y, self.at_y(value)
            path.append(f"H{x}" if y == before else f"H{x}V{y}")
        self._named("".join(path), series, name)

    def thin_line(self, points, name):
        """A line among many that are not told apart; a pointer on it shows its name."""
        self._named(self._path(points), None, name)

    def _named(self, path, series, name, places=""):
        colour, dash, _ = style_of(series) if series is not None else (None, "", "")
        colour, kind = (f'class="{colour}" ', "line") if colour else ("", "rest")
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<g {colour}data-series="{escape(name)}"><title>{escape(name)}</title>'
                          f'<path class="{kind}" d="{path}"{dashes}/>{places}</g>')

    def floor(self, points, name):
        """A line that nothing is below, and the area under it."""
        under = f"{self._path(points)}L{self.at_x(points[-1][0])} {self.at_y(self.y.low)}" \
                f"L{self.at_x(points[0][0])} {self.at_y(self.y.low)}Z"
        self.parts.append(f'<g data-series="{escape(name)}"><title>{escape(name)}</title>'
                          f'<path class="under" d="{under}"/><path class="floor" d="{self._path(points)}"/></g>')

    def field(self, cells, levels):
        """Fields of colour. cells[row][column] is a level, 0 for none; row 0 is at the axis."""
        across = (self.width - LEFT - RIGHT) / len(cells[0])
        up = (self.height - TOP - BOTTOM) / len(cells)
        paths = {level: [] for level in range(1, levels + 1)}
        for number, row in enumerate(cells):
            y = round(self.height - BOTTOM - (number + 1) * up, 1)
            column = 0
            for level, same in itertools.groupby(row):
                length = len(list(same))
                if level:
                    paths[level].append(f"M{LEFT + column * across:.1f} {y}h{length * across:.1f}v{up:.1f}"
                                        f"h-{length * across:.1f}z")
                column += length
        self.parts += [f'<path class="h{level}" d="{"".join(path)}"/>' for level, path in paths.items() if path]

    def svg(self):
        number = next(_numbers)
        return (f'<svg role="img" viewBox="0 0 {self.width} {self.height}" aria-labelledby="t{number} d{number}">'
                f'<title id="t{number}">{escape(self.title)}</title><desc id="d{number}">{escape(self.description)}'
                f'</desc>{"".join(self.parts)}</svg>')


def legend(names, floor=None, thin=0):
    """What the lines are, as HTML: names in the order of their series."""
    items = []
    for series, name in enumerate(names):
        colour, dash, mark = style_of(series)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        items.append(f'<li><svg aria-hidden="true" class="key {colour}" viewBox="0 0 32 12"><path class="line" '
                     f'd="M1 6H31"{dashes}/><path class="mark" transform="translate(16 6)" d="{mark}"/></svg>'
                     f'{escape(name)}</li>')
    if floor:
        items.append('<li><svg aria-hidden="true" class="key" viewBox="0 0 32 12"><path class="floor" d="M1 6H31"/>'
                     f'</svg>{escape(floor)}</li>')
    if thin:
        items.append('<li><svg aria-hidden="true" class="key" viewBox="0 0 32 12"><path class="rest" d="M1 6H31"/>'
                     f'</svg>{thin} more</li>')
    return f'<ul class="legend">{"".join(items)}</ul>'
