# SPDX-License-Identifier: MIT
"""The page about a comparison: one file of HTML with everything in it, which needs no network and forbids itself any.

First what was done and with what, then all rows in a table that can be sorted, then the figures of each workload. The
figures that look at single references are of the middle one of the workload's numbers of frames.
"""

import base64
import hashlib
from collections import defaultdict
from html import escape
from pathlib import Path

from tools import options, paths, provenance, terminal
from tools.files import write_whole
from tools.report import runs, sections
from tools.tables import number

HERE = Path(__file__).parent
COLUMNS = {"workload": "workload", "policy": "policy", "frames": "frames", "seed": "seed", "references": "references",
           "faults": "faults", "miss_ratio": "miss ratio", "writebacks": "write-backs", "reads": "disk reads",
           "policy_instructions_per_fault": "policy instructions per fault", "ratio_to_opt": "÷ OPT",
           "source": "source"}
WORDS = ("workload", "policy", "source")


def make(cells, book, folder):
    """Writes the page about some cells and their rows."""
    groups = defaultdict(list)
    for cell in cells:
        if cell.name in book.rows:
            groups[id(cell.subject), cell.seed].append(cell)
    terminal.say("drawing the report")
    close = [sections.Close(group, book) for group in groups.values()]
    parts = [_workload(group, each, book) for group, each in zip(groups.values(), close)]
    rows = [book.rows[cell.name] for group in groups.values() for cell in group]
    path = folder / "index.html"
    write_whole(path, document(rows, book.head, options.command_line(), parts).encode())
    terminal.say(f"report: {paths.in_words(path)}")


def document(rows, head, command, parts):
    style, script = (HERE / "style.css").read_text(), (HERE / "sort.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    names = ", ".join(dict.fromkeys(row["workload"] for row in rows))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Page replacement on {escape(names)}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Page replacement, compared on real page faults</h1>
{_summary(rows, head, command)}
<h2>All results</h2>
{table(rows)}
{"".join(parts)}
</main>
<script>{script}</script>
</body>
</html>
"""


def _summary(rows, head, command):
    real = [row for row in rows if row["source"] == "real"]
    wrong = [row["cell"] for row in real if row["agrees"] is False]
    said = f"{len(rows)} cells: {len(real)} run on the machine, {len(rows) - len(real)} simulated. "
    said += f"{len(real) - len(wrong)} of the {len(real)} real runs equal the simulator fed with their references."
    missing = head["cells"] - len(rows)
    notes = [f"{missing} of the {head['cells']} cells have no result."] if missing else []
    notes += [f"Not equal to the simulator: {', '.join(wrong)}."] if wrong else []
    origins = {tuple(row[key] for key in provenance.KEYS) for row in rows}
    notes += ["The rows were not all made with the same source, build and tools; the data says which."] \
        if len(origins) > 1 else []
    facts = "".join(f"<tr><th scope=\"row\">{escape(title)}</th><td class=\"word\"><code>{escape(_said(head[key]))}"
                    "</code></td></tr>" for key, title in provenance.KEYS.items())
    return (f"<p>{escape(said)}</p>{''.join(f'<p class=wrong>{escape(note)}</p>' for note in notes)}"
            f"<p>Command: <code>{escape(command)}</code></p><table><caption>Made with</caption><tbody>{facts}</tbody>"
            "</table>")


def _said(value):
    return {None: "unknown", True: "yes", False: "no"}.get(value, str(value)) if not isinstance(value, str) else value


def table(rows):
    """All rows, with a button for sorting in each heading."""
    head = "".join(f'<th scope="col"{" class=word" if key in WORDS else ""}><button type="button">{title}</button></th>'
                   for key, title in COLUMNS.items())
    body = "".join(f"<tr>{''.join(_cell(key, _value(row, key)) for key in COLUMNS)}</tr>\n" for row in rows)
    return ('<div class="wide" tabindex="0" role="region" aria-label="All results"><table id="results">'
            "<caption>Press a heading to sort by it, once more for the other way round.</caption>"
            f"<thead><tr>{head}</tr></thead>"
            f"<tbody>\n{body}</tbody></table></div>")


def _value(row, key):
    return row["faults"] / row["references"] if key == "miss_ratio" else row[key]


def _cell(key, value):
    shown = f"{value:.4f}" if key == "miss_ratio" else number(value)
    word = ' class="word"' if key in WORDS else ""
    return f'<td{word} data-value="{"" if value is None else escape(str(value))}">{escape(shown)}</td>'


def _workload(cells, close, book):
    """The figures of one workload."""
    rows = [book.rows[cell.name] for cell in cells]
    ratios, writes = sections.curves(rows)
    seed = f", seed {cells[0].seed}" if cells[0].seed != 1 else ""
    return f"""<section>
<h2>{escape(rows[0]["workload"])}{seed}</h2>
<p>{rows[0]["references"]:,} references to {rows[0]["pages"]:,} pages.</p>
<div class="pair">
<div><h3>Miss ratio</h3>{ratios}</div>
<div><h3>Write-backs</h3>{writes}</div>
</div>
<h3>Every run on the machine: faults over time, and instructions of a fault</h3>
{runs.blocks(rows)}
<h3>Faults and pages over the references, with {number(close.frames)} frames</h3>
{close.timeline()}
{close.maps()}
</section>
"""
