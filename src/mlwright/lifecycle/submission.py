"""A prediction file in the form of a sample submission, as competitions ask for: its columns, its ids, its
order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlwright.base.errors import Misuse, RowProblem, RowsRefused, SchemaBroken

if TYPE_CHECKING:
    import polars as pl

    from mlwright.artifact import Model


def submit(
    model: Model, raw: pl.DataFrame, answered: pl.DataFrame, sample: Path, problems: list[RowProblem]
) -> pl.DataFrame:
    """The answers as a table with exactly the columns, ids and row order of the file `sample`.

    Its columns that the input has too are ids; the rest is filled: a column named for a class with that
    class's
    probability, a single other column with labels, or with probabilities where the sample shows fractions.
    Raises
    `RowsRefused` where an answer is missing, `SchemaBroken` where an id is.
    """
    import polars as pl

    from mlwright.sources import read_raw

    if problems:
        raise RowsRefused(problems, where="a submission needs an answer for every row")
    form = read_raw(sample).frame
    ids = [c for c in form.columns if c in raw.columns and c != model.target.name]
    wanted = [c for c in form.columns if c not in ids]
    if not wanted:
        raise Misuse("every column of the sample is in the input: nothing is left to fill", where=sample.name)
    filled = {c: _values(model, form, answered, c, wanted) for c in wanted}
    table = pl.DataFrame(
        [*(raw[c].cast(pl.String).alias(c) for c in ids), *(s.alias(c) for c, s in filled.items())]
    )
    if ids:
        keys = form.select(pl.col(c).cast(pl.String) for c in ids)
        if table.select(ids).is_duplicated().any():
            raise SchemaBroken(f"the ids {', '.join(ids)} are not unique in the input", where=sample.name)
        table = keys.join(table, on=ids, how="left", maintain_order="left")
        absent = table[wanted[0]].null_count()
        if absent:
            raise SchemaBroken(
                f"{absent} ids of the sample are not in the input",
                where=sample.name,
                remedy="predict on the file that the sample belongs to",
            )
    elif table.height != form.height:
        raise SchemaBroken(
            f"the sample has {form.height} rows, the input {table.height}",
            where=sample.name,
            remedy="keep an id column in both",
        )
    return table.select(form.columns)


def _values(
    model: Model, form: pl.DataFrame, answered: pl.DataFrame, column: str, wanted: list[str]
) -> pl.Series:
    target = model.target
    plain = answered[f"predicted_{target.name}"]
    if target.task == "regression":
        return plain
    by_class = {c: f"probability_{c}" for c in target.classes}
    for spelled in (
        column,
        column.removeprefix("probability_"),
        column.removeprefix(f"{target.name}_"),
        column.rpartition("_")[2],
    ):
        if len(wanted) > 1 and spelled in by_class:
            return answered[by_class[spelled]]
    if len(wanted) > 1:
        raise Misuse(
            f"the sample's column {column!r} is neither an id nor a class",
            remedy=f"classes are {', '.join(target.classes[:8])}",
        )
    if target.task == "binary" and _fractions(form[column]):
        return answered[by_class[target.classes[1]]]
    return plain


def _fractions(sample: pl.Series) -> bool:
    """Whether the sample shows numbers strictly between 0 and 1, as probabilities are."""
    import polars as pl

    numbers = sample.cast(pl.String).cast(pl.Float64, strict=False)
    return bool(((numbers > 0) & (numbers < 1)).any())
