"""Units behind numbers: found by evidence, and converted alike in whole columns and in single values."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwright.base.numerals import number_of
from mlwright.base.schema import Column, NumberFormat
from mlwright.data.decode import decode_series
from mlwright.data.infer import infer_table
from mlwright.data.numbers import numbers_in
from mlwright.data.units import units_of

UNITS = (("kg", 1.0), ("g", 0.001), ("lb", 0.45359237), ("oz", 0.028349523125))


def inferred(texts, name="x"):
    found = infer_table(pl.DataFrame({name: texts}))
    return found.schema.columns[0], found.frame[name].to_list(), {f.code for f in found.findings}


def test_a_column_in_one_unit_is_of_numbers():
    column, values, codes = inferred([f"{k}.5 km" for k in range(40)])
    assert column.kind == "numeric" and column.number.units == (("km", 1.0),)
    assert values[:2] == [0.5, 1.5] and "MLW021" in codes


def test_units_of_one_thing_are_brought_into_the_most_frequent():
    column, values, _ = inferred([f"{k} kg" for k in range(1, 31)] + ["500 g", "250 g", "1,200 g"])
    assert column.kind == "numeric" and values[-3:] == [0.5, 0.25, 1.2]


def test_decimal_commas_and_units_go_together():
    column, values, _ = inferred([f"{k},25 cm" for k in range(30)])
    assert column.number == NumberFormat(decimal=",", units=(("cm", 1.0),)) and values[3] == 3.25


def test_units_of_different_things_stay_text_and_are_said():
    column, _, _ = inferred([f"{k} kg" if k % 2 else f"{k} km" for k in range(40)])
    assert column.kind == "categorical"


@pytest.mark.parametrize(
    "texts",
    [
        [f"{k}{'ABCDEF'[k % 6]}" for k in range(1, 60)],  # seats
        [f"{k}A" for k in range(1, 60)],
        ["36 months", "60 months"] * 20,
        [f"{k}th" for k in range(1, 60)],
        [f"B{k}" for k in range(1, 60)],
    ],
)
def test_codes_are_no_numbers_with_units(texts):
    assert inferred(texts)[0].number == NumberFormat()


def test_new_data_in_a_unit_that_was_not_seen_is_refused_with_the_units_that_were():
    column = Column(name="weight", kind="numeric", number=NumberFormat(units=UNITS[:2]))
    values, problems = decode_series(pl.Series("weight", ["2 kg", "3 t", "500 g"]), column, text=True)
    assert values.to_list() == [2.0, None, 0.5]
    assert [(p.row, p.expected) for p in problems] == [(1, "a finite number in kg or g")]


AMOUNTS = st.one_of(
    st.decimals(-1e6, 1e6, allow_nan=False, places=3).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["", "kg", "1,5", "1..2", "1 kg", "12g g"]),
)


@given(
    st.lists(
        st.tuples(
            AMOUNTS, st.sampled_from(["", " ", "  "]), st.sampled_from(["", "kg", "g", "lb", "oz", "t"])
        )
    )
)
def test_a_column_at_once_gives_what_single_values_give_or_leaves_them(rows):
    texts = [f"{amount}{blank}{unit}".strip() for amount, blank, unit in rows]
    number = NumberFormat(units=UNITS)
    for text, value in zip(
        texts, numbers_in(pl.Series(texts, dtype=pl.String), number).to_list(), strict=True
    ):
        alone = number_of(text, number)
        assert value == alone or (value is None and "e" in text)


def test_every_spelling_of_the_table_is_known_by_itself():
    from mlwright.data.units import _SCALE_OF

    for spelling in _SCALE_OF:
        found = units_of(pl.Series([f"{k} {spelling}" for k in (1, 2, 3)]))
        assert found is not None and found.units == ((spelling, 1.0),)


def test_a_factor_that_is_a_power_of_ten_is_exactly_one():
    found = units_of(pl.Series(["1 km", "2 km", "3 km", "40 mm", "5 cm"]))
    assert dict(found.units) == {"km": 1.0, "mm": 1e-6, "cm": 1e-5}
    grams = units_of(pl.Series(["1 t", "2 t", "3 t", "40 mg"]))
    assert dict(grams.units) == {"t": 1.0, "mg": 1e-9}
