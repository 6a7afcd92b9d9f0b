"""Tables in object stores (s3://, gs://, az://), fetched to private files: one object, a prefix, a pattern.

Used by `locating`. Credentials and endpoints come from the environment, as the stores' own tools take them,
and are never shown or recorded; neither are the library's own messages, which may hold them.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from mlwright.base.errors import ExtraMissing, Misuse, MlwrightError, SourceUnreadable, nearest, shown
from mlwright.sources.locating import Located, Part, is_hidden, is_wild, parts_of
from mlwright.sources.options import ReadOptions
from mlwright.sources.spool import refuse_size, save

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_SCHEMES: Final = {"s3a": "s3", "gcs": "gs", "azure": "az", "abfs": "az", "abfss": "az", "adl": "az"}
_ENDPOINTS: Final = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_ENDPOINT", "AZURE_STORAGE_ENDPOINT"),
}
_ALLOW_HTTP: Final = {"s3": "AWS_ALLOW_HTTP", "gs": "GOOGLE_ALLOW_HTTP", "az": "AZURE_ALLOW_HTTP"}
_CREDENTIALS: Final = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true for a public bucket",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, or GOOGLE_SKIP_SIGNATURE=true for a public bucket",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_NO_CREDENTIALS: Final = re.compile(r"169\.254\.|[Mm]etadata|[Cc]redential|Missing\w*(?:Key|Account|Token)")
_SIGNED: Final = re.compile(r"\?.*(?:sig|signature|token|credential|secret|key)=", re.IGNORECASE)
"""A key with the signature of a URL behind it."""
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_AT_A_TIME: Final = 1 << 20
_MOST_OBJECTS: Final = 100_000
_MOST_LOOKED_AT: Final = 1_000
_WHOLE: Final = timedelta(seconds=60)


def fetched(url: str, folder: Path, options: ReadOptions) -> Located:
    """The object at `url`, or all below a prefix or that fit a pattern, as local files in `folder`.

    Raises `SourceUnreadable` where there is none, access is refused, or more than `options.most_bytes` would
    come; `ExtraMissing` without obstore.
    """
    scheme, bucket, key = _split(url)
    name = f"{scheme}://{bucket}/{key}"
    plain, inside, member = key.partition("!/")
    try:
        store = _store(scheme, bucket, name)
        place, sizes = _found(store, plain, name)
        refuse_size(sum(sizes), folder, name, options.fetched_bytes)
        parts = []
        left = options.fetched_bytes
        for number, part in enumerate(place.parts):
            path = folder / f"{number:06d}"
            left -= save(_pieces(store, str(part.path)), path, name, left)
            parts.append(Part(path, part.name, member=member if inside else None, keys=part.keys))
    except MlwrightError:
        raise
    except Exception as e:  # what is none of the store's goes on its way below
        told = _told(e, scheme, name)
        if told is None:
            raise
        raise told from None
    return Located(place.name, tuple(parts), place.whole)


def _split(url: str) -> tuple[str, str, str]:
    """Scheme, bucket and key; `abfss://container@account...` names the container first."""
    scheme, _, rest = url.partition("://")
    scheme = _SCHEMES.get(scheme.lower(), scheme.lower())
    bucket, _, key = rest.partition("/")
    if (scheme != "az" and ("@" in bucket or ":" in bucket)) or _SIGNED.search(key):
        raise Misuse(
            "credentials do not belong into the URL of an object",
            where=f"{scheme}://",
            remedy=f"set {_CREDENTIALS[scheme]}",
        )
    bucket = bucket.partition("@")[0]
    if not bucket:
        raise Misuse("the URL names no bucket", where=f"{scheme}://", remedy=f"write {scheme}://BUCKET/KEY")
    return scheme, bucket, key


def _store(scheme: str, bucket: str, name: str) -> ObjectStore:
    try:
        from obstore.store import AzureStore, GCSStore, S3Store
    except ImportError:
        raise ExtraMissing(f"reading from {scheme}://", "cloud", "obstore") from None
    endpoint = next((os.environ[v] for v in _ENDPOINTS[scheme] if os.environ.get(v)), "")
    client: Any = {"timeout": "60s", "connect_timeout": "10s"}  # Any: obstore's own typed dicts
    if endpoint.startswith("http://"):
        if not _http_allowed(scheme, endpoint):
            raise Misuse(
                "the endpoint is plain http on another machine: credentials would travel unprotected",
                where=name,
                remedy=f"use https, or allow it with {_ALLOW_HTTP[scheme]}=true",
            )
        client["allow_http"] = True
    config: Any = {"endpoint": endpoint} if endpoint else {}  # Any: as above
    retry: Any = {"max_retries": 3, "retry_timeout": _WHOLE}  # Any: as above
    if scheme == "s3":
        return S3Store(bucket, config=config, client_options=client, retry_config=retry)
    if scheme == "gs":
        return GCSStore(bucket, client_options=client, retry_config=retry)
    return AzureStore(bucket, config=config, client_options=client, retry_config=retry)


def _http_allowed(scheme: str, endpoint: str) -> bool:
    loopback = urlsplit(endpoint).hostname in _LOOPBACK
    return loopback or os.environ.get(_ALLOW_HTTP[scheme], "").lower() in ("1", "true", "yes")


def _found(store: ObjectStore, key: str, name: str) -> tuple[Located, list[int]]:
    """The objects that `key` means, with their keys for paths, and their sizes."""
    import obstore

    if key and not key.endswith("/"):
        try:
            meta = obstore.head(store, key)
            return Located(name, (Part(Path(key), name),)), [meta["size"]]
        except (FileNotFoundError, NotADirectoryError):
            if is_wild(key):
                return _listed(store, key, name)
        place = _below(store, f"{key}/", name)
        if place is None:
            raise SourceUnreadable("there is no such object", where=name, remedy=_near(store, key))
        return place
    place = _below(store, key, name)
    if place is None:
        raise SourceUnreadable(
            "there is no object below it", where=name, remedy=_near(store, key.rstrip("/"))
        )
    return place


def _below(store: ObjectStore, prefix: str, name: str) -> tuple[Located, list[int]] | None:
    objects = [(key.removeprefix(prefix), key, count) for key, count in _objects(store, prefix)]
    objects = [o for o in objects if o[0] and not is_hidden(o[0]) and not o[0].endswith("/")]
    if not objects:
        return None
    return _parts(objects, f"{name.rstrip('/')}/")


def _listed(store: ObjectStore, pattern: str, name: str) -> tuple[Located, list[int]]:
    start = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    prefix = start[: start.rfind("/") + 1]
    fits = re.compile(_regular(pattern))
    objects = [
        (key.removeprefix(prefix), key, count)
        for key, count in _objects(store, prefix)
        if fits.fullmatch(key) and not is_hidden(key.removeprefix(prefix))
    ]
    if not objects:
        raise SourceUnreadable("no object fits the pattern", where=name, remedy=_near(store, pattern))
    return _parts(objects, name)


def _regular(pattern: str) -> str:
    """`pattern` as a regular expression in which a star does not cross a slash, and `**` does."""
    pieces = []
    for piece in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
        said = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(piece)
        pieces.append(said if said is not None else fnmatch.translate(piece)[4:-3])
    return "".join(pieces)


def _parts(objects: list[tuple[str, str, int]], name: str) -> tuple[Located, list[int]]:
    place = parts_of(name, [(relative, Path(key)) for relative, key, _ in objects])
    by_key = {key: count for _, key, count in objects}
    return place, [by_key[str(p.path)] for p in place.parts]


def _objects(store: ObjectStore, prefix: str, most: int = _MOST_OBJECTS) -> Iterator[tuple[str, int]]:
    import obstore

    count = 0
    for page in obstore.list(store, prefix or None):
        for meta in page:
            count += 1
            if count > most:
                return
            yield meta["path"], meta["size"]


def _near(store: ObjectStore, key: str) -> str:
    folder = re.split(r"[*?\[]", key, maxsplit=1)[0].rpartition("/")[0]
    folder = f"{folder}/" if folder else ""
    keys = [k for k, _ in _objects(store, folder, _MOST_LOOKED_AT) if not is_hidden(k)]
    near = nearest(key, keys) or next(iter(keys), None)
    return f"did you mean {shown(near, 120)}?" if near else "look at the bucket and the key"


def _pieces(store: ObjectStore, key: str) -> Iterator[bytes]:
    import obstore

    for piece in obstore.get(store, key).stream(min_chunk_size=_AT_A_TIME):
        yield bytes(piece)


def _told(problem: Exception, scheme: str, name: str) -> SourceUnreadable | None:
    """What happened, in our own words; None for an error that is none of the store's."""
    text = str(problem)
    kind = type(problem).__name__
    if not (type(problem).__module__.startswith("obstore") or isinstance(problem, (OSError, ValueError))):
        return None
    status = re.search(r"\b(?:status|HTTP)\D{0,20}(\d{3})\b", text)
    code = re.search(r"<Code>(\w{1,60})</Code>", text)
    said = f" ({code[1]})" if code else f" ({status[1]})" if status else ""
    if "NoSuchBucket" in text or "ContainerNotFound" in text:
        message, remedy = "there is no such bucket", "look at its name and the endpoint"
    elif isinstance(problem, FileNotFoundError) or kind == "NotFoundError":
        message, remedy = "there is no such object", "look at the bucket and the key"
    elif _NO_CREDENTIALS.search(text):
        message, remedy = "there are no credentials", f"set {_CREDENTIALS[scheme]}"
    elif kind in ("PermissionDeniedError", "UnauthenticatedError") or (
        status and status[1] in ("401", "403")
    ):
        message, remedy = f"access is refused{said}", f"set {_CREDENTIALS[scheme]}"
    elif "onnect" in text or "dns" in text.lower() or "timed out" in text:
        message, remedy = "the object store does not answer", "look at the network and the endpoint"
    else:
        message, remedy = (
            f"the object store cannot be read{said}",
            f"look at the region, and at {_CREDENTIALS[scheme]}",
        )
    return SourceUnreadable(message, where=name, remedy=remedy)
