"""HTTP/1 heads and chunked bodies, read strictly: what two readers could understand differently is refused.

llhttp (httptools) accepts more than is safe, so a grammar on the raw bytes comes first and both must agree.
Called by the connection with whole heads; it knows no sockets, no routes and no clock. RFC 9112; safety rules
in docs. Every refusal here ends the connection, since the next request's beginning cannot be trusted.
"""

from __future__ import annotations

import re

import httptools

from mlwright.serving.answers import Refused

MAX_HEAD_BYTES = 16 * 1024
MAX_HEADERS = 64
METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE"))
CHUNKED = -1

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]+) HTTP/(\d\.\d)")
_HEADER = re.compile(rb"(" + _TOKEN + rb"):([\t\x20-\x7e\x80-\xff]*)")
_HOST = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[\t\x20-\x7e\x80-\xff]*)?")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_CHUNK_LINE_BYTES = 256
_FREE_OVERHEAD = 4096  # short bodies in short chunks are honest


class Head:
    """One request's head, checked. `length` is the body's size, or CHUNKED."""

    __slots__ = (
        "expects_continue",
        "headers",
        "host",
        "keeps_alive",
        "length",
        "method",
        "path",
        "query",
        "request_id",
        "version",
    )

    def __init__(
        self, method: bytes, path: bytes, query: bytes, version: bytes, headers: dict[bytes, list[bytes]]
    ):
        self.method, self.path, self.query, self.version, self.headers = method, path, query, version, headers
        self.host = _one_host(headers)
        self.length = _body_length(headers, version)
        self.request_id = self.first(b"x-request-id")
        tokens = _tokens(headers, b"connection")
        self.keeps_alive = version == b"1.1" and b"close" not in tokens
        self.expects_continue = False
        expect = headers.get(b"expect", [])
        if expect and version == b"1.1":
            if [e.lower() for e in expect] != [b"100-continue"]:
                raise Refused(
                    417, "expectation_failed", "only 'Expect: 100-continue' is understood", "leave Expect out"
                )
            self.expects_continue = self.length != 0

    def called(self, request_id: bytes) -> Head:
        """The same head of a request with another id."""
        head = Head.__new__(Head)
        for name in Head.__slots__:
            setattr(head, name, getattr(self, name))
        head.request_id = request_id
        return head

    def first(self, name: bytes) -> bytes:
        """The only value of a header; empty where it is absent or said twice."""
        values = self.headers.get(name, ())
        return values[0] if len(values) == 1 else b""


def read_head(raw: bytes) -> Head:
    """The head in `raw`, which ends with its empty line. Raises `Refused`.

    >>> head = read_head(b"POST /predict?x=1 HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 2\\r\\n\\r\\n")
    >>> head.method, head.path, head.query, head.length, head.keeps_alive
    (b'POST', b'/predict', b'x=1', 2, True)
    """
    if len(raw) > MAX_HEAD_BYTES:
        raise too_long()
    lines = raw[:-4].split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(lines[0])
    if match is None:
        raise _bad("bad_request_line", "the first line is not 'METHOD /path HTTP/1.1'")
    method, target, version = match.groups()
    # 505 (which RFC 9110 allows, not demands) and 501 would be faults of ours to those who watch; these are
    # the caller's.
    if version not in (b"1.1", b"1.0"):
        raise Refused(400, "http_version", "only HTTP/1.1 and HTTP/1.0 are spoken here", "use HTTP/1.1")
    if method not in METHODS:
        message = "this is not a proxy" if method == b"CONNECT" else "the method is not known"
        allow = (b"Allow: GET, HEAD, POST",)
        raise Refused(405, "method_not_allowed", message, "use GET or POST", extra=allow)
    if len(lines) - 1 > MAX_HEADERS:
        raise too_long()
    headers: dict[bytes, list[bytes]] = {}
    pairs = []
    for line in lines[1:]:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise _bad("bad_header", _what_is_wrong(line))
        name, value = match[1].lower(), match[2].strip(b" \t")
        headers.setdefault(name, []).append(value)
        pairs.append((name, value))
    path, query, authority = _split_target(method, target)
    head = Head(method, path, query, version, headers)
    if authority is not None and authority.lower() != head.host.lower():
        raise _bad("bad_host", "the target's host and the Host header differ")
    _ask_llhttp(raw, method, target, version, pairs)
    return head


def check_unfinished(data: bytes, at: int) -> None:
    """Refuses the beginning of a head, from position `at`, that no further bytes could mend."""
    if len(data) - at > MAX_HEAD_BYTES:
        raise too_long()
    begun = data[at:]  # what came before it is no part of it, not for a look behind either
    if _BARE_LF.search(begun) or b"\0" in begun:
        raise _bad("bad_header", "a line ends in a bare LF, or the head holds a NUL")


def too_long() -> Refused:
    """The refusal of a head over the limits."""
    message = f"the head is over {MAX_HEAD_BYTES} bytes or {MAX_HEADERS} headers"
    return Refused(431, "head_too_large", message, "send fewer and shorter headers")


class FixedBody:
    """Collects a body of `length` bytes from pieces cut anywhere; with `keep=False` only counts them."""

    __slots__ = ("_keeps", "_left", "body")

    def __init__(self, length: int, *, keep: bool = True) -> None:
        self.body = bytearray()
        self._left = length
        self._keeps = keep

    @property
    def complete(self) -> bool:
        return not self._left

    def feed(self, data: bytes, at: int) -> int:
        """Takes what belongs to the body of `data` from position `at`; returns the next position."""
        end = min(len(data), at + self._left)
        if self._keeps:
            self.body += data[at:end]
        self._left -= end - at
        return end


class ChunkedBody:
    """Collects a chunked body from pieces cut anywhere. `body` grows; `complete` once its last chunk came."""

    __slots__ = ("_left", "_overhead", "_state", "body", "complete", "limit")

    def __init__(self, limit: int) -> None:
        self.body = bytearray()
        self.complete = False
        self.limit = limit
        self._left = 0
        self._overhead = 0
        self._state = "size"

    def feed(self, data: bytes, at: int) -> int:
        """Takes what it can of `data` from position `at`; returns the position of the first byte not taken.

        Raises `Refused`: 413 for a body over the limit, 400 for anything but plain chunks.
        """
        while not self.complete:
            if self._state == "data":
                piece = data[at : at + self._left]
                self.body += piece
                self._left -= len(piece)
                at += len(piece)
                if self._left:
                    return at
                self._state = "end of data"
            elif self._state == "size":
                stop = data.find(b"\r\n", at, at + _CHUNK_LINE_BYTES)
                if stop < 0:
                    self._check_partial(data, at)
                    return at
                self._open_chunk(data[at:stop])
                self._spend(stop + 2 - at)
                at = stop + 2
            else:
                if not b"\r\n".startswith(data[at : at + 2]):
                    what = (
                        "trailers are not accepted"
                        if self._state == "last"
                        else "a chunk is longer than its size"
                    )
                    raise _bad("bad_chunk", what)
                if len(data) - at < 2:
                    return at
                at += 2
                self._spend(2)
                self.complete = self._state == "last"
                self._state = "size"
        return at

    def _open_chunk(self, line: bytes) -> None:
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise _bad("bad_chunk", "a chunk's size is not a hexadecimal number")
        self._left = int(match[1], 16)
        self._state = "data" if self._left else "last"
        if len(self.body) + self._left > self.limit:
            raise body_too_large(self.limit)

    def _check_partial(self, data: bytes, at: int) -> None:
        line = data[at : at + _CHUNK_LINE_BYTES]
        if len(line) >= _CHUNK_LINE_BYTES or b"\n" in line:
            raise _bad("bad_chunk", "a chunk's size line is too long or does not end in CR LF")

    def _spend(self, overhead: int) -> None:
        self._overhead += overhead
        if self._overhead > max(_FREE_OVERHEAD, len(self.body) + self._left):
            raise _bad("bad_chunk", "the chunks' framing is longer than the body")


def body_too_large(limit: int) -> Refused:
    """The refusal of a body over the limit."""
    return Refused(413, "body_too_large", f"the body is over {limit} bytes", "send fewer rows at a time")


def _bad(code: str, message: str) -> Refused:
    return Refused(400, code, message, "send a request as RFC 9112 writes it")


def _what_is_wrong(line: bytes) -> str:
    if line[:1] in (b" ", b"\t"):
        return "a header is folded over two lines"
    if b"\n" in line or b"\r" in line:
        return "a line ends in a bare LF or holds a bare CR"
    name = line.partition(b":")[0]
    if name != name.rstrip(b" \t"):
        return "there is a blank before a header's colon"
    return "a header is not 'Name: value'"


def _split_target(method: bytes, target: bytes) -> tuple[bytes, bytes, bytes | None]:
    """Path, query, and the authority of an absolute target."""
    if b"#" in target:
        raise _bad("bad_target", "the target holds a fragment")
    if target == b"*" and method == b"OPTIONS":
        return target, b"", None
    authority = None
    if target[:7].lower() == b"http://":
        authority, slash, rest = target[7:].partition(b"/")
        target = slash + rest or b"/"
    if not target.startswith(b"/"):
        raise _bad("bad_target", "the target is not a path")
    path, _, query = target.partition(b"?")
    return path, query, authority


def _one_host(headers: dict[bytes, list[bytes]]) -> bytes:
    hosts = headers.get(b"host", [])
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        raise _bad("bad_host", "there must be exactly one Host header, holding one name and at most a port")
    return hosts[0]


def _body_length(headers: dict[bytes, list[bytes]], version: bytes) -> int:
    lengths, codings = headers.get(b"content-length", []), headers.get(b"transfer-encoding", [])
    if codings:
        if lengths or version == b"1.0" or [c.lower() for c in codings] != [b"chunked"]:
            raise _bad(
                "bad_framing",
                "Transfer-Encoding must be 'chunked' alone, in HTTP/1.1, without Content-Length",
            )
        return CHUNKED
    if not lengths:
        return 0
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise _bad("bad_length", "Content-Length must be said once, as a plain number")
    return int(lengths[0])


def _tokens(headers: dict[bytes, list[bytes]], name: bytes) -> set[bytes]:
    return {token.strip(b" \t").lower() for value in headers.get(name, ()) for token in value.split(b",")}


class _Seen:
    """What llhttp makes of a head."""

    def __init__(self) -> None:
        self.url = b""
        self.pairs: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.pairs.append((name.lower(), value.strip(b" \t")))


def _ask_llhttp(
    raw: bytes, method: bytes, target: bytes, version: bytes, pairs: list[tuple[bytes, bytes]]
) -> None:
    """Refuses what llhttp refuses or reads differently."""
    seen = _Seen()
    parser = httptools.HttpRequestParser(seen)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        seen.url = seen.url or target  # an offer to upgrade is ignored; the head was read to its end
    except httptools.HttpParserError as error:
        raise _bad("bad_head", "the head cannot be read as HTTP/1") from error
    if (seen.url, seen.pairs) != (target, pairs) or parser.get_method() != method:
        raise _bad("bad_head", "the head can be read in two ways")
    if parser.get_http_version().encode() != version:
        raise _bad("bad_head", "the head can be read in two ways")
