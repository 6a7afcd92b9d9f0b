"""Kinds, markers, roles and forms are found by evidence, and say why."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwright.base.schema import Column, NumberFormat
from mlwright.data.infer import Hints, infer_schema, infer_table


def column_of(values: list[Any], name: str = "x", **hints: Any) -> Column:
    schema, _ = infer_schema(pl.DataFrame({name: values}), Hints(**hints))
    return schema.columns[0]


def codes_of(values: list[Any], name: str = "x", **hints: Any) -> list[str]:
    return [f.code for f in infer_schema(pl.DataFrame({name: values}), Hints(**hints))[1]]


def test_counts_are_written_for_people():
    frame = pl.DataFrame({"some": ["1"] * 1400 + ["n/a"] * 1512, "name": [f"k{i}" for i in range(2912)]})
    said = {f.code: f.evidence for f in infer_schema(frame, Hints())[1]}
    assert said["MLW005"] == "`n/a`; 1,512 of 2,912 rows missing"
    assert said["MLW017"] == "2,912 short texts, all different"
    [one] = infer_schema(pl.DataFrame({"x": ["n/a"]}), Hints())[1][-1:]
    assert "1 rows" not in one.evidence


SENTENCES = [
    f"the {a} {b} went to the {c}" for a in ("red", "old", "shy") for b in ("fox", "dog") for c in "abcdefgh"
]
CITIES = ["Rome", "Oslo", "Lima", "Rome"] * 10

KINDS: list[tuple[str, str, list[Any], str]] = [
    ("whole numbers", "x", ["1", "2", "3"], "numeric"),
    ("numbers with blanks around", "x", [" 1.5", "2 ", ""], "numeric"),
    ("numbers with signs and exponents", "x", ["-1e3", "+.5", "7."], "numeric"),
    ("a postcode keeps its zeros", "zip", ["07302", "10001", "07302"], "categorical"),
    ("decimal zeros are no code", "x", ["0.50", "00.25", "1.5"], "numeric"),
    ("zero and one stay numbers", "x", ["0", "1", "1"], "numeric"),
    ("yes and no", "x", ["yes", "no", ""], "boolean"),
    ("Y and N", "x", ["Y", "N", "Y"], "boolean"),
    ("T and F", "x", ["T", "F", "F"], "boolean"),
    ("TRUE and False", "x", ["TRUE", "False", "true"], "boolean"),
    ("on and off", "x", ["on", "off"], "boolean"),
    ("yes, no and unsure", "x", ["yes", "no", "unsure"], "categorical"),
    ("m and f are no truth values", "x", ["m", "f", "f"], "categorical"),
    ("ISO dates", "x", ["2020-01-31", "2021-02-28", ""], "datetime"),
    ("ISO times with a zone", "x", ["2020-01-31T10:00:00Z", "2020-01-31T10:00:00.5+02:00"], "datetime"),
    ("dates with slashes", "x", ["31/12/1999", "01/02/2000"], "datetime"),
    ("dates with month names", "x", ["01-Jan-1995", "22-Aug-1997"], "datetime"),
    ("long dates", "x", ["January 5, 2020", "March 12, 2021"], "datetime"),
    ("American times", "x", ["1/13/2020 5:30 PM", "2/1/2020 11:00 AM"], "datetime"),
    ("compact dates named so", "order_date", ["20201231", "20210101"], "datetime"),
    ("compact dates named otherwise", "amount", ["20201231", "20210101"], "numeric"),
    ("versions are no dates", "x", ["1.2.3", "1.10.2", "2.0.0"], "categorical"),
    ("telephone numbers are no dates", "x", ["555-0100", "555-0199", "555-0100"], "categorical"),
    ("sentences", "x", SENTENCES, "text"),
    ("few cities", "x", CITIES, "categorical"),
    ("unique short texts", "x", [f"A{i:04d}Z" for i in range(50)], "id"),
    ("unique short texts in a tiny table", "x", ["a1", "b2", "c3"], "categorical"),
    ("numbers that count the rows under an id's name", "order id", [str(i) for i in range(1, 60)], "id"),
    (
        "shuffled consecutive numbers under an id's name",
        "number",
        [str((i * 7) % 59) for i in range(59)],
        "id",
    ),
    ("unique numbers named id", "pid", [str(i * 37 + 5) for i in range(50)], "id"),
    ("unique numbers named otherwise", "income", [str(i * 37 + 5) for i in range(50)], "numeric"),
    ("few codes", "MS SubClass", ["20", "30", "60"] * 20, "categorical"),
    ("things with ids", "store_id", [str(i % 20) for i in range(100)], "categorical"),
    ("few numbers under a plain name", "rooms", ["2", "3", "4"] * 20, "numeric"),
    ("ordinal groups", "x", ["1", "2", "3", "4+"] * 10, "categorical"),
    ("names of people", "x", [f"Smith{i}, Mr. John ({i})" for i in range(50)], "text"),
]


@pytest.mark.parametrize(("name", "values", "kind"), [k[1:] for k in KINDS], ids=[k[0] for k in KINDS])
def test_the_kind_is_what_a_person_would_say(name: str, values: list[Any], kind: str) -> None:
    column = column_of(values, name)
    assert (column.kind, bool(column.why)) == (kind, True)


@pytest.mark.parametrize("kind", ["numeric", "boolean", "datetime", "categorical", "text", "id"])
def test_any_kind_can_be_overruled(kind: str) -> None:
    assert column_of(["1", "0", "2020-01-01"], kinds={"x": kind}).kind == kind
    assert column_of([1, 0, 1], kinds={"x": kind}).kind == kind


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        (["1", "?", "2"], ("?",)),
        (["1", "NA", "n/a", "-", "2"], ("-", "NA", "n/a")),
        (["red", "NULL", "blue"], ("NULL",)),
        (["red", "None", "blue"], ()),
        (["1", "none", "2"] * 10, ("none",)),
        (["2020-01-01", "2020-01-02", "nan"], ("nan",)),
        (["yes", "no", "?"], ("?",)),
        (["EU", "NA", "AS", "AF", "EU"], ()),
        (["1.5"] * 50 + ["oops"], ("oops",)),
        ([str(i) for i in range(200)] + ["12O"], ("12O",)),
        (["2020-01-01", "2020-01-02"] * 20 + ["never"], ("never",)),
    ],
)
def test_missing_markers_are_found_by_what_stands_beside_them(
    values: list[str], missing: tuple[str, ...]
) -> None:
    assert column_of(values).missing == missing


def test_odd_texts_among_numbers_are_said_with_their_rows_and_not_their_values() -> None:
    _, findings = infer_schema(pl.DataFrame({"x": ["1", "2"] * 20 + ["secret"]}))
    assert [(f.code, f.rows) for f in findings] == [("MLW006", (40,))]
    assert "secret" not in "".join(f.evidence for f in findings)


def test_half_numbers_are_categories() -> None:
    assert column_of(["1", "2", "low", "high"] * 10).kind == "categorical"


@pytest.mark.parametrize(
    ("values", "decimal", "thousands", "low", "high"),
    [
        (["1,5", "2,25"], ",", "", 1.5, 2.25),
        (["1.234,5", "12,25"], ",", ".", 12.25, 1234.5),
        (["1,234.5", "12.25"], ".", ",", 12.25, 1234.5),
        (["1 234", "12"], ".", " ", 12.0, 1234.0),
        (["1\u00a0234,5", "12,25"], ",", " ", 12.25, 1234.5),
        (["1'234.5", "12"], ".", "'", 12.0, 1234.5),
        (["1,234", "999"], ".", ",", 999.0, 1234.0),
        (["1,234", "1234"], ",", "", 1.234, 1234.0),
        (["0,125", "0,250"], ",", "", 0.125, 0.25),
    ],
)
def test_marks_and_separators_of_numbers_are_found(
    values: list[str], decimal: Any, thousands: Any, low: float, high: float
) -> None:
    column = column_of(values)
    assert column.number == NumberFormat(decimal=decimal, thousands=thousands)
    assert (column.minimum, column.maximum) == (low, high)


def test_a_comma_that_can_be_read_in_two_ways_is_said() -> None:
    assert codes_of(["1,234", "2,345"]) == ["MLW011"]
    assert column_of(["1,234", "2,345"], separator=";").number.decimal == ","
    assert codes_of(["1,234", "2,345"], number=NumberFormat(decimal=",")) == []


def test_dates_that_can_be_read_in_two_ways_are_an_issue() -> None:
    _, findings = infer_schema(pl.DataFrame({"x": ["05/02/2020", "01/03/2020", "03/04/2020"]}))
    assert [(f.code, f.severity) for f in findings] == [("MLW010", "issue")]
    assert column_of(["05/02/2020", "01/03/2020"], dates=("%d/%m/%Y",)).formats == ("%d/%m/%Y",)


def test_the_order_of_the_rows_decides_between_day_and_month() -> None:
    in_order = ["01/02/2020", "05/02/2020", "01/03/2020", "09/03/2020", "02/04/2020"]
    column = column_of(in_order)
    assert column.formats == ("%d/%m/%Y",)
    _, findings = infer_schema(pl.DataFrame({"x": in_order}))
    assert [(f.code, f.severity) for f in findings] == [("MLW010", "tip")]


def test_constant_and_empty_columns_are_ignored_and_said() -> None:
    schema, findings = infer_schema(
        pl.DataFrame({"a": ["x"] * 5, "b": ["", "NA", None, "", "?"], "c": [1.0] * 5})
    )
    assert [c.role for c in schema.columns] == ["ignored"] * 3
    assert [f.code for f in findings] == ["MLW007", "MLW008", "MLW007"]


def test_one_value_beside_missing_ones_says_something() -> None:
    assert column_of(["x", "", "x", ""]).role == "feature"


def test_what_many_columns_share_is_said_once() -> None:
    frame = pl.DataFrame({f"c{i}": [7] * 3 for i in range(40)})
    _, findings = infer_schema(frame)
    assert [(f.code, f.evidence) for f in findings] == [
        ("MLW007", "40 columns: 'c0', 'c1', 'c2', 'c3', 'c4' and 35 more")
    ]


def test_a_target_is_never_an_identifier_or_a_truth_value_in_words() -> None:
    assert column_of([f"A{i}" for i in range(50)], target="x").kind == "categorical"
    answer = column_of(["Yes", "No", "Yes"] * 3, target="x")
    assert (answer.kind, answer.role, answer.categories) == ("categorical", "target", ("Yes",))
    assert column_of([True, False], target="x").kind == "boolean"
    assert column_of([str(i) for i in range(60)], target="x").kind == "numeric"


def test_categories_are_those_seen_five_times_most_frequent_first() -> None:
    values = ["b"] * 5 + ["a"] * 5 + ["c"] * 9 + ["d"] * 4
    assert column_of(values).categories == ("c", "a", "b")


def test_codes_written_with_a_point_are_one_category() -> None:
    column = column_of(["7", "7.0", "8"] * 30, name="type", kinds={"type": "categorical"})
    assert (column.codes, column.categories) == (True, ("7", "8"))


def test_rows_counted_under_a_plain_name_are_said_but_kept() -> None:
    assert codes_of(list(range(100)), "t") == ["MLW015"]
    assert column_of(list(range(100)), "t").kind == "numeric"


def test_numbers_with_units_are_said() -> None:
    assert codes_of([f"{i} qx" for i in range(10, 60)] * 2) == ["MLW018"]
    assert codes_of([f"{i} kg" for i in range(10, 60)] * 2) == ["MLW021"]


@pytest.mark.parametrize(
    ("values", "number", "low", "high"),
    [
        (["$1,200", "$15", "-$7.5"], NumberFormat(thousands=",", symbols=("$",)), -7.5, 1200.0),
        (["$1,200", "300", "USD 15"], NumberFormat(thousands=",", symbols=("USD", "$")), 15.0, 1200.0),
        (
            ["1.200,50 €", "12,25 €"],
            NumberFormat(decimal=",", thousands=".", symbols=("€",)),
            12.25,
            1200.5,
        ),
        (["12.500 €", "900 €"], NumberFormat(decimal=",", thousands=".", symbols=("€",)), 900.0, 12500.0),
        (["1.459 €", "1.589 €"], NumberFormat(symbols=("€",)), 1.459, 1.589),
        (["CHF 1'200.50", "CHF 7"], NumberFormat(thousands="'", symbols=("CHF",)), 7.0, 1200.5),
        (
            ["1\u00a0200,50 zł", "7,25 zł"],
            NumberFormat(decimal=",", thousands=" ", symbols=("zł",)),
            7.25,
            1200.5,
        ),
        (
            ["($1,200)", "$300.25"],
            NumberFormat(thousands=",", symbols=("$",), accounting=True),
            -1200.0,
            300.25,
        ),
        (["12%", "7.5 %", "-1%"], NumberFormat(percent=True), -0.01, 0.12),
        (["12,5 %", "7,25 %"], NumberFormat(decimal=",", percent=True), 0.0725, 0.125),
        (["12%", "?", "7%"], NumberFormat(percent=True), 0.07, 0.12),
    ],
)
def test_currency_and_percent_signs_are_found_and_said(
    values: list[str], number: NumberFormat, low: float, high: float
) -> None:
    column = column_of(values)
    assert (column.kind, column.number) == ("numeric", number)
    assert (column.minimum, column.maximum) == (low, high)
    assert "MLW021" in codes_of(values)


def test_several_currencies_stay_text_and_are_said() -> None:
    for values in (["$5", "€7", "$9"], [f"${i}" for i in range(40)] + [f"{i} EUR" for i in range(40)]):
        schema, findings = infer_schema(pl.DataFrame({"x": values}))
        assert schema.columns[0].kind != "numeric"
        (found,) = [f for f in findings if f.code == "MLW018"]
        assert found.evidence == "several currencies: `$`, `€`"


def test_percentages_beside_plain_numbers_stay_text() -> None:
    values = [f"{i}%" for i in range(50)] + [str(i) for i in range(40)]
    assert column_of(values).kind != "numeric"


def test_a_few_codes_that_look_like_amounts_do_not_make_money_of_a_column() -> None:
    assert column_of(["TL 5", "red", "blue", "12"] * 10).kind == "categorical"
    assert not column_of([str(i) for i in range(200)] + ["5 lei"]).number.marked


def test_brackets_without_a_currency_are_no_numbers() -> None:
    assert column_of(["(1,200)", "(7)"]).kind == "categorical"


def test_labels_with_signs_stay_labels() -> None:
    assert column_of(["5%", "10%", "20%"] * 5, target="x").kind == "categorical"
    assert column_of([f"${i}.5" for i in range(60)], target="x").kind == "numeric"


def test_codes_with_a_sign_are_amounts_whatever_the_name() -> None:
    assert column_of(["05%", "07%", "12%"] * 9, name="code").kind == "numeric"


def test_said_separators_hold_under_a_currency() -> None:
    column = column_of(["1.250 €", "1.500 €"], number=NumberFormat(decimal=",", thousands="."))
    assert (column.minimum, column.number.symbols) == (1250.0, ("€",))


def test_declared_markers_replace_the_found_ones() -> None:
    column = column_of(["1", "-1", "2"] * 20, missing=("-1",))
    assert (column.missing, column.minimum) == (("-1",), 1.0)
    assert column_of(["red", "?", "blue"], missing=()).missing == ()


@settings(max_examples=150, deadline=None, database=None)
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.text(max_size=12),
            st.sampled_from(
                ["?", "NA", "yes", "no", "1", "2.5", "1,5", "2020-01-01", "01/02/2020", "07", "inf"]
            ),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_any_texts_have_a_schema_that_reads_them(values: list[str | None]) -> None:
    inferred = infer_table(pl.DataFrame({"x": pl.Series(values, dtype=pl.String)}))
    assert not [f for f in inferred.findings if f.code == "MLW012"]
    assert inferred.frame.height == len(values)


def test_declared_numbers_are_missing_in_typed_columns_too() -> None:
    inferred = infer_table(pl.DataFrame({"x": [1, -999, 3], "y": [1, 2, 3]}), Hints(missing=("-999",)))
    assert inferred.frame["x"].to_list() == [1.0, None, 3.0]
    assert [c.missing for c in inferred.schema.columns] == [("-999",), ()]


def test_times_without_a_zone_are_said_to_be_taken_as_utc() -> None:
    assert "taken as UTC" in column_of(["2020-01-01 10:00:00", "2020-01-02 11:00:00"]).why
    assert "taken as UTC" not in column_of(["2020-01-01T10:00:00Z", "2020-01-02T11:00:00Z"]).why
