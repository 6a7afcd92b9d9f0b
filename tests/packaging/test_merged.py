"""The merged graph answers as its members do, from no more than they ask for."""

from __future__ import annotations

import dataclasses
import itertools
import json

import msgspec
import numpy as np
import onnx
import polars as pl
import pytest

import mlwright as mw
from mlwright.artifact import decode_rows
from mlwright.base.schema import Target
from mlwright.evaluation.calibration import Calibrator
from mlwright.evaluation.curves import BetaCurve, BrokenLine
from mlwright.features import FeaturePlan
from mlwright.features.table import table_of
from mlwright.graph import shared_trees
from mlwright.graph.running import session
from mlwright.learners import Config, Job, Part, families
from mlwright.packaging import card, merged
from mlwright.packaging.blend import Blend, Member
from mlwright.packaging.package import without
from mlwright.serving import routes
from mlwright.serving.decode import RowsDecoder

ROWS = 600
VIEWS = {"linear": "linear", "lightgbm": "tree", "catboost": "encoded"}


def table(rows: int = ROWS) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    size = rng.normal(50, 20, rows)
    city = rng.integers(0, 4, rows)
    frame = {
        "size": [None if rng.random() < 0.05 else float(v) for v in size],
        "noise": rng.normal(size=rows),
        "city": [["Rome", "Oslo", "Lima", "Bonn"][i] for i in city],
        "shop": [f"shop {i}" for i in rng.integers(0, 50, rows)],
        "colour": [["red", "blue"][i] for i in rng.integers(0, 2, rows)],
        "number": size / 10 + city + rng.normal(0, 0.3, rows),
        "two": [["y", "n"][int(v > 5)] for v in size / 10 + city + rng.normal(0, 1, rows)],
        "many": [["a", "b", "c"][i] for i in np.digitize(size / 10 + city, [4.5, 7.0])],
    }
    return pl.DataFrame(frame)


def blend_of(target: str, *names: str, drop: tuple[str, ...] = ()) -> tuple[Blend, mw.Dataset]:
    """Members of a few rounds each over one plan, by unequal weights, calibrated."""
    others = [t for t in ("number", "two", "many") if t != target]
    dataset = mw.read(table().drop(*others, *drop), target=target)
    values = dataset.frame[target].to_list()
    classes = () if target == "number" else tuple(sorted(set(values)))
    y = np.array([classes.index(v) if classes else v for v in values], dtype=np.float64)
    seen = np.eye(len(classes))[y.astype(int)] if classes else y[:, None]
    plan = FeaturePlan.fit(table_of(dataset), seen, seed=0)
    known = families()
    members = []
    for i, name in enumerate(names):
        config = Config(name, name, VIEWS[name], {"depth": 4} if name == "catboost" else {})
        x = plan.matrix(config.view, plan.table, training=True)
        job = Job(
            config=config,
            classes=len(classes),
            train=Part(x, y),
            rounds=None if name == "linear" else 30,
            members=tuple(plan.members(config.view)),
            settings={"penalty": 1e-3} if name == "linear" else {},
        )
        members.append(Member(config, known[name].fit(job), 0.2 + 0.3 * i))
    task = "regression" if not classes else "binary" if len(classes) == 2 else "multiclass"
    calibrator = Calibrator(1.1, 0.03 if task == "binary" else 0.0) if classes else Calibrator()
    about = Target(name=target, task=task, classes=classes)
    return Blend(plan, tuple(members), calibrator, about, 0.0 if classes else 2.5), dataset


def operators(graph: bytes) -> list[str]:
    return [n.op_type for n in onnx.load_from_string(graph).graph.node]


def answers(blend: Blend, dataset: mw.Dataset) -> np.ndarray:
    """The graph's margin or prediction on real rows and on rows at the edges, as training answers them."""
    frame = dataset.frame
    edges = pl.concat([frame.head(8)] * 3).with_columns(
        *(
            pl.Series(c.name, [None, float("nan"), 1e300, -1e300, 0.0, -0.0, 1e-300, 3.4e38] * 3)
            for c in dataset.schema.numbers
            if c.role != "target"
        ),
        *(
            pl.Series(c.name, (["", "never seen", None, "Rome", "shop 3", "a" * 999, "red", "0"] * 3))
            for c in dataset.schema.strings
        ),
    )
    whole = pl.concat([frame, edges])
    both = dataclasses.replace(dataset, frame=whole)
    known = blend.plan.table.vocabularies
    made = table_of(both)
    ids = np.array(
        [
            [known[j].index(v) if v in known[j] else len(known[j]) for j, v in enumerate(row)]
            for row in zip(
                *([made.vocabularies[j][i] for i in made.ids[:, j]] for j in range(len(known))), strict=True
            )
        ],
        dtype=np.int32,
    ).reshape(len(whole), len(known))
    training = dataclasses.replace(made, ids=ids, vocabularies=known, schema=blend.plan.table.schema)
    wanted, _ = blend.answer(training)
    sent = both.with_schema(without(dataset.schema, blend.unused))
    run = session(blend.graph())
    given = {i.name for i in run.get_inputs()}
    feeds = {k: v for k, v in (("numbers", sent.numbers()), ("strings", sent.strings())) if k in given}
    name = "margin" if blend.classes else "prediction"
    found = run.run([name], feeds)[0]
    scale = np.maximum(np.abs(wanted), 1.0)
    assert np.abs((found - wanted) / scale).max() <= 1e-12
    for i in (0, 3, len(whole) - 23, len(whole) - 22):
        alone = run.run([name], {k: v[i : i + 1] for k, v in feeds.items()})[0]
        assert np.abs((alone - wanted[i]) / scale[i]).max() <= 1e-12
    return found


@pytest.mark.parametrize("target", ["number", "two", "many"])
@pytest.mark.parametrize(
    "names", [("linear",), ("lightgbm",), ("catboost",), ("linear", "lightgbm", "catboost", "linear")]
)
def test_the_graph_answers_as_its_members_do(target: str, names: tuple[str, ...]) -> None:
    blend, dataset = blend_of(target, *names)
    answers(blend, dataset)


CALIBRATORS = {
    "two": [
        Calibrator(curve=BetaCurve(0.6, 1.4, -0.2)),
        Calibrator(0.8, 0.1, curve=BrokenLine((-2.0, 0.0, 1.0), (-2.5, 0.1, 0.9), 1.0, 1.0)),
    ],
    "many": [Calibrator(0.8, (0.3, -0.4, 0.1))],
}


@pytest.mark.parametrize(("target", "calibrator"), [(t, c) for t, cs in CALIBRATORS.items() for c in cs])
@pytest.mark.parametrize("names", [("linear",), ("linear", "lightgbm", "catboost")])
def test_every_calibration_is_the_same_in_the_graph(
    target: str, calibrator: Calibrator, names: tuple[str, ...]
) -> None:
    blend, dataset = blend_of(target, *names)
    plain = answers(dataclasses.replace(blend, calibrator=Calibrator()), dataset)
    found = answers(dataclasses.replace(blend, calibrator=calibrator), dataset)
    assert np.abs(found - plain).max() > 0.05
    if target == "two":  # who stands before whom is as it was
        assert (np.argsort(found[:ROWS, 1]) == np.argsort(plain[:ROWS, 1])).all()


def test_a_curve_costs_few_nodes_and_a_line_none() -> None:
    blend, _ = blend_of("two", "lightgbm")
    before = len(operators(blend.graph()))
    for calibrator, more in zip([Calibrator(0.7, 0.2), *CALIBRATORS["two"]], (0, 5, 3), strict=True):
        assert len(operators(dataclasses.replace(blend, calibrator=calibrator).graph())) == before + more


def test_all_trees_are_one_ensemble_over_one_matrix() -> None:
    blend, _ = blend_of("two", "linear", "lightgbm", "catboost")
    assert operators(blend.graph()).count("TreeEnsemble") == 1


def test_trees_that_ask_for_sets_stand_apart_from_many_that_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merged, "FEWEST_APART", 20)
    blend, dataset = blend_of("two", "lightgbm", "catboost")
    assert operators(blend.graph()).count("TreeEnsemble") == 2
    answers(blend, dataset)


def test_trees_that_share_their_structure_are_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    blend, dataset = blend_of("many", "lightgbm", "catboost")
    monkeypatch.setattr(shared_trees, "LEAST_SAVED", 10)
    answers(blend, dataset)
    made = blend._merged
    assert made.shared is not None and made.forest is not None
    # Of 90 trees of each family, CatBoost's are 30 structures.
    assert len(made.shared.walks.trees) + len(made.forest.trees) <= 90 + 30
    assert operators(blend.graph()).count("TreeEnsemble") == 2


def test_columns_that_no_member_asks_for_are_no_inputs_and_their_texts_are_nowhere() -> None:
    blend, dataset = blend_of("number", "lightgbm")
    tree = blend.members[0].fitted
    assert answers(blend, dataset).shape == (ROWS + 24,)

    class OneColumn:
        rounds = 1

        def trees(self):  # type: ignore[no-untyped-def]
            grown = tree.trees()
            layout = blend.plan.layout("tree")
            sizes = [i for i, f in enumerate(layout) if f == ("number", 0)]
            kept = [i for i, t in enumerate(grown.trees) if set(t.feature.tolist()) <= set(sizes)]
            return type(grown)(
                tuple(grown.trees[i] for i in kept) or (_stump(sizes[0]),), (0,) * max(len(kept), 1), 1
            )

        def margin(self, x, rounds=None):  # type: ignore[no-untyped-def]
            raise NotImplementedError

    alone = dataclasses.replace(blend, members=(dataclasses.replace(blend.members[0], fitted=OneColumn()),))
    assert alone.unused == ("noise", "city", "shop", "colour")
    graph = alone.graph()
    assert b"Oslo" not in graph and b"shop 3" not in graph
    assert [i.name for i in onnx.load_from_string(graph).graph.input] == ["numbers"]
    schema = without(dataset.schema, alone.unused)
    sent = {"size": 1.0, "noise": 2.0, "city": "Rome", "shop": None, "colour": "red"}
    assert not decode_rows([sent, {"size": 3.0}], schema).problems
    assert decode_rows([{"noise": 3.0}], schema).problems


def _stump(feature: int):  # type: ignore[no-untyped-def]
    from mlwright.graph.trees import LEQ, Tree

    one = np.zeros(1, dtype=np.int64)
    return Tree(one + feature, np.array([50.0]), one + LEQ, one - 1, one - 2, one, np.array([1.0, 2.0]))


def test_an_unused_column_is_told_and_may_be_sent_to_a_server() -> None:
    dataset = mw.read(table(60).drop("two", "many"), target="number")
    about = Target(name="number", task="regression")
    schema = without(dataset.schema, ["shop", "noise"])
    kept = [c.name for c in schema.features]
    assert kept == ["size", "city", "colour"]
    assert "Not used, and not needed in a row: `noise`, `shop`." in "\n".join(
        card._what(msgspec.structs.replace(schema, target=about))
    )
    described = routes.describe(schema, ())
    assert described["required"] == kept and "shop" in described["properties"]
    decoder = RowsDecoder(schema)
    row = {"size": 1.5, "city": "Rome", "colour": "red"}
    for sent in (row, {**row, "noise": 3.0, "shop": None}):
        decoded = decoder.decode(json.dumps([sent]).encode(), max_rows=10)
        assert not decoded.problems and decoded.strings == [["Rome", "red"]]


def test_categories_of_a_linear_member_are_steps_of_the_ensemble() -> None:
    alone, _ = blend_of("two", "linear")
    beside, dataset = blend_of("two", "linear", "lightgbm")
    assert alone._merged.tables and not beside._merged.tables
    assert operators(beside.graph()).count("ReduceSum") == 0
    answers(beside, dataset)


@pytest.mark.parametrize("values", [[1.0], [1.0, 1.0, 1.0], [0.0, 3.0], [2.0, 2.0, -1.0, 5.0, 5.0, 7.0]])
def test_a_staircase_has_a_step_for_each_change(values: list[float]) -> None:
    tree = merged._staircase(0, np.array(values))
    assert len(tree.leaf) == 1 + sum(a != b for a, b in itertools.pairwise(values))
    for code, value in enumerate(values):
        at = 0 if len(tree.feature) else -1
        while at >= 0:
            at = int(tree.true[at] if code <= tree.split[at] else tree.false[at])
        assert tree.leaf[~at] == value
