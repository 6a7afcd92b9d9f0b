"""A table parted into rows to train on and rows to test on, as it streams by: by chance, by group or by time.

Called by `lifecycle.split`. Which part a row belongs to follows from the seed and its number, or from its
group's text; it knows no model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.io.plugins import register_io_source

from mlwright.base.errors import EnvironmentProblem, Misuse, MlwrightError, UnknownName
from mlwright.base.finding import Finding
from mlwright.base.schema import NUMBER_KINDS
from mlwright.data import codes
from mlwright.data.decode import decode_series
from mlwright.data.infer import Hints, judge
from mlwright.data.texts import cleaned
from mlwright.sources.locating import located
from mlwright.sources.options import ReadOptions
from mlwright.sources.raw import Raw
from mlwright.sources.reading import read_raw
from mlwright.sources.streaming import stream_of
from mlwright.statistics.drawing import hashes_of_places

Mask = npt.NDArray[np.bool_]

_MOST_JUDGED: Final = 100_000
ENDINGS: Final = (".csv", ".tsv", ".parquet", ".pq")


@dataclass(frozen=True)
class Rule:
    """How rows are parted; `time` and `group` name a column, and at most one of them is given."""

    share: float
    """Of the rows, or of the groups, that are to test on."""
    seed: int = 0
    time: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Parted:
    """What was written."""

    train_rows: int
    test_rows: int
    how: str
    """The rule, in one sentence."""
    findings: tuple[Finding, ...] = ()
    """Of columns that neither file has."""


def split_source(source: object, rule: Rule, train: Path, test: Path, options: ReadOptions) -> Parted:
    """Writes the rows of `source` to `train` and `test` in their order, each file whole or not at all.

    The endings say the format: CSV, TSV or Parquet. Raises what reading raises, `UnknownName` for a column
    that does not exist, and `Misuse` where one part would have no row.
    """
    with ExitStack() as open_:
        chunks, name, found = _chunks(source, options, open_)
        first = next(chunks(), pl.DataFrame())
        for noun, column in (("time", rule.time), ("group", rule.group)):
            if column is not None and column not in first.columns:
                raise UnknownName(f"{noun} column", column, first.columns, where=name)
        tested, how = _tested(chunks, rule, options, name)
        written = []
        temporary = [p.with_name(f".{p.name}.writing") for p in (train, test)]
        try:
            for path, target, wanted in zip(temporary, (train, test), (False, True), strict=True):
                written.append(
                    _write(_rows(chunks, tested, wanted), path, target.suffix.lower(), first.schema)
                )
            if not all(written):
                part = "train" if not written[0] else "test"
                raise Misuse(
                    f"no row is left to {part} on ({how})", where=name, remedy="give another share or column"
                )
            _renamed(temporary, (train, test))
        except (OSError, pl.exceptions.PolarsError) as problem:
            reason = getattr(problem, "strerror", None) or (str(problem).splitlines() or [""])[0][:120]
            raise EnvironmentProblem(
                f"cannot write: {reason}",
                where=str(getattr(problem, "filename", None) or train.parent),
                remedy="check the folder and the free space",
            ) from problem
        finally:
            for path in temporary:
                path.unlink(missing_ok=True)
    return Parted(written[0], written[1], how, found)


def _renamed(temporary: list[Path], targets: tuple[Path, Path]) -> None:
    """Both files under their names, or, where that fails, neither of the new ones.

    What stood under the first name is put back.
    """
    before = targets[0].with_name(f".{targets[0].name}.before")
    if targets[0].exists():
        targets[0].replace(before)
    try:
        for path, target in zip(temporary, targets, strict=True):
            path.replace(target)
    except OSError:
        targets[0].unlink(missing_ok=True)
        if before.exists():
            before.replace(targets[0])
        raise
    before.unlink(missing_ok=True)


Chunks = Callable[[], Iterator[pl.DataFrame]]
Tested = Callable[[pl.DataFrame, int], Mask]
"""Which rows of a chunk are to test on; its first row's number stands beside it."""


def _chunks(
    source: object, options: ReadOptions, open_: ExitStack
) -> tuple[Chunks, str, tuple[Finding, ...]]:
    """The rows of any source, to be read again and again, its name, and which columns it leaves out."""
    if isinstance(source, (str, Path)) and "://" not in str(source):
        stream = stream_of(open_.enter_context(located(source, options)), options)
        if stream is not None:
            return stream.chunks, stream.first.source, _left_out(stream.first)
    raw = read_raw(source, options)
    return lambda: iter((raw.frame,)), raw.source, _left_out(raw)


def _left_out(raw: Raw) -> tuple[Finding, ...]:
    return tuple(f for f in raw.findings if f.code == codes.LEFT_OUT)


def _tested(chunks: Chunks, rule: Rule, options: ReadOptions, name: str) -> tuple[Tested, str]:
    share = f"{100 * rule.share:g} %"
    if rule.group is not None:
        return _by_group(
            chunks, rule, rule.group, name
        ), f"{share} of the groups of {rule.group!r}, by seed {rule.seed}"
    if rule.time is not None:
        return _by_time(chunks, rule, rule.time, options, name)
    rows = sum(chunk.height for chunk in chunks())
    wanted = round(rule.share * rows)
    limit = np.sort(hashes_of_places(0, rows, rule.seed))[wanted] if wanted < rows else None

    def tested(chunk: pl.DataFrame, start: int) -> Mask:
        hashes = hashes_of_places(start, chunk.height, rule.seed)
        return np.ones(len(hashes), dtype=bool) if limit is None else hashes < limit

    return tested, f"{share} of the rows, by seed {rule.seed}"


def _by_group(chunks: Chunks, rule: Rule, column: str, name: str) -> Tested:
    """The share of the groups that is nearest to the one asked for, and at least one group on each side."""
    key = rule.seed.to_bytes(8, "little")

    def drawn(text: str) -> int:
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=key).digest(), "little")

    def groups_of(chunk: pl.DataFrame) -> pl.Series:
        return cleaned(chunk[column].cast(pl.String)).fill_null("")

    every = np.empty(0, dtype=np.uint64)
    for chunk in chunks():
        new = np.array([drawn(t) for t in groups_of(chunk).unique().to_list()], dtype=np.uint64)
        every = np.union1d(every, new)
    if len(every) < 2:
        raise Misuse(
            f"the group column {column!r} has one group: no row is left to test on",
            where=name,
            remedy="name another column",
        )
    limit = int(every[min(max(round(rule.share * len(every)), 1), len(every) - 1)])

    def tested(chunk: pl.DataFrame, start: int) -> Mask:
        groups = groups_of(chunk)
        distinct = groups.unique()
        mine = distinct.filter(pl.Series([drawn(t) < limit for t in distinct.to_list()], dtype=pl.Boolean))
        return np.asarray(groups.is_in(mine.implode()))

    return tested


def _by_time(chunks: Chunks, rule: Rule, column: str, options: ReadOptions, name: str) -> tuple[Tested, str]:
    """The latest rows; those of one moment stay together."""
    texts = pl.concat(
        [chunk[column].to_frame() for chunk in _until(chunks(), _MOST_JUDGED)], how="vertical_relaxed"
    )
    known = judge(
        texts.to_series(),
        Hints(spoken_for=frozenset((column,)), missing=options.missing, dates=options.dates),
    ).column
    if known.kind not in NUMBER_KINDS:
        raise Misuse(
            f"the time column {column!r} is {known.kind} ({known.why})",
            where=name,
            remedy="name a column of numbers or dates",
        )

    def moments(chunk: pl.DataFrame) -> pl.Series:
        return decode_series(chunk[column], known, text=True)[0]

    all_moments = np.concatenate([moments(chunk).drop_nulls().to_numpy() for chunk in chunks()])
    if not len(all_moments):
        raise Misuse(f"the time column {column!r} has no value", where=name, remedy="name another column")
    all_moments.sort()
    first = all_moments[min(len(all_moments) - 1, round((1 - rule.share) * len(all_moments)))]

    def tested(chunk: pl.DataFrame, start: int) -> Mask:
        return np.asarray((moments(chunk) >= first).fill_null(False))

    return tested, f"the latest {100 * rule.share:g} % by {column!r}; rows without a time are to train on"


def _until(chunks: Iterator[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    for chunk in chunks:
        yield chunk
        rows -= chunk.height
        if rows <= 0:
            return


def _rows(chunks: Chunks, tested: Tested, wanted: bool) -> Iterator[pl.DataFrame]:
    start = 0
    for chunk in chunks():
        yield chunk.filter(pl.Series(tested(chunk, start) == wanted))
        start += chunk.height


def _write(frames: Iterator[pl.DataFrame], path: Path, suffix: str, schema: pl.Schema) -> int:
    """The frames as one file; how many rows it has."""
    rows = 0
    if suffix in (".csv", ".tsv"):
        with path.open("wb") as file:
            for number, frame in enumerate(frames):
                frame.write_csv(file, include_header=number == 0, separator="\t" if suffix == ".tsv" else ",")
                rows += frame.height
        return rows

    told: list[MlwrightError] = []  # Polars would hand on its words alone

    def counted(*_: object) -> Iterator[pl.DataFrame]:
        nonlocal rows
        try:
            for frame in frames:
                rows += frame.height
                yield _of_one_type(frame, schema, path)
        except MlwrightError as problem:
            told.append(problem)
            raise

    try:
        register_io_source(counted, schema=schema).sink_parquet(path, maintain_order=True)
    except pl.exceptions.PolarsError:
        if told:
            raise told[0] from None
        raise
    return rows


def _of_one_type(frame: pl.DataFrame, schema: pl.Schema, path: Path) -> pl.DataFrame:
    for name, dtype in schema.items():
        try:
            frame = frame.cast({name: dtype})
        except pl.exceptions.PolarsError:
            raise Misuse(
                f"column {name!r} is {frame.schema[name]} in one part of the source and {dtype} in another",
                where=path.name,
                remedy="write CSV, which has no types",
            ) from None
    return frame
