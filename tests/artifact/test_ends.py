"""Intervals of a model file: what they are made from, when the second graph is opened, what is refused."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from interval_models import PER_YEAR, ROWS, SCORES, interval_model, second_graph
from small_models import ROW, small_model

from mlwright import artifact
from mlwright.artifact import ends as ends_module
from mlwright.base.errors import Misuse, ModelDamaged, ModelRefused, RowsRefused
from mlwright.base.prediction_intervals import Reach

FORMAT_1 = Path(__file__).parents[1] / "fixtures" / "format-1.mlw"


def test_ends_lie_on_the_row_s_own_quantiles_stretched_as_far_as_the_rows_say():
    model = artifact.load(interval_model())
    ends = model.predict_interval(ROWS, 0.1)
    # (1 - 0.1) (19 + 1) = 18, and the 18th of the 19 lay 18/8 out: an eighth beyond the outer of two.
    assert SCORES[17] == 2.25
    assert np.allclose(ends, [[120 - 16 * 1.125, 120 + 20 * 1.125], [30 - 4 * 1.125, 30 + 5 * 1.125]])
    # At one half the tenth, 1.25: a quarter of the way from the inner to the outer.
    inner = model.predict_interval(ROWS[0], 0.5)
    assert np.allclose(inner, [[120 - (4 + 0.25 * 12), 120 + (8 + 0.25 * 12)]])


def test_where_rows_do_not_differ_no_graph_is_needed():
    model = artifact.load(interval_model(learned=False))
    widths = np.ptp(model.predict_interval(ROWS, 0.1), axis=1)
    assert widths[0] == pytest.approx(widths[1]) and widths[0] == pytest.approx(18 * 1.125)


def test_a_smaller_error_rate_never_makes_an_interval_narrower_and_all_hold_the_prediction():
    model = artifact.load(interval_model())
    prediction = model.predict(ROWS)
    made = [model.predict_interval(ROWS, error) for error in (0.05, 0.1, 0.3, 0.5, 0.9)]
    for wide, narrow in pairwise(made):
        assert (wide[:, 0] <= narrow[:, 0]).all() and (narrow[:, 1] <= wide[:, 1]).all()
    assert all((m[:, 0] <= prediction).all() and (prediction <= m[:, 1]).all() for m in made)


def test_the_second_graph_is_made_ready_when_the_first_interval_is_asked_for(monkeypatch):
    opened = []
    honest = ends_module.Session
    monkeypatch.setattr(ends_module, "Session", lambda *a: opened.append(1) or honest(*a))
    model = artifact.load(interval_model())
    model.predict(ROWS)
    assert not opened
    model.predict_interval(ROWS)
    model.predict_interval(ROWS)
    assert opened == [1]


def test_rates_go_through_exposure_and_floor():
    model = artifact.load(
        interval_model(learned=False, exposure="weeks", floor=0.0, constant=(-90.0, -9.0, 1.0, 2.0))
    )
    ends = model.predict_interval(ROWS, 0.1)
    # 60 a week, for two weeks: no lower than 0, and 2 x 1.125 more a week.
    assert np.allclose(ends, [[0.0, (60 + 2.25) * 2], [0.0, 30 + 2.25]])


def test_ends_of_logarithms_are_numbers_again():
    model = artifact.load(interval_model(learned=False, link="log1p", constant=(-1.0, -0.5, 0.5, 1.0)))
    low, high = model.predict_interval(ROWS[0], 0.1)[0]
    assert np.allclose(np.log([low + 1, 121, high + 1]), np.log(121) + np.array([-1.125, 0, 1.125]))


def test_an_error_rate_that_the_rows_cannot_vouch_for_is_refused_with_the_least_one():
    model = artifact.load(interval_model())
    with pytest.raises(Misuse, match=r"error=0.04 is less than 19 rows can vouch for.*ask for 0.05"):
        model.predict_interval(ROWS, 0.04)
    for error in (0, 1, -0.1, 2, float("nan")):
        with pytest.raises(Misuse, match="no rate between 0 and 1"):
            model.predict_interval(ROWS, error)


def test_files_without_intervals_and_classes_say_what_to_do_instead():
    with pytest.raises(Misuse, match=r"holds none.*fit again"):
        artifact.load(small_model(2.0)).predict_interval(ROW)
    old = artifact.load(FORMAT_1)
    assert old.evaluation.intervals is None and old.ends is None
    with pytest.raises(Misuse, match=r"classes have no intervals.*predict_set"):
        old.predict_interval(old.samples.rows[0])


def test_rows_that_break_the_schema_are_refused_as_for_predictions():
    with pytest.raises(RowsRefused):
        artifact.load(interval_model()).predict_interval({"age": "old", "city": "Oslo", "weeks": 1.0})


def test_no_rows_have_no_intervals():
    assert artifact.load(interval_model()).predict_interval([]).shape == (0, 2)


def test_many_rows_are_answered_in_chunks():
    model = artifact.load(interval_model())
    rows = [ROWS[0] | {"age": float(a)} for a in range(3_000)]
    assert np.allclose(np.ptp(model.predict_interval(rows), axis=1)[1:], 0.9 * 1.125 * np.arange(1, 3_000))


def test_a_second_graph_that_answers_its_samples_otherwise_is_found_when_it_is_asked():
    model = artifact.load(interval_model(graph=second_graph(PER_YEAR * 1.01)))
    with pytest.raises(ModelDamaged, match="second graph"):
        model.predict_interval(ROWS)
    assert model.predict(ROWS).tolist() == [120.0, 30.0]


@pytest.mark.parametrize(
    "graph",
    [
        second_graph(output="other"),
        second_graph(other="secret"),
        second_graph(np.array([-0.4, 0.5])),
    ],
)
def test_a_second_graph_of_other_inputs_or_outputs_is_not_opened(graph):
    with pytest.raises(ModelRefused, match="second graph"):
        artifact.load(interval_model(graph=graph))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"levels": (0.1, 0.05, 0.9, 0.95)}, "levels"),
        ({"levels": (0.1, 0.5, 0.9)}, "inputs and outputs"),
        ({"constant": (-1.0, -0.5, 0.5, 1.0)}, "quantiles"),
        ({"reach": Reach(rows=2, ranks=(1, 2), scores=(2.0, 1.0))}, "reach"),
        ({"reach": Reach(rows=2, ranks=(), scores=())}, "reach"),
        ({"least": 0.0}, "numbers"),
        ({"exposure": "city"}, "exposure"),
    ],
)
def test_intervals_that_could_not_be_made_are_refused_when_the_file_is_opened(changes, said):
    with pytest.raises(ModelRefused, match=said):
        artifact.load(interval_model(**changes))


def test_a_file_that_needs_a_second_graph_and_has_none_is_refused():
    with pytest.raises(ModelRefused, match="quantiles"):
        artifact.load(interval_model(learned=False, constant=()))


def test_an_end_that_no_number_holds_is_the_largest_number():
    model = artifact.load(interval_model(learned=False, exposure="weeks", constant=(-90.0, -9.0, 1.0, 2.0)))
    low, high = model.predict_interval(ROWS[0] | {"weeks": 1e308}, 0.1)[0]
    largest = np.finfo(float).max  # (0 + 2.25) x 1e308 is more, and so is 101.25 x 1e308 below
    assert (low, high) == (-largest, largest)


def test_an_answer_that_no_number_holds_is_refused_by_its_row():
    model = artifact.load(interval_model())
    rows = [ROWS[0], ROWS[0] | {"age": 1e308}]
    for ask in (model.predict, model.predict_interval):
        with pytest.raises(
            RowsRefused, match=r"row 1, 'price': the answer is larger than any number"
        ) as told:
            ask(rows)
        assert [p.row for p in told.value.problems] == [1]
