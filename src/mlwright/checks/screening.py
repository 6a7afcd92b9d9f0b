"""Which columns of a wide table a quick model is fitted on: those that tell most in its own training rows.

Used by the probe. Rows that are held back take no part in the choice, or their predictions would be too good.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlwright.base.schema import Schema
from mlwright.features.table import Table as Features
from mlwright.statistics.intervals import Codes, Floats

BINS = 8
"""Stretches that a number is cut into, with equally many rows; a missing one is one more."""
MOST_TEXTS = 8
"""Free texts that are kept, the first; each becomes many columns."""


def strongest(features: Features, shown: Floats, most: int) -> npt.NDArray[np.bool_] | None:
    """Which columns of the schema [C] tell most about targets `shown` [N, K]; None where all may stay.

    By the variance of a target between the stretches of a number, or between categories, less what chance
    gives (epsilon squared, Kelley 1935); the target of which a column tells most counts.
    """
    columns = features.schema.columns
    if len(columns) <= most:
        return None
    centred = shown - shown.mean(axis=0)
    whole = np.maximum((centred * centred).sum(axis=0), 1e-300)
    of_numbers = _of_numbers(features.numbers, centred, whole)
    told = {c.name: v for c, v in zip(features.schema.numbers, of_numbers, strict=True)}
    for j, column in enumerate(features.categorical):
        told[column.name] = _of_codes(features.ids[:, j].astype(np.int64), centred, whole)
    texts = [c.name for c in features.text][:MOST_TEXTS]
    ranked = sorted(told, key=lambda name: -told[name])
    kept = {*texts, *ranked[: most - len(texts)]}
    return np.array([c.name in kept for c in columns])


def narrowed(features: Features, kept: npt.NDArray[np.bool_] | None) -> Features:
    """The same rows with the columns `kept` alone; all where that is None."""
    if kept is None:
        return features
    chosen = {c.name for c, stays in zip(features.schema.columns, kept, strict=True) if stays}
    categories = [j for j, c in enumerate(features.categorical) if c.name in chosen]
    return Features(
        Schema(columns=tuple(c for c in features.schema.columns if c.name in chosen)),
        features.numbers[:, [c.name in chosen for c in features.schema.numbers]],
        features.ids[:, categories],
        tuple(features.vocabularies[j] for j in categories),
        tuple(t for t, c in zip(features.texts, features.text, strict=True) if c.name in chosen),
    )


def _of_numbers(numbers: Floats, centred: Floats, whole: Floats) -> list[float]:
    """What each column of `numbers` [N, A] tells."""
    if not numbers.shape[1]:
        return []
    known = (~np.isnan(numbers)).sum(axis=0)
    ordered = np.sort(numbers, axis=0)  # missing ones come last
    at = np.arange(1, BINS)[:, None] * known // BINS
    edges = np.take_along_axis(ordered, np.minimum(at, len(numbers) - 1), axis=0)
    bins = sum((numbers >= edge for edge in edges), np.zeros(numbers.shape, dtype=np.int8))
    bins = np.where(np.isnan(numbers), BINS, bins)
    between = np.zeros((numbers.shape[1], centred.shape[1]))
    filled = np.zeros(numbers.shape[1])
    for k in range(BINS + 1):
        here = (bins == k).astype(np.float64)
        sizes = here.sum(axis=0)
        between += (here.T @ centred) ** 2 / np.maximum(sizes, 1)[:, None]
        filled += sizes > 0
    chance = (filled - 1) / max(len(numbers) - 1, 1)
    return [float(v) for v in (between / whole).max(axis=1) - chance]


def _of_codes(codes: Codes, centred: Floats, whole: Floats) -> float:
    sizes = np.bincount(codes)
    sums = np.stack([np.bincount(codes, weights=target) for target in centred.T], axis=1)
    between = (sums**2 / np.maximum(sizes, 1)[:, None]).sum(axis=0)
    return float((between / whole).max()) - (np.count_nonzero(sizes) - 1) / max(len(codes) - 1, 1)
