"""How things are called: sources, where they are shown or a file is made from them, and models.

Used by the verbs and commands that are given a source as a text, and where models are named. It opens none.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_WILD = re.compile(r"[*?\[]")
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")


MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a served or registered model may be called: it is a part of URLs, metrics and files."""


def shown_source(source: str) -> str:
    """A source as it may be shown: of a URL neither user nor password nor query, which may be secrets.

    >>> shown_source("https://me:secret@example.org/a.csv?token=1"), shown_source("data/a.csv")
    ('https://example.org/a.csv', 'data/a.csv')
    """
    scheme = _URL.match(source)
    if scheme is None:
        return source
    rest = re.split(r"[?#]", source[scheme.end() :], maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    return f"{scheme[0]}{host.rpartition('@')[2]}{slash}{path}"


def stem_of(source: str) -> str:
    """What a file made from `source` is called, without an ending.

    >>> [stem_of(s) for s in ("data/loans.csv.gz", "s3://bank/2024/loans/part-*.parquet", "a.zip!/b.csv")]
    ['loans', 'loans', 'b']
    """
    path = shown_source(source)
    if _URL.match(path):
        parts = urlsplit(_WILD.sub("*", path))
        path = f"{parts.netloc.partition(':')[0]}/{unquote(parts.path)}"
    plain = [p for p in path.replace("!/", "/").replace("\\", "/").split("/") if p and not _WILD.search(p)]
    name = plain[-1] if plain else "model"
    for end in _PACKED:
        name = name.removesuffix(end)
    stem = PurePosixPath(name).stem if not name.startswith(".") else name.strip(".")
    return stem or "model"
