"""Predictions of a table that is read in parts: each part is kept as it is done, and joined at the end.

Used by `predict_file` for files that are not small. The parts lie in a folder beside the output; a run that
was cut off goes on after the last whole part, unless the table, the model or the question is another. Memory
holds a few parts, whatever the size of the table.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from mlwright.base.canonical import canonical_json, sha256
from mlwright.base.errors import EnvironmentProblem, RowProblem

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")
_NAME = "{:06d}"


class Part(msgspec.Struct, frozen=True):
    """What became of one part."""

    rows: int
    refused: int
    refusals: list[tuple[str, str, str, int]]
    """Column, reason, expected, and how often."""
    problems: list[RowProblem]
    """The first ones, by rows of the whole table."""


class Parts:
    """The finished parts of one output."""

    def __init__(self, out: Path, identity: object, *, restart: bool = False) -> None:
        self._folder = out.with_name(f".{out.name}.parts")
        self._identity = sha256(canonical_json(identity))
        named = self._folder / "identity"
        try:
            if restart or not named.exists() or named.read_text() != self._identity:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder.mkdir()
                named.write_text(self._identity)
        except OSError as error:
            raise EnvironmentProblem(
                f"the parts of the output cannot be kept: {error.strerror}", where=str(self._folder),
                remedy="look at the folder's permissions and free space",
            ) from error  # fmt: skip

    def known(self, number: int) -> Part | None:
        """What became of the part `number`, where it is whole."""
        try:
            if self._table(number).exists():
                return msgspec.json.decode(self._said(number).read_bytes(), type=Part)
        except (OSError, msgspec.DecodeError):
            return None
        return None

    def keep(self, number: int, frame: pl.DataFrame, part: Part) -> None:
        """Keeps a part: what was said of it first, so that a table that is there is whole."""
        temporary = self._folder / "writing"
        try:
            self._said(number).write_bytes(msgspec.json.encode(part))
            frame.write_ipc(temporary, compression="lz4")
            temporary.replace(self._table(number))
        except OSError as error:
            raise EnvironmentProblem(
                f"a part of the output cannot be kept: {error.strerror}", where=str(self._folder),
                remedy="make room, and give the same command: it goes on from here",
            ) from error  # fmt: skip

    def join(self, path: Path, count: int, *, as_csv: bool, without: str = "") -> None:
        """Writes the first `count` parts, in their order, to `path`; the column `without` is left out."""
        import polars as pl

        places = [self._table(i) for i in range(count)]
        if as_csv:
            with path.open("wb") as file:
                for i, place in enumerate(places):
                    frame = pl.read_ipc(place)
                    frame.drop(without, strict=False).write_csv(file, include_header=i == 0)
            return
        frames = [pl.scan_ipc(place).drop(without, strict=False) for place in places]
        pl.concat(frames, how="vertical_relaxed").sink_parquet(path)

    def forget(self) -> None:
        """Removes them all."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _table(self, number: int) -> Path:
        return self._folder / f"{_NAME.format(number)}.arrow"

    def _said(self, number: int) -> Path:
        return self._folder / f"{_NAME.format(number)}.json"


def summed(parts: list[Part]) -> tuple[int, int, Counter[tuple[str, str, str]], list[RowProblem]]:
    """Rows, refused rows, refusals by column, reason and expectation, and the first problems of all parts."""
    refusals: Counter[tuple[str, str, str]] = Counter()
    for part in parts:
        for column, reason, expected, values in part.refusals:
            refusals[column, reason, expected] += values
    problems = [problem for part in parts for problem in part.problems]
    return sum(p.rows for p in parts), sum(p.refused for p in parts), refusals, problems


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, each made in another thread while the one before is used.

    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    with ThreadPoolExecutor(1, thread_name_prefix="mlwright-read") as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item
