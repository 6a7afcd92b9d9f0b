"""The schema of a converted model: its columns from the example, its target from the answer, and what the
original does not take forbidden."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from mlwright.base.decoding import category_of
from mlwright.base.errors import ConversionRefused, Misuse
from mlwright.base.schema import Column, LabelType, Schema, Target, TaskName
from mlwright.conversion.answers import Answer, Classes
from mlwright.conversion.frame import Words
from mlwright.conversion.original import Example, Original
from mlwright.conversion.reach import reach
from mlwright.data.dataset import Dataset, Provenance
from mlwright.data.decode import decode_frame

UNSEEN = "a value never seen"


def dataset_of(example: Example, schema: Schema) -> Dataset:
    """Rows as the graph takes them. Raises `Misuse` where the schema refuses one."""
    decoded = decode_frame(example.table(), schema, text=True, features_only=True)
    if decoded.problems:
        raise Misuse(f"example=, {decoded.problems[0]}", remedy="give rows that the model takes")
    return Dataset(decoded.frame, schema, Provenance("example rows"))


def like_written(name: str, rows: Example) -> Column:
    """The column of the example's type, its texts read as the example's table wrote them."""
    told = rows.written.get(name, Column(name=name, kind="numeric"))
    why = "by the type of the example's column"
    codes = told.codes or rows.has_codes(name)
    return msgspec.structs.replace(told, kind=rows.kind(name), codes=codes, why=why)


def taken_apart(column: Column, words: Words) -> Column:
    """The column as free text where steps take its texts apart, and none looks them up whole."""
    looked_up = [t for t in words.seen.get(column.name, {}) if t and (column.name, t) not in words.fills]
    if column.name not in words.free or looked_up:
        return column
    return msgspec.structs.replace(column, kind="text")


def target_of(answer: Answer, name: str) -> Target:
    if not isinstance(answer, Classes):
        return Target(name=name, task="regression")
    labels = list(answer.labels)
    kinds = {type(v).__name__.rstrip("_") for v in labels}
    label_type: LabelType = "text"
    if all(isinstance(v, (bool, np.bool_)) for v in labels):
        label_type = "boolean"
    elif all(isinstance(v, (int, float, np.integer, np.floating)) and float(v).is_integer() for v in labels):
        label_type = (
            "integer"  # of 1.0 and 2.0 as well, which pandas makes of whole numbers beside a missing one
        )
    elif not all(isinstance(v, str) for v in labels):
        raise ConversionRefused(
            f"its classes are of the type {', '.join(sorted(kinds))}",
            remedy="let classes be texts or whole numbers",
        )
    classes = tuple(class_text(v) for v in labels)
    task: TaskName = "binary" if len(classes) == 2 else "multiclass"
    return Target(
        name=name,
        task=task,
        classes=classes,
        label_type=label_type,
        positive=classes[1] if len(classes) == 2 else None,
    )


def class_text(label: Any) -> str:  # Any: a label of whatever type
    text = category_of(label.item() if isinstance(label, np.generic) else label)
    if isinstance(label, str) and text != label:
        raise ConversionRefused(
            f"the class {label!r} has spaces around it", remedy="name classes without them"
        )
    return text


def bounded(schema: Schema, rows: Example, original: Original, words: Words) -> Schema:
    """The schema with what the original does not take forbidden: missing values, texts never seen. Free text
    that is missing is an empty text."""
    texts = [c.name for c in schema.features if c.kind == "categorical"]
    free = [c.name for c in schema.features if c.kind == "text"]
    names = [c.name for c in schema.features]
    asked: list[dict[str, Any]] = [{name: None} for name in names]  # Any: values of the columns' kinds
    asked += [{name: UNSEEN} for name in texts] + [{name: ""} for name in free]
    taken = set(original.taken(rows, asked))
    empty = {name for i, name in enumerate(free, len(names) + len(texts)) if i in taken}
    for i, name in enumerate(names):
        schema = schema.changed(name, nullable=i in taken or name in empty)
    numeric = [c.name for c in schema.features if c.kind == "numeric"]
    for name, (least, most) in reach(original, rows, numeric).items():
        schema = schema.changed(name, least=least, most=most)
    for i, name in enumerate(texts, len(names)):
        known = tuple(text for text in words.seen.get(name, {}) if text)
        if not known and i not in taken:  # a network's own dictionary: what the example holds is known to be
            known = tuple(dict.fromkeys(t for t in rows.table()[name].cast(str).to_list() if t))
        if i not in taken:  # some are asked for by one step and not taken by another
            answered = set(original.taken(rows, [{name: text} for text in known]))
            known = tuple(text for k, text in enumerate(known) if k in answered) or known
        closed = i not in taken or name in words.closed
        schema = schema.changed(name, categories=known, allowed=known if closed else ())
    return schema
