"""Accumulated local effects: against a brute-force one, and on functions whose effects are known."""

import numpy as np
import pytest

from mlwright.base.schema import Column
from mlwright.evaluation.effects import (
    LEAST_SEEN,
    MOST_CLASSES,
    MOST_LEVELS,
    MOST_POINTS,
    OF_SEVERAL,
    Scene,
    Shown,
    _points,
    curves_of,
)
from mlwright.evaluation.importance import Answers


def asking(x, f, wrap=None):
    """To be asked about the columns `x` (name to values): `f` of them all is the margin."""

    def ask(at, taken):
        mixed = {name: values[taken.get(name, at)] for name, values in x.items()}
        margin = np.asarray(f(mixed), dtype=np.float64)
        if wrap is not None:
            return wrap(margin)
        return Answers(margin[:, None], margin)

    return ask


def two_classes(margin):
    p = 1 / (1 + np.exp(-margin))
    return Answers(margin[:, None], np.stack([1 - p, p], axis=1), (p > 0.5).astype(np.int64))


def number(name, x, kind="numeric"):
    return Shown(Column(name=name, kind=kind), x[name])


def category(name, codes, names, known=None):
    column = Column(name=name, kind="categorical", categories=tuple(n for n in (known or names) if n))
    return Shown(column, codes, names)


def brute(x, name, f, points):
    """Apley and Zhu's estimate, row by row, by the values themselves, of the rows between the ends."""
    sums, counts = np.zeros(len(points) - 1), np.zeros(len(points) - 1)
    for i, value in enumerate(x[name]):
        if not points[0] <= value <= points[-1]:
            continue
        k = max(int(np.searchsorted(points, value, side="left")), 1) - 1
        one = {n: v[i : i + 1] for n, v in x.items()}
        upper, lower = ({**one, name: np.array([points[k + s]])} for s in (1, 0))
        sums[k] += float(f(upper)[0] - f(lower)[0])
        counts[k] += 1
    effect = np.concatenate([[0.0], np.cumsum(sums / counts)])
    return effect - np.interp(x[name], points, effect).mean()


def points_of(values, kind="numeric"):
    """The points between which rows are moved, not as they are told."""
    return _points(values, kind)[0]


def bent(c):
    return np.sin(3 * c["a"]) + c["a"] * c["b"] ** 2


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    a = rng.random(500)
    return {"a": a, "b": a + 0.05 * rng.normal(size=500)}


def test_it_is_what_moving_each_row_by_hand_gives(pair):
    [curve] = curves_of(Scene(asking(pair, bent), 500), [number("a", pair)])
    expected = brute(pair, "a", bent, points_of(pair["a"]))
    assert np.array(curve.answer) == pytest.approx(curve.average + expected, abs=1e-4)
    beyond = 2 * (LEAST_SEEN - 1)
    assert len(curve.at) == MOST_POINTS and sum(curve.rows) == 500 - beyond and min(curve.rows) >= 20
    assert curve.margin == () and curve.of == ""


def test_of_columns_that_go_together_it_is_right_where_partial_dependence_is_not(pair):
    """With b = a, the local effect of a in a * b is a: half a square. The mean over all rows is a line."""

    def product(c):
        return c["a"] * c["b"]

    [curve] = curves_of(Scene(asking(pair, product), 500), [number("a", pair)])
    at, effect = np.array(curve.at), np.array(curve.answer) - curve.average
    square = at**2 / 2 - (pair["a"] ** 2 / 2).mean()
    line = (at - pair["a"].mean()) * pair["b"].mean()
    assert np.abs(effect - square).max() < 0.03 < 0.09 < np.abs(effect - line).max()


def test_a_cliff_where_no_row_is_bends_nothing(pair):
    def cliff(c):
        return c["a"] + 100.0 * (np.abs(c["a"] - c["b"]) > 0.5)

    [curve] = curves_of(Scene(asking(pair, cliff), 500), [number("a", pair)])
    assert max(curve.answer) - min(curve.answer) == pytest.approx(np.ptp(points_of(pair["a"])), rel=0.01)


def test_a_sum_has_the_effects_of_its_parts_to_the_digit_and_no_interval_to_speak_of(pair):
    def parts(c):
        return 5 * c["a"] + np.exp(c["b"])

    curves = curves_of(Scene(asking(pair, parts), 500), [number("a", pair), number("b", pair)])
    points = points_of(pair["a"])
    exact = 5 * (points - np.clip(pair["a"], points[0], points[-1]).mean())
    assert np.array(curves[0].answer) - curves[0].average == pytest.approx(exact, abs=1e-3)
    for curve in curves:
        assert all(a <= b <= c for a, b, c in zip(curve.low, curve.answer, curve.high, strict=True))
    assert max(np.array(curves[0].high) - np.array(curves[0].low)) < 1.0


def test_probabilities_and_log_odds_are_told_side_by_side(pair):
    def slope(c):
        return 4 * c["a"] - 2

    scene = Scene(asking(pair, slope, two_classes), 500, ("no", "yes"))
    [curve] = curves_of(scene, [number("a", pair)])
    assert curve.of == "yes" and min(curve.low) >= 0 and max(curve.high) <= 1
    p = 1 / (1 + np.exp(-(4 * np.array(curve.at) - 2)))
    mean = (1 / (1 + np.exp(-(4 * pair["a"] - 2)))).mean()
    assert np.array(curve.answer) == pytest.approx(p, abs=2e-3) and curve.average == pytest.approx(mean, 1e-4)
    assert np.diff(curve.margin) == pytest.approx(4 * np.diff(points_of(pair["a"])), rel=1e-2)


def test_a_margin_of_two_columns_as_graphs_answer_is_the_same(pair):
    def slope(c):
        return 4 * c["a"] - 2

    def as_a_graph(margin):
        said = two_classes(margin)
        return said._replace(margin=np.stack([np.zeros_like(margin), margin], axis=1))

    one, two = (
        curves_of(Scene(asking(pair, slope, wrap), 500, ("no", "yes")), [number("a", pair)])
        for wrap in (two_classes, as_a_graph)
    )
    assert one == two


def test_of_few_values_and_booleans_each_is_a_point():
    rng = np.random.default_rng(1)
    x = {"n": rng.integers(0, 4, 300).astype(float), "flag": rng.integers(0, 2, 300).astype(float)}

    def steps(c):
        return 10 * (c["n"] >= 2) + 3 * c["flag"]

    first, second = curves_of(Scene(asking(x, steps), 300), [number("n", x), number("flag", x, "boolean")])
    assert first.at == (0.0, 1.0, 2.0, 3.0) and second.at == (0.0, 1.0) and second.rows == (300,)
    assert np.diff(first.answer) == pytest.approx([0, 10, 0], abs=1e-3)
    assert np.average(first.answer, weights=np.bincount(x["n"].astype(int))) == pytest.approx(
        first.average, 1e-4
    )
    assert second.answer[1] - second.answer[0] == pytest.approx(3, abs=1e-3)


def test_no_point_tells_of_a_single_row():
    """Not of the one giant, nor of a value to its last digit that nobody else has."""
    rng = np.random.default_rng(8)
    pay = np.concatenate([rng.gamma(2, 1_234.567, 300), [9_876_543.21]])
    age = np.concatenate([rng.integers(18, 30, 300), [97.0]]).astype(float)
    moment = 1.6e9 + np.sort(rng.random(301)) * 4_000
    x = {"pay": pay, "age": age, "moment": moment}
    shown = [number("pay", x), number("age", x), number("moment", x, "datetime")]
    curves = curves_of(Scene(asking(x, lambda c: c["pay"] / 1e3 + c["age"]), 301), shown)
    assert [c.column for c in curves] == ["pay", "age", "moment"]
    for curve, values in zip(curves, (pay, age, moment), strict=True):
        ordered = np.sort(values)
        assert len(curve.at) > 9 and np.all(np.diff(curve.at) > 0)
        assert np.count_nonzero(values <= curve.at[0] + 1) >= LEAST_SEEN
        assert np.count_nonzero(values >= curve.at[-1] * (1 - 1e-2)) >= LEAST_SEEN
        seen = [np.count_nonzero(values == at) for at in curve.at]
        assert all(n == 0 or n >= LEAST_SEEN for n in seen)
        assert curve.at[-1] <= ordered[-LEAST_SEEN] * 1.01
    assert curves[1].at == tuple(map(float, range(18, 30)))


def test_few_rows_have_as_many_points_as_hold_five_each():
    x = {"a": np.arange(30.0) + 0.123}
    [curve] = curves_of(Scene(asking(x, lambda c: c["a"]), 30), [number("a", x)])
    assert 3 <= len(curve.at) <= 6 and min(curve.rows) >= LEAST_SEEN - 1


def test_rows_without_the_value_are_counted_and_have_no_place(pair):
    a = pair["a"].copy()
    a[:100] = np.nan
    x = {"a": a, "b": pair["b"]}

    def half(c):
        return np.nan_to_num(c["a"], nan=50.0)

    [curve] = curves_of(Scene(asking(x, half), 500), [number("a", x)])
    assert curve.missing == 100 and sum(curve.rows) == 400 - 2 * (LEAST_SEEN - 1)
    assert max(curve.answer) - min(curve.answer) < 1.1


def test_columns_of_one_value_of_none_and_of_text_have_no_curve(pair):
    x = {**pair, "one": np.ones(500), "none": np.full(500, np.nan)}
    text = Shown(Column(name="t", kind="text"), None)
    shown = [number("one", x), number("none", x), text, category("b", np.zeros(500, dtype=np.int64), ["k"])]
    assert curves_of(Scene(asking(x, bent), 500), shown) == ()
    assert curves_of(Scene(asking(x, bent), 10), [number("a", x)]) == ()


# Categories ----------------------------------------------------------------------------------------------


def test_of_categories_the_differences_are_those_of_the_function_and_the_most_frequent_stands_first():
    rng = np.random.default_rng(2)
    codes = rng.choice(3, 400, p=[0.2, 0.5, 0.3])
    x = {"c": codes, "z": rng.normal(size=400)}
    worth = np.array([5.0, 1.0, 2.0])

    def by_kind(c):
        return worth[c["c"]] + c["z"]

    [curve] = curves_of(Scene(asking(x, by_kind), 400), [category("c", codes, ["x", "y", "z"])])
    assert curve.levels == ("y", "z", "x") and curve.pooled == 0 and curve.at == ()
    assert np.array(curve.answer) - curve.answer[0] == pytest.approx([0, 1, 4], abs=1e-3)
    assert curve.rows == tuple(np.bincount(codes)[[1, 2, 0]])
    assert np.average(curve.answer, weights=curve.rows) == pytest.approx(curve.average, rel=1e-4)


def test_categories_are_walked_by_their_likeness_so_that_no_row_goes_where_none_is():
    """Sizes s, m, l go with weight; a jump from s to l would ask about small things of great weight."""
    rng = np.random.default_rng(3)
    size = rng.integers(0, 3, 600)
    x = {"size": (size + 1) % 3, "weight": size + 0.1 * rng.normal(size=600)}  # codes in another order
    names = ["l", "s", "m"]

    def sane(c):
        true = (c["size"] - 1) % 3
        return true + 1000.0 * (np.abs(true - c["weight"]) > 1.6)

    weight = number("weight", x)
    [curve] = curves_of(Scene(asking(x, sane), 600), [category("size", x["size"], names)], [weight])
    by_name = dict(zip(curve.levels, curve.answer, strict=True))
    assert by_name["m"] - by_name["s"] == pytest.approx(1, abs=0.01)
    assert by_name["l"] - by_name["m"] == pytest.approx(1, abs=0.01)


def test_rare_and_unknown_categories_share_a_level_without_a_name():
    rng = np.random.default_rng(4)
    names = ["", "often", "rare", "unknown", *(f"k{i}" for i in range(30))]
    codes = rng.choice([0, 1, *range(4, 34)], 600).astype(np.int64)
    codes[:200], codes[200:203], codes[203:230] = 1, 2, 3
    known = ["often", "rare", *(f"k{i}" for i in range(30))]
    shown = category("c", codes, names, known)
    [curve] = curves_of(Scene(asking({"c": codes}, lambda c: c["c"] * 1.0), 600), [shown])
    assert len(curve.levels) == MOST_LEVELS and curve.levels[0] == "often" and curve.levels[-1] == ""
    assert curve.pooled == len(np.unique(codes)) - MOST_LEVELS + 1
    assert "rare" not in curve.levels and "unknown" not in curve.levels
    assert sum(curve.rows) == 600 and min(curve.rows) >= LEAST_SEEN


def test_of_several_classes_the_likeliest_few_are_told():
    rng = np.random.default_rng(5)
    x = {f"x{j}": rng.normal(size=300) for j in range(9)}
    classes = tuple("abcdef")

    def scores(margin):
        wide = np.outer(margin, np.linspace(-1, 1, 6)) + np.array([0, 0, 3, 2, 1, 0.0])
        p = np.exp(wide - wide.max(axis=1, keepdims=True))
        return Answers(wide, p / p.sum(axis=1, keepdims=True), wide.argmax(axis=1))

    curves = curves_of(Scene(asking(x, lambda c: c["x0"], scores), 300, classes), [number(n, x) for n in x])
    assert len(curves) == OF_SEVERAL * MOST_CLASSES
    assert [c.of for c in curves[:3]] == ["c", "d", "e"] and curves[0].margin


# Intervals, weights, bounds ------------------------------------------------------------------------------


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """At the ends of a product's curve, whose truth is known: x0 * x1 of equal columns is half a square."""
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x = {"a": rng.integers(0, 5, 300).astype(float)}
        x["b"] = x["a"] + rng.normal(size=300)

        def product(c):
            return c["a"] * c["b"]

        [curve] = curves_of(Scene(asking(x, product), 300, seed=seed), [number("a", x)])
        rise = [b - a for a, b in zip(curve.answer, curve.answer[1:], strict=False)]
        assert len(rise) == 4
        # The first point lies below the mean by the mean of 0.5, 2, 4.5, ... of the steps' lower ends.
        truth = -np.mean([0.0, *np.cumsum([0.5, 2.0, 3.0, 4.0])])
        half = (curve.high[0] - curve.low[0]) / 2
        held += abs(curve.answer[0] - curve.average - truth) <= half
    assert 0.9 <= held / 200 <= 1.0


def test_more_rows_make_narrower_intervals_and_rows_of_one_group_do_not():
    rng = np.random.default_rng(6)

    def width(n, repeats):
        a = rng.random(n)
        x = {"a": np.repeat(a, repeats), "b": np.repeat(a + rng.normal(size=n), repeats)}
        clusters = np.repeat(np.arange(n), repeats) if repeats > 1 else None
        scene = Scene(asking(x, bent), n * repeats, clusters=clusters)
        [curve] = curves_of(scene, [number("a", x)])
        return float(np.mean(np.array(curve.high) - np.array(curve.low)))

    few, many, repeated = width(100, 1), width(1_600, 1), width(100, 16)
    assert many < 0.5 * few and repeated > 0.5 * few


def test_a_single_group_leaves_intervals_open(pair):
    scene = Scene(asking(pair, bent), 500, clusters=np.zeros(500, dtype=np.int64))
    [curve] = curves_of(scene, [number("a", pair)])
    assert curve.answer and curve.low == () and curve.high == ()


def test_rows_count_by_their_weights():
    x = {"a": np.repeat([0.0, 1.0], 100), "b": np.tile([0.0, 1.0], 100)}
    weights = np.where(x["b"] == 1, 1.0, 1e-9)

    def product(c):
        return c["a"] * c["b"]

    [curve] = curves_of(Scene(asking(x, product), 200, weights=weights), [number("a", x)])
    assert curve.answer[1] - curve.answer[0] == pytest.approx(1.0, abs=1e-3)
    [plain] = curves_of(Scene(asking(x, product), 200), [number("a", x)])
    assert plain.answer[1] - plain.answer[0] == pytest.approx(0.5, abs=1e-3)


def test_great_numbers_and_moments_are_finite_and_exact():
    rng = np.random.default_rng(7)
    when = 1.7e9 + np.sort(rng.random(200)) * 1e7
    x = {"when": when}
    [curve] = curves_of(
        Scene(asking(x, lambda c: 1e12 * (c["when"] - 1.7e9)), 200), [number("when", x, "datetime")]
    )
    assert all(at % 86_400 == 0 for at in curve.at) and np.isfinite(curve.answer).all()
