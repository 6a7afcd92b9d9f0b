"""Decisions, links, directions and exposure through a whole fit: what ships does what was asked."""

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.errors import RowsRefused
from mlwright.base.finding import Findings

NOTHING = Findings.of(())


def rare(n: int = 500) -> dict[str, list]:
    """Transactions of which a few are fraud, the more surely the larger `signal` is."""
    rng = np.random.default_rng(7)
    signal = rng.normal(size=n)
    return {
        "signal": signal.tolist(),
        "noise": rng.normal(size=n).tolist(),
        "amount": np.round(rng.exponential(60, n), 2).tolist(),
        "kind": np.where(signal + rng.normal(size=n) > 1.9, "fraud", "fine").tolist(),
    }


def fitted(data, **asked) -> mw.Model:
    return mw.fit(data, findings=NOTHING, max_trials=3, **asked)


@pytest.fixture(scope="module")
def by_amount():
    return fitted(rare(), target="kind", costs={"fn": "amount", "fp": 5})


def test_labels_follow_the_costs_of_each_row(by_amount):
    data = rare()
    probability = by_amount.predict_proba(data)[:, 1]
    amount = np.array(data["amount"])
    wanted = np.where(probability * amount > (1 - probability) * 5, "fraud", "fine")
    assert np.array_equal(by_amount.predict(data), wanted)
    assert not np.array_equal(wanted, np.where(probability > 0.5, "fraud", "fine"))


def test_a_missing_amount_counts_as_the_mean(by_amount):
    one = by_amount.evaluation.decision.amounts[0]
    assert one.column == "amount" and one.instead == pytest.approx(np.mean(rare()["amount"]))
    rows = [{"signal": s, "noise": 0.0, "amount": None} for s in np.linspace(-2, 3, 40)]
    probability = by_amount.predict_proba(rows)[:, 1]
    wanted = np.where(probability * one.instead > (1 - probability) * 5, "fraud", "fine")
    assert np.array_equal(by_amount.predict(rows), wanted) and len(set(wanted)) == 2


def test_the_costs_of_other_ways_to_decide_stand_beside_it(by_amount):
    ways = {o.way: {s.metric: s for s in o.scores} for o in by_amount.evaluation.outcomes}
    assert set(ways) == {"as decided", "likeliest class", "always fine", "always fraud"}
    costs = {way: scores["cost_per_1000_rows"].value for way, scores in ways.items()}
    data = rare()
    lost = np.where(np.array(data["kind"]) == "fraud", data["amount"], 0.0)
    assert costs["always fine"] == pytest.approx(lost.mean() * 1000)
    assert costs["as decided"] < costs["always fine"] and costs["as decided"] < costs["always fraud"]
    assert "How it decides" in by_amount.card and "always fraud" in by_amount.card


def test_a_decision_is_judged_on_fresh_rows_too(by_amount):
    data = rare()
    judged = mw.evaluate(by_amount, data)
    labels = by_amount.predict(data)
    truly, alarmed = np.array(data["kind"]) == "fraud", labels == "fraud"
    assert judged.confusion[1] == (int((truly & ~alarmed).sum()), int((truly & alarmed).sum()))
    cost = np.where(truly & ~alarmed, data["amount"], 0.0) + np.where(~truly & alarmed, 5.0, 0.0)
    measured = judged.outcomes[0].scores[0]
    assert measured.metric == "cost_per_1000_rows" and measured.value == pytest.approx(cost.mean() * 1000)


def test_the_threshold_of_a_metric_is_cross_fitted_and_ships(monkeypatch):
    from mlwright.training import unseen

    rows = []
    real = unseen.conclude

    def watched(problem, margin, chosen_on):
        rows.append(len(chosen_on))
        return real(problem, margin, chosen_on)

    monkeypatch.setattr(unseen, "conclude", watched)
    data = rare()
    model = fitted(data, target="kind", metric="f1")
    assert len(rows) == 8 and max(rows) < 500  # each fold's rows are judged by a line drawn without them
    decision = model.evaluation.decision
    assert decision.rule == "metric" and decision.threshold < 0.5
    wanted = np.where(model.predict_proba(data)[:, 1] > decision.threshold, "fraud", "fine")
    assert np.array_equal(model.predict(data), wanted)
    assert model.evaluation.score.metric == "f1"


def test_an_allowance_is_kept_on_rows_not_seen():
    model = fitted(rare(), target="kind", alerts=20, rows_per_day=200)
    scores = {s.metric: s for s in model.evaluation.outcomes[0].scores}
    assert scores["alerts_per_day"].low <= 20 and scores["alerts_per_day"].value <= 24
    assert {"precision", "recall"} <= set(scores)


def test_many_classes_are_decided_by_costs():
    rng = np.random.default_rng(3)
    x = rng.normal(size=400)
    y = np.digitize(x + rng.normal(size=400), [-0.7, 0.7])
    data = {"x": x.tolist(), "y": np.array(["low", "middle", "high"])[y].tolist()}
    costs = {"*": {"*": 1}, "high": {"*": 8}}
    model = fitted(data, target="y", costs=costs)
    matrix = np.array(model.evaluation.decision.costs)
    classes = list(model.target.classes)
    assert matrix[classes.index("high"), classes.index("low")] == 8
    expected = model.predict_proba(data) @ matrix
    assert np.array_equal(model.predict(data), np.array(classes)[expected.argmin(axis=1)])


def test_rows_that_weigh_nothing_are_as_if_absent():
    data = rare(300)
    doubled = {name: values + values[:150] for name, values in data.items()}
    flipped = ["fine" if k == "fraud" else "fraud" for k in data["kind"][:150]]
    doubled["kind"] = data["kind"] + flipped
    doubled["w"] = [1.0] * 300 + [0.0] * 150
    model = fitted(doubled, target="kind", weight="w", metric="f1")
    assert model.evaluation.score.value > 0.35  # counted, the flipped labels would halve it
    apart, together = mw.evaluate(model, data), mw.evaluate(model, doubled)
    assert apart.score.value == pytest.approx(together.score.value) and together.score.value > 0.35


@pytest.mark.parametrize("classes", [False, True])
def test_no_row_is_answered_against_the_direction(classes):
    rng = np.random.default_rng(5)
    n = 400
    age, income = rng.uniform(20, 70, n), rng.normal(50, 20, n)
    risk = 0.04 * age - 0.03 * income + np.sin(age) + rng.normal(size=n)
    data = {
        "age": age.tolist(),
        "income": [None if i % 9 == 0 else float(v) for i, v in enumerate(income)],
        "town": rng.choice(["a", "b", "c"], n).tolist(),
        "y": np.where(risk > 0.6, "bad", "good").tolist() if classes else risk.tolist(),
    }
    model = fitted(data, target="y", monotone={"age": 1, "income": -1})
    assert sum(e.weight for e in model.leaderboard if e.family != "baseline") > 0.99
    positive = list(model.target.classes).index("bad") if classes else 0

    def answer(rows):
        return model.predict_proba(rows)[:, positive] if classes else model.predict(rows)

    names = ("age", "income", "town")
    moved = 0.0
    for column, way, grid in (("age", 1, np.linspace(10, 80, 71)), ("income", -1, np.linspace(-30, 130, 81))):
        for i in range(25):
            row = {name: data[name][i] for name in names}
            steps = way * np.diff(answer([{**row, column: float(v)} for v in grid]))
            assert steps.min() >= -1e-12, (column, i)
            moved = max(moved, steps.max())
    assert moved > 1e-3
    free = fitted(data, target="y")
    row = {name: data[name][1] for name in names}
    rows = [{**row, "age": float(v)} for v in np.linspace(10, 80, 71)]
    steps = np.diff(free.predict_proba(rows)[:, positive] if classes else free.predict(rows))
    assert steps.min() < 0 < steps.max()  # unbound, the model follows the wave


def test_rates_are_answered_for_what_is_watched():
    rng = np.random.default_rng(0)
    n = 600
    age, days = rng.uniform(18, 80, n), rng.integers(10, 366, n).astype(float)
    claims = rng.poisson(3 * np.exp(-age / 40) * days / 365).astype(float)
    data = {"age": age.tolist(), "days": days.tolist(), "claims": claims.tolist()}
    model = fitted(data, target="claims", exposure="days", task="regression", metric="poisson_deviance")
    assert model.schema.column("days").role == "exposure"
    row = {"age": 30.0, "days": 73.0}
    one, five = model.predict(row)[0], model.predict({**row, "days": 365.0})[0]
    assert five == pytest.approx(5 * one) and one > 0
    assert model.predict(data).sum() == pytest.approx(claims.sum(), rel=0.05)
    baseline = next(s.value for s in model.evaluation.baseline if s.metric == "poisson_deviance")
    assert model.evaluation.score.value < 0.95 * baseline
    rate = claims.sum() / days.sum() * days
    logs = np.where(claims > 0, claims * np.log(np.maximum(claims, 1) / rate), 0.0)
    assert baseline == pytest.approx(np.mean(2 * (logs - claims + rate)), rel=0.02)
    for days_of in (0, -4, None):
        with pytest.raises(RowsRefused, match="'days'"):
            model.predict({**row, "days": days_of})


def test_a_metric_of_logarithms_is_learned_on_them():
    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    data = {"x": x.tolist(), "y": np.exp(2 * x + rng.normal(size=400)).tolist()}
    by_logs = fitted(data, target="y", metric="rmsle")
    plain = fitted(data, target="y", metric="rmse")
    fresh = rng.normal(size=2000)
    logs = 2 * fresh + rng.normal(size=2000)

    def error(model):
        answer = np.maximum(model.predict({"x": fresh.tolist()}), 0.0)
        return np.sqrt(np.mean((np.log1p(answer) - np.log1p(np.exp(logs))) ** 2))

    assert error(by_logs) < 0.9 * error(plain)
    assert by_logs.predict({"x": [-9.0, 9.0]}).min() >= 0


def test_absolute_differences_are_learned_as_such():
    rng = np.random.default_rng(2)
    x = rng.normal(size=500)
    noise = np.where(rng.random(500) < 0.3, 40.0, 0.0)
    data = {"x": x.tolist(), "y": (x + noise).tolist()}
    model = fitted(data, target="y", task="regression", metric="mae")
    # The median is x: the mean would lie 12 above it.
    assert abs(np.median(model.predict(data) - x)) < 2
