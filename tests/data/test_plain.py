"""Columns seen at once, or text by text, are judged and decoded as those that Polars looks at one by one."""

import random

import msgspec
import polars as pl
import pytest

from mlwright.data import infer, texts, typed_kind
from mlwright.data.infer import Hints, infer_table
from mlwright.data.plain import plain_columns
from mlwright.data.profile import column_profile

ODD = (
    *("1", "2", "-4", "+5", "0", "07", "007", "0.5", ".5", "5.", "1e3", "1e400", "inf", "nan", "NaN", "NA"),
    *("n/a", "?", "", " ", " 7", "7 ", "\u00a07", "unknown", "yes", "no", "$5", "$1,200", "(3 $)", "12%"),
    *("5 kg", "300 g", "1,5", "1.234,5", "1 000", "2020-01-02", "13/02/2020", "20200102", "red", "DE", "FR"),
    *("a b c d e", "café", "cafe\u0301", "-0", "-0.0", "1_000", "0x10", "１２", "9007199254740993", "-", "."),
)
NAMES = ("a", "user_id", "zip_code", "date", "number", "price")


def columns():
    draw = random.Random(0)
    for number in range(300):
        rows = draw.choice((1, 2, 19, 20, 31, 60))
        if number % 3 == 0:
            texts_ = [draw.choice(draw.choices(ODD, k=3)) for _ in range(rows)]
        elif number % 3 == 1:
            texts_ = [str(draw.choice((draw.randint(0, 9), round(draw.gauss(0, 1), 3)))) for _ in range(rows)]
        else:
            texts_ = [str(i + 1) for i in range(rows)]
        texts_ = [draw.choice((t, t, t, t, t, None, draw.choice(ODD))) for t in texts_]
        yield pl.Series(draw.choice(NAMES), texts_, dtype=pl.String)


def said(monkeypatch, series, hints, *, at_once):
    with monkeypatch.context() as patch:
        if not at_once:
            patch.setattr(infer, "plain_columns", lambda *_: iter(()))
            for module in (texts, typed_kind):
                patch.setattr(module, "FEW", -1)
        inferred = infer_table(series.to_frame(), hints)
        column = inferred.frame.to_series()
        profile = column_profile(column, inferred.schema.columns[0])
    told = (msgspec.json.encode(part) for part in (inferred.schema, profile))
    return *told, inferred.findings, column.dtype, column.to_list()


@pytest.mark.parametrize(
    "hints", [Hints(), Hints(separator=";"), Hints(missing=("7", "-")), Hints(index="a"), Hints(target="a")]
)
def test_small_columns_are_judged_and_decoded_as_large_ones(monkeypatch, hints):
    for series in columns():
        fast = said(monkeypatch, series, hints, at_once=True)
        assert fast == said(monkeypatch, series, hints, at_once=False), series.to_list()


def test_only_plain_numbers_beside_known_markers_are_taken_at_once():
    table = pl.DataFrame(
        {
            "plain": ["1", "-2.5", "1e3"],
            "marked": ["1", "n/a", ""],
            "padded": ["07", "8", "9"],
            "infinite": ["1", "inf", "2"],
            "blank": ["1", " 2", "3"],
            "other": ["1", "x", "2"],
            "empty": ["", None, ""],
        }
    )
    taken = {name: (p.values.to_list(), p.markers) for name, p in plain_columns(table, table.columns)}
    assert taken == {
        "plain": ([1.0, -2.5, 1_000.0], ()),
        "marked": ([1.0, None, None], ("n/a",)),
    }


def test_a_wide_table_of_numbers_is_not_looked_at_column_by_column(monkeypatch):
    def refuse(*_: object, **__: object):
        raise AssertionError("a plain column was looked at alone")

    monkeypatch.setattr(infer, "judge_text", refuse)
    wide = pl.DataFrame({f"c{i}": ["1", "NA", str(i)] for i in range(3_000)})
    schema = infer_table(wide).schema
    assert {(c.kind, c.missing) for c in schema.columns} == {("numeric", ("NA",))}
