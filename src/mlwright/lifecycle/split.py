"""split: a table becomes one to train on and one to test on, files that stream, however large."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mlwright.base.errors import Misuse
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.output import writable

if TYPE_CHECKING:
    from mlwright.sources import ReadOptions
    from mlwright.sources.splitting import Parted


def split(
    source: object,
    train: str | os.PathLike[str],
    test: str | os.PathLike[str],
    *,
    share: float = 0.2,
    time: str | None = None,
    group: str | None = None,
    seed: int = 0,
    options: ReadOptions | None = None,
) -> Parted:
    """Parts the rows of `source` (anything that `read` takes) into two files, CSV, TSV or Parquet by ending.

    By default `share` of the rows, drawn by `seed`, are to test on; with `group`, that share of the groups,
    none of which is torn apart; with `time`, the latest rows. Order is kept, every row is in one file, and
    equal calls write equal parts. Raises `Misuse` where that cannot be.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> rows = {"day": [3, 1, 4, 2, 5], "y": ["a", "b", "a", "b", "a"]}
    >>> parted = split(rows, folder / "train.csv", folder / "test.csv", time="day", share=0.4)
    >>> parted.train_rows, parted.test_rows, (folder / "test.csv").read_text().split()
    (3, 2, ['day,y', '4,a', '5,a'])
    """
    need("train", "splitting tables")
    from mlwright.sources import ReadOptions
    from mlwright.sources.splitting import ENDINGS, Rule, split_source

    if not 0 < share < 1:
        raise Misuse(f"a share of {share:g} to test on", remedy="give one between 0 and 1, such as 0.2")
    if time is not None and group is not None:
        raise Misuse("rows are parted by time or by group, not by both", remedy="name one of them")
    if seed < 0:
        raise Misuse("seed= must be at least 0")
    read: tuple[Any, ...] = (source,)  # Any: whatever `read` takes
    paths = writable(train, *read), writable(test, *read)
    if paths[0].resolve() == paths[1].resolve():
        raise Misuse("both parts would be one file", where=str(paths[0]), remedy="name two files")
    for path in paths:
        if path.suffix.lower() not in ENDINGS:
            raise Misuse(
                f"no format is written under the ending {path.suffix!r}",
                where=str(path),
                remedy=f"name a file that ends in {', '.join(ENDINGS)}",
            )
    return split_source(source, Rule(share, seed, time, group), *paths, options or ReadOptions())
