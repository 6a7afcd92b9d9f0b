"""How values look in a notebook: one small style for all of them, and escaped cells.

Used by the `_repr_html_` of values and by the notebook's bar. Colours are the page's own, so that a light and
a dark notebook look right alike; two accents are legible on both. No script, nothing is loaded.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Final

_STYLE: Final = (
    ".mlwright{max-width:62rem;line-height:1.45}.mlwright table{border-collapse:collapse;margin:.3em 0}"
    ".mlwright th,.mlwright td{padding:.2em .9em .2em 0!important;text-align:left!important;"
    "vertical-align:top;border:0;border-bottom:1px solid rgb(128 128 128/.3);background:none!important}"
    ".mlwright th{font-weight:500;opacity:.75;white-space:nowrap}.mlwright .n{text-align:right!important;"
    "white-space:nowrap;font-variant-numeric:tabular-nums}.mlwright small,.mlwright .soft{opacity:.75}"
    ".mlwright p{margin:.25em 0}.mlwright .issue{color:#d0453a}.mlwright .tip{color:#a9690b}"
    ".mlwright .good{color:#2f8a4e}.mlwright progress{width:16em;vertical-align:middle}"
    ".mlwright summary{cursor:pointer;opacity:.75}"
)


def cell(text: object) -> str:
    """`text` in HTML: escaped, without control characters.

    >>> cell("<b>\\x1b")
    '&lt;b&gt;\ufffd'
    """
    return html.escape("".join(c if c.isprintable() else "\ufffd" for c in str(text)))


def shown(inner: str) -> str:
    """Markup as it is displayed, with its style."""
    return f'<div class="mlwright"><style>{_STYLE}</style>{inner}</div>'


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of cells that are markup already; those of the columns `numbers` stand to the right.

    >>> table(("a",), [("1",)], numbers=(0,))
    '<table><tr><th class="n">a</th></tr><tr><td class="n">1</td></tr></table>'
    """

    def row(tag: str, cells: Sequence[str]) -> str:
        sides = [' class="n"' if i in numbers else "" for i in range(len(cells))]
        inner = "".join(f"<{tag}{side}>{c}</{tag}>" for side, c in zip(sides, cells, strict=True))
        return f"<tr>{inner}</tr>"

    head = row("th", headings) if any(headings) else ""
    return f"<table>{head}{''.join(row('td', r) for r in rows)}</table>"
