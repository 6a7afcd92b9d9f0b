"""What a library made of a job's rows, kept within a process for the next job on the same rows.

Binning a matrix takes a booster longer than many a fit. Called by the boosters; jobs say by `Job.key` that
their rows are the same. It knows nothing of what it keeps.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from mlwright.learners.protocol import Job

MOST_CELLS = 300_000_000
"""Cells of X whose bins are kept at a time, a byte each; the longest unused go first."""

_held: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()  # Any: the libraries' own types
_guard = Lock()


@contextmanager
def kept(job: Job, how: tuple[Hashable, ...], make: Callable[[], Any]) -> Iterator[Any]:
    """What `make()` gave for an earlier job of this key, family and `how`, or gives now.

    It is lent to one fit at a time: a second one meanwhile makes its own. What fails is not kept.
    """
    if not job.key:
        yield make()
        return
    bound = (job.config.family, job.config.view, job.key, job.members, job.valid is None)
    key = (*bound, len(job.train), job.train.x.shape[1], job.classes, job.loss, *how)
    with _guard:
        made, _ = _held.pop(key, (None, 0))
    made = make() if made is None else made
    yield made
    with _guard:
        cells = job.train.x.size + (job.valid.x.size if job.valid is not None else 0)
        _held[key] = (made, cells)
        while sum(size for _, size in _held.values()) > MOST_CELLS:
            _held.popitem(last=False)


def forget() -> None:
    """Lets go of everything that is kept."""
    with _guard:
        _held.clear()
