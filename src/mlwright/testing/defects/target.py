"""Defects of the target: rare classes, imbalance, wrong labels, labels known in part.

Each function takes a `Clean` and returns a `Spoilt`; `inject` calls them by name.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from mlwright.base.errors import Misuse
from mlwright.testing.defects.spoiling import Clean, Defect, Spoilt, listed, replaced


def rare_classes(clean: Clean) -> Spoilt:
    """Of the smallest class only a few rows are left."""
    labels = clean.labels()
    counts = np.bincount(labels)
    keep = int(clean.degree)
    large = np.flatnonzero(counts > keep)
    if not len(large):
        raise Misuse(f"no class has more than {keep} rows")
    rare = int(large[counts[large].argmin()])
    return _left(clean, np.flatnonzero(labels == rare), keep)


def imbalance(clean: Clean) -> Spoilt:
    """The smallest class is thinned out to a part of its even share."""
    labels = clean.labels()
    counts = np.bincount(labels)
    rare, others = int(counts.argmin()), len(labels) - int(counts.min())
    share = clean.degree / len(counts)
    keep = max(1, round(share * others / (1 - share)))
    if keep >= counts[rare]:
        raise Misuse("the smallest class is as small as that already")
    return _left(clean, np.flatnonzero(labels == rare), keep)


def label_errors(clean: Clean) -> Spoilt:
    """A share of the rows has the label of another class."""
    labels, column = clean.labels(), clean.frame[str(clean.target)]
    known = column.drop_nulls().unique().sort().to_list()
    rows = clean.some(clean.degree, np.flatnonzero(column.is_not_null().to_numpy()))
    moved = (labels[rows] + clean.random.integers(1, len(known), len(rows))) % len(known)
    new = replaced(column, rows, [known[int(k)] for k in moved])
    return Spoilt(clean.frame.with_columns(new.cast(column.dtype)), (column.name,), listed(rows))


def target_in_part(clean: Clean) -> Spoilt:
    """In a share of the rows the target is not known."""
    clean.outcome()
    rows = clean.some(clean.degree)
    column = replaced(clean.frame[str(clean.target)], rows, None)
    return Spoilt(clean.frame.with_columns(column), (column.name,), listed(rows))


def _left(clean: Clean, rows: np.ndarray[tuple[int], np.dtype[np.int64]], keep: int) -> Spoilt:
    """The frame without all but `keep` of these rows; the ones kept are the truth's rows."""
    gone = clean.random.choice(rows, len(rows) - keep, replace=False)
    stays = np.ones(len(clean), dtype=bool)
    stays[gone] = False
    kept = np.zeros(len(clean), dtype=bool)
    kept[np.setdiff1d(rows, gone)] = True
    return Spoilt(clean.frame.filter(stays), (str(clean.target),), listed(kept[stays]))


DEFECTS: Final = (
    Defect("rare_classes", "a class has a few rows", ("MLW302",), "rows", (15, 8, 3), rare_classes),
    Defect("imbalance", "a class is far smaller than the others", ("MLW303",), "part of its even share",
           (0.15, 0.08, 0.02), imbalance),
    Defect("label_errors", "labels are wrong", ("MLW307",), "share of rows", (0.02, 0.05, 0.15),
           label_errors),
    Defect("target_in_part", "the target is known in some rows only", ("MLW308", "MLW009"),
           "share of rows without it", (0.05, 0.2, 0.5), target_in_part),
)  # fmt: skip
