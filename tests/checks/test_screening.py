"""Columns that a quick model is fitted on in a wide table: those that tell, chosen by no row held back."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.checks.probe import MOST_COLUMNS, probe
from mlwright.checks.screening import narrowed, strongest
from mlwright.checks.table import Table
from mlwright.evaluation.metrics import METRICS
from mlwright.features import table_of


@pytest.fixture
def wide(make):
    """Noise beside three columns that tell two classes: a bump of a number, a category, being missing."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 300)
    columns = {f"n{j}": random.normal(size=300) for j in range(60)}
    columns |= {f"c{j}": [f"v{k}" for k in random.integers(0, 9, 300)] for j in range(20)}
    columns["bump"] = np.where(y == 1, random.uniform(-0.5, 0.5, 300), random.choice([-2.0, 2.0], 300))
    columns["colour"] = np.where(random.random(300) < 0.8, np.where(y == 1, "red", "blue"), "green").tolist()
    columns["absent"] = [None if k and u < 0.7 else u for k, u in zip(y, random.random(300), strict=True)]
    columns["alone"] = [f"v{k}" for k in range(300)]
    columns["constant"] = [1.0] * 300
    return make({**columns, "y": ["yes" if k else "no" for k in y]}, target="y")


def shown(data):
    y = (data.frame["y"] == "yes").to_numpy().astype(np.float64)
    return np.column_stack([1 - y, y])


def test_what_tells_the_classes_is_kept_whatever_its_shape(wide):
    features = table_of(wide)
    kept = strongest(features, shown(wide), 3)
    chosen = {c.name for c, stays in zip(features.schema.columns, kept, strict=True) if stays}
    assert chosen == {"bump", "colour", "absent"}


def test_the_order_of_rows_lends_a_constant_column_no_strength(wide):
    order = np.argsort(shown(wide)[:, 1], kind="stable")
    kept = strongest(table_of(wide).rows(order), shown(wide)[order], 20)
    columns = [c.name for c in table_of(wide).schema.columns]
    assert not kept[columns.index("constant")] and not kept[columns.index("alone")]


def test_a_narrowed_table_holds_the_same_cells(wide):
    features = table_of(wide)
    kept = strongest(features, shown(wide), 10)
    few = narrowed(features, kept)
    assert len(few.schema.columns) == 10 and len(few) == 300
    for j, column in enumerate(few.schema.numbers):
        np.testing.assert_array_equal(few.numbers[:, j], wide.frame[column.name].fill_null(np.nan).to_numpy())
    for j, column in enumerate(few.categorical):
        values = [few.vocabularies[j][k] for k in few.ids[:, j]]
        assert values == wide.frame[column.name].fill_null("").to_list()


def test_a_narrow_table_stays_as_it_is(wide):
    features = table_of(wide)
    assert strongest(features, shown(wide), len(features.schema.columns)) is None
    assert narrowed(features, None) is features


def test_rows_that_are_held_back_take_no_part_in_the_choice(make):
    random = np.random.default_rng(1)
    columns = {f"n{j}": random.normal(size=200) for j in range(3 * MOST_COLUMNS)}
    data = make({**columns, "y": random.permutation(["a", "b"] * 100).tolist()}, target="y")
    made = probe(Table(data, 0))
    assert abs(METRICS["roc_auc"].function(made.y, made.predicted) - 0.5) < 0.12
