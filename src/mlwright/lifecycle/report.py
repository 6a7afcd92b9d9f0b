"""report: a table and its findings, or a model, become one HTML page that anybody can read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from mlwright.base.errors import Misuse
from mlwright.lifecycle.card import page_of
from mlwright.lifecycle.check import check
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.load import load
from mlwright.lifecycle.output import writable, write_text
from mlwright.lifecycle.read import RoleNames, read

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.base.finding import Findings
    from mlwright.data.dataset import Dataset


def report(
    data: object,
    out: str | os.PathLike[str],
    *,
    findings: Findings | None = None,
    seed: int = 0,
    **roles: Unpack[RoleNames],
) -> Path:
    """Writes what is known about a table, or a model, to `out`, one HTML page that loads nothing, and returns
    its path.

    `data` is a Dataset, or anything that `read` takes; `findings` are what `check` found, where it ran
    already. Or it is a Model, or the path of its `.mlw` file: the page is then its card, made from what the
    file holds. The page holds bins and counts, no rows, and names a category only where five rows or more
    have it. Raises `Misuse` for a name that does not end in .html, `EnvironmentProblem` where it cannot be
    written, and what `read` or `load` raises.
    """
    from mlwright.artifact import Model

    if isinstance(data, Model) or (isinstance(data, (str, os.PathLike)) and is_model(data)):
        return _about(data, out, findings is not None or bool(roles))
    need("train", "reporting on data")
    from mlwright.checks import explained
    from mlwright.data.along import along_columns
    from mlwright.data.dataset import Dataset
    from mlwright.data.profile import profile_of
    from mlwright.pages import TablePage, table_page

    path = page_at(out, data)
    dataset = data if isinstance(data, Dataset) else read(data, **roles)
    found = check(dataset, seed=seed) if findings is None else findings
    shown = TablePage(
        name=dataset.provenance.source,
        schema=dataset.schema,
        profile=profile_of(dataset),
        findings=found,
        along=along_columns(dataset),
        how=explained(),
        facts=_facts(dataset),
    )
    write_text(table_page(shown), path)
    return path


def is_model(source: str | os.PathLike[str]) -> bool:
    """Whether a source is the path of a model file, by its name.

    >>> is_model("loans.mlw"), is_model("loans.csv")
    (True, False)
    """
    return Path(source).suffix.lower() == ".mlw"


def _about(source: Model | str | os.PathLike[str], out: str | os.PathLike[str], more: bool) -> Path:
    """Writes the page about a model."""
    from mlwright.artifact import Model
    from mlwright.pages import model_page

    if more:
        raise Misuse("a model was checked when it was made: it takes no findings and no roles here")
    path = page_at(out, None if isinstance(source, Model) else source)
    model = source if isinstance(source, Model) else load(source)
    write_text(model_page(page_of(model)), path)
    return path


def page_at(out: str | os.PathLike[str], data: object = None) -> Path:
    """`out` as the path of a page that can be written. Raises what `report` raises for one that cannot.

    >>> page_at("loans.pdf")
    Traceback (most recent call last):
    mlwright.base.errors.Misuse: a report is a page: 'loans.pdf' is none. What to do: end its name with .html.
    """
    path = writable(out, data)
    if path.suffix.lower() not in (".html", ".htm"):
        raise Misuse(f"a report is a page: {path.name!r} is none", remedy="end its name with .html")
    return path


def _facts(dataset: Dataset) -> Mapping[str, str]:
    provenance = dataset.provenance
    facts = {}
    if provenance.rows_dropped:
        facts["rows left out"] = f"{provenance.rows_dropped:,}"
    if provenance.sha256:
        facts["SHA-256 of the file"] = provenance.sha256[:16] + "…"
    return facts
