"""The generated features of the view `rich`: from a plan's features to those that are added to them.

Called by `FeaturePlan` when the view is first asked for, with a way to read values. Everything is decided on
a sample of the training rows, so that its time does not grow with the table: candidates of one block are
screened by what they tell of what a small model leaves, and the block stays if the model does better with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri

from mlwright.features.combined import OPERATORS, Ranges
from mlwright.features.generated import Candidate, Made, Rows, candidates, fit
from mlwright.features.projected import fit_components, fit_margins
from mlwright.features.screening import Base, better, distinct, fit_base, worth
from mlwright.features.transform import Feature, Transform

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_SAMPLED = 10_000
FEWEST_ROWS = 100
FEWEST_CROSSED = 1_000
"""Rows below which crossed codes are not tried: their encodings are noise that a few rows cannot confirm."""
MOST_BASE = 100
"""Columns of the small model that screening starts from."""
MOST_RANGES, MOST_VALUES = 10, 40
"""Numbers treated as categories too, and how many distinct values they may have."""
CHANCE = 0.01
"""The probability that any candidate at all passes where nothing is left to explain."""
MOST_LINEAR = 300
"""Columns of the linear view that projections are made of."""

KINDS = ("arithmetic", "projections", "groups", "crosses")
"""The blocks, in the order in which they are tried, each on top of those that stayed."""
_CANDIDATES = {
    "arithmetic": (tuple(OPERATORS), 20),
    "groups": (("group_mean", "group_std", "group_min", "group_max", "above_group", "share_of_group"), 12),
    "crosses": (("cross",), 8),
}
"""By block, the kinds of candidates and how many features are kept."""

Read = Callable[[Sequence[Feature], "Ints | None", Mapping[str, Transform]], Doubles]
"""Values of features of the training rows (all, or these) with further transforms; encodings cross-fitted."""


@dataclass(frozen=True)
class Source:
    """What a plan tells about itself."""

    read: Read
    numbers: tuple[Feature, ...]
    """Candidates for arithmetic."""
    codes: Mapping[Feature, int]
    """Features of codes, and how many codes each has."""
    owners: Mapping[Feature, Feature]
    """The code behind each target encoding."""
    linear: Callable[[], Sequence[Feature]]
    """Standardised features without missing values."""
    y: Doubles
    fold: Ints
    seed: int
    threads: int

    def base(self, x: Doubles, rows: Ints) -> Base:
        """The small model of these rows."""
        return fit_base(x, self.y[rows], self.fold[rows], seed=self.seed, threads=self.threads)


def generate(source: Source, base: Sequence[Feature], kinds: Sequence[str]) -> Made:
    """The transforms and features of `kinds` that are worth adding to the features `base`; often none."""
    n = len(source.y)
    if n < FEWEST_ROWS or not kinds:
        return Made()
    rows = np.arange(n)
    if n > MOST_SAMPLED:
        rows = np.sort(np.random.default_rng(source.seed).choice(n, MOST_SAMPLED, replace=False))
    base = _telling(source, base, rows)
    x = source.read(base, rows, {})
    screen = _Screen(source, rows, x, source.base(x, rows))
    screen.rank(base)
    made = Made()
    for kind in KINDS:
        if kind in kinds:
            added = screen.projections() if kind == "projections" else screen.block(kind)
            made.transforms += added.transforms
            made.features += added.features
    if any(t.name == "range" for t in screen.ranges.values()) and _rests_on(made, "range"):
        made.transforms.insert(0, screen.ranges["range"])
    return made


@dataclass
class _Screen:
    """The sample, the small model so far and the matrix it saw."""

    source: Source
    rows: Ints
    x: Doubles
    small: Base
    numbers: list[Feature] = field(default_factory=list)
    """The most important first."""
    codes: dict[Feature, int] = field(default_factory=dict)
    """The most important first, with the number of codes of each."""
    ranges: dict[str, Transform] = field(default_factory=dict)
    """The codes of numbers of few values, where there are any."""

    def rank(self, base: Sequence[Feature]) -> None:
        """Finds the numbers and codes that the small model used."""
        gain: dict[Feature, float] = dict(zip(base, self.small.gain.tolist(), strict=True))
        for encoding, code in self.source.owners.items():
            gain[code] = gain.get(code, 0.0) + gain.get(encoding, 0.0)
        self.numbers = sorted((f for f in self.source.numbers if gain.get(f, 0) > 0), key=lambda f: -gain[f])
        codes = dict(self.source.codes)
        ranges = self._few_values()
        if ranges.width:
            self.ranges[ranges.name] = ranges
        for i, (number, size) in enumerate(zip(ranges.sources, ranges.sizes, strict=True)):
            codes[Feature(ranges.name, i)] = size
            gain[Feature(ranges.name, i)] = gain[number]
        used = sorted((f for f in codes if gain.get(f, 0) > 0), key=lambda f: -gain[f])
        self.codes = {f: codes[f] for f in used}

    def block(self, kind: str) -> Made:
        """The candidates of one block that pass, fitted on all rows; none where they do not help together."""
        kinds, most = _CANDIDATES[kind]
        if kind == "crosses" and len(self.rows) < FEWEST_CROSSED:
            return Made()
        tried = candidates(self.numbers, list(self.codes), kinds)
        if not tried:
            return Made()
        made = fit(tried, self._rows(tried, self.rows), f"_{kind}_tried")
        if not any(made.features):
            return Made()
        owners = [c for c, features in zip(tried, made.features, strict=True) for _ in features]
        extra = self.ranges | {t.name: t for t in made.transforms}
        values = self.source.read([f for features in made.features for f in features], self.rows, extra)
        kept = _telling_more(values, self.small.residual, most)
        if not self._stays(values[:, kept]):
            return Made()
        chosen = list(dict.fromkeys(owners[c] for c in kept))
        return fit(chosen, self._rows(chosen, None), f"_{kind}")

    def projections(self) -> Made:
        """Margins of a linear model and principal components, if they help."""
        linear = list(self.source.linear())
        if not linear or len(linear) > MOST_LINEAR:
            return Made()
        made: list[Transform] = []
        for rows in (self.rows, None):
            x = self.source.read(linear, rows, {})
            at = slice(None) if rows is None else rows
            margins = fit_margins(tuple(linear), x, self.source.y[at], self.source.fold[at])
            components = fit_components(tuple(linear), x)
            made = [t for t in (margins, components) if t.width]
            if rows is not None:
                values = [self.source.read(_all(t), rows, {t.name: t}) for t in made]
                if not made or not self._stays(np.concatenate(values, axis=1)):
                    return Made()
        return Made(made, [_all(t) for t in made])

    def _stays(self, values: Doubles) -> bool:
        """Adds columns to the small model if they make it better out of fold."""
        if not values.shape[1]:
            return False
        wider = np.concatenate([self.x, values], axis=1)
        after = self.source.base(wider, self.rows)
        if not better(self.small, after):
            return False
        self.x, self.small = wider, after
        return True

    def _few_values(self) -> Ranges:
        values = self.source.read(self.numbers, self.rows, {}) if self.numbers else np.zeros((0, 0))
        found = []
        for f, column in zip(self.numbers, values.T, strict=True):
            seen = np.unique(column[~np.isnan(column)])
            if 2 <= len(seen) <= MOST_VALUES:
                found.append((f, seen))
        found = found[:MOST_RANGES]
        return Ranges("range", tuple(f for f, _ in found), tuple(seen for _, seen in found))

    def _rows(self, chosen: Sequence[Candidate], rows: Ints | None) -> Rows:
        """What `fit` wants, with the values of everything that `chosen` joins read at once."""
        features = list(dict.fromkeys(f for c in chosen for f in (c.left, c.right)))
        values = self.source.read(features, rows, self.ranges) if features else np.zeros((0, 0))
        place = {f: i for i, f in enumerate(features)}
        at = slice(None) if rows is None else rows
        return Rows(
            lambda asked: values[:, [place[f] for f in asked]],
            lambda f: self.codes[f],
            self.source.y[at],
            self.source.fold[at],
        )


def _telling_more(values: Doubles, residual: Doubles, most: int) -> list[int]:
    """Columns that explain more than chance would let the best of so many, each unlike the others."""
    if not values.shape[1]:
        return []
    usable = np.isfinite(np.where(np.isnan(values), 0.0, values)).all(axis=0)
    score = np.where(usable, worth(values, residual), -1.0)
    least = (float(chdtri(15, CHANCE / (values.shape[1] * residual.shape[1]))) - 15) / len(values)
    order = [int(c) for c in np.argsort(-score, kind="stable") if score[c] > least]
    return distinct(values, np.array(order, dtype=np.int64), most)


def _telling(source: Source, base: Sequence[Feature], rows: Ints) -> list[Feature]:
    """At most MOST_BASE of `base`: those that tell most of the target on their own."""
    if len(base) <= MOST_BASE:
        return list(base)
    few = rows[:: max(1, len(rows) // 2_000)]
    told = worth(source.read(base, few, {}), source.y[few])
    return [base[i] for i in np.sort(np.argsort(-told, kind="stable")[:MOST_BASE])]


def _rests_on(made: Made, name: str) -> bool:
    return any(f.transform == name for t in made.transforms for f in t.needs(range(t.width)))


def _all(transform: Transform) -> list[Feature]:
    return [Feature(transform.name, c) for c in range(transform.width)]
