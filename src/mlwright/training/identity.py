"""What identifies a fit: its data, its settings and what it runs on. Two fits alike in all give one result.

Asked by `journal`, so that an unfinished fit is taken up only by the same one. Time limits and numbers of
trials are no part of it: they say how long to go on, not with what.
"""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.canonical import canonical_json
from mlwright.training.problem import Problem
from mlwright.version import __version__

Array = npt.NDArray[np.generic]

LIBRARIES = ("numpy", "scipy", "scikit-learn", "lightgbm", "catboost", "xgboost", "onnxruntime")


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A fit in plain values."""

    rows: int
    columns: int
    data: str
    """SHA-256 of the features, targets, weights and groups, as training sees them."""
    target: str
    task: str
    metric: str
    split: str
    """SHA-256 of which rows train, validate and test."""
    seed: int
    versions: dict[str, str]
    labels: str = ""
    """What was asked of labels, as JSON: errors and scores of candidates follow from it."""

    def differences(self, then: Run) -> list[str]:
        """What is not as it was `then`, in words."""
        said = []
        for name in ("target", "task", "metric", "seed", "rows", "columns"):
            was, now = getattr(then, name), getattr(self, name)
            if was != now:
                said.append(f"{name} was {was!r}, is {now!r}")
        if then.labels != self.labels:
            said.append("labels were asked for otherwise (threshold, costs or alerts)")
        if then.data != self.data and not said:
            said.append("the values in the table are others")
        if then.split != self.split and not said:
            said.append("the rows are split otherwise (a time, group or test table)")
        for library in sorted({*then.versions, *self.versions}):
            was, now = (v.versions.get(library, "absent") for v in (then, self))
            if was != now:
                said.append(f"{library} was {was}, is {now}")
        return said


def run_of(problem: Problem) -> Run:
    """The identity of a fit. It reads every value once: about a second for ten million."""
    table = problem.table
    data = hashlib.sha256(canonical_json(table.schema))
    data.update(problem.terms.encode())
    arrays: list[Array | None] = [table.numbers, table.ids, problem.y, problem.weights, problem.groups]
    for tokens in table.texts:
        arrays += [tokens.flat, tokens.starts]
        _add_texts(data, tokens.vocabulary.tolist())
    for vocabulary in table.vocabularies:
        _add_texts(data, list(vocabulary))
    for values in arrays:
        _add(data, values)
    split = hashlib.sha256()
    for fold in problem.split.folds:
        _add(split, fold.train)
        _add(split, fold.valid)
    _add(split, problem.split.test)
    return Run(
        rows=len(problem.y),
        columns=len(table.schema.features),
        data=data.hexdigest(),
        target=problem.target.name,
        task=problem.target.task,
        metric=problem.metric.name,
        split=split.hexdigest(),
        seed=problem.seed,
        versions=_versions(),
        labels=problem.wanted.terms,
    )


def _add(digest: hashlib._Hash, values: Array | None) -> None:
    if values is None:
        digest.update(b"none;")
        return
    digest.update(f"{values.dtype.str}{values.shape};".encode())
    digest.update(np.ascontiguousarray(values).view(np.uint8).data)


def _add_texts(digest: hashlib._Hash, texts: list[str]) -> None:
    digest.update(f"{len(texts)};".encode())
    for text in texts:
        raw = str(text).encode("utf-8", "surrogatepass")
        digest.update(f"{len(raw)}:".encode())
        digest.update(raw)


def _versions() -> dict[str, str]:
    found = {"mlwright": __version__, "python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
