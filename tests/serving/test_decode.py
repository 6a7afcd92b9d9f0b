"""The compiled decoder against the specification of decoding, and against itself by the slow way."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mlwright.base.decoding import ValueRefused, decoder
from mlwright.base.schema import Column, Schema, Target
from mlwright.serving.answers import Refused
from mlwright.serving.decode import PROBLEMS_SHOWN, RowsDecoder, refusal, tensors

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "decoding.json").read_text("utf-8"))
TYPED = [v for v in VECTORS if v["from"] == "typed" and v["kind"] != "id"]  # an id is never a feature
COLUMNS = (
    Column(name="n", kind="numeric"),
    Column(name="m", kind="numeric", missing=("-999", "?")),
    Column(name="n!", kind="numeric", nullable=False),
    Column(name="b", kind="boolean", true=("yes", "j"), false=("no",)),
    Column(name="b!", kind="boolean", nullable=False),
    Column(name="d", kind="datetime", formats=("%d.%m.%Y",)),
    Column(name="c", kind="categorical", codes=True, missing=("?",)),
    Column(name="c!", kind="categorical", nullable=False),
    Column(name="t", kind="text", missing=("n/a",)),
    Column(name="o", kind="numeric", optional=True),
    Column(name="o!", kind="boolean", optional=True, nullable=False),
    Column(name="n09", kind="numeric", least=0, most=9),
    Column(name="n0", kind="numeric", least=0, nullable=False),
    Column(name="m0", kind="numeric", least=0, missing=("-999",)),
    Column(name="d0", kind="datetime", least=0, optional=True),
    Column(name="ca", kind="categorical", allowed=("7", "yes", "true")),
    Column(name="cp", kind="categorical", pattern=r"\d+|\w{2}"),
    Column(name="tp", kind="text", pattern="[a-z ?/]*", optional=True),
)
SCHEMA = Schema(columns=(*COLUMNS, Column(name="y", kind="numeric", role="target")))
GOOD = {
    "n": 1,
    "m": 1,
    "n!": 2,
    "b": True,
    "b!": False,
    "d": "2020-01-02",
    "c": "x",
    "c!": "y",
    "t": "z",
    "o!": True,
    "n09": 9,
    "n0": 0,
    "m0": 1,
    "ca": 7,
    "cp": "no",
}


def value_of(column: Column, body: bytes) -> object:
    """One value through the decoder, missing as None. Raises `Refused` for a bad row."""
    decoded = RowsDecoder(Schema(columns=(column,))).decode(body, max_rows=10)
    if decoded.problems:
        raise refusal(decoded.problems)
    rows = decoded.numbers if column.kind in ("numeric", "boolean", "datetime") else decoded.strings
    value = rows[0][0]
    return None if value is None or value == "" or value != value else value


@pytest.mark.parametrize("at", range(len(TYPED)))
def test_requests_decode_as_the_specification_says(at):
    vector = TYPED[at]
    column = msgspec.convert({"name": "x", "kind": vector["kind"], **vector["column"]}, Column)
    for body in (json.dumps({"x": vector["value"]}), json.dumps([{"x": vector["value"]}])):
        if vector.get("error"):
            with pytest.raises(Refused) as refused:
                value_of(column, body.encode())
            assert refused.value.answer.status in (400, 422)
        else:
            assert value_of(column, body.encode()) == vector["expect"]


SPELT = ["yes", "no", "?", " 7 ", "7.0", "n/a", "2020-01-02T03:04:05+01:00", "1.2.2020"]
SCALARS = st.one_of(
    st.sampled_from([-999, -999.0, "-999", 7, 7.0]),
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8), st.sampled_from(SPELT),
    st.lists(st.integers(), max_size=2),
)  # fmt: skip


# The first texts cost seconds: hypothesis makes its tables of Unicode.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([c.name for c in COLUMNS]), SCALARS))
@example({"c": True})
@example({"c": 1})
@example({"c": 1.0})
@example({"c": 2**70})
@example({"c": 9007199254740993.0})
def test_the_fast_way_and_the_slow_way_agree(changes):
    row = GOOD | changes
    expected, is_bad = [], False
    for column in COLUMNS:
        try:
            if isinstance(row.get(column.name), list):
                raise ValueRefused(None, "", "")
            if column.name not in row and not column.optional:
                raise ValueRefused(None, "", "")
            expected.append(decoder(column)(row.get(column.name)))
        except ValueRefused:
            is_bad = True
    try:
        body = msgspec.json.encode(row)
    except (ValueError, OverflowError):  # lone surrogates, or integers over 64 bits
        body = json.dumps(row).encode()
    decoded = RowsDecoder(SCHEMA).decode(body, max_rows=10)
    assert bool(decoded.problems) == is_bad
    if not is_bad:
        numbers, strings = tensors([decoded], (len(SCHEMA.numbers), len(SCHEMA.strings)))
        by_name = dict(zip([c.name for c in COLUMNS], expected, strict=True))
        for got, column in zip(numbers[0], SCHEMA.numbers, strict=True):
            assert got == by_name[column.name] or (math.isnan(got) and math.isnan(by_name[column.name]))
        assert list(strings[0]) == [by_name[c.name] for c in SCHEMA.strings]


def test_true_and_1_are_two_categories_in_any_order():
    rows = RowsDecoder(Schema(columns=(Column(name="c", kind="categorical"),)))
    body = b'[{"c": 1}, {"c": true}, {"c": 1.0}, {"c": "1"}, {"c": "true"}, {"c": true}, {"c": 1}]'
    texts = [row[0] for row in rows.decode(body, max_rows=10).strings]
    assert texts == ["1", "true", "1", "1", "true", "true", "1"]


def problems_of(row: object) -> list[dict[str, object]]:
    decoded = RowsDecoder(SCHEMA).decode(json.dumps(row).encode(), max_rows=100)
    return json.loads(refusal(decoded.problems).answer.body)["error"]["problems"]


def test_every_fault_of_a_row_is_named_with_value_and_expectation():
    found = {p["field"]: p for p in problems_of(GOOD | {"n": "abc", "b": "maybe", "d": "soon", "c!": None})}
    assert set(found) == {"n", "b", "d", "c!"}
    assert (found["n"]["value"], found["n"]["expected"], found["n"]["reason"]) == (
        "'abc'", "a number", "not a number",
    )  # fmt: skip
    assert "'yes'" in found["b"]["expected"]
    assert "%d.%m.%Y" in found["d"]["expected"]
    assert found["c!"]["reason"] == "a value is missing"


def test_an_absent_field_is_refused_unless_optional():
    row = {k: v for k, v in GOOD.items() if k not in ("n", "o")}
    assert [(p["field"], p["reason"]) for p in problems_of(row)] == [("n", "absent")]


def test_a_misspelt_field_gets_the_near_miss():
    row = {k: v for k, v in GOOD.items() if k != "c"} | {"C": "x"}
    found = {p["field"]: p.get("did_you_mean") for p in problems_of(row)}
    assert found == {"c": None, "C": "c"}


def test_other_columns_of_the_table_may_come_along_and_are_not_looked_at():
    schema = msgspec.structs.replace(SCHEMA, target=Target(name="y", task="regression"))
    decoded = RowsDecoder(schema).decode(json.dumps(GOOD | {"y": {"any": ["thing"]}}).encode(), max_rows=1)
    assert decoded.good == 1


def test_a_field_said_twice_counts_as_said_last():
    column = Column(name="x", kind="numeric")
    assert value_of(column, b'{"x": 1, "x": 2}') == 2.0
    assert value_of(column, b'{"x": "bad", "x": 2}') == 2.0
    assert value_of(column, b'{"x": 2, "x": ""}') is None


@pytest.mark.parametrize(
    ("body", "code"),
    [(body, "malformed_json") for body in (
        b"", b"{", b'{"n": NaN}', b"[1,", b'{"n": Infinity}', b'{"n": 01}', b"\xff\xfe", b'{"\xff": 1}',
        b"[" * 100_000, b'{"n":' * 100_000, b"\xef\xbb\xbf{}", b"{'n': 1}",
    )]
    + [(body, "not_rows") for body in (b"5", b'"text"', b"null", b'{"rows": 5}', b'{"rows": {}}')]
    + [(body, "no_rows") for body in (b"[]", b'{"rows": []}')],
)  # fmt: skip
def test_what_is_not_rows_is_400_with_its_place(body, code):
    with pytest.raises(Refused) as refused:
        RowsDecoder(SCHEMA).decode(body, max_rows=10)
    assert (refused.value.answer.status, refused.value.code) == (400, code)
    if code == "malformed_json":
        assert any(word in str(refused.value) for word in ("byte", "UTF-8", "deep"))


def test_numbers_and_texts_that_no_value_holds_are_problems_of_their_field():
    for sent in (b"1e999", b"-1e999", b"9" * 5000, b'"\\ud800"', b'"\xff"', b"[1]", b'{"a": 1}'):
        body = json.dumps(GOOD).encode().replace(b'"n": 1,', b'"n": %s,' % sent)
        try:
            decoded = RowsDecoder(SCHEMA).decode(body, max_rows=10)
        except Refused as refused:
            assert refused.answer.status == 400
        else:
            assert [p.field for p in decoded.problems[0]] == ["n"]


def test_a_row_that_is_no_object_is_a_problem_of_its_row():
    found = problems_of([GOOD, 5, GOOD, None, [1], "x"])
    assert [(p["row"], p["reason"]) for p in found] == [(i, "not a row") for i in (1, 3, 4, 5)]


def test_bad_rows_are_named_and_good_rows_kept_in_order():
    rows = [GOOD | {"n": i if i % 3 else "bad"} for i in range(9)]
    decoded = RowsDecoder(SCHEMA).decode(json.dumps(rows).encode(), max_rows=10)
    assert sorted(decoded.problems) == [0, 3, 6]
    assert [numbers[0] for numbers in decoded.numbers] == [1.0, 2.0, 4.0, 5.0, 7.0, 8.0]


def test_thousands_of_bad_rows_are_counted_and_only_some_are_listed():
    decoded = RowsDecoder(SCHEMA).decode(json.dumps([{}] * 1000).encode(), max_rows=1000)
    error = json.loads(refusal(decoded.problems).answer.body)["error"]
    assert len(error["problems"]) == PROBLEMS_SHOWN
    assert error["problems_left_off"] + PROBLEMS_SHOWN == sum(map(len, decoded.problems.values()))
    assert error["bad_rows"] == list(range(1000))


def test_too_many_rows_are_413():
    for row in (GOOD, {}):
        with pytest.raises(Refused, match="11 rows, over 10"):
            RowsDecoder(SCHEMA).decode(json.dumps([row] * 11).encode(), max_rows=10)


def test_a_column_called_rows_is_a_column():
    rows = RowsDecoder(Schema(columns=(Column(name="rows", kind="numeric"),)))
    assert rows.decode(b'{"rows": 5}', max_rows=1).single


def test_a_schema_of_one_type_has_an_empty_tensor_of_the_other():
    for kind, shapes in (("numeric", ((2, 1), (2, 0))), ("categorical", ((2, 0), (2, 1)))):
        schema = Schema(columns=(Column(name="x", kind=kind),))
        decoded = RowsDecoder(schema).decode(b'[{"x": 1}, {"x": 2}]', max_rows=2)
        numbers, strings = tensors([decoded], (len(schema.numbers), len(schema.strings)))
        assert (numbers.shape, strings.shape) == shapes


def test_what_was_sent_is_shown_shortened_and_without_control_characters():
    value = problems_of(GOOD | {"n": "\x1b[31m" + "x" * 10_000})[0]["value"]
    assert len(value) < 60
    assert "\x1b" not in value
    name = problems_of(GOOD | {"\x1b" + "x" * 10_000: 1})[0]["field"]
    assert len(name) < 60
    assert "\x1b" not in name
