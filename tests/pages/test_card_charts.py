"""The charts of the card draw the figures they are given, inside their frame, whatever those are."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markup import Markup

from mlwright.pages import card_charts as charts
from mlwright.pages.card_charts import At, Bin, Dot, Row, across

figures = st.floats(-1e12, 1e12)
any_figures = st.floats()


def at(drawn, kind, which):
    """The numbers `which` of the shapes of one class."""
    tags = [a for _, a in Markup(drawn).tags if a.get("class") == kind]
    return [float(a[which]) for a in tags]


def whisker(drawn):
    return [float(x) for x in re.search(r'class="whisker" d="M([\d.]+) [\d.]+H([\d.]+)M', drawn).groups()]


def test_a_strip_draws_the_figure_within_its_whisker_and_says_it():
    drawn = charts.strip(across(0, 1), Dot(0.5, 0.25, 1.0), "half <of it>", marks=(0.0,), plain=0.0)
    assert at(drawn, "dot", "cx") == [100.0] and at(drawn, "plain", "cx") == [6.0]
    assert whisker(drawn) == [53.0, 194.0]
    assert Markup(drawn).all("svg")[0]["aria-label"] == "half <of it>"


def test_a_strip_without_an_interval_has_no_whisker():
    assert "whisker" not in charts.strip(across(0, 1), Dot(0.5, 0.5, 0.5), "half")


@pytest.mark.parametrize("draw", [charts.strip, charts.bar])
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_drawn(draw, wrong):
    assert draw(across(0, 1), Dot(wrong, 0, 1), "x") == draw(across(0, 1), Dot(0, wrong, 1), "x") == ""


@given(any_figures, any_figures, any_figures, figures, figures)
def test_any_strip_and_bar_lies_in_its_frame(value, low, high, least, most):
    scale = across(*sorted((least, most)))
    for draw in (charts.strip, charts.bar):
        drawn = draw(scale, Dot(value, low, high), "said")
        numbers = [float(n) for n in re.findall(r'(?:cx|x|width)="(-?[\d.]+|nan|inf)"', drawn)]
        assert all(0 <= n <= charts.STRIP[0] for n in numbers)


def test_bars_start_at_nothing_and_are_as_long_as_their_figures():
    rows = [
        Row("a", Dot(4.0, 3.0, 5.0), "4"),
        Row("<b>", Dot(2.0, 2.0, 2.0), "2"),
        Row("c", Dot(-1, -1, 0), "-1"),
    ]
    drawn = charts.bar_list(rows, ("column", "gain"))
    page = Markup(drawn)
    lengths = [float(a["width"]) for a in page.all("rect")]
    starts = [float(a["x"]) for a in page.all("rect")]
    assert lengths[0] == pytest.approx(2 * lengths[1], abs=0.2) == pytest.approx(4 * lengths[2], abs=0.4)
    assert starts[0] == starts[1] == pytest.approx(starts[2] + lengths[2], abs=0.2)
    assert "<b>" in page.text and "column" in page.text


def test_bars_of_which_none_can_be_drawn_are_no_chart():
    assert charts.bar_list([Row("a", Dot(math.nan, math.nan, math.nan), "-")], ("a", "b")) == ""


def test_dots_of_a_list_lie_on_one_scale_that_holds_the_marks():
    rows = [Row("women", Dot(0.8, 0.7, 0.9), "0.8"), Row("men", Dot(0.9, 0.9, 0.9), "0.9")]
    drawn = charts.dot_list(rows, ("group", "recall"), marks=(0.5,))
    first, second = at(drawn, "dot", "cx")
    low, high = 6.0, 194.0
    assert first == pytest.approx(low + (high - low) * 0.75, abs=0.1) and second == high
    assert path_of(drawn, "mark") == "M6.0 0V20" and charts.dot_list([], ("a", "b")) == ""


def test_the_ends_of_an_axis_are_said_as_asked():
    points = [At(0, 1, 1, 1), At(86400, 2, 2, 2)]
    told = Markup(charts.curve(points, ("day", "gain"), "", ends=("1970-01-01", "1970-01-02"))).text
    assert "1970-01-01" in told and "86,400" not in told


def test_a_heat_table_holds_every_count_and_shades_it_by_its_share_of_the_row():
    drawn = charts.heat(["no", "<yes>"], [[90, 10], [1, 0]])
    cells = re.findall(r'<td class="([hw]\d)">([\d,]+)</td>', drawn)
    assert cells == [("h8", "90"), ("w1", "10"), ("w9", "1"), ("h0", "0")]
    assert "90 %" in drawn and "0 %" in drawn and "<yes>" in Markup(drawn).text


def test_a_class_without_rows_has_no_share():
    assert '<td class="n">-</td>' in charts.heat(["a", "b"], [[0, 0], [0, 5]])


def test_reliability_draws_what_happened_higher_where_it_happened_more():
    bins = [Bin(0.1, 0.05, 0.0, 0.1, 500), Bin(0.5, 0.5, 0.4, 0.6, 50), Bin(0.9, 0.97, 0.9, 1.0, 5)]
    drawn = charts.reliability(bins, "close to the line")
    assert at(drawn, "dot", "cx") == sorted(at(drawn, "dot", "cx"))
    assert at(drawn, "dot", "cy") == sorted(at(drawn, "dot", "cy"), reverse=True)
    assert at(drawn, "bar", "height") == [36.0, 3.6, 1.0]
    # The middle one is right, and lies on the line from corner to corner.
    share = (at(drawn, "dot", "cx")[1] - charts.LEFT) / (charts.SQUARE - charts.RIGHT - charts.LEFT)
    height = charts.SQUARE - charts.BOTTOM - charts.TOP
    assert at(drawn, "dot", "cy")[1] == pytest.approx(charts.TOP + height * (1 - share), abs=0.2)
    assert charts.reliability([], "nothing") == ""


def path_of(drawn, kind):
    return next(a["d"] for a in Markup(drawn).all("path") if a.get("class") == kind)


def test_a_curve_lies_in_its_band_with_a_tick_where_rows_are():
    points = [At(0, 1, 0.5, 1.5), At(5, 2, 1, 3), At(10, 1.5, 1, 2)]
    drawn = charts.curve(points, ("income", "gain"), "rises, then falls", rug=(0, 5, 99), mark=0.0)
    line = [tuple(map(float, p.split())) for p in path_of(drawn, "line")[1:].split("L")]
    band = [tuple(map(float, p.split())) for p in path_of(drawn, "band")[1:-1].split("L")]
    above, below = band[:3], band[:2:-1]
    for (x, y), (_, high), (_, low) in zip(line, above, below, strict=True):
        assert high <= y <= low and charts.LEFT <= x <= charts.PLOT[0]
    assert path_of(drawn, "rug").count("M") == 2, "the third lies outside"
    assert "income" in Markup(drawn).text and "gain" in Markup(drawn).text


def test_one_point_is_no_curve():
    assert charts.curve([At(0, 0, 0, 0)], ("x", "y"), "") == ""


@given(st.lists(st.tuples(figures, figures, figures, figures), min_size=2, max_size=9))
def test_any_curve_can_be_drawn(given_points):
    drawn = charts.curve([At(*p) for p in sorted(given_points)], ("x", "y"), "said")
    assert "nan" not in drawn and "inf" not in drawn
    Markup(drawn)


def test_a_table_puts_figures_to_the_right_and_escapes_all():
    drawn = charts.table(("name", "n"), [("<a>", "1")], "what & why")
    assert '<td>&lt;a&gt;</td><td class="n">1</td>' in drawn
    assert Markup(drawn).all("div")[0] == {
        "class": "wide", "role": "region", "aria-label": "what & why", "tabindex": "0"
    }  # fmt: skip
