"""What a target is, decided by its values and overruled by the user."""

import polars as pl
import pytest

import mlwright as mw
from mlwright.base.errors import DataProblem, Misuse, TargetUnusable, UnknownName
from mlwright.base.schema import Column, Schema
from mlwright.data.dataset import Dataset, Provenance
from mlwright.tasks import Asked, kind_named
from mlwright.tasks.kind import Labels
from mlwright.tasks.tabular.problem import read_target
from mlwright.tasks.tabular.split import refuse_split


def a_dataset(values, kind, **fields) -> tuple[Dataset, Column]:
    column = Column(name="y", kind=kind, role="target", **fields)
    x = Column(name="x", kind="numeric")
    dtype = pl.Float64 if kind in ("numeric", "boolean", "datetime") else pl.String
    frame = pl.DataFrame({"x": [float(i) for i in range(len(values))], "y": pl.Series(values, dtype=dtype)})
    return Dataset(frame, Schema(columns=(x, column)), Provenance("made")), column


@pytest.mark.parametrize(
    ("values", "kind", "task", "classes", "label_type"),
    [
        ([0.0, 1.0] * 20, "numeric", "binary", ("0", "1"), "integer"),
        ([2.0, 4.0] * 20, "numeric", "binary", ("2", "4"), "integer"),
        ([1.0, 2.0, 10.0] * 20, "numeric", "multiclass", ("1", "2", "10"), "integer"),
        ([0.0, 1.0] * 20, "boolean", "binary", ("false", "true"), "boolean"),
        (["Yes", "No", "No"] * 20, "categorical", "binary", ("No", "Yes"), "text"),
        (["no fraud", "fraud", "no fraud"] * 20, "categorical", "binary", ("no fraud", "fraud"), "text"),
        (["b", "a", "c"] * 20, "categorical", "multiclass", ("a", "b", "c"), "text"),
        (["10", "9"] * 20, "categorical", "binary", ("9", "10"), "integer"),
    ],
)
def test_the_values_say_which_task_it_is(values, kind, task, classes, label_type):
    dataset, column = a_dataset(values, kind, codes=label_type == "integer" and kind == "categorical")
    target, y, _ = read_target(dataset, column)
    assert (target.task, target.classes, target.label_type) == (task, classes, label_type)
    assert sorted(set(y)) == list(range(len(classes)))
    assert len(classes) > 2 or target.positive == classes[1]


def test_many_numbers_are_a_regression_and_few_whole_ones_are_classes_and_it_is_said():
    assert read_target(*a_dataset([i / 7 for i in range(50)], "numeric"))[0].task == "regression"
    assert read_target(*a_dataset([float(i) for i in range(50)], "numeric"))[0].task == "regression"
    target, _, findings = read_target(*a_dataset([1.0, 2.0, 3.0] * 30, "numeric"))
    assert target.task == "multiclass" and "task='regression'" in findings[0].remedy
    assert read_target(*a_dataset([1.0, 2.0, 3.0] * 30, "numeric"), "regression")[0].task == "regression"


@pytest.mark.parametrize(
    ("values", "kind", "task", "error", "said"),
    [
        ([None, None], "numeric", None, TargetUnusable, "missing in every row"),
        ([1.0, 1.0, None], "numeric", None, TargetUnusable, "one value"),
        (["a", "b", "c"], "categorical", "binary", TargetUnusable, "3 values, not two"),
        (["a", "b", "c"], "categorical", "regression", TargetUnusable, "not a number"),
        (["a", "b", "c"], "categorical", "regresion", UnknownName, "did you mean 'regression'"),
        ([f"k{i}" for i in range(2000)], "categorical", None, TargetUnusable, "2000 classes"),
    ],
)
def test_a_target_that_cannot_be_is_refused_with_what_to_do(values, kind, task, error, said):
    with pytest.raises(error, match=said):
        read_target(*a_dataset(values, kind), task)


def test_a_table_without_a_target_or_a_feature_is_refused():
    kind = kind_named("tabular")
    dataset, _ = a_dataset([0.0, 1.0] * 20, "numeric")
    bare = dataset.with_schema(dataset.schema.changed("y", role="feature"))
    with pytest.raises(Misuse, match="no target was named"):
        kind.problem(bare, Asked())
    empty = dataset.with_schema(dataset.schema.changed("x", role="ignored"))
    with pytest.raises(DataProblem, match="no usable column"):
        kind.problem(empty, Asked())


def test_fewer_alerts_than_one_among_the_rows_that_place_the_line_are_refused_before_anything_is_fitted():
    kind = kind_named("tabular")
    dataset, _ = a_dataset([0.0, 1.0] * 45, "numeric")
    with pytest.raises(DataProblem, match=r"0.01 of the rows may be alerts, .* not one of the 78"):
        kind.problem(dataset, Asked(labels=Labels(alerts="1%")))
    assert kind.problem(dataset, Asked(labels=Labels(alerts="1.3%")))[0].wanted.share == pytest.approx(0.013)
    large, _ = a_dataset([0.0, 1.0] * 6_000, "numeric")
    with pytest.raises(DataProblem, match="not one of the 9,600"):
        kind.problem(large, Asked(labels=Labels(alerts="0.01%")))


def test_the_split_follows_the_roles():
    dataset, _ = a_dataset([0.0, 1.0] * 50, "numeric")
    kind = kind_named("tabular")
    assert kind.problem(dataset, Asked())[0].split.rule == "stratified"
    timed = dataset.with_schema(dataset.schema.changed("x", role="time"))
    assert kind.problem(timed, Asked())[0].split.rule == "time"
    grouped = dataset.with_schema(dataset.schema.changed("x", role="group"))
    with pytest.raises(DataProblem, match="no usable column"):
        kind.problem(grouped, Asked())


def roled(**roles) -> Dataset:
    """200 rows of two classes: `a` is a number, `b` a moment, `c` a text, each with its role."""
    n, day = range(200), 86_400_000_000
    moments = pl.Series([i * day for i in n]).cast(pl.Datetime("us"))
    texts = [f"k{i // 2 % 50}" for i in n]
    frame = pl.DataFrame(
        {
            "a": list(map(float, n)),
            "b": moments,
            "c": texts,
            "x": [i / 7 for i in n],
            "y": [i % 2.0 for i in n],
        }
    )
    kinds = {"a": "numeric", "b": "datetime", "c": "categorical", "x": "numeric", "y": "numeric"}
    columns = tuple(
        Column(name=name, kind=kind, role="target" if name == "y" else roles.get(name, "feature"))
        for name, kind in kinds.items()
    )
    return Dataset(frame, Schema(columns=columns), Provenance("made"))


@pytest.mark.parametrize(
    ("roles", "asked", "rule", "why"),
    [
        ({"b": "time", "c": "group"}, {}, "time", "may be on both sides"),
        ({"b": "time", "c": "group"}, {"split": "group+time"}, "group+time", "by lot (as asked)"),
        ({"b": "time", "c": "group"}, {"split": "group"}, "group", "stay on one side (as asked)"),
        ({"b": "time"}, {"split": "stratified"}, "stratified", "classes in equal shares (as asked)"),
        ({"b": "time"}, {"gap": "7d"}, "time", "7d between them"),
        ({"a": "time"}, {"gap": 7}, "time", "7 between them"),
        ({}, {"split": "order", "gap": 5}, "order", "5 rows between them"),
        ({"c": "fold"}, {}, "given", "column 'c' names the folds"),
        ({"c": "fold"}, {"split": "random"}, "random", "independent (as asked)"),
    ],
)
def test_the_split_is_chosen_by_the_roles_and_overruled_by_the_user(roles, asked, rule, why):
    split = kind_named("tabular").problem(roled(**roles), Asked(**asked))[0].split
    assert split.rule == rule and why in split.why
    if "gap" in asked:
        gap = 5 if rule == "order" else 7  # a row a day
        assert {int(f.valid.min() - f.train.max()) for f in split.folds} == {gap}


@pytest.mark.parametrize(
    ("roles", "asked", "said"),
    [
        ({}, {"split": "time"}, "needs a time column"),
        ({"b": "time"}, {"split": "group+time"}, "needs a group column"),
        ({}, {"split": "given"}, "needs a fold column"),
        ({}, {"gap": "7d"}, "needs rows in time"),
        ({"b": "time"}, {"gap": 7}, "says no unit"),
        ({"a": "time"}, {"gap": "7d"}, "is no number"),
        ({}, {"split": "order", "gap": "7d"}, "is no number"),
    ],
)
def test_a_split_that_lacks_what_it_needs_is_refused(roles, asked, said):
    with pytest.raises(Misuse, match=said):
        kind_named("tabular").problem(roled(**roles), Asked(**asked))


def test_rows_of_no_fold_and_a_gap_longer_than_the_history_are_refused_in_words():
    table = roled(c="fold")
    holed = table.frame.with_columns(pl.when(pl.col("a") < 3).then(None).otherwise(pl.col("c")).alias("c"))
    with pytest.raises(DataProblem, match="fold column 'c' is missing in 3 rows"):
        kind_named("tabular").problem(Dataset(holed, table.schema, table.provenance), Asked())
    with pytest.raises(DataProblem, match="before a gap of 300 days"):
        kind_named("tabular").problem(roled(b="time"), Asked(gap="300d"))


def test_a_gap_of_days_holds_between_the_dates_of_a_table_that_was_read():
    rows = [{"day": f"2024-{1 + k // 28:02d}-{1 + k % 28:02d}", "x": k % 7, "y": k % 3} for k in range(280)]
    data = mw.read(rows, target="y", time="day")
    problem, _ = kind_named("tabular").problem(data, Asked(task="regression", gap="10d"))
    when = data.frame["day"].to_numpy()
    for fold in problem.split.folds:
        assert when[fold.valid].min() - when[fold.train].max() >= 10 * 86400
        assert len(fold.train)


@pytest.mark.parametrize(
    ("rule", "gap", "error", "said"),
    [
        ("tme", None, UnknownName, "did you mean 'time'"),
        ("random", "7d", Misuse, "no meaning"),
        (None, "soon", Misuse, "no span of time"),
        (None, -1, Misuse, "no span of time"),
    ],
)
def test_a_split_that_no_table_could_make_good_is_refused_before_one_is_read(rule, gap, error, said):
    with pytest.raises(error, match=said):
        refuse_split(rule, gap)


def test_a_kind_that_is_not_installed_is_named():
    with pytest.raises(UnknownName, match="did you mean 'tabular'"):
        kind_named("tabula")


@pytest.mark.parametrize(("distinct", "advice"), [(40, "regression"), (3, "multiclass")])
def test_a_binary_task_of_many_numbers_is_told_what_fits_them(distinct, advice):
    dataset, column = a_dataset([float(i % distinct) for i in range(80)], "numeric")
    with pytest.raises(TargetUnusable) as caught:
        read_target(dataset, column, "binary")
    assert caught.value.remedy == f"say task='{advice}'"


def test_a_split_that_no_column_allows_is_refused_before_the_table_is_checked(monkeypatch):
    monkeypatch.setattr("mlwright.checks.check", lambda *_, **__: pytest.fail("it was checked"))
    table = pl.DataFrame({"x": [i / 7 for i in range(200)], "y": ["a", "b"] * 100})
    with pytest.raises(Misuse, match="needs a time column"):
        mw.fit(table, target="y", split="time", max_trials=2)
