"""What installed packages register with mlwright: learners and task kinds, by entry point.

Reading what every installed package says takes some 70 ms, and a fit asks about twenty times.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path


def registered(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of `group` by name, read anew where the folders of packages have changed.

    >>> "lightgbm" in [point.name for point in registered("mlwright.learners")]
    True
    """
    return _read(group, tuple((path, _changed(path)) for path in sys.path))


@lru_cache(maxsize=8)
def _read(group: str, folders: tuple[tuple[str, int], ...]) -> tuple[EntryPoint, ...]:
    return tuple(sorted(entry_points(group=group), key=lambda point: point.name))


def _changed(path: str) -> int:
    """When something came into a folder or went, in nanoseconds; 0 where there is none."""
    try:
        return Path(path or ".").stat().st_mtime_ns
    except OSError:
        return 0
