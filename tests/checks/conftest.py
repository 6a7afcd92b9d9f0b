"""Data sets built by hand, as reading would have decoded them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import polars as pl
import pytest

from mlwright.base.finding import Finding
from mlwright.base.schema import Column, Schema
from mlwright.checks import check
from mlwright.data.dataset import Dataset, Provenance

Make = Callable[..., Dataset]


def dataset(columns: Mapping[str, Iterable[object]], target: str | None = "y", **roles: str) -> Dataset:
    """A data set of these columns: numbers are numeric, texts categorical; roles by column name."""
    frame = pl.DataFrame(
        {
            name: pl.Series(list(values), dtype=pl.Float64 if _numeric(values) else pl.String)
            for name, values in columns.items()
        }
    )
    schema = Schema(
        columns=tuple(
            Column(
                name=name,
                kind="numeric" if frame[name].dtype == pl.Float64 else "categorical",
                role="target" if name == target else roles.get(name, "feature"),
            )
            for name in columns
        )
    )
    return Dataset(frame, schema, Provenance("by hand"))


def _numeric(values: Iterable[object]) -> bool:
    return all(v is None or isinstance(v, (int, float, np.number)) for v in values)


@pytest.fixture
def make() -> Make:
    return dataset


@pytest.fixture
def seen() -> Callable[..., list[Finding]]:
    """What the checks say about columns: the findings of one code, whatever their status."""

    def look(code: str, columns: Mapping[str, Iterable[object]] | Dataset, **more: str) -> list[Finding]:
        data = columns if isinstance(columns, Dataset) else dataset(columns, **more)
        return [f for f in check(data) if f.code == code]

    return look


@pytest.fixture
def clean() -> dict[str, Iterable[object]]:
    """A table with nothing wrong: two numbers and a category that tell a little about two classes."""
    random = np.random.default_rng(0)
    a, b, c = random.normal(size=600), random.exponential(size=600), random.integers(0, 4, 600)
    chance = 1 / (1 + np.exp(-(a + (c == 2))))
    y = np.where(random.random(600) < chance, "yes", "no")
    return {"a": a, "b": b, "c": [f"c{k}" for k in c], "y": y.tolist()}
