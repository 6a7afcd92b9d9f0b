"""Rows that come only once (a query, a lazy frame): in memory while they fit, else in a private file to read
again.

Used by `reading`. The file is gone when reading is done. It knows no source.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl

from mlwright.base.errors import EnvironmentProblem
from mlwright.sources.columnar import decoded_bytes, stream_arrow
from mlwright.sources.frames import from_polars
from mlwright.sources.options import ReadOptions
from mlwright.sources.raw import Raw
from mlwright.sources.stream import Stream
from mlwright.sources.streaming import one_after_another


@contextmanager
def spooled(frames: Iterable[pl.DataFrame], name: str, options: ReadOptions) -> Iterator[Raw | Stream]:
    """All rows of `frames`, which have equal columns, for as long as the context lasts.

    A raw table where their values fit into the memory that `options` allow, else a stream. Raises
    `EnvironmentProblem` where the disk has no room.

    >>> rows = [pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [3]})]
    >>> with spooled(rows, "a query", ReadOptions()) as small:
    ...     small.frame["a"].to_list()
    [1, 2, 3]
    >>> with spooled(rows, "a query", ReadOptions(memory=8)) as large:
    ...     [len(chunk) for chunk in large.chunks()]
    [2, 1]
    """
    with tempfile.TemporaryDirectory(prefix="mlwright-", ignore_cleanup_errors=True) as folder:
        waiting: list[pl.DataFrame] = []
        files: list[Path] = []
        seen = held = 0
        for frame in frames:
            waiting.append(frame)
            seen += decoded_bytes(frame)
            held += decoded_bytes(frame)
            if seen > options.memory_bytes and held > min(options.memory_bytes, _AT_A_TIME):
                files.append(_written(waiting, Path(folder) / f"{len(files)}.arrow", name))
                waiting, held = [], 0
        if not files:
            yield from_polars(pl.concat(waiting, how="vertical_relaxed"), options, name)
            return
        if waiting:
            files.append(_written(waiting, Path(folder) / f"{len(files)}.arrow", name))
        stream = one_after_another(name, [stream_arrow(file, name, options) for file in files])
        # What is in the private files is no file of the user's: it has no digest.
        yield replace(stream, first=replace(stream.first, source=name, notes=()), sha256=lambda: "")


_AT_A_TIME = 256 << 20


def _written(frames: list[pl.DataFrame], path: Path, name: str) -> Path:
    try:
        pl.concat(frames, how="vertical_relaxed").write_ipc(path, compression="zstd")
    except OSError as problem:
        raise EnvironmentProblem(
            f"the rows fit neither into memory nor on the disk: {problem.strerror or problem}",
            where=name,
            remedy="make room for temporary files, name another place for them with TMPDIR, or ask for less",
        ) from problem
    return path
