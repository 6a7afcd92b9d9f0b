"""The verdict: how good a model is in one sentence, beside guessing, and what its decisions bring in another.

Used by the cards. Made from an Evaluation alone: each figure has its interval, and no more digits than that
allows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from mlwright.base import figures
from mlwright.base.evaluation import Evaluation, Outcome, Score
from mlwright.base.schema import Target


def verdict(evaluation: Evaluation, target: Target) -> str:
    """One sentence for everybody.

    >>> auc = Score(metric="roc_auc", value=0.913, low=0.89, high=0.934, rows=900, greater_is_better=True)
    >>> of = Evaluation(task="binary", metric="roc_auc", scores=(auc,), baseline=(), rows=900, how="",
    ...                 split="random")
    >>> verdict(of, Target(name="late", task="binary", classes=("no", "yes"), positive="yes"))
    "Ranks a row whose late is 'yes' above one whose late is 'no' 91 times of 100 (89 to 93)."
    """
    scores = {s.metric: s for s in evaluation.scores}
    plain = {s.metric: s for s in evaluation.baseline}
    asked = {"binary": ("roc_auc", "accuracy"), "multiclass": ("accuracy",), "regression": ("mae", "rmse")}
    known = (*asked.get(target.task, ()), evaluation.metric)
    name = next((n for n in known if n in scores and math.isfinite(scores[n].value)), None)
    if name is None:
        return "How good it is was not measured."
    score, beside = scores[name], plain.get(name)
    if beside is not None and not math.isfinite(beside.value):
        beside = None
    return _sentence(score, beside, target)


def decided(evaluation: Evaluation, target: Target) -> str:
    """One sentence on what the labels bring as they are decided; nothing where nothing was decided."""
    outcome = next((o for o in evaluation.outcomes if o.way == "as decided"), None)
    if outcome is None:
        return ""
    of = {s.metric: s for s in outcome.scores}
    if "cost_per_1000_rows" in of:
        cost = of["cost_per_1000_rows"]
        others = [(s, o.way) for o in evaluation.outcomes for s in _costs(o) if o.way.startswith("always")]
        best = min(others, key=lambda one: one[0].value, default=None)
        beside = f"; without a model at best {figures.like(best[0].value, cost)} ({best[1]})" if best else ""
        return f"As it decides, 1,000 rows cost {_with_interval(cost)}{beside}."
    if "precision" in of and "recall" in of and target.positive is not None:
        right, found = _of_100(of["precision"]), _of_100(of["recall"])
        positive = f"'{target.positive}'"
        return f"Of 100 rows that it calls {positive}, {right} are; of 100 that are, it finds {found}."
    return ""


def _sentence(score: Score, beside: Score | None, target: Target) -> str:
    name, guess = target.name, ""
    if score.metric == "roc_auc" and len(target.classes) == 2:
        positive = target.positive or target.classes[1]
        other = next(c for c in target.classes if c != positive)
        guess = "" if beside is None else f"; guessing: {_share(beside, score)}"
        said = f"Ranks a row whose {name} is '{positive}' above one whose {name} is '{other}'"
        return f"{said} {_of_100(score, 'times of 100')}{guess}."
    if score.metric == "accuracy":
        guess = "" if beside is None else f"; always naming the most frequent: {_share(beside, score)}"
        which = "of the two" if len(target.classes) == 2 else f"of {len(target.classes)} classes"
        return f"Names the right one {which} of {name} for {_of_100(score, 'of 100 rows')}{guess}."
    if score.metric in ("mae", "rmse"):
        guess = "" if beside is None else f"; one answer for all rows: {figures.like(beside.value, score)}"
        kind = "on average" if score.metric == "mae" else "(root mean square)"
        return f"Is off by {_with_interval(score)} {kind} when it predicts {name}{guess}."
    guess = "" if beside is None else f"; the plain baseline: {figures.like(beside.value, score)}"
    return f"Predicts {name} with {score.metric} {_with_interval(score)}{guess}."


def _with_interval(score: Score) -> str:
    value, interval = figures.score(score)
    return f"{value} ({interval})" if interval not in ("", "none") else value


def _of_100(score: Score, noun: str = "") -> str:
    """A share as so many of 100, with its interval."""
    places = _places(score)
    value, low, high = (f"{100 * v:.{places}f}" for v in (score.value, score.low, score.high))
    said = f"{value} {noun}".rstrip()
    return said if score.method.startswith("none") else f"{said} ({low} to {high})"


def _share(plain: Score, beside: Score) -> str:
    return f"{100 * plain.value:.{_places(beside)}f}"


def _places(score: Score) -> int:
    """Decimals of a percentage at which its interval shows one digit; one, where it has no width."""
    width = 100 * (score.high - score.low)
    if score.method.startswith("none"):
        return 0
    return min(3, max(0, -math.floor(math.log10(width)))) if width > 0 else 1


def _costs(outcome: Outcome) -> Iterator[Score]:
    return (s for s in outcome.scores if s.metric == "cost_per_1000_rows")
