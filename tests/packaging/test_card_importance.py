"""The card's section on what the model relies on."""

from msgspec.structs import replace

from mlwright.base.evaluation import Evaluation
from mlwright.base.importance import Change, Curve, Importance, Reliance
from mlwright.base.reliance_words import MOST_LINES
from mlwright.packaging.card_importance import reliance_section


def reliance(value, *columns, loss=0.1):
    change = Change(value=value, low=value - 0.01, high=value + 0.01)
    return Reliance(columns=columns, metric=change, loss=Change(value=loss))


IMPORTANCE = Importance(
    metric="roc_auc",
    greater_is_better=True,
    metric_value=0.8,
    loss="log_loss",
    loss_value=0.4,
    rows=2_000,
    repeats=5,
    how="its only member, linear",
    columns=(reliance(0.2, "age"), reliance(0.01, "pay"), reliance(0.02, "pay2")),
    groups=(reliance(0.1, "pay", "pay2"),),
    unused=("shoe", "hat"),
    unused_count=30,
    not_measured=4,
)
CURVE = Curve(
    column="age", kind="numeric", of="yes", average=0.2, at=(1.0, 2.0), answer=(0.1, 0.3),
    low=(0.09, 0.29), high=(0.11, 0.31), rows=(99,),
)  # fmt: skip


def section(importance, effects=(CURVE,)):
    evaluation = Evaluation(
        task="binary", metric="roc_auc", scores=(), baseline=(), rows=9, how="", split="random",
        importance=importance, effects=effects,
    )  # fmt: skip
    return reliance_section(evaluation, lambda text: text.replace("_", "\\_"))


def test_columns_stand_by_importance_with_their_effects_and_groups_before_their_columns():
    table = [line for line in section(IMPORTANCE) if line.startswith("|")]
    assert table == [
        "| column | roc\\_auc falls by | 95 % interval | log loss | effect |",
        "|---|--:|---|--:|---|",
        "| age | 0.200 | 0.190 to 0.210 | +25% | higher: yes more likely, from 0.1 to 0.3 |",
        "| pay, pay2 (together) | 0.100 | 0.090 to 0.110 | +25% |  |",
        "| – pay2 alone | 0.020 | 0.010 to 0.030 | +25% |  |",
        "| – pay alone | 0.010 | 0.000 to 0.020 | +25% |  |",
    ]


def test_figures_without_an_interval_are_said_to_have_none():
    def without(one):
        return replace(one, metric=Change(value=one.metric.value))

    columns, groups = (tuple(map(without, of)) for of in (IMPORTANCE.columns, IMPORTANCE.groups))
    lines = section(replace(IMPORTANCE, columns=columns, groups=groups))
    assert any(line.startswith("| age | 0.2 | none |") for line in lines)
    assert any(line.startswith("The figures have no interval: the metric takes too long") for line in lines)
    assert not any("no interval" in line for line in section(IMPORTANCE))


def test_what_is_unused_or_was_not_measured_is_said():
    text = "\n".join(section(IMPORTANCE))
    assert "`shoe`, `hat` and 28 more" in text and "4 others were not measured" in text
    assert "its only member, linear; 2,000 rows, 5 times" in text and "had seen these rows" not in text


def test_rows_that_the_model_had_seen_are_warned_of():
    assert any("had seen these rows" in line for line in section(replace(IMPORTANCE, unseen=False)))


def test_what_was_skipped_says_why_and_what_was_not_asked_for_says_nothing():
    text = "\n".join(section(replace(IMPORTANCE, skipped="no time_was left")))
    assert "Not measured: no time\\_was left." in text and "|" not in text
    assert section(None) == []


def test_the_table_is_no_longer_than_a_page():
    many = tuple(reliance(1.0 - i / 100, f"c{i}") for i in range(40))
    lines = section(replace(IMPORTANCE, columns=many, groups=()))
    assert sum(line.startswith("| c") for line in lines) == MOST_LINES + 1
    assert "25 more that were measured matter less" in "\n".join(lines)
