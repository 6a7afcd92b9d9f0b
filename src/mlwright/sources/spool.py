"""Bytes from elsewhere to a private file, within a limit, and how a URL may be shown.

Used by `web` and `objects`. It knows no protocol.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from mlwright.base.errors import EnvironmentProblem, SourceUnreadable
from mlwright.sources.packed import size

_ROOM_LEFT = 64 << 20


def shown_url(url: str) -> str:
    """A URL without what may be a secret: user, password, query and fragment.

    >>> shown_url("https://me:secret@example.org:8080/a%20b.csv?token=1#x")
    'https://example.org:8080/a b.csv'
    >>> shown_url("https://me:sec/ret@example.org/a.csv")
    'https://...'
    """
    try:
        parts = urlsplit(url)
        known = parts.port is None or "@" not in url.replace(parts.netloc, "", 1) or _is_host(parts.hostname)
    except ValueError:  # brackets that are no address, a port that is no number
        known = False
    if not known or not parts.netloc:
        # A password with a slash, a question mark or a hash in it ends the host too early.
        return f"{url.partition(':')[0].lower()}://..."
    host = parts.netloc.rpartition("@")[2]
    path = "".join(c for c in f"{host}{unquote(parts.path)}" if c.isprintable())
    return f"{parts.scheme.lower()}://{path}"


def _is_host(name: str | None) -> bool:
    return name == "localhost" or (name is not None and ("." in name or ":" in name))


def quoted_path(path: str) -> str:
    """A path as it may stand in a request: what is quoted stays so."""
    return quote(path, safe="/%:@!$&'()*+,;=~-._")


def refuse_size(expected: int | None, folder: Path, name: str, most: int) -> None:
    """Raise, before anything is fetched, where it is known to be too much for the limit or the disk."""
    if expected is None:
        return
    if expected > most:
        raise SourceUnreadable(
            f"it has {size(expected)}, more than the limit of {size(most)}", where=name, remedy=_RAISE
        )
    if expected + _ROOM_LEFT > shutil.disk_usage(folder).free:
        raise EnvironmentProblem(
            f"the disk has no room for {size(expected)}",
            where="the folder for temporary files",
            remedy="set TMPDIR to a folder on a larger disk",
        )


def save(pieces: Iterable[bytes], path: Path, name: str, most: int) -> int:
    """Write what comes to the new file `path`; returns how many bytes came.

    Raises `SourceUnreadable` as soon as more than `most` came, `EnvironmentProblem` for a full disk.
    """
    count = 0
    with path.open("xb") as file:
        for piece in pieces:
            count += len(piece)
            if count > most:
                raise SourceUnreadable(
                    f"it has more than the limit of {size(most)}", where=name, remedy=_RAISE
                )
            try:
                file.write(piece)
            except OSError as e:
                full = e.errno in (errno.ENOSPC, errno.EDQUOT)
                raise EnvironmentProblem(
                    "the disk is full" if full else f"cannot write: {e.strerror}",
                    where="the folder for temporary files",
                    remedy="set TMPDIR to a folder on a larger disk",
                ) from None
    return count


_RAISE = "give a smaller table, or a higher most_bytes (--most-bytes)"
