"""Leaks: columns that know the answer, by value, by absence, by order, by date, or two together.

Each function takes a `Clean` and returns a `Spoilt`; `inject` calls them by name.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np
import polars as pl

from mlwright.testing.defects.rows import BEGIN, moments
from mlwright.testing.defects.spoiling import (
    Clean,
    Defect,
    Spoilt,
    is_any,
    listed,
    replaced,
)


def leaking_feature(clean: Clean) -> Spoilt:
    """A number that is the target with noise: made after the outcome was known."""
    name = clean.new("score")
    y = clean.outcome()
    return Spoilt(clean.add(name, y + clean.random.normal(0, clean.degree, len(y))), (name,))


def leaking_absence(clean: Clean) -> Spoilt:
    """A column that is missing where the target is high, or outside the most frequent class."""
    name = clean.pick(lambda s: is_any(s) and not s.null_count(), "one without missing values")
    likely = np.where(clean.high(), 0.5 + clean.degree / 2, 0.5 - clean.degree / 2)
    rows = np.flatnonzero(clean.random.random(len(clean)) < likely)
    frame = clean.frame.with_columns(replaced(clean.frame[name], rows, None))
    return Spoilt(frame, (name,), listed(rows))


def leaking_id(clean: Clean) -> Spoilt:
    """A number of the case that was given in the order of the target."""
    name, y = clean.new("case_id"), clean.outcome()
    ranks = np.argsort(np.argsort(y + clean.random.normal(0, clean.degree, len(y))))
    return Spoilt(clean.add(name, 100_000 + ranks), (name,))


def leaking_date(clean: Clean) -> Spoilt:
    """A date that is later where the target is higher, against a spread of one year."""
    name, y = clean.new("closed_on"), clean.outcome()
    days = clean.random.uniform(0, 365, len(y)) + clean.degree * 365 * (y - y.min())
    dates = [(BEGIN + timedelta(days=float(d))).date() for d in np.minimum(days, 20_000)]
    return Spoilt(clean.add(name, dates), (name,))


def repeated_target(clean: Clean) -> Spoilt:
    """The target under another name: its classes renamed, or its numbers on another scale."""
    name = clean.new("status_code")
    if clean.classified:
        values = pl.Series(name, [f"S{k}" for k in clean.labels()])
    else:
        numbers = clean.outcome()
        values = pl.Series(name, 12.5 * numbers + 40 if clean.random.random() < 0.5 else np.exp(numbers / 4))
    if clean.degree:
        values = replaced(values, clean.some(clean.degree), None)
    return Spoilt(clean.add(name, values), (name,))


def leaking_difference(clean: Clean) -> Spoilt:
    """Two numbers neither of which tells the target, while their difference is the target with noise."""
    first, second = clean.new("meter_before"), clean.new("meter_after")
    y = clean.outcome()
    level = clean.random.normal(1000, 20 * max(float(y.std()), 1e-9), len(y))
    frame = clean.add(first, level)
    after = level + y + clean.random.normal(0, clean.degree, len(y))
    return Spoilt(frame.with_columns(pl.Series(second, after)), (first, second))


def created_later(clean: Clean) -> Spoilt:
    """A time of creation that lies after the time of prediction in some rows; both columns are added."""
    time, created = clean.new("decided_at"), clean.new("created_at")
    decided = moments(clean, len(clean))
    clean.random.shuffle(decided)
    ages = clean.random.exponential(10, len(clean)) + 0.05
    rows = clean.some(clean.degree)
    ages[rows] *= -1
    before = [d - timedelta(days=float(a)) for d, a in zip(decided, ages, strict=True)]
    frame = clean.add(created, before).with_columns(pl.Series(time, decided))
    return Spoilt(frame, (created,), listed(rows), roles={"time": time})


DEFECTS: Final = (
    Defect("leaking_feature", "one feature nearly gives the target away", ("MLW401", "MLW402"),
           "noise, in classes or deviations", (0.4, 0.2, 0.05), leaking_feature),
    Defect("leaking_absence", "a feature is missing by the target", ("MLW403",),
           "difference of the shares missing", (0.5, 0.8, 1.0), leaking_absence),
    Defect("leaking_id", "ids were given in the order of the target", ("MLW404",),
           "noise, in classes or deviations", (0.8, 0.3, 0.05), leaking_id),
    Defect("leaking_date", "a date is later where the target is higher", ("MLW401", "MLW406"),
           "years for one class or deviation", (0.5, 1.0, 2.0), leaking_date),
    Defect("repeated_target", "a feature is the target under another name", ("MLW402", "MLW401"),
           "share of rows missing", (0.05, 0.01, 0.0), repeated_target),
    Defect("leaking_difference", "the difference of two features gives the target away", ("MLW405",),
           "noise, in classes or deviations", (0.4, 0.2, 0.05), leaking_difference),
    Defect("created_later", "a row was created after its prediction was due", ("MLW410",), "share of rows",
           (0.005, 0.05, 0.2), created_later),
)  # fmt: skip
