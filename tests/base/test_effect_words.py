"""Curves in plain words, and importance in its order."""

import pytest

from mlwright.base.effect_words import change_said, effect_said, point_said
from mlwright.base.importance import Change, Curve, Importance, Reliance, stretch_of


def curve(answer, *, at=None, rows=None, kind="numeric", of="yes", width=0.01, **more):
    count = len(answer)
    at = tuple(float(10 * i) for i in range(count)) if at is None and "levels" not in more else at or ()
    return Curve(
        column="c",
        kind=kind,
        of=of,
        average=sum(answer) / count,
        at=at,
        answer=tuple(answer),
        low=tuple(a - width for a in answer),
        high=tuple(a + width for a in answer),
        rows=rows or (25,) * (count if "levels" in more else count - 1),
        **more,
    )


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (curve([0.1, 0.2, 0.3]), "higher: yes more likely, from 0.1 to 0.3"),
        (curve([0.3, 0.2, 0.1]), "higher: yes less likely, from 0.3 to 0.1"),
        (curve([0.1, 0.1, 0.2, 0.3]), "higher: yes more likely, from 0.1 to 0.3; flat below 10"),
        (curve([0.1, 0.2, 0.3, 0.3]), "higher: yes more likely, from 0.1 to 0.3; flat above 20"),
        (
            curve([0.1, 0.1, 0.3, 0.3]),
            "higher: yes more likely, from 0.1 to 0.3; flat below 10 and above 20",
        ),
        (curve([0.1, 0.3, 0.1]), "yes most likely near 10 (0.3), least near 0 (0.1)"),
        (curve([0.1, 0.2, 0.3], width=0.2), "no clear direction"),
        (
            curve([1000.0, 52000.0], of="", at=(0.0, 123456.0), width=1.0),
            "higher: larger, from 1,000 to 52,000",
        ),
        (curve([0.2, 0.4], kind="boolean", at=(0.0, 1.0)), "yes more likely where true, 0.4 against 0.2"),
        (
            curve([0.2, 0.4], kind="datetime", at=(0.0, 86400.0 * 366)),
            "later: yes more likely, from 0.2 to 0.4",
        ),
        (
            curve([0.2, 0.4, 0.3], levels=("a", "", "b"), kind="categorical"),
            "yes most likely at missing (0.4), least at a (0.2)",
        ),
        (
            curve([5.0, 4.0], levels=("a", ""), kind="categorical", of="", pooled=7),
            "largest at a (5), smallest at 7 others (4)",
        ),
    ],
)
def test_a_curve_is_said_in_a_sentence(told, words):
    assert effect_said([told]) == words


def test_a_flat_end_of_few_rows_is_not_worth_words():
    assert effect_said([curve([0.1, 0.2, 0.3, 0.3], rows=(90, 90, 5))]).endswith("from 0.1 to 0.3")


def test_of_several_classes_the_one_that_moves_most_is_said_and_of_none_nothing():
    small, large = curve([0.1, 0.2], of="a"), curve([0.6, 0.1], of="b")
    assert effect_said([small, large]).startswith("higher: b less likely") and effect_said([]) == ""


def test_a_constant_curve_neither_fails_nor_says_a_direction():
    assert effect_said([curve([0.2, 0.2, 0.2])]) == "no clear direction"
    assert stretch_of((1.0, 1.0), (5,)).way in (-1, 0, 1)


def test_a_moment_beyond_the_calendar_is_no_failure():
    assert point_said(curve([0.1], kind="datetime", at=(1e300,)), 0) == "?"


def test_differences_show_the_digits_that_their_intervals_support():
    assert change_said(Change(value=1234.567, low=1100.0, high=1300.0)) == ("1,235", "1,100 to 1,300")
    assert change_said(Change(value=0.0, low=0.0, high=0.0)) == ("0.0000", "0.0000 to 0.0000")


def reliance(value, *columns):
    change = Change(value=value, low=value - 0.1, high=value + 0.1)
    return Reliance(columns=columns, metric=None, loss=change)


def test_each_column_stands_in_one_line_and_a_group_in_the_place_of_its_columns():
    importance = Importance(
        metric="rmse", greater_is_better=False, metric_value=1.0, loss="squared_error", loss_value=1.0,
        rows=9, repeats=5, how="", columns=(reliance(0.5, "a"), reliance(0.3, "b"), reliance(0.2, "c")),
        groups=(reliance(0.4, "b", "c"),),
    )  # fmt: skip
    assert [r.columns for r in importance.ranked()] == [("a",), ("b", "c")]
    assert importance.of("c").loss.value == 0.2 and importance.of("d") is None
    assert importance.of("a").first.clear
