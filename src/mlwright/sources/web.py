"""A table at an HTTP or HTTPS address, fetched to a private file: within limits of size, time and redirects.

Used by `locating`. Credentials in an address go to that server alone and are never shown or recorded. Proxies
are those of the environment (`https_proxy`, `no_proxy`).
"""

from __future__ import annotations

import base64
import http.client
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import IO, Final
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from mlwright.base.errors import Misuse, SourceUnreadable
from mlwright.sources.locating import Located, Part
from mlwright.sources.options import ReadOptions
from mlwright.sources.packed import suffix_of
from mlwright.sources.spool import quoted_path, refuse_size, save, shown_url
from mlwright.version import __version__

SILENCE_S: float = 30.0
"""Seconds without a byte after which a server is given up."""
_SLOWEST: Final = 1_000
PATIENCE_S: float = 60.0
_AT_A_TIME: Final = 1 << 18
_MOST_REDIRECTS: Final = 5
_SUFFIXES: Final = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/x-ndjson": ".ndjson",
    "application/jsonl": ".jsonl",
    "application/vnd.apache.parquet": ".parquet",
    "application/vnd.apache.arrow.file": ".arrow",
    "application/vnd.apache.arrow.stream": ".arrow",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
}
_TEXT_SUFFIXES: Final = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")
_STATUS: Final = {
    401: "give credentials that it accepts: https://USER:PASSWORD@HOST/PATH",
    403: "ask for access, or give credentials: https://USER:PASSWORD@HOST/PATH",
    404: "look at the address",
    410: "look for a newer address",
    429: "wait, then try again",
}


def fetched(url: str, folder: Path, options: ReadOptions) -> Located:
    """What is at `url` as one local file in `folder`.

    Raises `SourceUnreadable` naming status, silence, a body that was cut off, or a limit that is exceeded;
    `Misuse` where the URL cannot be one.
    """
    name = shown_url(url)
    request, member = _request(url, name)
    path = folder / "fetched"
    most = options.fetched_bytes
    try:
        with _opener().open(request, timeout=SILENCE_S) as answer:
            expected = _length(answer.headers)
            refuse_size(expected, folder, name, most)
            came = save(_pieces(answer, name), path, name, most)
            suffix = _suffix(name, answer.headers, answer.url)
    except (http.client.HTTPException, OSError, ValueError) as e:
        raise _told(e, name) from None
    if expected is not None and came < expected:
        raise SourceUnreadable(
            f"the answer ends too early: {came:,} of {expected:,} bytes came", where=name, remedy="try again"
        )
    return Located(name, (Part(path, name, suffix, member),))


def _request(url: str, name: str) -> tuple[urllib.request.Request, str | None]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Misuse("the URL cannot be read", where=name, remedy="write https://HOST/PATH") from None
    if not host:
        raise Misuse("the URL names no host", where=name, remedy="write https://HOST/PATH")
    plain_path, inside, member = parts.path.partition("!/")
    headers = {"User-Agent": f"mlwright/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    plain = urlunsplit(
        (parts.scheme.lower(), _netloc(host, port), quoted_path(plain_path) or "/", _query(parts), "")
    )
    return urllib.request.Request(plain, headers=headers), unquote(member) if inside else None


def _netloc(host: str, port: int | None) -> str:
    try:
        plain = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        plain = host
    plain = f"[{plain}]" if ":" in plain else plain
    return plain if port is None else f"{plain}:{port}"


def _query(parts: SplitResult) -> str:
    return re.sub(r"[^\x21-\x7e]", lambda c: quote(c[0]), parts.query)


class _Refused(http.client.HTTPException):
    """A redirect that is not followed; the text is the reason."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """At most five, to HTTP or HTTPS alone and never back from HTTPS; credentials stay with their server."""

    max_redirections = _MOST_REDIRECTS
    max_repeats = _MOST_REDIRECTS

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The next request, or None where the status is no redirect of a GET."""
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new is not None:
            new.remove_header("Proxy-authorization")  # the way of the new one may be without the proxy
            if _origin(req.full_url) != _origin(newurl):
                new.remove_header("Authorization")
        return new

    def http_error_302(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
    ) -> IO[bytes] | None:
        """Follow, where it may be followed."""
        try:
            target = urljoin(req.full_url, headers.get("location") or headers.get("uri") or "")
            scheme = _origin(target)[0].lower()
        except ValueError:
            raise _Refused("it redirects to an address that cannot be read") from None
        if scheme not in ("http", "https"):
            raise _Refused(f"it redirects to {scheme}:, which is not followed")
        if req.full_url.startswith("https:") and scheme == "http":
            raise _Refused("it redirects from https to plain http, which is not followed")
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _opener() -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _pieces(answer: http.client.HTTPResponse, name: str) -> Iterator[bytes]:
    began, count = time.monotonic(), 0
    while piece := answer.read1(_AT_A_TIME):
        count += len(piece)
        lasted = time.monotonic() - began
        if lasted > PATIENCE_S and count < _SLOWEST * lasted:
            raise SourceUnreadable(
                f"it comes too slowly: {count:,} bytes in {lasted:.0f} s",
                where=name,
                remedy="try again later",
            )
        yield piece


def _length(headers: Message) -> int | None:
    text = headers.get("Content-Length", "")
    chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
    return int(text) if text.isdigit() and not chunked else None


def _suffix(name: str, headers: Message, final: str) -> str:
    """The ending that tells the format: by address, file name or last address, else by content type."""
    by_type = _SUFFIXES.get(headers.get_content_type(), "")
    named = [suffix_of(name), suffix_of(headers.get_filename() or ""), suffix_of(shown_url(final))]
    known = [s for s in named if s in _SUFFIXES.values() or s in _TEXT_SUFFIXES]
    return next(iter(known), "") or by_type or named[0]


def _told(problem: Exception, name: str) -> SourceUnreadable:
    """What happened, without the library's words: they may hold the address with its secrets."""
    reason = problem.reason if isinstance(problem, urllib.error.URLError) else problem
    host = urlsplit(name).netloc
    remedy = "try again later"
    if isinstance(problem, urllib.error.HTTPError):
        message, remedy = _status(problem)
        problem.close()
    elif isinstance(problem, _Refused):
        message, remedy = str(problem), "give the address of the file itself"
    elif isinstance(reason, (TimeoutError, socket.timeout)):
        message = f"the server {host} does not answer ({SILENCE_S:g} s without a byte)"
    elif isinstance(reason, socket.gaierror):
        message, remedy = f"there is no host called {host}", "look at the address and the network"
    elif isinstance(reason, ConnectionRefusedError):
        message, remedy = f"nothing answers at {host}", "look at the address"
    elif isinstance(reason, ssl.SSLCertVerificationError):
        message = f"the certificate of {host} is not trusted ({reason.verify_message})"
        remedy = "set SSL_CERT_FILE to the certificates of your network, if it has its own"
    elif isinstance(reason, ssl.SSLError):
        message, remedy = f"no secure connection to {host}", "look at the address; is it http://?"
    elif isinstance(reason, http.client.IncompleteRead):
        message, remedy = "the answer ends too early: it was cut off", "try again"
    elif isinstance(reason, (http.client.InvalidURL, ValueError)):
        message, remedy = "the URL cannot be read", "write https://HOST/PATH"
    elif isinstance(reason, http.client.HTTPException):
        message, remedy = "the answer is not HTTP", "look at the address and the port"
    else:
        message = f"the connection to {host} broke off"
    return SourceUnreadable(message, where=name, remedy=remedy)


def _status(problem: urllib.error.HTTPError) -> tuple[str, str]:
    if 300 <= problem.code < 400:
        return f"it redirects more than {_MOST_REDIRECTS} times", "give the address of the file itself"
    said = http.client.responses.get(problem.code, "")
    remedy = _STATUS.get(problem.code, "try again later" if problem.code >= 500 else "look at the address")
    return f"the server answers {problem.code} {said}".rstrip(), remedy
