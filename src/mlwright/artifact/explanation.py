"""Explanation: what each column added to each answer, as a value that prints, displays and becomes JSON.

Made by `explainer`, shown by notebooks, `cli` and `serving`. Texts in it may come from rows and files: they
are shown on one line, without control characters, shortened.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import Misuse
from mlwright.base.figures import plain
from mlwright.base.shown import shown

Doubles = npt.NDArray[np.float64]
Cell = str | int | float | bool | None

REASONS = 3
"""Reasons that are given unless more are asked for."""
SHOWN_ROWS = 5
_LONGEST = 40


class Reason(NamedTuple):
    """One column's part in one answer."""

    column: str
    value: Cell
    contribution: float
    """On the scale of `Explanation.contributions`."""
    change: float
    """Of the class's probability, or of the number."""
    text: str
    """A sentence."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why N answers are not those of the background: Shapley values of their D columns.

    For each row, `base` and the row's contributions add up to `output`.
    """

    names: tuple[str, ...]
    """[D]: the columns, in the schema's order."""
    values: tuple[tuple[Cell, ...], ...]
    """[N][D]: as the model took them; None where missing, and of columns that it does not use."""
    contributions: Doubles
    """[N, D]: in log-odds of the class in `labels`, or in the number's unit; 0 of columns not used."""
    error: Doubles
    """[N, D]: the Monte Carlo standard errors of the contributions; 0 where they are exact."""
    base: Doubles
    """[N]: the mean answer of the background rows, on the same scale."""
    output: Doubles
    """[N]: the rows' answers, on the same scale."""
    labels: tuple[str | int | bool, ...]
    """[N]: the class that each row is explained for, in its original type; none for a number."""
    target: str
    """What is predicted."""
    exact: bool
    """Whether no contribution is sampled."""
    background: int
    """Background rows."""

    def __len__(self) -> int:
        return len(self.output)

    @property
    def probability(self) -> Doubles | None:
        """[N]: of the class in `labels`; None for a number."""
        return _chance(self.output) if self.labels else None

    @property
    def base_probability(self) -> Doubles | None:
        """[N]: the probability at `base`, which the changes start from; None for a number."""
        return _chance(self.base) if self.labels else None

    @property
    def changes(self) -> Doubles:
        """[N, D]: the contributions as changes of the probability, or of the number.

        A row's contributions in log-odds, all times one factor, so that they add up to its probability less
        `base_probability`.
        """
        if not self.labels:
            return self.contributions
        moved = self.output - self.base
        chance, base = _chance(self.output), _chance(self.base)
        still = np.abs(moved) < 1e-9
        slope = np.where(still, base * (1 - base), (chance - base) / np.where(still, 1.0, moved))
        return np.asarray(self.contributions * slope[:, None])

    def reasons(self, k: int = REASONS) -> list[list[Reason]]:
        """For each row the `k` columns that moved its answer most, or fewer; the greatest first.

        Each has a sentence, such as "balance 12,400 raised the probability of yes by 0.08".
        """
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise Misuse(f"{k!r} reasons cannot be given", remedy="ask for a whole number from 1 on")
        changes = self.changes
        return [self._reasons(i, changes[i], k) for i in range(len(self))]

    def to_dicts(self, k: int = REASONS) -> list[dict[str, Any]]:  # Any: JSON values
        """The same as JSON values: one object a row, its `k` first reasons as sentences."""
        reasons = self.reasons(k)
        return [self._to_dict(i, [r.text for r in reasons[i]]) for i in range(len(self))]

    def __repr__(self) -> str:
        n = len(self)
        lines = [f"<Explanation of {n} answer{'s' if n != 1 else ''} against {self.background} rows>"]
        for i in range(min(n, SHOWN_ROWS)):
            lines.append(f"row {i}: {self.headline(i)}")
            lines += [f"    {r.text}" for r in self._reasons(i, self.changes[i], REASONS)]
        return "\n".join(lines + [f"... and {n - SHOWN_ROWS} more"] * (n > SHOWN_ROWS))

    def _repr_html_(self) -> str:
        n, changes = len(self), self.changes
        parts = []
        for i in range(min(n, SHOWN_ROWS)):
            reasons = self._reasons(i, changes[i], 8)
            most = max((abs(r.change) for r in reasons), default=1.0)
            rows = "".join(_bar(r, most) for r in reasons)
            head = "<tr><th>column</th><th>value</th><th>change</th><th></th></tr>"
            parts.append(f"<p><b>row {i}: {html.escape(self.headline(i))}</b></p><table>{head}{rows}</table>")
        more = f"<small>and {n - SHOWN_ROWS} more</small>" if n > SHOWN_ROWS else ""
        return shown(f"{''.join(parts)}{more}")

    def headline(self, row: int) -> str:
        """What a row's answer is, beside the background's.

        `income: probability of >50K 0.83, where the background's is 0.11`.
        """
        if not self.labels:
            there, usual = plain(float(self.output[row])), plain(float(self.base[row]))
            return f"{safe(self.target)} {there}, where the background's mean is {usual}"
        there, usual = (plain(float(_chance(v[row : row + 1])[0]), 2) for v in (self.output, self.base))
        what = f"{safe(self.target)}: probability of {said(self.labels[row])}"
        return f"{what} {there}, where the background's is {usual}"

    def _reasons(self, row: int, changes: Doubles, k: int) -> list[Reason]:
        contributions = self.contributions[row]
        order = np.argsort(-np.abs(contributions), kind="stable")[:k]
        return [
            Reason(
                self.names[d],
                self.values[row][d],
                float(contributions[d]),
                float(changes[d]),
                self._sentence(row, int(d), float(changes[d])),
            )
            for d in order.tolist()
            if contributions[d] != 0.0
        ]

    def _sentence(self, row: int, column: int, change: float) -> str:
        value = self.values[row][column]
        what = f"{safe(self.names[column])} {'(missing)' if value is None else said(value)}"
        of = f"the probability of {said(self.labels[row])}" if self.labels else safe(self.target)
        digits = 2 if self.labels or abs(change) < 100 else 3
        return f"{what} {'raised' if change > 0 else 'lowered'} {of} by {plain(abs(change), digits)}"

    def _to_dict(self, row: int, reasons: list[str]) -> dict[str, Any]:  # Any: JSON values
        head: dict[str, Any] = {}  # Any: as above
        if self.labels:
            head = {
                "label": self.labels[row],
                "probability": float(_chance(self.output[row : row + 1])[0]),
                "base_probability": float(_chance(self.base[row : row + 1])[0]),
            }
        return head | {
            "output": float(self.output[row]),
            "base": float(self.base[row]),
            "contributions": dict(zip(self.names, self.contributions[row].tolist(), strict=True)),
            "error": dict(zip(self.names, self.error[row].tolist(), strict=True)),
            "exact": not self.error[row].any(),
            "reasons": reasons,
        }


def safe(text: object) -> str:
    """`text` on one line, without control characters, shortened.

    >>> safe("a\\x1b[2J\\nb")
    'a?[2J?b'
    """
    plainly = "".join(c if c.isprintable() else "?" for c in str(text))
    return plainly if len(plainly) <= _LONGEST else plainly[: _LONGEST - 3] + "..."


def said(value: Cell) -> str:
    """A value as it stands in a sentence.

    >>> said(12400.0), said(True), said("a sentence of words"), said("blue")
    ('12,400', 'true', "'a sentence of words'", 'blue')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return plain(value)
    text = safe(value)
    return f"'{text}'" if " " in text else text


def _chance(margin: Doubles) -> Doubles:
    """Probabilities of log-odds."""
    small = np.exp(-np.abs(margin))
    return np.asarray(np.where(margin >= 0, 1.0, small) / (1.0 + small))


def _bar(reason: Reason, most: float) -> str:
    width = round(100 * abs(reason.change) / most) if most else 0
    colour = "#c0563b" if reason.change > 0 else "#3b7dc0"
    value = "missing" if reason.value is None else said(reason.value)
    drawn = f"<div style='background:{colour};height:0.8em;width:{width}px'></div>"
    sign = "+" if reason.change > 0 else "-"
    cells = (html.escape(safe(reason.column)), html.escape(value), f"{sign}{plain(abs(reason.change), 2)}")
    return f"<tr>{''.join(f'<td>{c}</td>' for c in cells)}<td>{drawn}</td></tr>"
