"""Fresh rows whose answers are known, as a model reads them: what `evaluate` and `compare` judge by.

It says which rows are usable, and which of them are not independent of each other; it judges nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mlwright.base.decoding import category_of
from mlwright.base.errors import DataProblem, SchemaBroken, nearest
from mlwright.base.finding import counted
from mlwright.base.labels import matcher
from mlwright.lifecycle.read import as_written

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from mlwright.artifact import Model
    from mlwright.base.errors import RowProblem
    from mlwright.base.schema import Column
    from mlwright.data.dataset import Dataset
    from mlwright.evaluation.cuts import Values
    from mlwright.sources import ReadOptions
    from mlwright.sources.raw import Raw

Doubles = npt.NDArray[np.float64]
NAMED = 3
"""So many reasons or labels are named where rows are left out."""


@dataclass(frozen=True)
class Fresh:
    """Rows as one model reads them. All arrays are as long as the table, until `of` takes the usable ones."""

    dataset: Dataset
    y: Doubles
    """Class numbers or numbers [N]; NaN where there is no label, or one that the model does not know."""
    usable: npt.NDArray[np.bool_]
    source: str
    target: str
    """The target's name."""
    weights: Doubles | None = None
    groups: npt.NDArray[np.generic] | None = None
    """Which rows belong together [N], where the model was told a group column and the table has it."""
    moments: npt.NDArray[np.int64] | None = None
    """When each row was, as a rank [N], where the model was judged along time."""
    protected: tuple[Values, ...] = ()
    """Columns that the table has and the model is not given, to be judged by."""
    left_out: tuple[tuple[str, npt.NDArray[np.bool_]], ...] = ()
    """Why rows are not usable, and which ones [N]; a row is told of by the first reason that it has."""
    caveat: str = ""
    """What is to be known of the table as a whole."""
    how: str = ""
    """Which rows these are, how many were left out, and what else is to be known; told by `of`."""

    def of(self, kept: npt.NDArray[np.bool_]) -> Fresh:
        """The rows `kept` [N] alone. Raises `DataProblem` where there are none."""
        if not kept.any():
            raise DataProblem(
                f"no row has a known {self.target!r} and fits the schema: {self._why(kept)}",
                where=self.source,
                remedy="compare its labels with the model's: mlwright show",
            )
        count, weights = int(kept.sum()), None if self.weights is None else self.weights[kept]
        how = [f"on {counted(count, 'row')} of {self.source}"]
        if gone := len(kept) - count:
            how.append(f"{counted(gone, 'row was', 'rows were')} left out: {self._why(kept)}")
        how += [self.caveat] if self.caveat else []
        how += [] if weights is None else ["rows count by their weights"]
        return replace(
            self,
            how="; ".join(how),
            dataset=replace(self.dataset, frame=self.dataset.frame.filter(kept)),
            y=self.y[kept],
            usable=self.usable[kept],
            weights=weights,
            groups=None if self.groups is None else self.groups[kept],
            protected=tuple(v.rows(np.flatnonzero(kept)) for v in self.protected),
            left_out=(),
            moments=None if self.moments is None else self.moments[kept],
        )

    def _why(self, kept: npt.NDArray[np.bool_]) -> str:
        """How many of the rows that are not kept have which reason."""
        rest, parts = ~kept, []
        for said, which in (*self.left_out, ("cannot be answered", ~kept)):
            if now := int((rest & which).sum()):
                parts.append(f"{now:,} {said}")
            rest = rest & ~which
        return ", ".join(parts)

    @property
    def dependent(self) -> dict[str, npt.NDArray[np.generic]]:
        """What intervals are to know of rows that belong together: by group, else by stretch of time."""
        from mlwright.evaluation.splits import stretches_of

        if self.groups is not None:
            return {"groups": self.groups}
        return {} if self.moments is None else {"blocks": stretches_of(self.moments)}


def fresh_rows(model: Model, raw: Raw, options: ReadOptions | None) -> Fresh:
    """What `model` makes of a table that was read as it is.

    Raises `SchemaBroken` where the target or a needed column is absent, `DataProblem` for weights that are
    none.
    """
    from mlwright.data.dataset import Dataset, Provenance
    from mlwright.data.decode import decode_frame

    schema, name = as_written(model.schema, options), model.target.name
    known = bool(raw.sha256) and raw.sha256 == model.manifest.recipe.get("data_sha256")
    if name not in raw.frame.columns:
        near = nearest(
            name, [n for n in raw.frame.columns if n not in {c.name for c in model.schema.features}]
        )
        raise SchemaBroken(
            f"the target column {name!r} is not there",
            where=raw.source,
            remedy=(f"is {near!r} meant? " if near else "")
            + "evaluation needs the true answers; predict does not",
        )
    decoded = decode_frame(raw.frame, schema, text=True, features_only=True, where=raw.source)
    y, unlike = _truth(raw.frame[name], model, schema.column(name))
    return Fresh(
        Dataset(decoded.frame, model.schema, Provenance(raw.source)),
        y,
        ~decoded.refused & ~np.isnan(y),
        raw.source,
        name,
        weights=_weights(raw.frame, model, raw.source),
        groups=_groups(raw.frame, model),
        moments=_moments(raw.frame, model),
        protected=_protected(raw.frame, model),
        left_out=(*unlike, (_unfit(decoded.problems), decoded.refused)),
        caveat="these are the very rows it was trained on: the scores flatter it" if known else "",
    )


def _with_role(role: str, frame: pl.DataFrame, model: Model) -> Column | None:
    found = (c for c in model.schema.columns if c.role == role and c.name in frame.columns)
    return next(found, None)


def _weights(frame: pl.DataFrame, model: Model, source: str) -> Doubles | None:
    """What rows count, where the model was trained with weights and the table has them.

    Raises `DataProblem` for what is no weight.
    """
    from mlwright.data.decode import decode_series
    from mlwright.data.weights import weights_of

    column = _with_role("weight", frame, model)
    if column is None:
        return None
    values, _ = decode_series(frame[column.name], column, text=True)
    return weights_of(values, source, "mend the column, or leave it out: rows then count alike")


def _groups(frame: pl.DataFrame, model: Model) -> npt.NDArray[np.generic] | None:
    import polars as pl

    column = _with_role("group", frame, model)
    if column is None:
        return None
    return frame[column.name].cast(pl.String).fill_null("").rank("dense").to_numpy()


def _protected(frame: pl.DataFrame, model: Model) -> tuple[Values, ...]:
    """The protected columns that the table has. A value that a column cannot hold counts as missing."""
    import polars as pl

    from mlwright.data.dataset import Dataset, Provenance
    from mlwright.data.decode import decode_series
    from mlwright.evaluation.cuts import values_of

    there = [c for c in model.schema.columns if c.role == "protected" and c.name in frame.columns]
    decoded = pl.DataFrame([decode_series(frame[c.name], c, text=True)[0] for c in there])
    known = Dataset(decoded, model.schema, Provenance("protected columns"))
    return tuple(values_of(known, c) for c in there)


def _moments(frame: pl.DataFrame, model: Model) -> npt.NDArray[np.int64] | None:
    """Ranks of the rows in time: by the time column, or as they come where the order of rows tells it."""
    from mlwright.data.decode import decode_series
    from mlwright.evaluation.splits import ALONG_TIME

    rule = model.evaluation.split
    if rule not in ALONG_TIME:
        return None
    if rule == "order":
        return np.arange(len(frame))
    column = _with_role("time", frame, model)
    if column is None:
        return None
    values, _ = decode_series(frame[column.name], column, text=True)
    return values.rank("dense").fill_null(0).to_numpy().astype(np.int64)


def _unfit(problems: Sequence[RowProblem]) -> str:
    """What is wrong with rows that break the schema, by column; values are not told."""
    reasons = list(dict.fromkeys(f"{p.column!r} {p.reason}" for p in problems))
    more = f" and {len(reasons) - NAMED} more" if len(reasons) > NAMED else ""
    return f"not fitting the schema ({', '.join(reasons[:NAMED])}{more})"


def _truth(
    labels: pl.Series, model: Model, column: Column
) -> tuple[Doubles, tuple[tuple[str, npt.NDArray[np.bool_]], ...]]:
    """Class numbers or numbers [N]; NaN where there is no label, or one that the model does not know. And
    what is to be said of these rows."""
    from mlwright.data.decode import decode_series

    target = model.target
    values, problems = decode_series(labels, column, text=True)
    unread = np.zeros(len(values), dtype=bool)
    unread[[p.row for p in problems]] = True
    absent = (f"without {target.name!r}", values.is_null().to_numpy() & ~unread)
    if target.task == "regression":
        said = f"whose {target.name!r} is no number that the schema allows"
        return values.to_numpy().astype(np.float64), (absent, (said, unread))
    number = {c: i for i, c in enumerate(target.classes)}
    meant = matcher(target.classes)
    numbers = {"1": "true", "0": "false"} if target.label_type == "boolean" else {}
    out = np.full(len(values), np.nan)
    strangers: dict[str, None] = {}
    for i, value in enumerate(values.to_list()):
        if value is None:
            continue
        text = category_of(value)
        text = numbers.get(text, text)
        known = meant(text)
        if known is None:
            strangers[text] = None
        else:
            out[i] = number[known]
    named = ", ".join(map(repr, list(strangers)[:NAMED])) or "not of its kind"
    more = f" and {len(strangers) - NAMED} more" if len(strangers) > NAMED else ""
    unknown = (f"whose {target.name!r} the model does not know ({named}{more})", np.isnan(out))
    return out, (absent, unknown)
