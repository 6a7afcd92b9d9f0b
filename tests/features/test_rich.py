"""Generated features: found where there is something to find, none where there is not, alike when served."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from mlwright.base.schema import Column, Schema
from mlwright.data.dataset import Dataset, Provenance
from mlwright.features import FeaturePlan, screening, table_of
from mlwright.features.combined import Crossed, Pairs, Ranges
from mlwright.features.curved import Nearness, fit_bends, fit_nearness
from mlwright.features.projected import STEPS, fit_components, fit_margins
from mlwright.features.rich import MOST_BASE
from mlwright.features.screening import bins_of, distinct, fit_base, worth
from mlwright.features.transform import CODE, NUMBER, Feature, Lookup, build
from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session
from mlwright.graph.scan import scan


def a_dataset(columns: dict, kinds: dict | None = None) -> Dataset:
    frame = pl.DataFrame(columns)
    kind = {k: "categorical" if frame[k].dtype == pl.String else "numeric" for k in frame.columns}
    schema = Schema(columns=tuple(Column(name=k, kind=v) for k, v in (kind | (kinds or {})).items()))
    return Dataset(frame, schema, Provenance("made"))


def added(dataset: Dataset, y: np.ndarray, *kinds: str) -> tuple[FeaturePlan, list[Feature]]:
    """A plan, and what its rich view has beyond the encoded one."""
    plan = FeaturePlan.fit(table_of(dataset), y[:, None].astype(float), seed=0)
    plan.kinds = kinds
    known = set(plan.layout("encoded"))
    return plan, [f for f in plan.layout("rich") if f not in known]


def computed(transforms: list, features: list[Feature], numbers: np.ndarray) -> np.ndarray:
    g = GraphBuilder()
    name = g.input("numbers", "float64", numbers.shape[1])
    given = {NUMBER: (name, tuple(range(numbers.shape[1])))}
    g.output("out", build(g, {t.name: t for t in transforms}, features, given), "float64", len(features))
    scan(g.to_bytes())
    return session(g.to_bytes()).run(None, {"numbers": numbers})[0]


def test_a_ratio_that_decides_is_found():
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 10, (3_000, 6))
    y = x[:, 0] / x[:, 1] + rng.normal(0, 0.1, 3_000) > 1
    plan, found = added(a_dataset({f"x{i}": x[:, i] for i in range(6)}), y, "arithmetic")
    rests = [set(plan.inputs_of([f]).numbers) for f in found]
    assert {0, 1} in rests
    values = plan.values(found, plan.table)
    best = max(abs(np.corrcoef(bins_of(v), y)[0, 1]) for v in values.T)
    assert best > 0.75


def test_what_is_above_its_group_is_found():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 60, 4_000)
    x = rng.normal(0, 20, 60)[group] + rng.normal(size=4_000)
    y = x - (np.bincount(group, x) / np.bincount(group))[group] + rng.normal(0, 0.3, 4_000) > 0
    dataset = a_dataset({"x": x, "noise": rng.normal(size=4_000), "g": [f"g{i}" for i in group]})
    plan, found = added(dataset, y, "groups")
    best = max(abs(np.corrcoef(v, y)[0, 1]) for v in np.nan_to_num(plan.values(found, plan.table)).T)
    assert best > 0.6


def test_two_categories_that_decide_together_are_crossed():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 12, 4_000), rng.integers(0, 12, 4_000)
    y = rng.permutation(144).reshape(12, 12)[a, b] % 2 == rng.integers(0, 10, 4_000) // 9
    dataset = a_dataset({"a": [f"a{i}" for i in a], "b": [f"b{i}" for i in b]})
    plan, found = added(dataset, y, "crosses")
    assert found and all(f.transform.startswith("cross_encoding") for f in found)
    trained = plan.values(found, plan.table, training=True)[:, 0]
    assert abs(np.corrcoef(trained, y)[0, 1]) > 0.6


@pytest.mark.parametrize("kind", ["arithmetic", "projections", "groups", "crosses"])
def test_nothing_is_made_of_noise(kind):
    rng = np.random.default_rng(1)
    columns = {f"x{i}": rng.normal(size=1_500) for i in range(6)}
    columns |= {c: [f"{c}{i}" for i in rng.integers(0, 9, 1_500)] for c in "abc"}
    _, found = added(a_dataset(columns), rng.random(1_500) < 0.5, kind)
    assert found == []


def test_everything_generated_is_served_as_it_was_trained_and_the_same_each_time():
    rng = np.random.default_rng(2)
    n = 3_000
    x = rng.normal(size=(n, 5)).round(2)
    x[rng.random(n) < 0.1, 3] = np.nan
    few = rng.integers(0, 9, n).astype(float)
    a = rng.integers(0, 9, n)
    when = rng.integers(0, 2_000_000_000, n).astype(float)
    group = rng.normal(0, 3, 9)[a]
    score = x[:, 0] * x[:, 1] + (x[:, 2] - group) + np.sin(a * few) * 2 + x[:, :3].sum(axis=1)
    columns = {f"x{i}": x[:, i] + (group if i == 2 else 0) for i in range(5)}
    columns |= {"few": few, "when": when, "a": [f"a{i}" for i in a]}
    dataset = a_dataset(columns, {"when": "datetime"})
    plan, found = added(dataset, score > 0, "arithmetic", "projections", "groups", "crosses")
    kinds = {f.transform.split("_")[0] for f in found}
    assert {"product", "moment", "margin"} <= kinds
    _, same = added(dataset, score > 0, "arithmetic", "projections", "groups", "crosses")
    assert same == found
    for features in (found, found[::-2], list(plan.layout("rich-linear"))):
        inputs = plan.inputs_of(features)
        g = GraphBuilder()
        numbers = g.input("numbers", "float64", len(inputs.numbers))
        strings = g.input("strings", "string", len(inputs.strings)) if inputs.strings else ""
        codes = plan.code_nodes(g, strings, inputs) if inputs.codes else ""
        g.output("m", plan.feature_nodes(g, features, numbers, codes, inputs), "float64", len(features))
        scan(g.to_bytes())
        feeds = {"numbers": dataset.numbers()[:, list(inputs.numbers)]}
        if inputs.strings:
            feeds["strings"] = dataset.strings()[:, list(inputs.strings)]
        run = session(g.to_bytes())
        served = run.run(None, feeds)[0]
        expected = plan.values(features, plan.table)
        assert np.allclose(served, expected, rtol=1e-12, atol=1e-13, equal_nan=True)
        alone = np.concatenate(
            [run.run(None, {k: v[i : i + 1] for k, v in feeds.items()})[0] for i in range(50)]
        )
        assert np.allclose(alone, expected[:50], rtol=1e-12, atol=1e-13, equal_nan=True)


def test_a_ratio_to_zero_is_missing():
    pairs = tuple((Feature(NUMBER, 0), Feature(NUMBER, 1)) for _ in range(1))
    got = computed(
        [Pairs("ratio", "ratio", pairs)], [Feature("ratio", 0)], np.array([[1.0, 0], [6, 3], [0, 0]])
    )
    assert np.array_equal(got[:, 0], [np.nan, 2, np.nan], equal_nan=True)


def test_ranges_count_the_borders_that_are_reached_and_zero_is_missing():
    ranges = Ranges(
        "range", (Feature(NUMBER, 0), Feature(NUMBER, 1)), (np.array([1.0, 2, 4]), np.array([0.0]))
    )
    numbers = np.array([[np.nan, 5.0], [0.5, -1], [1, np.nan], [3, 0], [9, 0.0]])
    got = computed([ranges], [Feature("range", 1), Feature("range", 0)], numbers)
    assert got.T.tolist() == [[2, 1, 0, 2, 2], [0, 1, 2, 3, 4]]
    assert ranges.sizes == [5, 3]


def test_pairs_of_codes_that_were_not_seen_together_have_code_zero():
    pairs = ((Feature(NUMBER, 0), Feature(NUMBER, 1)), (Feature(NUMBER, 1), Feature(NUMBER, 0)))
    crossed = Crossed("cross", pairs, (4, 3), (np.array([1, 6]), np.array([1, 6])))
    numbers = np.array([[0.0, 1], [1, 2], [2, 0], [0, 0]])
    got = computed([crossed], [Feature("cross", 0), Feature("cross", 1)], numbers)
    assert got.T.tolist() == [[1, 2, 0, 0], [0, 0, 0, 0]]
    lookup = Lookup("value", (Feature("cross", 0),), (np.array([9.0, 7.0, 8.0]),))
    assert computed([crossed, lookup], [Feature("value", 0)], numbers)[:, 0].tolist() == [7, 8, 9, 9]


def test_margins_are_whole_steps_that_do_not_know_their_own_row():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 100))
    y = rng.normal(size=(200, 1))
    sources = tuple(Feature(NUMBER, i) for i in range(100))
    fitted = fit_margins(sources, x, y, np.arange(200) % 5)
    served = computed([fitted], [Feature("margin", 0)], x)[:, 0]
    assert np.array_equal(served, np.round(served)) and np.abs(served).max() > 100
    assert np.corrcoef(served, y[:, 0])[0, 1] > 0.6
    assert abs(np.corrcoef(fitted.training[:, 0], y[:, 0])[0, 1]) < 0.2


def test_components_are_those_of_most_variance():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 1)) @ np.array([[1.0, 1.0, 0.0]]) + rng.normal(0, 0.1, (500, 3))
    fitted = fit_components(tuple(Feature(NUMBER, i) for i in range(3)), x)
    first = computed([fitted], [Feature("component", 0)], x)[:, 0]
    assert first.std() == pytest.approx(STEPS, rel=0.1)
    assert abs(np.corrcoef(first, x[:, 0] + x[:, 1])[0, 1]) > 0.99


def test_nearness_is_one_at_its_landmark_and_bends_start_at_their_knot():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    sources = tuple(Feature(NUMBER, i) for i in range(2))
    near = fit_nearness(sources, x, seed=0)
    got = computed([near], [Feature("nearness", i) for i in range(near.width)], near.landmarks)
    assert np.allclose(np.diag(got), 1.0) and (got <= 1 + 1e-12).all() and got.min() > 0
    assert isinstance(near, Nearness) and near.width == 200
    bends = fit_bends(sources, x)
    flat = computed([bends], [Feature("bend", 0)], np.array([[bends.knots[0] - 1, 0], [bends.knots[0], 0]]))
    assert not flat.any()


def test_worth_of_many_columns_is_that_of_each_by_its_bins():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(90, 7))
    values[:, 1] = np.round(values[:, 1])
    values[:, 2] = np.nan
    values[rng.random((90, 7)) < 0.2] = np.nan
    values[:4, 3] = [np.inf, -np.inf, 0.0, -0.0]
    residual = rng.normal(size=(90, 2))
    centred = residual - residual.mean(axis=0)
    for told, column in zip(worth(values, residual), values.T, strict=True):
        code = bins_of(column)
        counts = np.bincount(code)
        used = counts > 0
        shares = [
            (np.bincount(code, weights=c)[used] ** 2 / counts[used]).sum() / (c**2).sum() for c in centred.T
        ]
        assert told == pytest.approx(max(shares) - (used.sum() - 1) / 90)


def test_worth_is_about_nothing_for_chance_and_copies_are_dropped():
    rng = np.random.default_rng(0)
    residual = rng.normal(size=(2_000, 1))
    values = np.column_stack([rng.normal(size=2_000), residual[:, 0], -np.exp(residual[:, 0])])
    told = worth(values, residual)
    assert abs(told[0]) < 0.01 and told[1] > 0.9
    assert distinct(values, np.array([1, 2, 0]), 5) == [1, 0]


def test_a_wide_table_is_screened_from_few_columns():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 400))
    plan, _ = added(a_dataset({f"x{i}": x[:, i] for i in range(400)}), x[:, 7] > 0, "arithmetic")
    wide = len(plan.layout("rich"))
    assert wide <= 400 + 20 and MOST_BASE < 400
    assert Feature(CODE, 0) not in plan.layout("rich")


@pytest.mark.parametrize(("rows", "threads"), [(600, 1), (60_000, 3)])
def test_screening_takes_no_thread_that_it_cannot_keep_busy(monkeypatch, rows, threads):
    """On a busy machine idle threads that wait for each other made a small model take a minute."""
    library, asked = screening._library(), set()

    def train(params, data, **more):
        asked.add(params["num_threads"])
        return library.train(params, data, num_boost_round=1)

    monkeypatch.setattr(screening, "_library", lambda: SimpleNamespace(Dataset=library.Dataset, train=train))
    x = np.random.default_rng(0).normal(size=(rows, 10))
    fit_base(x, x[:, :1], np.arange(rows) % 2, seed=0, threads=4)
    assert asked == {threads}
