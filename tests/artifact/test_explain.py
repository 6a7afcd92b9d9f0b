"""Explanations by graphs whose formula is known: sums over columns, products, and what has no answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from brute_force import interventional
from tests.artifact.conftest import TIMINGS, answers, evaluation_of

from mlwright.artifact import Model, assemble, load
from mlwright.artifact.explainer import background_rows
from mlwright.base.canonical import canonical_json
from mlwright.base.errors import Misuse
from mlwright.base.finding import Findings
from mlwright.base.profile import ColumnProfile, Profile
from mlwright.base.schema import Column, Schema, Target
from mlwright.graph.build import GraphBuilder

WIDTH = 12
NAMES = [f"x{j}" for j in range(WIDTH)]
WEIGHTS = np.linspace(-1.0, 2.0, WIDTH)


def model_of(
    ending: Callable[[GraphBuilder, str, str], str], width: int = WIDTH, further: tuple[Column, ...] = ()
) -> Model:
    """A regression whose answer is `ending(builder, numbers, weighted sum)`, each [N, 1]."""
    g = GraphBuilder()
    numbers = g.input("numbers", "float64", width)
    total = g.node("MatMul", numbers, g.constant(np.resize(WEIGHTS, width)[:, None]))
    squeezed = g.node("Squeeze", ending(g, numbers, total), g.constant(np.array([1])))
    g.output("prediction", squeezed, "float64", None)
    names = [f"x{j}" for j in range(width)]
    schema = Schema(
        columns=(*further, *(Column(name=n, kind="numeric") for n in names)),
        target=Target(name="y", task="regression"),
    )
    quantiles = tuple(float(q) for q in np.linspace(-2.0, 2.0, 101))
    profile = Profile(
        rows=500,
        columns=tuple(ColumnProfile(name=n, rows=500, missing=0, quantiles=quantiles) for n in names),
    )
    rows = (dict.fromkeys(names, 0.5),)
    members = {
        "model.onnx": g.to_bytes(),
        "schema.json": canonical_json(schema),
        "profile.json": canonical_json(profile),
        "evaluation.json": canonical_json(evaluation_of("regression")),
        "findings.json": canonical_json(Findings()),
        "samples.json": canonical_json({"rows": rows, "outputs": answers(g.to_bytes(), schema, rows)}),
        "card.md": b"# A small model\n",
    }
    return load(assemble(kind="tabular", versions={}, recipe={}, timings=TIMINGS, members=members))


def product(g: GraphBuilder, numbers: str, total: str) -> str:
    """The weighted sum and the product of the first three columns."""
    picked = [g.node("Gather", numbers, g.constant(np.array([j])), axis=1) for j in range(3)]
    return g.node("Add", total, g.node("Mul", g.node("Mul", picked[0], picked[1]), picked[2]))


def some(count: int, width: int = WIDTH) -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    return [{f"x{j}": float(v) for j, v in enumerate(row)} for row in rng.normal(size=(count, width))]


def test_a_sum_over_columns_is_explained_exactly_whatever_its_width() -> None:
    model, rows, background = model_of(lambda g, numbers, total: total), some(3), some(40)[3:]
    found = model.explain(rows, background=background)
    assert found.exact and not found.error.any()
    matrix, beside = (np.array([list(r.values()) for r in of]) for of in (rows, background))
    np.testing.assert_allclose(found.contributions, WEIGHTS * (matrix - beside.mean(axis=0)), atol=1e-12)


def test_a_sum_over_columns_asks_no_more_than_a_row_for_each_column(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlwright.artifact import explainer

    model = model_of(lambda g, numbers, total: total)
    made, counts = model.explainer(), []
    list(made.each(*_decoded(model, some(1))))
    whole = made._answers._run
    made._answers._run = lambda n, s: counts.append(len(n)) or whole(n, s)  # type: ignore[func-returns-value]
    list(made.each(*_decoded(model, some(1))))
    assert sum(counts) == 1 + WIDTH
    assert explainer.MIXES > WIDTH


def _decoded(model: Model, rows: list[dict[str, Any]]) -> tuple[Any, Any]:
    decoded = model.decode(rows)
    return decoded.numbers, decoded.strings


def test_a_product_is_no_sum_and_is_sampled_within_its_told_error() -> None:
    model, rows, background = model_of(product), some(2), some(30)[2:]
    found = model.explain(rows, background=background)
    assert not found.exact
    for i, row in enumerate(rows):
        product_of = [row[f"x{j}"] for j in range(3)]
        three = interventional(
            lambda of: [o["x0"] * o["x1"] * o["x2"] for o in of], row, background, NAMES[:3]
        )
        straight = WEIGHTS * (
            np.array(list(row.values())) - np.mean([list(b.values()) for b in background], axis=0)
        )
        truth = straight + np.concatenate([three, np.zeros(WIDTH - 3)])
        assert np.isfinite(product_of).all()
        off = np.abs(found.contributions[i] - truth)
        assert (off <= 5 * found.error[i] + 1e-10).all() and found.error[i, :3].min() > 0
        assert found.error[i, 3:].max() < 1e-10


def test_a_sum_that_holds_for_the_background_only_is_not_believed_for_a_row_beyond_it() -> None:
    """Two columns that interact only where both are larger than any background value."""

    def beyond(g: GraphBuilder, numbers: str, total: str) -> str:
        cut = g.node("Relu", g.node("Sub", numbers, g.constant(np.full(WIDTH, 5.0))))
        picked = [g.node("Gather", cut, g.constant(np.array([j])), axis=1) for j in range(2)]
        return g.node("Add", total, g.node("Mul", picked[0], picked[1]))

    model = model_of(beyond)
    row = dict.fromkeys(NAMES, 0.5)
    assert model.explain(row).exact
    found = model.explain({**row, "x0": 8.0, "x1": 9.0})
    assert not found.exact
    assert found.base[0] + found.contributions.sum() == pytest.approx(found.output[0], abs=1e-9)
    mean = model.explain({**row, "x0": 8.0}).contributions[0, 0]
    assert found.contributions[0, 0] == pytest.approx(mean + (3.0 * 4.0) / 2, abs=1e-9)


def test_wide_and_heavy_models_have_fewer_background_rows() -> None:
    light, heavy = 60_000, 1_500
    assert [background_rows(n, light) for n in (1, 8, 9, 10, 11)] == [64, 64, 64, 58, 64]
    assert [background_rows(n, light) for n in (32, 64, 128, 10_000)] == [64, 32, 16, 16]
    assert [background_rows(n, heavy) for n in (1, 5, 9, 14, 32, 64)] == [64, 50, 64, 42, 18, 16]
    model = model_of(product, width=40)
    assert model.explain(some(1, 40)).background == 51


def test_a_heavy_model_is_sampled_within_its_told_error_unless_exactness_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exactness is what brute force finds; see the functions in test_shapley."""
    from mlwright.artifact import explainer

    rows = some(8, 9)
    assert model_of(product, width=9).explain(rows).exact
    most = 2_000
    monkeypatch.setattr(explainer, "STEPS", most * explainer.FURTHER_STEPS)
    model = model_of(product, width=9)
    made = model.explainer()
    whole, counts = made._answers._run, list[int]()
    made._answers._run = lambda n, s: counts.append(len(n)) or whole(n, s)  # type: ignore[func-returns-value]
    sampled = model.explain(rows[0])
    assert not sampled.exact and sampled.background == 64
    assert 64 * 8 < sum(counts) < most
    counts.clear()
    assert model.explain(rows[0], exact=True).exact
    assert sum(counts) > 64 * (2**9 - 2)
    sampled, exact = model.explain(rows), model.explain(rows, exact=True)
    off = sampled.contributions - exact.contributions
    spread = np.sqrt((off[:, :3] ** 2).mean() / (sampled.error[:, :3] ** 2).mean())
    assert 0.4 < spread < 2.0 and np.abs(off[:, 3:]).max() < 1e-10
    np.testing.assert_allclose(sampled.base + sampled.contributions.sum(axis=1), sampled.output, atol=1e-12)
    np.testing.assert_array_equal(sampled.base, exact.base)


def test_exactness_cannot_be_asked_for_where_the_sets_of_columns_are_too_many() -> None:
    with pytest.raises(Misuse, match=r"uses 12 columns.*leave exact out"):
        model_of(product).explain(some(1), exact=True)
    assert model_of(lambda g, numbers, total: total).explain(some(1), exact=True).exact


def test_a_row_without_a_finite_answer_is_refused() -> None:
    model = model_of(lambda g, numbers, total: g.node("Log", total))
    with pytest.raises(Misuse, match="no finite answer"):
        model.explain(dict.fromkeys(NAMES, -5.0), background=[dict.fromkeys(NAMES, 1.0)])


def test_the_background_is_drawn_evenly_from_the_profile_and_is_always_the_same() -> None:
    model = model_of(product)
    first, second = model.explainer(), load(model.to_bytes()).explainer()
    rows = first._answers.background
    assert np.array_equal(rows, second._answers.background) and rows.shape == (64, WIDTH)
    for column in rows.T:  # one value from each 64th of the distribution
        assert sorted(np.floor((column + 2.0) * 16.0).clip(0, 63).astype(int).tolist()) == list(range(64))


def test_columns_that_the_model_does_not_use_get_nothing_and_may_be_absent() -> None:
    unused = (
        Column(name="shoe", kind="numeric", unused=True),
        Column(name="key", kind="id", role="id"),
        Column(name="left", kind="numeric", role="ignored"),
    )
    model = model_of(product, further=unused)
    rows = some(2)
    found = model.explain(rows)
    assert found.names == ("shoe", *NAMES) and not found.contributions[:, 0].any()
    also = model.explain([{**row, "shoe": 43} for row in rows])
    assert np.array_equal(also.contributions, found.contributions)
    assert "shoe" not in " ".join(r.text for r in found.reasons(WIDTH + 1)[0])
