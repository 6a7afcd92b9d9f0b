"""The features: the nodes compute what training saw, and no row's own target is in what it is given."""

import datetime as dt
import itertools

import numpy as np
import polars as pl
import pytest

from mlwright.base.errors import UnknownName
from mlwright.base.schema import Column, Schema
from mlwright.data.dataset import Dataset, Provenance
from mlwright.features import VIEWS, FeaturePlan, fitted, table_of, text
from mlwright.features.categories import fit_dictionary, fit_folds, fit_target_encoding
from mlwright.features.datetimes import PARTS, part_nodes
from mlwright.features.text import tokenise
from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session


def a_dataset(n: int = 400, seed: int = 0) -> tuple[Dataset, np.ndarray]:
    rng = np.random.default_rng(seed)
    words = ["good", "bad", "Fine", "ugly", "é", "well-made", "don't"]
    frame = pl.DataFrame(
        {
            "size": pl.Series([None if v < 0.1 else v * 100 for v in rng.random(n)], dtype=pl.Float64),
            "when": pl.Series(rng.integers(0, 2_000_000_000, n).astype(float)),
            "city": [["Rome", "Oslo", "Lima", None][i] for i in rng.integers(0, 4, n)],
            "code": [f"k{i}" for i in rng.integers(0, 90, n)],
            "note": [" ".join(rng.choice(words, rng.integers(0, 6))) for _ in range(n)],
        }
    )
    kinds = {
        "size": "numeric",
        "when": "datetime",
        "city": "categorical",
        "code": "categorical",
        "note": "text",
    }
    schema = Schema(columns=tuple(Column(name=k, kind=v) for k, v in kinds.items()))
    y = (rng.random(n) < 0.4).astype(float)[:, None]
    return Dataset(frame, schema, Provenance("made")), y


@pytest.mark.parametrize("view", VIEWS)
def test_both_matrices_of_a_fold_are_those_that_are_made_one_by_one(view, monkeypatch):
    dataset, y = a_dataset()
    table = table_of(dataset)
    rows, others = table.rows(np.arange(300)), table.rows(np.arange(300, 400))
    plan = FeaturePlan.fit(rows, y[:300], seed=0)
    alone = plan.matrix(view, rows, training=True), plan.matrix(view, others)
    graphs, real = [], fitted.session
    monkeypatch.setattr(fitted, "session", lambda graph, **how: graphs.append(graph) or real(graph, **how))
    for one, other in zip(plan.matrices(view, rows, others), alone, strict=True):
        assert np.array_equal(one, other, equal_nan=True)
    crossed = not np.array_equal(alone[0], plan.matrix(view, rows), equal_nan=True)
    assert len(graphs[:-1]) == (2 if crossed else 1)  # the last is that of the line before


def graph_matrix(plan: FeaturePlan, view: str, dataset: Dataset) -> np.ndarray:
    """The view straight from numbers and strings, as a served model computes it."""
    g = GraphBuilder()
    numbers = g.input("numbers", "float64", 2)
    strings = g.input("strings", "string", 3)
    g.output("matrix", plan.nodes(g, view, numbers, plan.code_nodes(g, strings)), "float64", -1)
    return session(g.to_bytes()).run(None, {"numbers": dataset.numbers(), "strings": dataset.strings()})[0]


@pytest.mark.parametrize("view", VIEWS)
def test_the_training_matrix_is_what_the_served_graph_computes(view):
    dataset, y = a_dataset()
    table = table_of(dataset)
    plan = FeaturePlan.fit(table, y, seed=0)
    trained, served = plan.matrix(view, table), graph_matrix(plan, view, dataset)
    # Products of matrices may differ in the last digit; all else is equal.
    assert np.allclose(
        trained, served, rtol=1e-13, atol=1e-15 if view == "rich-linear" else 0, equal_nan=True
    )
    assert (np.isnan(plan.matrix(view, table)).any()) == ("linear" not in view)


def pruned(plan: FeaturePlan, features: list, dataset: Dataset) -> tuple[np.ndarray, bytes]:
    """These features from nothing but the columns that they rest on, and the graph."""
    inputs = plan.inputs_of(features)
    g = GraphBuilder()
    numbers = g.input("numbers", "float64", len(inputs.numbers)) if inputs.numbers else ""
    strings = g.input("strings", "string", len(inputs.strings)) if inputs.strings else ""
    codes = plan.code_nodes(g, strings, inputs) if inputs.codes else ""
    g.output("matrix", plan.feature_nodes(g, features, numbers, codes, inputs), "float64", len(features))
    feeds = {
        "numbers": dataset.numbers()[:, list(inputs.numbers)],
        "strings": dataset.strings()[:, list(inputs.strings)],
    }
    feeds = {k: v for k, v in feeds.items() if v.shape[1]}
    graph = g.to_bytes()
    return session(graph).run(None, feeds)[0], graph


def test_any_mix_of_features_of_any_views_is_built_from_what_they_rest_on_alone():
    dataset, y = a_dataset()
    table = table_of(dataset)
    plan = FeaturePlan.fit(table, y, seed=0)
    everything = [f for view in VIEWS for f in plan.layout(view)]
    rng = np.random.default_rng(0)
    for size in (1, 2, 5, 20, 60):
        features = [everything[i] for i in rng.integers(0, len(everything), size)]
        got, _ = pruned(plan, features, dataset)
        assert np.array_equal(got, plan.values(features, table), equal_nan=True)


def test_words_and_categories_that_nothing_asks_for_are_not_in_the_graph():
    dataset, y = a_dataset(2_000)
    plan = FeaturePlan.fit(table_of(dataset), y, seed=0)
    size, when = plan.layout("tree")[:2]
    assert plan.inputs_of([size]).strings == () and plan.inputs_of([size]).numbers == (0,)
    assert plan.inputs_of([when, size]).numbers == (0, 1)
    _, all_of_it = pruned(plan, list(plan.layout("tree")), dataset)
    _, token = pruned(plan, [plan.layout("tree")[-1]], dataset)
    encodings = [f for f in plan.layout("encoded") if f.transform == "encoding"]
    _, encoding = pruned(plan, encodings[:1], dataset)
    assert b"Rome" in all_of_it and b"k17" in all_of_it and b"good" in all_of_it
    assert b"Rome" not in token and b"k17" not in token
    assert b"Rome" in encoding and b"k17" not in encoding and b"good" not in encoding


def test_groups_are_cross_fitted_whole():
    groups = np.repeat(np.arange(50), 8)
    fold = fit_folds(400, 0, groups)
    assert all(len(set(fold[groups == g])) == 1 for g in range(50)) and len(set(fold)) == 5
    dataset, _ = a_dataset(400)
    y = np.random.default_rng(1).normal(size=(50, 1))[groups]  # what a row's group knows, its column tells
    frame = dataset.frame.with_columns(pl.Series("code", [f"g{g}" for g in groups]))
    table = table_of(Dataset(frame, dataset.schema, Provenance("made")))
    own = [f for f in FeaturePlan.fit(table, y, seed=0).layout("encoded") if f.transform == "encoding"][-1]
    blind = FeaturePlan.fit(table, y, seed=0, groups=groups).values([own], table, training=True)
    leaky = FeaturePlan.fit(table, y, seed=0).values([own], table, training=True)
    assert np.corrcoef(leaky[:, 0], y[:, 0])[0, 1] > 0.8
    assert abs(np.corrcoef(blind[:, 0], y[:, 0])[0, 1]) < 0.5


def test_encodings_of_many_classes_are_kept_to_the_telling_ones(monkeypatch):
    monkeypatch.setattr("mlwright.features.views.MOST_ENCODINGS", 7)
    rng = np.random.default_rng(0)
    code = rng.integers(0, 30, 3_000)
    label = np.where(rng.random(3_000) < 0.5, code % 10, rng.integers(0, 10, 3_000))
    frame = pl.DataFrame(
        {"noise": [f"n{i}" for i in rng.integers(0, 30, 3_000)], "code": [f"c{c}" for c in code]}
    )
    schema = Schema(columns=tuple(Column(name=k, kind="categorical") for k in frame.columns))
    table = table_of(Dataset(frame, schema, Provenance("made")))
    plan = FeaturePlan.fit(table, np.eye(10)[label], seed=0)
    encodings = [f for f in plan.layout("encoded") if f.transform == "encoding"]
    assert len(encodings) == 7
    assert plan.inputs_of(encodings).strings == (1,)


@pytest.mark.parametrize("view", ["encoded", "tree", "linear"])
def test_training_rows_are_given_encodings_made_without_them(view):
    dataset, y = a_dataset(4_000)  # enough for a column of more codes than membership takes
    table = table_of(dataset)
    plan = FeaturePlan.fit(table, y, seed=0)
    served, trained = plan.matrix(view, table), plan.matrix(view, table, training=True)
    assert served.shape == trained.shape
    assert not np.array_equal(served, trained, equal_nan=True)


def test_a_category_that_is_pure_chance_does_not_predict_its_own_rows():
    rng = np.random.default_rng(3)
    codes = np.arange(2000)[:, None] // 2 + 2  # a thousand categories of two rows
    y = rng.random(2000)[:, None].round()
    tables, training = fit_target_encoding(codes, [1002], [(0, 0)], y, fit_folds(2000, seed=0))
    leaked = abs(np.corrcoef(tables[0][codes[:, 0]], y[:, 0])[0, 1])
    honest = abs(np.corrcoef(training[:, 0], y[:, 0])[0, 1])
    assert leaked > 0.5 and honest < 0.15


def test_categories_seen_fewer_than_five_times_are_unseen():
    vocabulary = ("", "often", "rarely")
    ids = np.array([[1]] * 5 + [[2]] * 4 + [[0]] * 3, dtype=np.int32)
    dictionary = fit_dictionary(ids, (vocabulary,))
    assert dictionary.known == (("often",),)
    assert dictionary.codes(ids)[:, 0].tolist() == [2] * 5 + [1] * 4 + [0] * 3


def test_a_view_that_does_not_exist_is_named():
    dataset, y = a_dataset(50)
    table = table_of(dataset)
    with pytest.raises(UnknownName, match="did you mean 'linear'"):
        FeaturePlan.fit(table, y, seed=0).matrix("liner", table)


def test_datetime_parts_are_those_of_the_calendar():
    rng = np.random.default_rng(0)
    seconds = np.concatenate(
        [rng.integers(-50_000_000_000, 100_000_000_000, 3000), [0, 951782400, 1709164800]]
    )
    g = GraphBuilder()
    moments = g.input("numbers", "float64", 1)
    g.output("parts", g.concat(part_nodes(g, moments)), "float64", len(PARTS))
    got = session(g.to_bytes()).run(None, {"numbers": seconds.astype(float)[:, None]})[0]
    for row, second in zip(got, seconds, strict=True):
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=int(second))
        hour = moment.hour + moment.minute / 60 + moment.second / 3600
        assert row[0] == pytest.approx(hour, abs=1e-9)
        assert row[1:5].tolist() == [moment.weekday(), moment.day, moment.month, moment.year]
        if (moment.month, moment.day) != (2, 29):  # which shares its number with 1 March
            assert row[5] == moment.replace(year=2001).timetuple().tm_yday


def test_tokens_are_lower_cased_runs_and_do_not_depend_on_the_rows_beside():
    tokens = tokenise(["Good, GOOD: bad!", "", "É é good-bad", "  "])
    words = [
        [str(tokens.vocabulary[i]) for i in tokens.flat[a:b]] for a, b in itertools.pairwise(tokens.starts)
    ]
    assert words == [["good", "good", "bad"], [], ["É", "é", "good", "bad"], []]


@pytest.mark.parametrize("view", VIEWS)
def test_texts_without_a_word_in_five_rows_still_have_a_matrix(view):
    texts = [f"only{i} once{i}" for i in range(20)]
    schema = Schema(columns=(Column(name="note", kind="text"),))
    dataset = Dataset(pl.DataFrame({"note": texts}), schema, Provenance("made"))
    table = table_of(dataset)
    plan = FeaturePlan.fit(table, np.arange(20.0)[:, None], seed=0)
    g = GraphBuilder()
    strings = g.input("strings", "string", 1)
    g.output("matrix", plan.nodes(g, view, "", plan.code_nodes(g, strings)), "float64", -1)
    served = session(g.to_bytes()).run(None, {"strings": dataset.strings()})[0]
    assert np.array_equal(plan.matrix(view, table), np.zeros((20, 1)))
    assert np.array_equal(served, np.zeros((20, 1)))


def test_a_huge_text_does_not_pad_every_row_to_its_length(monkeypatch):
    widest = []
    tokenizer = text._tokenizer

    def watched():
        run = tokenizer()

        def tokens_of(texts):
            tokens = run(texts)
            widest.append(tokens.size)
            return tokens

        return tokens_of

    monkeypatch.setattr(text, "_tokenizer", watched)
    texts = ["one two"] * 3_000 + ["word " * 100_000] + ["three"] * 3_000
    tokens = tokenise(texts)
    assert max(widest) < 1_000_000
    assert np.diff(tokens.starts).tolist() == [2] * 3_000 + [100_000] + [1] * 3_000


def test_target_encodings_keep_their_digits_far_from_zero():
    rng = np.random.default_rng(0)
    codes = rng.integers(2, 6, 300)[:, None]
    y = rng.normal(size=(300, 1)) + codes
    near, _ = fit_target_encoding(codes, [6], [(0, 0)], y, fit_folds(300, seed=0))
    far, _ = fit_target_encoding(codes, [6], [(0, 0)], y + 1e9, fit_folds(300, seed=0))
    assert np.abs(far[0] - 1e9 - near[0]).max() < 1e-5


def test_columns_too_large_to_be_squared_do_not_reach_the_linear_view():
    frame = pl.DataFrame({"x": [1e300, -1e300, 1e200] * 10, "z": [1.7e308] * 29 + [0.0]})
    schema = Schema(columns=(Column(name="x", kind="numeric"), Column(name="z", kind="numeric")))
    table = table_of(Dataset(frame, schema, Provenance("made")))
    plan = FeaturePlan.fit(table, np.arange(30.0)[:, None], seed=0)
    assert np.array_equal(plan.matrix("linear", table), np.zeros((30, 2)))
