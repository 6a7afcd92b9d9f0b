"""Permutation importance: against brute force and scikit-learn, on functions whose importance is known."""

import math

import numpy as np
import pytest

import mlwright.evaluation.importance as module
from mlwright.evaluation.asked import metric as own_metric
from mlwright.evaluation.asked import metric_of
from mlwright.evaluation.importance import (
    LEAST_ROWS,
    MOST_COLUMNS,
    Answers,
    Effort,
    Examined,
    importance_of,
    in_order,
    skipped,
    with_unused,
)
from mlwright.evaluation.metrics import METRICS


def numbers(x, f, y, **more):
    """A regression `f` of the matrix `x`, to be asked about its rows."""

    def ask(at, taken):
        mixed = x[at].copy()
        for name, other in taken.items():
            mixed[:, int(name[1:])] = x[other, int(name[1:])]
        answer = f(mixed)
        return Answers(answer[:, None], answer)

    columns = {f"x{j}": x[:, j] for j in range(x.shape[1])}
    return Examined(ask, columns, y, METRICS[more.pop("metric", "rmse")], **more)


def classes(x, f, y, metric="roc_auc", **more):
    """Two classes by the log-odds `f`."""

    def ask(at, taken):
        mixed = x[at].copy()
        for name, other in taken.items():
            mixed[:, int(name[1:])] = x[other, int(name[1:])]
        margin = f(mixed)
        p = 1 / (1 + np.exp(-margin))
        return Answers(margin[:, None], np.stack([1 - p, p], axis=1), (p > 0.5).astype(np.int64))

    columns = {f"x{j}": x[:, j] for j in range(x.shape[1])}
    return Examined(ask, columns, y, metric_of(metric, "binary"), **more)


def line(x):
    return 2 * x[:, 0] + x[:, 1] * x[:, 2]


@pytest.fixture
def known():
    """Three independent columns that matter and one that does not, of 300 rows."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 4))
    return x, line(x) + rng.normal(size=300)


def test_the_loss_grows_by_what_all_pairs_of_rows_say_in_the_mean(known):
    x, y = known
    found = importance_of(numbers(x, line, y), "by hand")
    for j in range(4):
        mixed = np.repeat(x, len(x), axis=0)
        mixed[:, j] = np.tile(x[:, j], len(x))
        exact = float(np.mean((np.repeat(y, len(x)) - line(mixed)) ** 2) - np.mean((y - line(x)) ** 2))
        loss = found.of(f"x{j}").loss
        assert loss.low <= exact <= loss.high and abs(loss.value - exact) <= 0.12 * max(exact, 0.1)


def test_what_a_function_does_not_look_at_has_no_importance_at_all(known):
    found = importance_of(numbers(*(known[0], line, known[1])), "")
    none = found.of("x3")
    assert (none.loss.value, none.loss.low, none.loss.high) == (0.0, 0.0, 0.0)
    assert none.metric.value == 0.0 and not none.metric.clear
    assert found.of("x0").loss.clear and found.columns[0].columns == ("x0",)


def test_an_irrelevant_column_that_a_model_remembers_has_an_interval_around_0_on_rows_it_had_not_seen():
    """A model of nearest neighbours learns its rows by heart: on them, noise looks useful."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2))
    y = x[:, 0] + 0.5 * rng.normal(size=600)
    train, truth = x[:300], y[:300]

    def nearest(rows):
        apart = ((rows[:, None, :] - train[None]) ** 2).sum(axis=2)
        return truth[np.argmin(apart, axis=1)]

    seen = importance_of(numbers(x[:300], nearest, y[:300]), "")
    unseen = importance_of(numbers(x[300:], nearest, y[300:]), "")
    assert seen.of("x1").loss.clear and seen.of("x1").loss.value > 0.3
    assert unseen.of("x1").loss.low < 0 < unseen.of("x1").loss.high
    assert unseen.of("x0").loss.clear


def test_a_doubled_column_matters_little_alone_and_much_together():
    rng = np.random.default_rng(1)
    first, other = rng.normal(size=(2, 400))
    x = np.stack([first, first + 1e-9 * rng.normal(size=400), other], axis=1)

    def either(rows):
        return 3 * np.maximum(rows[:, 0], rows[:, 1]) + rows[:, 2]

    y = either(x) + rng.normal(size=400)
    found = importance_of(numbers(x, either, y), "")
    [together] = found.groups
    assert together.columns == ("x0", "x1")
    alone = max(found.of(n).loss.value for n in together.columns)
    assert together.loss.value > 1.5 * alone and together.loss.low > alone
    assert [r.columns for r in found.ranked()] == [("x0", "x1"), ("x2",)]
    assert set(in_order(found)[:2]) == {"x0", "x1"} and in_order(found)[2] == "x2"


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "accuracy", "average_precision", "f1", "mcc"])
def test_of_classes_the_metric_falls_or_grows_by_the_difference_of_its_values(known, metric):
    x, _ = known
    y = (np.random.default_rng(0).random(300) < 1 / (1 + np.exp(-line(x)))).astype(np.int64)
    examined = classes(x, line, y, metric)
    found = importance_of(examined, "")
    assert found.loss == "log_loss" and found.metric == metric
    rng = np.random.default_rng(2)  # as the shuffles are drawn
    orders = [rng.permutation(300) for _ in range(found.repeats)]
    plain = examined.ask(np.arange(300), {})
    needs = METRICS[metric]

    def value(answers):
        output = np.eye(2)[answers.labels] if needs.needs == "label" else answers.answer
        return needs.function(y, output)

    shuffled = [value(examined.ask(np.arange(300), {"x0": order})) for order in orders]
    fall = (value(plain) - np.mean(shuffled)) * (1 if needs.greater_is_better else -1)
    assert found.metric_value == pytest.approx(value(plain))
    assert found.of("x0").metric.value == pytest.approx(fall, rel=1e-5)
    assert found.of("x0").metric.low < fall < found.of("x0").metric.high


def likely(x):
    return (np.random.default_rng(0).random(len(x)) < 1 / (1 + np.exp(-line(x)))).astype(np.int64)


@pytest.mark.parametrize("metric", ["f2", "precision_at_20%", "top_1_accuracy"])
def test_a_metric_with_a_number_of_its_own_has_intervals(known, metric):
    x, _ = known
    found = importance_of(classes(x, line, likely(x), metric), "")
    assert all(r.metric.low <= r.metric.value <= r.metric.high for r in found.columns)
    assert found.of("x0").metric.clear and not found.of("x3").metric.clear


def caught(truth, label):
    return float(((truth == 1) & (label == 1)).sum() / max(1, (truth == 1).sum()))


def test_a_metric_of_the_users_own_has_intervals_from_fewer_groups(known):
    """They are those of the same metric by another name, though wider: there are ten groups for thirty."""
    x, _ = known
    own = importance_of(classes(x, line, likely(x), own_metric(caught)), "")
    change = own.of("x0").metric
    assert change.low < change.value < change.high and change.clear
    accuracy = importance_of(classes(x, line, likely(x), "accuracy"), "").of("x0").metric
    called = [0]

    def right(truth, label):
        called[0] += 1
        return float((truth == label).mean())

    same = importance_of(classes(x, line, likely(x), own_metric(right)), "")
    assert same.of("x0").metric.value == accuracy.value
    assert same.of("x0").metric.high - same.of("x0").metric.low > 0.6 * (accuracy.high - accuracy.low)
    assert called[0] == 1 + 5 * 10 + 4 * 5 * (1 + 10)  # as they are; each group; each column, and its groups


def test_a_slow_metric_of_the_users_own_has_no_intervals_where_time_is_short(known):
    x, _ = known
    now = [0.0]

    def slow(truth, label):
        now[0] += 0.1
        return caught(truth, label)

    def found(seconds):
        examined = classes(x, line, likely(x), own_metric(slow))
        return importance_of(examined, "", effort=Effort(seconds=seconds, clock=lambda: now[0]))

    short, long = found(10.0), found(100.0)
    assert short.of("x0").metric.low is None and short.of("x0").loss.low is not None
    assert short.of("x0").metric.value == long.of("x0").metric.value
    assert long.of("x0").metric.low is not None


def test_it_is_what_scikit_learn_measures(known):
    inspection = pytest.importorskip("sklearn.inspection", reason="scikit-learn is not installed")
    from sklearn.base import BaseEstimator, RegressorMixin

    class Line(RegressorMixin, BaseEstimator):
        def fit(self, x, y):
            self.fitted_ = True
            return self

        def predict(self, x):
            return line(x)

    x, y = known
    theirs = inspection.permutation_importance(
        Line().fit(x, y), x, y, scoring="neg_mean_squared_error", n_repeats=200, random_state=0
    ).importances_mean
    found = importance_of(numbers(x, line, y), "")
    for j in range(4):
        loss = found.of(f"x{j}").loss
        assert loss.low <= theirs[j] <= loss.high or abs(loss.value - theirs[j]) < 1e-9


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """The truth of 2 x0 is 8 in squared error, of the product's parts 2: known from variances alone."""
    held = np.zeros(2)
    for seed in range(120):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(200, 4))
        found = importance_of(numbers(x, line, line(x) + rng.normal(size=200), seed=seed), "")
        for k, (name, truth) in enumerate((("x0", 8.0), ("x1", 2.0))):
            loss = found.of(name).loss
            held[k] += loss.low <= truth <= loss.high
    assert (held / 120 > 0.9).all() and (held / 120 < 1.0).all()


def test_rows_of_one_group_are_not_counted_as_many():
    rng = np.random.default_rng(5)
    group = np.repeat(np.arange(40), 25)
    x = rng.normal(size=(40, 2))[group]
    y = x[:, 0] + rng.normal(size=40)[group]

    def first(rows):
        return rows[:, 0]

    alone = importance_of(numbers(x, first, y), "").of("x0").loss
    grouped = importance_of(numbers(x, first, y, clusters=group), "").of("x0").loss
    assert grouped.value == alone.value
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_one_group_alone_says_nothing_of_how_sure_it_is(known):
    x, y = known
    found = importance_of(numbers(x, line, y, clusters=np.zeros(300, dtype=np.int64)), "")
    assert found.of("x0").loss.low is None and found.of("x0").loss.value > 1


def test_weights_count_and_rows_without_any_are_not_there(known):
    x, y = known
    weights = np.ones(300)
    weights[:150] = 0.0
    spoilt = y.copy()
    spoilt[:150] = 1e6
    found = importance_of(numbers(x, line, spoilt, weights=weights), "")
    assert found.rows == 150 and found.loss_value < 10


def test_values_are_exchanged_within_parts_alone():
    """Each part has its own model, which knows nothing of the other's values."""
    part = np.repeat([0, 1], 100)
    x = np.stack([np.arange(200.0), part], axis=1)
    asked = []

    def ask(at, taken):
        for other in taken.values():
            asked.append(bool((part[at] == part[other]).all()))
        return Answers(x[at, :1], x[at, 0])

    importance_of(Examined(ask, {"x0": x[:, 0]}, x[:, 0], METRICS["rmse"], part=part), "")
    assert asked and all(asked)


def test_of_many_columns_the_most_important_are_found_and_the_others_counted():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 300))

    def few(rows):
        return 3 * rows[:, 17] + 2 * rows[:, 255] + rows[:, 100]

    found = importance_of(numbers(x, few, few(x)), "")
    assert [r.columns[0] for r in found.columns[:3]] == ["x17", "x255", "x100"]
    assert len(found.columns) == MOST_COLUMNS and found.not_measured == 300 - MOST_COLUMNS


def test_no_more_rows_are_asked_about_than_may_be(known):
    x, y = known
    asked = []
    examined = numbers(x, line, y)

    def counting(at, taken):
        asked.append(len(at))
        return examined.ask(at, taken)

    for allowed in (20_000, 6_000, 3_000):
        asked.clear()
        counted = Examined(counting, examined.columns, y, examined.metric)
        found = importance_of(counted, "", effort=Effort(asked=allowed))
        assert sum(asked) <= allowed + 700 and found.columns and found.rows <= 300
    found = importance_of(counted, "", effort=Effort(asked=100))
    assert found.skipped == module.TOO_SLOW and not found.columns


def test_where_time_runs_out_what_was_measured_stands():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3_000, 20))
    now = [0.0]

    def slow(rows):
        now[0] += len(rows) * 1e-4  # seconds
        return x[0, 0] + rows.sum(axis=1)

    found = importance_of(
        numbers(x, slow, x.sum(axis=1)), "", effort=Effort(seconds=3.0, clock=lambda: now[0])
    )
    assert 0 < len(found.columns) <= 20 and found.rows >= LEAST_ROWS and now[0] < 4.0


def test_the_same_seed_gives_the_same_and_another_another(known):
    x, y = known
    first, again, other = (importance_of(numbers(x, line, y, seed=s), "") for s in (1, 1, 2))
    assert first == again and first != other


def test_few_rows_say_nothing_and_say_so():
    x = np.zeros((5, 1))
    found = importance_of(numbers(x, lambda rows: rows[:, 0], x[:, 0]), "")
    assert found.skipped == "5 rows are too few"


def test_of_hundreds_of_classes_the_loss_stands_alone():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 1)), rng.integers(0, 40, 200)

    def ask(at, taken):
        margin = np.outer(x[taken.get("x0", at), 0], np.linspace(-1, 1, 40))
        p = np.exp(margin)
        return Answers(margin, p / p.sum(axis=1, keepdims=True), np.argmax(p, axis=1))

    def by(metric):
        return importance_of(Examined(ask, {"x0": x[:, 0]}, y, METRICS[metric]), "").of("x0")

    assert by("roc_auc").metric is None and by("roc_auc").loss.low is not None
    assert by("accuracy").metric is not None


def test_a_metric_that_is_undefined_leaves_the_loss(known):
    x, _ = known
    found = importance_of(classes(x, line, np.ones(300, dtype=np.int64)), "")
    assert found.metric_value is None and found.of("x0").metric is None
    assert math.isfinite(found.of("x0").loss.value)


def test_unused_columns_are_named_up_to_a_hundred_and_counted():
    found = with_unused(skipped(METRICS["rmse"], "why", classes=False), [f"c{i}" for i in range(250)])
    assert (len(found.unused), found.unused_count, found.skipped) == (100, 250, "why")


def test_text_can_be_shuffled_though_it_goes_with_nothing(known):
    x, y = known
    examined = numbers(x, line, y)
    found = importance_of(Examined(examined.ask, {**examined.columns, "x1": None}, y, examined.metric), "")
    assert found.of("x1").loss.clear


def test_constants_are_what_the_page_says():
    assert (module.MOST_ROWS, module.REPEATS, module.MOST_COLUMNS) == (2_000, 5, 30)
