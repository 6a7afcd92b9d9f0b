"""Encoders of categories: scikit-learn's OneHotEncoder, OrdinalEncoder and TargetEncoder.

All three ask which of its categories a value is. The answer is one row of noughts and ones over the
categories of all columns, made by three nodes however many columns there are; what an encoder makes of it is
one product with a matrix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.decoding import ValueRefused, category_of
from mlwright.base.errors import ConversionRefused
from mlwright.conversion.frame import Frame
from mlwright.conversion.names import is_missing

Doubles = npt.NDArray[np.float64]

_TOLD_APART = 2**53
"""From here on doubles leave whole numbers out."""


@dataclass(frozen=True)
class Hits:
    """Which category each column's value is: `tensor` [N, total] of noughts and ones, columns one after
    another, those of column j in `spans[j]`."""

    frame: Frame
    tensor: str
    spans: tuple[slice, ...]

    @property
    def total(self) -> int:
        return self.spans[-1].stop if self.spans else 0

    def times(self, weights: Doubles) -> str:
        """[N, outputs] for weights [total, outputs]."""
        g = self.frame.g
        if np.array_equal(weights, np.eye(self.total)):  # each category a column of its own
            return self.tensor
        return g.node("MatMul", self.tensor, g.constant(np.asarray(weights, dtype=np.float64)))

    def known(self) -> str:
        """[N, columns]: 1 where the value is a category, else 0."""
        each = np.zeros((self.total, len(self.spans)))
        for j, span in enumerate(self.spans):
            each[span, j] = 1.0
        return self.times(each)


def hits(frame: Frame, categories: Sequence[Any]) -> Hits:  # Any: arrays of whatever was seen
    """Where each column of `frame` is which of its `categories`. Raises `ConversionRefused` for categories
    that become one when texts are cleaned."""
    g = frame.g
    places: list[int] = []
    wanted: list[float] = []
    missing: list[bool] = []
    spans: list[slice] = []
    for j, (slot, known) in enumerate(zip(frame.slots, categories, strict=True)):
        codes = [_code(frame, slot.name, slot.words, value) for value in known]
        if len(set(codes)) != len(codes):
            raise ConversionRefused(
                f"two categories of {slot.name!r} are one text when spaces around it are cut off and numbers "
                "are written alike",
                remedy="clean the texts before fitting",
            )
        spans.append(slice(len(places), len(places) + len(codes)))
        places += [j] * len(codes)
        wanted += [0.0 if c != c else c for c in codes]
        missing += [c != c for c in codes]
    spread = g.node("Gather", frame.tensor(), g.constant(np.array(places, dtype=np.int64)), axis=1)
    equal = g.node("Equal", spread, g.constant(np.array([wanted])))
    if any(missing):
        nothing, either = g.node("IsNaN", spread), g.constant(np.array([missing]))
        equal = g.node("Or", g.node("And", equal, g.node("Not", either)), g.node("And", nothing, either))
    return Hits(frame, g.node("Cast", equal, to=11), tuple(spans))


def _code(frame: Frame, column: str, words: str | None, value: Any) -> float:  # Any: a category
    if words is not None and not is_missing(value):
        try:
            text = category_of(value)
        except ValueRefused as refused:
            raise ConversionRefused(
                f"a category of {column!r} is {refused.reason}", remedy="make it missing before fitting"
            ) from None
        if not text:
            raise ConversionRefused(
                f"a category of {column!r} is empty or nothing but blanks, which is a missing value here",
                remedy="give such values a name, or make them missing, before fitting",
            )
        return frame.words.known(words, value)
    if words is not None:
        return 0.0
    if is_missing(value):
        return float("nan")
    try:
        if not isinstance(value, (float, np.floating)) and abs(float(value)) >= _TOLD_APART:
            raise ConversionRefused(
                f"the category {value} of {column!r} is so large a number that the next one is the same to a "
                "graph, which calculates in doubles",
                remedy="let such numbers be texts, as with astype(str), before fitting",
            )
        return float(value)
    except (TypeError, ValueError):
        raise ConversionRefused(
            f"the encoder knows the text {value!r} of {column!r}, whose example values are numbers",
            remedy="give example rows of the kind that the model was fitted on",
        ) from None


def one_hot(encoder: Any, frame: Frame) -> Frame:  # Any: a OneHotEncoder
    """A column for each category that is neither dropped nor rare; rare ones share one."""
    found = hits(frame, encoder.categories_)
    weights: list[Doubles] = []
    rest = np.zeros(0)
    for j, known in enumerate(encoder.categories_):
        table, unknown = _columns_of(encoder, j, len(known))
        weights.append(table)
        rest = np.concatenate([rest, unknown])
    whole, at = np.zeros((found.total, len(rest))), 0
    for span, table in zip(found.spans, weights, strict=True):
        whole[span, at : at + table.shape[1]] = table
        at += table.shape[1]
    out, g = found.times(whole), frame.g
    if rest.any():  # what no category is goes where the rare ones go
        owner = np.repeat(np.arange(len(weights)), [t.shape[1] for t in weights])
        to = np.zeros((len(weights), len(rest)))
        to[owner, np.arange(len(rest))] = rest
        absent = g.node("Sub", g.constant(1.0), found.known())
        out = g.node("Add", out, g.node("MatMul", absent, g.constant(to)))
    return frame.made(out, list(encoder.get_feature_names_out(list(frame.names))))


def _columns_of(encoder: Any, j: int, count: int) -> tuple[Doubles, Doubles]:  # Any: a OneHotEncoder
    """Of column j: which output each category goes to [categories, outputs], and unknown values [outputs]."""
    mapping = np.arange(count)
    shared = None
    maps = getattr(encoder, "_default_to_infrequent_mappings", None)
    if maps and maps[j] is not None:
        mapping = np.asarray(maps[j])
        shared = int(mapping.max())
    outputs = int(mapping.max()) + 1 if count else 0
    table, unknown = np.zeros((count, outputs)), np.zeros(outputs)
    table[np.arange(count), mapping] = 1.0
    if shared is not None and encoder.handle_unknown in ("infrequent_if_exist", "warn"):
        unknown[shared] = 1.0
    dropped = encoder.drop_idx_[j] if encoder.drop_idx_ is not None else None
    if dropped is not None:
        gone = int(dropped) if shared is None else int(mapping[int(dropped)])
        table, unknown = np.delete(table, gone, axis=1), np.delete(unknown, gone)
    return table, unknown


def ordinal(encoder: Any, frame: Frame) -> Frame:  # Any: an OrdinalEncoder
    """The number of each category, rare ones sharing one; what the encoder was told to answer for unknown and
    missing ones."""
    values = []
    shared = getattr(encoder, "_default_to_infrequent_mappings", None) or [None] * len(encoder.categories_)
    for known, mapping in zip(encoder.categories_, shared, strict=True):
        codes = np.arange(len(known), dtype=np.float64)
        if mapping is not None:
            codes[: len(mapping)] = mapping
        for i, value in enumerate(known):
            if is_missing(value):
                codes[i] = float(encoder.encoded_missing_value)
        values.append(codes[:, None])
    unknown = np.nan
    if encoder.handle_unknown == "use_encoded_value":
        unknown = float(encoder.unknown_value)
    return _valued(frame, encoder.categories_, values, [np.array([unknown])] * len(values))


def target_mean(encoder: Any, frame: Frame) -> Frame:  # Any: a TargetEncoder
    """The mean of the target by category; of unknown ones, that of all rows."""
    classes = len(encoder.classes_) if getattr(encoder, "target_type_", "") == "multiclass" else 1
    each = [np.asarray(e, dtype=np.float64) for e in encoder.encodings_]
    values = [
        np.stack([each[j * classes + k] for k in range(classes)], axis=1)
        for j in range(len(encoder.categories_))
    ]
    mean = np.broadcast_to(np.asarray(encoder.target_mean_, dtype=np.float64), (classes,))
    return _valued(frame, encoder.categories_, values, [mean] * len(values))


def _valued(
    frame: Frame, categories: Sequence[Any], values: Sequence[Doubles], unknown: Sequence[Doubles]
) -> Frame:
    """Columns of `values` [categories, outputs] by column, else `unknown` [outputs]; NaN among both."""
    g, found = frame.g, hits(frame, categories)
    outputs = sum(v.shape[1] for v in values)
    whole, owner = np.zeros((found.total, outputs)), np.zeros((len(values), outputs))
    at = 0
    for j, (span, table) in enumerate(zip(found.spans, values, strict=True)):
        whole[span, at : at + table.shape[1]] = table
        owner[j, at : at + table.shape[1]] = 1.0
        at += table.shape[1]
    nothing = np.isnan(whole)
    out = found.times(np.where(nothing, 0.0, whole))
    known = g.node("MatMul", found.known(), g.constant(owner))
    else_ = g.constant(np.concatenate(unknown)[None, :])
    out = g.node("Where", g.node("Greater", known, g.constant(0.5)), out, else_)
    if nothing.any():
        missing = g.node("Greater", found.times(nothing.astype(np.float64)), g.constant(0.5))
        out = g.node("Where", missing, g.constant(np.nan), out)
    names = [
        f"{n}_{k}" if outputs > len(values) else n for n in frame.names for k in range(outputs // len(values))
    ]
    return frame.made(out, names)


def numbered(frame: Frame, known: Mapping[int, Sequence[Any]]) -> Frame:  # Any: categories of whatever type
    """The frame with the column at each place of `known` as its value's number among those categories; NaN
    where it is none of them."""
    if not known:
        return frame
    g, some = frame.g, frame.pick(known)
    found = hits(some, list(known.values()))
    places = np.zeros((found.total, len(known)))
    for j, span in enumerate(found.spans):
        places[span, j] = np.arange(span.stop - span.start)
    seen = g.node("Greater", found.known(), g.constant(0.5))
    codes = some.made(g.node("Where", seen, found.times(places), g.constant(np.nan)), some.names)
    slots = list(frame.slots)
    for slot, i in zip(codes.slots, known, strict=True):
        slots[i] = slot
    return replace(frame, slots=tuple(slots))
