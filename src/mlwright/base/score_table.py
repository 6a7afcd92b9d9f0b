"""Scores beside the plain baseline and two models beside each other, as tables of a notebook.

Used by what holds scores: Evaluation, Comparison and Model. The same figures as on the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mlwright.base import figures
from mlwright.base.score import Score
from mlwright.base.shown import cell, table

if TYPE_CHECKING:
    from mlwright.base.comparison import Pair

_CLEAR: Final = {"better": "good", "worse": "issue", "unclear": "tip"}
_WORDS: Final = {"better": "better", "worse": "worse", "unclear": "no clear difference"}


def score_table(scores: Sequence[Score], baseline: Sequence[Score]) -> str:
    """Every metric with its interval, beside the baseline.

    >>> auc = Score(metric="roc_auc", value=0.8, low=0.7, high=0.9, rows=90, greater_is_better=True)
    >>> "0.80" in score_table([auc], []) and "better" not in score_table([auc], [])
    True
    """
    plain = {s.metric: s for s in baseline}
    rows = []
    for number, score in enumerate(scores):
        value, interval = figures.score(score)
        beside = plain.get(score.metric)
        name, said = cell(score.metric), cell(value)
        rows.append(
            (
                f"<b>{name}</b>" if number == 0 else name,
                f"<b>{said}</b>" if number == 0 else said,
                cell(interval),
                cell(figures.like(beside.value, score)) if beside else "",
                "" if beside is None else _word(score.beside(beside)),
            )
        )
    return table(("metric", "model", "95 % interval", "baseline", ""), rows, numbers=(1, 3))


def pair_table(pairs: Sequence[Pair], alike: str) -> str:
    """Every metric of two models with the gain of the second; `alike` is the method of no difference."""
    rows = []
    for pair in pairs:
        gain, places = pair.gain, min(figures.places_for(pair.gain.high - pair.gain.low), 4)
        same = gain.method == alike
        interval = "" if same else f"{gain.low:+,.{places}f} to {gain.high:+,.{places}f}"
        rows.append(
            (
                cell(gain.metric),
                cell(figures.like(pair.first.value, pair.first)),
                cell(figures.like(pair.second.value, pair.first)),
                "0" if same else f"{gain.value:+,.{places}f}",
                interval,
                "" if same else f"{gain.p_value:.2g}",
                "alike" if same else _word(gain.verdict),
            )
        )
    head = ("metric", "first", "second", "gain", "95 % interval", "p", "")
    return table(head, rows, numbers=(1, 2, 3, 5))


def _word(verdict: str) -> str:
    return f'<span class="{_CLEAR[verdict]}">{_WORDS[verdict]}</span>'
