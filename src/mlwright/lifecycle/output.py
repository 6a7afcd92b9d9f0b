"""Where a result goes: known to be writable before any work, and never one of the files that are read.

Asked by the verbs and commands that write a file. It leaves nothing behind.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from mlwright.base.errors import EnvironmentProblem, Misuse


def writable(output: str | os.PathLike[str], *read: object) -> Path:
    """`output` as a path that can be written and is none of the files in `read`, nor among the parts there.

    Raises `Misuse` for a folder or a file that is read, `EnvironmentProblem` where its folder is absent or
    closed.

    >>> writable("nowhere/scored.csv")
    Traceback (most recent call last):
    mlwright.base.errors.EnvironmentProblem: nowhere: there is no such folder. What to do: mkdir -p nowhere.
    """
    path = Path(output)
    if path.is_dir():
        raise Misuse("the output is a folder", where=str(path), remedy="name a file in it")
    if not path.parent.is_dir():
        raise EnvironmentProblem(
            "there is no such folder", where=str(path.parent), remedy=f"mkdir -p {path.parent}"
        )
    try:  # permissions do not tell all: a folder of the system takes no file from anybody
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as problem:
        said = (
            "no permission to write here"
            if isinstance(problem, PermissionError)
            else "no file can be made here"
        )
        raise EnvironmentProblem(said, where=str(path.parent), remedy="write to another folder") from None
    for other in read:
        if not isinstance(other, (str, os.PathLike)) or "://" in str(other):
            continue
        source = os.fspath(other).partition("!/")[0]
        try:
            overwrites, among = _is_one_file(path, Path(source)), _is_among(path, source)
        except (OSError, ValueError):  # a name that no file can have: reading it says so
            continue
        if overwrites:
            raise Misuse(
                "the output is the file that is read: it would be overwritten",
                where=str(path),
                remedy="write to another file",
            )
        if among:
            raise Misuse(
                "the output would lie among the files that are read, and be one of them next time",
                where=str(path),
                remedy="write to another folder",
            )
    return path


def write_text(text: str, path: Path) -> None:
    """Writes `text` to `path`, whole or not at all. Raises `EnvironmentProblem` where that cannot be."""
    with placed(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to, renamed at the end: no half-written file is found under its name.

    Raises `EnvironmentProblem` where it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.writing")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as problem:
        temporary.unlink(missing_ok=True)
        raise EnvironmentProblem(
            f"cannot write: {problem.strerror or problem}",
            where=str(path),
            remedy="check the folder and the free space",
        ) from problem


def _is_one_file(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _is_among(path: Path, source: str) -> bool:
    """Whether `path` would be one of the parts of the folder or pattern `source` when that is read again."""
    place = Path(source).absolute()
    if place.is_dir():
        return path.resolve().is_relative_to(place.resolve())
    return not place.exists() and fnmatch(str(path.absolute()), str(place))
