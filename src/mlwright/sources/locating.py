"""Where the bytes of a source lie: one file, the parts of a folder or of a pattern, a URL.

Used by `reading`, and by whoever streams what is too large for memory. What lies elsewhere is fetched into a
private temporary folder that is gone afterwards. It knows names, never what is in a file.
"""

from __future__ import annotations

import glob
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from mlwright.base.errors import Misuse, SourceUnreadable, nearest, shown
from mlwright.sources.options import ReadOptions
from mlwright.sources.spool import shown_url

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}(?=[^/]|/)")
_WEB: Final = ("http", "https")
_STORES: Final = ("s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss", "adl")
_DEFAULT_KEY: Final = "__HIVE_DEFAULT_PARTITION__"
_INSIDE: Final = "!/"
_WILD: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Part:
    """One local file that holds a table, or rows of one."""

    path: Path
    name: str
    """As it is shown and recorded: never with a secret."""
    suffix: str = ""
    """The ending that tells the format, where the name does not."""
    member: str | None = None
    """The file to take of an archive."""
    keys: tuple[tuple[str, str | None], ...] = ()
    """Columns that the folders around it give: `year=2024/`."""


@dataclass(frozen=True)
class Located:
    """A source as local files, in the order in which they are read."""

    name: str
    parts: tuple[Part, ...]
    whole: bool = True
    """One file, named by itself: not a folder or a pattern."""


@contextmanager
def located(source: str | os.PathLike[str], options: ReadOptions) -> Iterator[Located]:
    """The local files of a path, folder, pattern or URL, for as long as the context lasts.

    A file that exists is meant before any pattern. `a.zip!/b.csv` is a file in an archive. Raises
    `SourceUnreadable` where there is nothing, `Misuse` for a URL that cannot be one.

    >>> with located("src/mlwright/*.py", ReadOptions()) as place:
    ...     print(place.name, [p.name for p in place.parts if p.name.startswith("v")])
    *.py ['version.py']
    """
    text = os.fspath(source)
    scheme = _scheme_of(text)
    if scheme is None:
        yield _local(text, options)
    elif scheme == "file":
        yield _local(_file_url(text), options)
    else:
        _refuse_path(source, scheme)
        with tempfile.TemporaryDirectory(prefix="mlwright-", ignore_cleanup_errors=True) as folder:
            yield _fetched(text, scheme, Path(folder), options)


def is_url(source: str | os.PathLike[str]) -> bool:
    """Whether a source is a URL, not a path.

    >>> is_url("s3://bucket/a.csv"), is_url("C:/a.csv"), is_url("a.csv")
    (True, False, False)
    """
    return _scheme_of(os.fspath(source)) is not None


def parts_of(name: str, files: list[tuple[str, Path]], *, whole: bool = False) -> Located:
    """`files` (relative names with `/`, and where they are) as parts in sorted order, with their keys."""
    parts = tuple(Part(path, relative, keys=_keys(relative)) for relative, path in sorted(files))
    return Located(name, parts, whole)


def is_hidden(relative: str) -> bool:
    """Whether a file is none of the parts: hidden, or written beside them by the programs that write parts.

    >>> is_hidden("_SUCCESS"), is_hidden("year=2024/.part-0.crc"), is_hidden("part-0.csv")
    (True, True, False)
    """
    return any(part.startswith((".", "_")) and "=" not in part for part in relative.split("/"))


def is_wild(text: str) -> bool:
    """Whether `text` is a pattern: it has `*`, `?` or `[`."""
    return _WILD.search(text) is not None


def _scheme_of(text: str) -> str | None:
    match = _SCHEME.match(text)
    return match[1].lower() if match else None


def _local(text: str, options: ReadOptions) -> Located:
    path = Path(text)
    if "://" in text and not _exists(path):  # never repeated: it may hold a password
        raise Misuse(
            "this is neither a path nor a URL of a kind that is known",
            remedy="give http(s)://, s3://, gs://, az://, a database, or a path; nothing before it",
        )
    if not _exists(path) and _INSIDE in text:
        outer, _, member = text.partition(_INSIDE)
        if options.member is not None and options.member != member:
            raise Misuse("two members are named", where=text, remedy="name one of them")
        place = _local(outer, replace(options, member=None))
        return replace(place, parts=tuple(replace(p, member=member) for p in place.parts))
    if _exists(path) and path.is_dir():
        return _folder(path)
    if not _exists(path) and is_wild(text):
        return _pattern(text)
    return Located(path.name, (Part(path, path.name),))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError) as e:
        reason = getattr(e, "strerror", None) or "no file can have this name"
        raise SourceUnreadable(
            reason.lower(), where=shown(str(path), 80), remedy="look at the path"
        ) from None


def _folder(folder: Path) -> Located:
    files = []
    try:
        for path in folder.rglob("*"):
            relative = path.relative_to(folder).as_posix()
            if not is_hidden(relative) and path.is_file():
                files.append((relative, path))
    except OSError as e:
        reason = (e.strerror or "it cannot be read").lower()
        raise SourceUnreadable(reason, where=str(folder), remedy="look at its permissions") from None
    if not files:
        raise SourceUnreadable(
            "the folder holds no files",
            where=str(folder),
            remedy="look at the path; hidden files do not count",
        )
    return parts_of(f"{folder.resolve().name}/", files)


def _pattern(pattern: str) -> Located:
    root = Path(*_plain_start(pattern))
    files = []
    for found in glob.iglob(pattern, recursive=True):  # noqa: PTH207 - a Path has no absolute patterns
        path = Path(found)
        relative = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
        if path.is_file() and not is_hidden(relative):
            files.append((relative, path))
    if not files:
        raise SourceUnreadable("no file fits the pattern", where=pattern, remedy=_near_pattern(pattern, root))
    name = (
        Path(pattern).name if len(Path(pattern).parts) - len(root.parts) == 1 else pattern[len(str(root)) :]
    )
    return parts_of(name.lstrip("/"), files)


def _plain_start(pattern: str) -> list[str]:
    """The folders of a pattern before the first wild one."""
    plain: list[str] = []
    for part in Path(pattern).parts:
        if is_wild(part):
            break
        plain.append(part)
    return plain


def _near_pattern(pattern: str, root: Path) -> str:
    if not root.is_dir():
        return f"there is no folder {root}: look at the path"
    names = [p.name for p in sorted(root.iterdir()) if not is_hidden(p.name)]
    plain = _WILD.sub("", Path(pattern).name)
    near = nearest(plain, names) or max(names, key=lambda n: "." in n, default=None)
    return f"{root} holds {shown(near, 80)}" if near else f"{root} is empty"


def _keys(relative: str) -> tuple[tuple[str, str | None], ...]:
    """The values that folders such as `year=2024` give to all rows below them."""
    keys: dict[str, str | None] = {}
    for folder in relative.split("/")[:-1]:
        name, equals, value = folder.partition("=")
        if equals and name:
            keys[unquote(name)] = None if value == _DEFAULT_KEY else unquote(value)
    return tuple(keys.items())


def _file_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise Misuse(
            "a file URL names no other machine", where=shown_url(url), remedy="write file:///folder/file"
        )
    return url2pathname(parts.path)


def _refuse_path(source: str | os.PathLike[str], scheme: str) -> None:
    if not isinstance(source, str):
        raise Misuse(f"a Path cannot hold a URL ({scheme}:)", remedy="give the URL as a text")


def _fetched(url: str, scheme: str, folder: Path, options: ReadOptions) -> Located:
    if scheme in _WEB:
        from mlwright.sources import web

        return web.fetched(url, folder, options)
    if scheme in _STORES:
        from mlwright.sources import objects

        return objects.fetched(url, folder, options)
    known = [*_WEB, *_STORES, "file"]
    near = nearest(scheme, known)
    raise Misuse(
        f"no source is called {scheme}://",
        remedy=f"did you mean {near}://?" if near else "give http(s)://, s3://, gs://, az:// or a path",
    )
