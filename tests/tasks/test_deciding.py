"""What is asked of labels is understood in every form, and refused where it cannot be."""

import polars as pl
import pytest

from mlwright.base.errors import DataProblem, Misuse, MlwrightError, UnknownName
from mlwright.base.schema import Column, Schema, Target
from mlwright.data.dataset import Dataset, Provenance
from mlwright.evaluation.metrics import METRICS
from mlwright.tasks.kind import Labels
from mlwright.tasks.tabular.deciding import refuse_labels, wanted_of
from mlwright.tasks.tabular.shape import exposed_by, exposure_of, monotone_of, refuse_directions

TWO = Target(name="y", task="binary", classes=("ok", "fraud"), positive="fraud")
THREE = Target(name="y", task="multiclass", classes=("a", "b", "c"))
NUMBER = Target(name="y", task="regression")


def table(**columns) -> Dataset:
    columns = {"amount": [1.0, 2.0, None], "city": ["x", "y", "x"]} | columns
    kinds = {"city": "categorical", "when": "datetime", "at": "numeric"}
    roles = {"when": "time", "at": "time", "days": "exposure"}
    made = [Column(name=n, kind=kinds.get(n, "numeric"), role=roles.get(n, "feature")) for n in columns]
    return Dataset(pl.DataFrame(columns), Schema(columns=tuple(made)), Provenance("made"))


def plan(target: Target = TWO, metric: str = "log_loss", data: Dataset | None = None, **asked):
    return wanted_of(data or table(), target, METRICS[metric], Labels(**asked)).plan


def test_costs_may_be_written_in_every_way():
    wanted = ((0.0, 20.0), (500.0, 0.0))
    for costs in (
        {"fn": 500, "fp": 20},
        {"fn": "500", "fp": "20"},
        [[0, 20], [500, 0]],
        {("fraud", "ok"): 500, ("ok", "fraud"): 20},
        {"fraud": {"ok": 500}, "*": {"*": 20}},
        {"FRAUD": {"OK": 500}, "ok": {"*": 20}},
    ):
        assert plan(costs=costs).costs == wanted, costs
    assert plan(costs={"fn": 500, "fp": 20}).threshold == pytest.approx(20 / 520)
    assert plan(costs={"fn": 500, "fp": 20, "tp": 20, "tn": -5}).costs == ((-5.0, 20.0), (500.0, 20.0))


def test_the_pair_that_is_named_goes_before_any_class():
    costs = {"*": {"*": 1}, "a": {"*": 2, "c": 9}}
    assert plan(THREE, costs=costs).costs == ((0.0, 2.0, 9.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0))


def test_amounts_come_from_a_column_and_missing_ones_count_as_the_mean():
    made = plan(costs={"fn": "amount", "fp": 0.5})
    assert made.amounts[0].column == "amount" and made.amounts[0].instead == 1.5
    assert made.amounts[0].cells == ((1, 0),) and made.threshold is None


@pytest.mark.parametrize(
    ("asked", "target", "error", "said"),
    [
        ({"costs": {"fn": 500, "fp": -1}}, TWO, Misuse, "costs -1 is a gain"),
        ({"costs": {"fn": 500}}, TWO, Misuse, "what fp costs"),
        ({"costs": {"fn": 5, "ffp": 1}}, TWO, UnknownName, "no outcome 'ffp'; did you mean 'fp'"),
        ({"costs": {"fn": 500, "fp": 0}}, TWO, Misuse, "always 'fraud'"),
        ({"costs": {"fn": 5, "fp": 1, "tp": 6}}, TWO, Misuse, "always 'ok'"),
        ({"costs": {"fn": 5, "fp": "amuont"}}, TWO, UnknownName, "did you mean 'amount'"),
        ({"costs": {"fn": 5, "fp": "city"}}, TWO, Misuse, "no number of that name"),
        ({"costs": {"fn": 5, "fp": True}}, TWO, Misuse, "no cost"),
        ({"costs": {"fn": 5, "fp": float("nan")}}, TWO, Misuse, "no cost"),
        ({"costs": {"frad": {"ok": 5}, "*": {"*": 1}}}, TWO, UnknownName, "did you mean 'fraud'"),
        ({"costs": {"fraud": {"ok": 5}}}, TWO, Misuse, "'fraud' costs where 'ok' is true"),
        ({"costs": [[0, 1, 2], [1, 0, 2]]}, TWO, Misuse, "for each of 2 classes"),
        ({"costs": {"fn": 5, "fp": 1}}, THREE, Misuse, "of two classes"),
        ({"costs": {"a": {"*": 1}}}, THREE, Misuse, "does not say what 'a' costs where 'b' is true"),
        ({"costs": {"fn": 5, "fp": 1}}, NUMBER, Misuse, "is a number"),
        ({"threshold": 0.3}, THREE, Misuse, "has 3"),
        ({"alerts": 5}, TWO, Misuse, "how many rows a day"),
        ({"alerts": 5, "rows_per_day": 4}, TWO, Misuse, "no fewer than there are rows"),
        ({"alerts": "100%"}, TWO, Misuse, "no fewer"),
    ],
)
def test_what_cannot_be_is_refused(asked, target, error, said):
    with pytest.raises(error, match=said):
        plan(target, "rmse" if target is NUMBER else "log_loss", **asked)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"costs": {"fn": 5, "fp": 1}, "threshold": 0.3}, "both say"),
        ({"threshold": 1.0}, "between 0 and 1"),
        ({"alerts": "many"}, "no allowance"),
        ({"alerts": "0/day"}, "no allowance"),
        ({"alerts": "5/fortnight"}, "no allowance"),
        ({"rows_per_day": 5}, "without alerts="),
        ({"alerts": 5, "rows_per_day": 0}, "above 0"),
        ({"costs": {}}, "says nothing"),
        ({"costs": 5}, "says nothing"),
        ({"costs": {"fraud": 5}}, "no pair"),
    ],
)
def test_what_no_table_could_make_good_is_refused_before_one_is_read(asked, said):
    with pytest.raises(Misuse, match=said):
        refuse_labels(Labels(**asked))


def test_negative_amounts_are_refused_with_their_row():
    with pytest.raises(DataProblem, match="first in row 1"):
        plan(data=table(amount=[1.0, -2.0, 3.0]), costs={"fn": "amount", "fp": 1})


def test_alerts_rest_on_the_rows_of_a_day():
    day = 86_400.0
    data = table(when=[0.0, day, 1.5 * day])
    made = wanted_of(data, TWO, METRICS["log_loss"], Labels(alerts="1/day"))
    assert made.plan.rows_per_day == 2.0 and made.share == 0.5
    weekly = wanted_of(table(), TWO, METRICS["log_loss"], Labels(alerts="7 per week", rows_per_day=10))
    assert weekly.share == pytest.approx(0.1)
    assert wanted_of(table(), TWO, METRICS["log_loss"], Labels(alerts="2%")).share == 0.02
    with pytest.raises(Misuse, match="holds no dates"):
        plan(data=table(at=[0.0, 1.0, 2.0]), alerts=1)
    with pytest.raises(Misuse, match="one moment"):
        plan(data=table(when=[5.0, 5.0, 5.0]), alerts=1)


def test_labels_serve_the_metric_where_it_is_of_labels_and_nothing_else_was_said():
    assert [plan(metric=m).rule for m in ("roc_auc", "accuracy", "f1", "mcc", "balanced_accuracy")] == [
        "likeliest",
        "likeliest",
        "metric",
        "metric",
        "metric",
    ]
    assert plan(metric="f1", threshold=0.4).rule == "threshold"


def test_directions_are_for_numbers_with_an_order():
    schema = table(when=[0.0, 1.0, 2.0]).schema
    assert monotone_of(schema, TWO, {"amount": -1}) == {0: -1}
    for asked, error, said in (
        ({"amuont": 1}, UnknownName, "did you mean 'amount'"),
        ({"city": 1}, Misuse, "it is categorical"),
        ({"when": 1}, Misuse, "it is datetime"),
    ):
        with pytest.raises(error, match=said):
            monotone_of(schema, TWO, asked)
    with pytest.raises(Misuse, match="has 3"):
        monotone_of(schema, THREE, {"amount": 1})
    with pytest.raises(Misuse, match="is 2"):
        refuse_directions({"amount": 2})
    with pytest.raises(Misuse, match="takes a mapping"):
        refuse_directions("amount")


@pytest.mark.parametrize("days", [[1.0, 0.0, 2.0], [1.0, None, 2.0], [1.0, -3.0, 2.0]])
def test_rows_that_nobody_watched_are_refused_by_name(days):
    data = table(days=days)
    column = exposed_by(data.schema, NUMBER)
    with pytest.raises(DataProblem, match=r"row 1") as refused:
        exposure_of(data, column)
    assert "'days'" in str(refused.value) and isinstance(refused.value, MlwrightError)
    with pytest.raises(Misuse, match="has classes"):
        exposed_by(data.schema, TWO)
