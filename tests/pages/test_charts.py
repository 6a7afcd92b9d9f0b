"""Charts are drawn from sketches: what they show must be what the sketch says."""

import re

from hypothesis import given
from hypothesis import strategies as st

from mlwright.base.profile import Along, ColumnProfile, Part
from mlwright.pages import charts


def numbers(quantiles, **more):
    return ColumnProfile(name="x", rows=1000, missing=0, quantiles=tuple(quantiles), **more)


def masses(column):
    """The heights of the drawn bars, as shares of the highest."""
    return [float(h) for h in re.findall(r"v-([\d.]+)h", charts.histogram(column, moments=False))]


def test_even_numbers_are_drawn_as_even_bars():
    heights = masses(numbers([float(k) for k in range(101)], distinct=1000))
    assert len(heights) == charts.BINS
    assert max(heights) - min(heights) < 0.02 * charts.HEIGHT


def test_a_value_that_half_of_the_rows_have_is_one_high_bar():
    heights = masses(numbers([0.0] * 50 + [float(k) for k in range(1, 52)], distinct=500))
    assert heights[0] == charts.HEIGHT and max(heights[1:]) < charts.HEIGHT / 10


def test_few_whole_numbers_get_a_bar_each():
    column = numbers([float(k // 21) for k in range(101)], distinct=5, whole=True)
    assert len(masses(column)) == 5


def test_a_far_end_is_left_out_and_said():
    drawn = charts.histogram(numbers([float(k) for k in range(100)] + [1e9], distinct=900), moments=False)
    assert "to 99;" in drawn and "not drawn" in drawn


def test_one_value_is_not_drawn():
    assert charts.histogram(numbers([3.0] * 101), moments=False) == ""


@given(st.lists(st.floats(-1e300, 1e300), min_size=101, max_size=101), st.booleans(), st.booleans())
def test_any_numbers_can_be_drawn(values, moments, whole):
    drawn = charts.histogram(numbers(sorted(values), whole=whole, distinct=7), moments=moments)
    assert "nan" not in drawn and "inf" not in drawn


def test_moments_are_told_as_dates():
    at = [1.3e9 + 86_400.0 * k for k in range(101)]
    assert "from 2011-03-13" in charts.histogram(numbers(at), moments=True)


def test_names_of_categories_are_escaped_and_shortened():
    column = ColumnProfile(name="x", rows=20, missing=0, counts=(("<b>", 15), ("y" * 50, 5)))
    drawn = charts.bars(column)
    assert "&lt;b&gt;" in drawn and "<b>" not in drawn and "y" * 50 not in drawn and "75 %" in drawn


def test_the_target_along_a_column_shows_every_part_with_its_interval():
    parts = tuple(
        Part(label=f"to {k}", rows=10, mean=k / 4, low=k / 4 - 0.1, high=k / 4 + 0.1) for k in (1, 2, 3)
    )
    drawn = charts.along(Along(column="x", what="share of 'yes'", mean=0.5, parts=parts, shares=True))
    assert drawn.count("<circle") == 3 and drawn.count('class="error"') == 3
    assert "15 % to 85 %" in drawn
    high = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawn)]
    assert high == sorted(high, reverse=True)  # a greater share is drawn higher
