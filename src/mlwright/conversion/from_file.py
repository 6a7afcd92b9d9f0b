"""Example rows from a table without pandas' types: a file, a query, a Polars frame.

The original is asked in the types that it was fitted on. They are read from the model where it tells
(`fitted_on`), else from the table, as `pandas.read_csv` would: whole numbers, numbers, true and false, texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, get_args

import msgspec
import numpy as np
import polars as pl

from mlwright.base.decoding import category_of
from mlwright.base.errors import Misuse, UnknownName, nearest
from mlwright.base.finding import counted
from mlwright.base.schema import Column, Kind
from mlwright.conversion.fitted_on import FittedOn, as_called, fitted_on, require
from mlwright.conversion.given import refuse_unfit
from mlwright.conversion.names import kind_of
from mlwright.conversion.original import Example
from mlwright.data.decode import decode_series
from mlwright.data.infer import Hints, judge
from mlwright.data.texts import cleaned, plain_numbers
from mlwright.sources import read_raw

if TYPE_CHECKING:
    from mlwright.sources import ReadOptions
    from mlwright.sources.raw import Raw

MISSING: Final = frozenset(
    ("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A")
    + ("NA", "NULL", "NaN", "None", "n/a", "nan", "null")
)
"""What pandas takes for a missing value when it reads a file (`pandas.read_csv`, na_values)."""
_TRUTHS: Final = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
_BY_PLACE: Final = ("sklearn", "lightgbm", "xgboost", "catboost")
"""Libraries whose models warn of names, where they were fitted without: they get an array."""
_INFINITE: Final = r"^[+-]?inf(inity)?$"
_LARGEST_WHOLE: Final = 2.0**53
CATEGORY: Final = "category"
AS_PANDAS: Final = "by the model's own pandas type, or as pandas reads the file"


@dataclass(frozen=True)
class Said:
    """What the caller says of the table."""

    target: str
    options: ReadOptions | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    """`numeric`, `boolean`, `text`, `categorical` (texts) or `category` (pandas' own type) by column."""
    drop: tuple[str, ...] = ()
    """Columns that are not the model's, where it does not tell which are."""


def example_of(source: object, model: Any, said: Said) -> Example:  # Any: a fitted model
    """The rows of `source` as `model` takes them, and how the table writes their values.

    Raises `SchemaBroken` for columns that the model asks for and the table lacks, with the near misses;
    `Misuse` where the model does not tell which columns it takes, and there are more or fewer.
    """
    refuse_unfit(model)
    raw, known = read_raw(source, said.options), fitted_on(model)
    if known.names is not None:
        known = known.called(as_called(model, known.names, raw.frame.columns))
    names = _names(raw, known, said)
    if known.texts_alone:
        return _texts_alone(raw, names, said)
    columns = {n: _column(raw.frame[n], n, known, said) for n in names}
    if known.listed:
        columns = _with_categories(columns, known)
    elif kind_of(model).startswith("xgboost.") and known.categories and not _keeps_categories(model):
        raise Misuse(
            "this model numbers categories by the frame that it is given, which a file does not tell",
            where=raw.source,
            remedy="give rows from Python, in the types that it was fitted on",
        )
    written = {n: c.written for n, c in columns.items()}
    by_place = known.names is None and kind_of(model).split(".")[0] in _BY_PLACE
    if by_place and all(c.is_number for c in columns.values()):
        array = np.column_stack([np.asarray(c.values, dtype=np.float64) for c in columns.values()])
        return Example(array, called=tuple(columns), written=written)
    return Example(_frame(columns, raw.source), written=written)


def _texts_alone(raw: Raw, names: list[str], said: Said) -> Example:
    """The one column of texts that a model takes, which is no table."""
    typed = {n: _column(raw.frame[n], n, FittedOn(), said) for n in names}
    texts = [n for n in names if typed[n].type == "text"] if len(names) > 1 else names
    if len(texts) != 1:
        listed = ", ".join(map(repr, texts[:4])) or "none"
        there = counted(len(texts), "such column")
        raise Misuse(
            f"the model takes one column of texts, and the table has {there}: {listed}",
            where=raw.source,
            remedy="leave out the others with drop=",
        )
    [name] = texts
    column = _column(
        raw.frame[name], name, FittedOn(texts={name: frozenset()}, free=frozenset((name,))), said
    )
    return Example(np.array(column.values, dtype=object), called=(name,), written={name: column.written})


@dataclass(frozen=True)
class _Typed:
    """One column in the type that the original is given."""

    values: Any  # Any: an array, or a list of texts with None
    type: str
    """`whole`, `number`, `boolean`, `text`, or `category`."""
    written: Column
    categories: tuple[Any, ...] | None = None  # Any: in the order that a model numbers them

    @property
    def is_number(self) -> bool:
        return self.type in ("whole", "number", "boolean")


def _names(raw: Raw, known: FittedOn, said: Said) -> list[str]:
    there, where = list(raw.frame.columns), raw.source
    for name in (*said.drop, *said.kinds):
        if name not in there:
            raise UnknownName("column", name, there, where=where)
    if known.names is not None:
        require(known.names, there, where)
        if said.target in known.names:
            raise Misuse(
                f"the model itself takes the column {said.target!r}, so that it cannot be what it answers",
                where=where,
                remedy="name with target= what it answers",
            )
        others = [n for n in there if n not in known.names]
        near = nearest(said.target, others)
        if others and said.target not in others and near is not None:
            raise UnknownName("column", said.target, others, where=f"{where}, target")
        return list(known.names)
    names = [n for n in there if n != said.target and n not in said.drop]
    if raw.index in names and known.count == len(names) - 1:
        names.remove(raw.index)
    if known.count is not None and len(names) != known.count:
        more = "leave out with drop= what it was not fitted on" if len(names) > known.count else ""
        beside = f" beside {said.target!r}" if said.target in there else ""
        raise Misuse(
            f"the model takes {known.count} columns, whose names it does not know; there are {len(names)}"
            f"{beside}",
            where=where,
            remedy=more or "give all columns that it was fitted on, in their order",
        )
    return names


def _column(raw: pl.Series, name: str, known: FittedOn, said: Said) -> _Typed:
    kind = _asked(name, known, said)
    told = known.texts.get(name, frozenset())
    if raw.dtype != pl.String:
        return _typed(raw, name, kind)
    texts, declared = cleaned(raw), tuple(said.options.missing or ()) if said.options else ()
    markers = [t for t in texts.unique().drop_nulls().to_list() if t in MISSING or t in declared]
    markers = sorted(t for t in markers if t not in told)
    texts = texts.set(texts.is_in(["", *markers]).fill_null(False), None)
    present = texts.drop_nulls()
    written = Column(name=name, kind="categorical", missing=tuple(markers))
    if kind in ("", "numeric"):
        plain = plain_numbers(texts.fill_null(""))
        unread = present.filter(plain.filter(texts.is_not_null()).is_null())
        if len(unread) and unread.str.to_lowercase().str.contains(_INFINITE).all():
            raise Misuse(  # pandas reads it as such, where other readers take it for missing
                f"column {name!r} holds {unread[0]!r}: an infinite number, which no model file takes",
                remedy="leave such rows out, or say that the text means missing (missing=)",
            )
        if len(present) and not len(unread) and _is_finite(plain):
            return _numbers(plain, _as(written, "numeric"))
        if (found := _marked(raw, kind, name, said)) is not None:
            return found
    truths = kind in ("", "boolean") and len(present) > 0 and bool(present.is_in(list(_TRUTHS)).all())
    if truths and (kind == "boolean" or len(present) == len(texts)):
        values = [None if t is None else _TRUTHS[t] for t in texts.to_list()]
        return _truths(values, _as(written, "boolean"))
    if name in known.free:  # whatever counts its words takes an empty text, and no missing one
        texts = texts.fill_null("")
    return _Typed(texts.to_list(), CATEGORY if kind == CATEGORY else "text", written)


def _asked(name: str, known: FittedOn, said: Said) -> str:
    """`numeric`, `boolean`, `text` or `category`; nothing where nobody says."""
    given = said.kinds.get(name)
    if given is not None:
        allowed = ("numeric", "boolean", "categorical", "text", CATEGORY)
        if given not in allowed:
            can = "is none of pandas' types" if given in get_args(Kind) else "is no kind"
            raise Misuse(f"{given!r} of {name!r} {can}", remedy=f"it is one of {', '.join(allowed)}")
        return "text" if given == "categorical" else given
    return CATEGORY if name in known.categories else "text" if name in known.texts else ""


def _as(column: Column, kind: Kind) -> Column:
    return Column(name=column.name, kind=kind, missing=column.missing, number=column.number)


def _is_finite(values: pl.Series) -> bool:
    return bool(np.isfinite(values.drop_nulls().to_numpy()).all())


def _marked(raw: pl.Series, kind: str, name: str, said: Said) -> _Typed | None:
    """Numbers among marks: decimal commas, currencies, other spellings of missing; else None."""
    options = said.options
    hints = Hints(
        kinds={name: "numeric"} if kind else {},
        missing=options.missing if options else None,
        number=options.number if options else None,
    )
    judged = judge(raw, hints).column
    if judged.kind != "numeric":
        return None
    values, problems = decode_series(raw, judged, text=True)
    if problems:
        raise Misuse(str(problems[0]), remedy="mend the value, or say which texts mean missing (missing=)")
    return _numbers(values, _as(judged, "numeric"))


def _numbers(values: pl.Series, written: Column) -> _Typed:
    array = values.cast(pl.Float64).to_numpy()
    whole = bool(np.isfinite(array).all() and (array == np.floor(array)).all())
    if whole and (np.abs(array) < _LARGEST_WHOLE).all():
        return _Typed(array.astype(np.int64), "whole", written)
    return _Typed(array, "number", written)


def _truths(values: list[bool | None], written: Column) -> _Typed:
    if None in values:
        return _Typed(
            np.array([np.nan if v is None else float(v) for v in values]), "number", _as(written, "numeric")
        )
    return _Typed(np.array(values, dtype=bool), "boolean", written)


def _typed(raw: pl.Series, name: str, kind: str) -> _Typed:
    """A column that has a type already, as those of Parquet and Arrow have."""
    if raw.dtype == pl.Boolean and kind in ("", "boolean"):
        return _truths(raw.to_list(), Column(name=name, kind="boolean"))
    if raw.dtype.is_numeric() and kind in ("", "numeric"):
        written, values = Column(name=name, kind="numeric"), raw.cast(pl.Float64)
        if raw.dtype.is_integer():
            return _numbers(values, written)
        return _Typed(values.to_numpy(), "number", written)
    if raw.dtype.is_numeric() and kind in ("text", CATEGORY):
        held = raw.to_list() if raw.dtype.is_integer() else raw.cast(pl.Float64).to_list()
        written = Column(name=name, kind="categorical")
        return _Typed([None if v is None else str(v) for v in held], kind, written)
    raise Misuse(
        f"column {name!r} of {raw.dtype} is no input of a model that can be converted",
        remedy="give the table without it, or as numbers or texts",
    )


def _with_categories(columns: dict[str, _Typed], known: FittedOn) -> dict[str, _Typed]:
    """The columns, those of texts with the categories that LightGBM has for them, in order."""
    of_texts = [n for n, c in columns.items() if not c.is_number]
    if len(of_texts) != len(known.listed):
        raise Misuse(
            f"the model was fitted on {counted(len(known.listed), 'column')} of categories, and in the file "
            f"{len(of_texts)} hold texts: {', '.join(map(repr, of_texts)) or 'none'}",
            remedy=f"say what they are, such as kinds={{{next(iter(columns))!r}: {CATEGORY!r}}}",
        )
    changed = dict(columns)
    for name, categories in zip(of_texts, known.listed, strict=True):
        typed = columns[name]
        values = [None if v is None else _like(v, categories) for v in typed.values]
        written = _as_numbers_are(typed, values, categories)
        known_here = set(categories)
        values = [v if v in known_here else None for v in values]  # as pandas has what is none of them
        changed[name] = _Typed(values, CATEGORY, written, categories)
    return changed


def _like(text: str, categories: Sequence[Any]) -> Any:  # Any: categories of one type
    """What `text` is among categories; itself where it is nothing of their type."""
    kind = type(categories[0]) if categories else str
    try:
        if kind is bool:
            return _TRUTHS[text]
        if issubclass(kind, int):
            return int(text) if text.lstrip("+-").isdecimal() else kind(Decimal(text))
        return kind(text)
    except (ArithmeticError, KeyError, ValueError):
        return text


def _as_numbers_are(typed: _Typed, values: Sequence[Any], categories: Sequence[Any]) -> Column:
    """How texts of categories are read again: as whole numbers, where those are such. Raises `Misuse` for a
    text by which a file would not know its category again. Any: categories of one type."""
    if not categories or isinstance(categories[0], str):
        return typed.written
    known = {v for v in categories if abs(v) < float("inf")}
    for text, value in zip(typed.values, values, strict=True):
        if text is not None and value in known and category_of(text, codes=True) != category_of(value):
            raise Misuse(
                f"{text!r} in column {typed.written.name!r} is the category {value!r} of the model, and its "
                f"texts are known by {category_of(value)!r} alone",
                remedy=f"write {category_of(value)!r} in the table, or fit the model on texts, as "
                "pandas.read_csv gives with dtype=str",
            )
    return msgspec.structs.replace(typed.written, codes=True)


def _keeps_categories(model: Any) -> bool:  # Any: an XGBoost model
    """Whether XGBoost itself knows its categories, as it does from 3.1 on."""
    booster = model if kind_of(model) == "xgboost.Booster" else model.get_booster()
    return hasattr(booster, "get_categories")


def _frame(columns: Mapping[str, _Typed], where: str) -> Any:  # Any: a pandas frame
    try:
        import pandas as pd
    except ImportError:
        raise Misuse(
            "the model takes texts, or columns by their names, which are given to it as a pandas frame, and "
            "pandas is not installed",
            where=where,
            remedy="pip install pandas",
        ) from None
    series = {}
    for name, column in columns.items():
        if column.type == CATEGORY:
            values = pd.Categorical(column.values, categories=column.categories)
            series[name] = pd.Series(values, name=name)
        elif column.is_number:
            series[name] = pd.Series(column.values, name=name)
        else:
            texts = [np.nan if v is None else v for v in column.values]
            series[name] = pd.Series(texts, name=name, dtype=None if any(column.values) else object)
    return pd.DataFrame(series)
