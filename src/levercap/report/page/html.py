"""The page: pieces of HTML, escaped once and here, and the frame around them. No script, no external resource."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape as escape_html
from string import Template
from typing import Final

from levercap.core.text import escaped_lines
from levercap.report.page.formatting import NARROW

__all__ = [
    "Card",
    "Column",
    "Section",
    "bullets",
    "cards",
    "escape",
    "figure",
    "heading",
    "note",
    "page",
    "paragraph",
    "table",
]


@dataclass(frozen=True)
class Section:
    """One titled part of the report; `body` is HTML."""

    anchor: str
    title: str
    body: str


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    title : its head
    cells : text of each row
    numeric : whether it is set flush right in figures of one width
    styles : CSS of each cell, such as a tint; empty for none
    """

    title: str
    cells: Sequence[str]
    numeric: bool = True
    styles: Sequence[str] = ()


@dataclass(frozen=True)
class Card:
    """One figure of the headline: what it measures, the figure, and what it means."""

    label: str
    value: str
    meaning: str


def heading(text: str) -> str:
    """A title within a section."""
    return f"<h3>{escape(text)}</h3>"


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def note(text: str) -> str:
    """A remark set apart: something was not run, or must be read with care."""
    return f'<p class="note">{escape(text)}</p>'


def bullets(lines: Sequence[str]) -> str:
    """A list of plain sentences."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def cards(items: Sequence[Card]) -> str:
    """The figures of the headline, side by side."""
    inner = "".join(
        f'<div class="card"><div class="label">{escape(c.label)}</div><div class="value">{escape(c.value)}</div>'
        f'<div class="meaning">{escape(c.meaning)}</div></div>'
        for c in items
    )
    return f'<div class="cards">{inner}</div>'


def table(columns: Sequence[Column], caption: str = "", groups: Sequence[str] = (), dense: bool = False) -> str:
    """A table of text cells, as long as its first column; without a head where no column has a title.

    Parameters
    ----------
    columns : the columns, all of one length
    caption : text above the table
    groups : for each row the group it belongs to: a line with its name stands above the first row of each
    dense : small and without line breaks but those of the titles, for tables of many columns
    """
    titles = "".join(f"<th{_class(c)}>{escape(c.title)}</th>" for c in columns)
    head = f"<thead><tr>{titles}</tr></thead>" if any(c.title for c in columns) else ""
    body = []
    for i in range(len(columns[0].cells)):
        if groups and (i == 0 or groups[i] != groups[i - 1]):
            body.append(f'<tr class="group"><th colspan="{len(columns)}">{escape(groups[i])}</th></tr>')
        body.append("<tr>" + "".join(_cell(column, i) for column in columns) + "</tr>")
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    kind = ' class="dense"' if dense else ""
    return f'<div class="wide"><table{kind}>{title}{head}<tbody>{"".join(body)}</tbody></table></div>'


def figure(svg: bytes, description: str, caption: str = "") -> str:
    """A drawing, embedded so that its internal names cannot clash with those of another one."""
    source = base64.b64encode(svg).decode("ascii")
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img alt="{escape(description)}" src="data:image/svg+xml;base64,{source}">{below}</figure>'


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The whole document."""
    contents = "".join(f'<li><a href="#{s.anchor}">{escape(s.title)}</a></li>' for s in sections)
    body = "".join(f'<section id="{s.anchor}"><h2>{escape(s.title)}</h2>{s.body}</section>' for s in sections)
    return _PAGE.substitute(title=escape(title), subtitle=escape(subtitle), contents=contents, body=body, style=_STYLE)


def escape(text: str) -> str:
    """Text as HTML, control characters written out; a number stays on one line with its per cent sign."""
    return escape_html(escaped_lines(text).replace(" %", f"{NARROW}%"))


def _cell(column: Column, row: int) -> str:
    style = f' style="{escape(column.styles[row])}"' if column.styles and column.styles[row] else ""
    return f"<td{_class(column)}{style}>{escape(column.cells[row])}</td>"


def _class(column: Column) -> str:
    names = [name for name, is_so in (("num", column.numeric), ("tint", bool(column.styles))) if is_so]
    return f' class="{" ".join(names)}"' if names else ""


_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<header><h1>$title</h1><p class="subtitle">$subtitle</p><nav><ol>$contents</ol></nav></header>
<main>$body</main>
</body>
</html>
""")

_STYLE: Final = """
:root { color-scheme: only light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 66rem; padding: 2rem 1.5rem 4rem; background: #fff; color: #1d2733;
  font: 16px/1.5 -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.35rem; margin: 2.75rem 0 .75rem; padding-top: .75rem; border-top: 2px solid #1f5a99; }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
p, ul { max-width: 48rem; margin: .6rem 0; }
.subtitle { color: #55616e; max-width: none; }
nav ol { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: 1rem 0 0; padding: 0;
  font-size: .9rem; }
a { color: #1f5a99; }
.cards { display: grid; grid-template-columns: repeat(5, 1fr); gap: .75rem; margin: 1rem 0; }
.card { border: 1px solid #d5dbe1; border-top: 3px solid #1f5a99; border-radius: 4px; padding: .7rem .8rem; }
.card .label { font-size: .8rem; color: #55616e; min-height: 2.4em; line-height: 1.2; }
.card .value { font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; margin: .2rem 0;
  white-space: nowrap; }
.card .meaning { font-size: .8rem; line-height: 1.35; }
.note { border-left: 4px solid #c98a1b; background: #fdf6e7; padding: .6rem .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .75rem 0 1.25rem; font-size: .86rem; }
caption { text-align: left; font-weight: 600; padding: .25rem 0 .4rem; white-space: nowrap; }
th, td { padding: .3rem .7rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #e3e7eb; }
th { white-space: pre-line; font-weight: 600; border-bottom: 1.5px solid #8793a0; vertical-align: bottom; }
th.num, td.num { text-align: right; padding-left: .7rem; padding-right: 0; font-variant-numeric: tabular-nums; }
td.num, td:first-child { white-space: nowrap; }
.dense { font-size: .8rem; } .dense td { white-space: nowrap; } .dense th { white-space: pre; }
.dense th.num, .dense td.num { padding-left: .5rem; } .dense th:not(.num), .dense td:not(.num) { padding-right: .5rem; }
tr.group th { border-bottom: 1px solid #8793a0; padding-top: .9rem; color: #1f5a99; }
.wide td.num.tint, .wide th.num.tint { padding-left: .45rem; padding-right: .45rem; }
td[style^="background"] { border: 1px solid #fff; print-color-adjust: exact;
  -webkit-print-color-adjust: exact; }
td.num + td:not(.num), th.num + th:not(.num) { padding-left: 1.2rem; }
figure { margin: 1rem 0 1.5rem; }
figure img { display: block; width: 100%; height: auto; }
figcaption { font-size: .86rem; color: #55616e; max-width: 48rem; margin-top: .35rem; }
code { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, monospace; font-size: .92em; }
dl { display: grid; grid-template-columns: 13rem 1fr; gap: .35rem 1.2rem; font-size: .92rem; }
dt { font-weight: 600; } dd { margin: 0; max-width: 44rem; }
@media screen and (max-width: 50rem) {
  .cards { grid-template-columns: repeat(2, 1fr); } dl { grid-template-columns: 1fr; }
  figure { overflow-x: auto; } figure img { width: 48rem; max-width: none; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  .cards { gap: 2mm; } .card { padding: 2mm; } .card .value { font-size: 13pt; }
  .card .label, .card .meaning { font-size: 7.5pt; }
  dl { grid-template-columns: 42mm 1fr; } dt { break-inside: avoid; } dd { break-inside: avoid; }
  nav { display: none; } a { color: inherit; text-decoration: none; }
  h2 { break-after: avoid; margin-top: 1.5rem; } h3, caption { break-after: avoid; }
  figure, tr, .card, .note { break-inside: avoid; } .wide { overflow: visible; } table { font-size: 8pt; }
  .dense { font-size: 7pt; } tr.group { break-after: avoid; }
  @page { size: A4; margin: 15mm; }
}
"""
