"""What an ensemble of some of the configurations would have answered, from what each of them said.

Reads the cache; fits nothing but weights. An error is told relative to that of one plain LightGBM on the
same part, as a logarithm that is cut at a third, so that no single part decides; parts of one table count
as one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from portfolio_parts import HOME

from mlwright.evaluation.metrics import METRICS, Metric
from mlwright.learners import answer_of
from mlwright.training.ensemble import choose_weights, error_on

Doubles = npt.NDArray[np.float64]
Chooser = Callable[["Told", Sequence[str]], Doubles]
REFERENCE = "lgb-default"
MOST_RATIO = 0.33
SHIPPED = 1
"""Which of portfolio_cache.GROWTHS the product ships."""


@dataclass
class Told:
    """All that was said of one part."""

    title: str
    facts: dict[str, Any]
    y: Doubles
    """Of the rows to learn from."""
    truth: Doubles
    """Of the rows that judge."""
    oof: dict[str, Doubles] = field(default_factory=dict)
    refit: dict[str, Doubles] = field(default_factory=dict)
    """By configuration: [growths, T, M]."""
    folds: dict[str, Doubles] = field(default_factory=dict)
    """By configuration: [folds, T, M]."""
    seconds: dict[str, float] = field(default_factory=dict)
    """CPU seconds of all folds and one refit."""
    steps: dict[str, float] = field(default_factory=dict)
    """Splits that a row meets in the fold's model."""

    @property
    def name(self) -> str:
        return str(self.facts["name"])

    @property
    def classes(self) -> int:
        return int(self.facts["classes"])

    @cached_property
    def metric(self) -> Metric:
        return METRICS[self.facts["metric"]]

    def answer(self, margin: Doubles) -> Doubles:
        return answer_of(margin, self.classes)

    def error(self, margin: Doubles) -> float:
        """The metric's error of margins on the rows that judge."""
        truth = self.truth.astype(np.int64) if self.classes else self.truth
        return error_on(self.metric, truth, self.answer(margin), None)

    def ratio(self, error: float) -> float:
        """The logarithm of an error over the reference's, cut."""
        return float(np.clip(np.log((error + 1e-6) / (self.reference + 1e-6)), -MOST_RATIO, MOST_RATIO))

    @cached_property
    def reference(self) -> float:
        return self.error(self.refit[REFERENCE][SHIPPED])

    def relative(self, name: str) -> float:
        """What a configuration costs, in fits of the reference."""
        return self.seconds[name] / self.seconds[REFERENCE]


def told(sizes: Iterable[str] = ("small", "middle"), most: int = 100) -> list[Told]:
    """Every part in the cache that the reference has spoken of."""
    found = []
    for folder in sorted((HOME / "said").iterdir()):
        facts_path = folder / "facts.json"
        if not facts_path.exists() or not (folder / f"{REFERENCE}.npz").exists():
            continue
        facts = json.loads(facts_path.read_text())
        if facts["size"] not in sizes:
            continue
        truth = np.load(folder / "truth.npz")
        one = Told(folder.name, facts, truth["learning"].astype(float), truth["judging"].astype(float))
        for path in sorted(folder.glob("*.npz"))[: most + 1]:
            if path.name != "truth.npz":
                _add(one, path.stem, np.load(path))
        if REFERENCE in one.oof:
            found.append(one)
    return found


def _add(one: Told, name: str, said: Any) -> None:
    if str(said["failure"]):
        return
    one.oof[name] = said["oof"].astype(np.float64)
    one.refit[name] = said["refit"].astype(np.float64)
    one.folds[name] = said["folds"].astype(np.float64)
    one.seconds[name] = float(said["seconds"].sum() + said["refit_seconds"])
    one.steps[name] = float(said["shape"][2])


def as_shipped(one: Told, names: Sequence[str]) -> Doubles:
    """Weights by the product's own rule."""
    y = one.y.astype(np.int64) if one.classes else one.y
    return choose_weights(one.metric, y, [one.oof[n] for n in names], one.answer)


def blend_error(
    one: Told, names: Sequence[str], choose: Chooser = as_shipped, growth: int = SHIPPED
) -> float:
    """The error of the blend of those configurations that spoke of this part."""
    able = [n for n in names if n in one.oof]
    if not able:
        return one.error(np.zeros_like(one.refit[REFERENCE][growth]))
    weights = choose(one, able)
    mixed = sum(w * one.refit[n][growth] for n, w in zip(able, weights, strict=True) if w > 0)
    return one.error(np.asarray(mixed))


def by_table(parts: Sequence[Told], values: Sequence[float]) -> dict[str, float]:
    """The mean of each table's parts."""
    names = sorted({p.name for p in parts})
    return {n: float(np.mean([v for p, v in zip(parts, values, strict=True) if p.name == n])) for n in names}


def summary(parts: Sequence[Told], values: Sequence[float]) -> tuple[float, float]:
    """The mean over tables, and its standard error."""
    each = np.array(list(by_table(parts, values).values()))
    return float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else float("nan")


class Fast:
    """Greedy weights by log loss or squared error, all candidates of a step at once.

    A stand-in for the product's rule where thousands of portfolios are compared.
    """

    def __init__(self, one: Told, rows: int = 800, steps: int = 12) -> None:
        self.one, self.steps = one, steps
        self.names = sorted(one.oof)
        pick = np.random.default_rng(0).permutation(len(one.y))[:rows]
        self.y = one.y[pick]
        self.oof = np.stack([one.oof[n][pick] for n in self.names]).astype(np.float32)
        self.place = {n: i for i, n in enumerate(self.names)}
        self.known: dict[frozenset[str], float] = {}

    def ratio(self, names: frozenset[str]) -> float:
        """The blend's error against the reference's."""
        able = frozenset(n for n in names if n in self.place)
        if able not in self.known:
            self.known[able] = self._ratio(sorted(able)) if able else MOST_RATIO
        return self.known[able]

    def _ratio(self, names: list[str]) -> float:
        m = self.oof[[self.place[n] for n in names]]
        total, counts = np.zeros_like(m[0]), np.zeros(len(names))
        best, best_counts = np.inf, counts
        for step in range(1, self.steps + 1):
            losses = self._losses((total + m) / step)
            chosen = int(np.argmin(losses))
            total = total + m[chosen]
            counts = counts.copy()
            counts[chosen] += 1
            if losses[chosen] < best * (1 - 1e-4):
                best, best_counts = losses[chosen], counts
        mixed = sum(c * self.one.refit[n][SHIPPED] for n, c in zip(names, best_counts, strict=True) if c)
        return self.one.ratio(self.one.error(np.asarray(mixed) / best_counts.sum()))

    def _losses(self, margins: Doubles) -> Doubles:
        """The loss of each of [C, N, M]."""
        if not self.one.classes:
            return np.asarray(((margins[:, :, 0] - self.y) ** 2).mean(axis=1))
        if self.one.classes == 2:
            sign = np.where(self.y == 1, -1.0, 1.0).astype(np.float32)
            return np.asarray(np.logaddexp(0, sign * margins[:, :, 0]).mean(axis=1))
        top = margins.max(axis=2, keepdims=True)
        log_sum = np.log(np.exp(margins - top).sum(axis=2)) + top[:, :, 0]
        own = np.take_along_axis(margins, self.y.astype(np.int64)[None, :, None], axis=2)[:, :, 0]
        return np.asarray((log_sum - own).mean(axis=1))
