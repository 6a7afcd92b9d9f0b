"""Streams of raw HTTP/1.1 requests, right and wrong, each made of a seed and a number alone.

`Maker` writes requests in every dialect of rows and spoils some: their bytes, their heads, their lengths and
chunks, their JSON and CSV. What it knows of each (that it is framed so that it gets just one answer; which
predictions) goes along, so that a test can hold the server to it.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

End = Literal["half-closed", "lost", "silent"]


@dataclass(frozen=True)
class Request:
    """One request as written. Only where it `is_framed` it is sure to get one answer."""

    data: bytes
    is_framed: bool = False
    expected: tuple[float, ...] | None = None
    """The predictions, in the order of its rows, where it is right."""


@dataclass(frozen=True)
class Stream:
    """What one connection sends: `writes`, which hold `requests`, and how it ends."""

    requests: tuple[Request, ...]
    writes: tuple[bytes, ...]
    end: End

    @property
    def data(self) -> bytes:
        return b"".join(self.writes)


VALUES = (
    "NaN", "-Infinity", "1e999", "-1e999", "1e-999", "1" * 400, "-0", "1.7976931348623157e308", "2e308",
    "9007199254740993", "-9223372036854775809", "18446744073709551616", "01", "+1", ".5", "1.", "0x1", "1_0",
    "true", "null", "tru", '""', '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\\x"', '"\u2028"', '"é"',
    "[]", "{}", "[[1]]", '{"a":{}}', '"NaN"', '"1e999"', '"2020-13-45"', '"9999999-01-01"',
    '"-0001-01-01T00:00:00Z"', '"2020-01-01T25:61:61+99:99"', '"0001-01-01T00:00:00+23:59"', '"?"', "'a'",
    "//", "\x00", '"\x01"', "[" * 2000, '{"a":' * 1500, "[" * 300 + "]" * 300, '"' + "x" * 5000 + '"',
    '"rows"', '"instances"', '"inputs"', '"age"', '"\\u0061ge"', "-1", "1.5", "4294967296",
)  # fmt: skip
CELLS = (
    '"', '""', "\0", "\r", "\n", "\r\n", ",", "NaN", "inf", "1e999", "-", " ", "\ufeff", "\u2028", "yes",
    "x" * 140_000, '"a\nb"', "'", "=1+1", "1,5", "\ud7ff", "٣",
)  # fmt: skip
METHODS = (b"GET", b"HEAD", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", b"post", b"BREW",
           b"PRI", b"", b"P@ST", b"POST ", b"M" * 300)  # fmt: skip
VERSIONS = (b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.10", b"http/1.1", b"HTTP/1.1 ", b"",
            b"HTTP/", b"HTTP/-1.1", b"ICAP/1.0")  # fmt: skip
TARGETS = (
    b"/", b"*", b"", b"predict", b"//predict", b"/predict/", b"/%70redict", b"/predict%00", b"/predict;x=1",
    b"/models/../predict", b"/models/%2e%2e/predict", b"/./predict", b"/predict?partial=true&partial=true",
    b"/predict?partial=%74rue", b"/predict?", b"/predict??", b"/predict?&&&", b"/predict?=",
    b"/predict?set=1",
    b"/predict?prtial=true", b"/predict?proba=false", b"/predict?partial=true", b"/predict#x", b"/health",
    b"http://localhost/predict", b"http://localhost:99999/predict", b"http://evil/predict", b"http://",
    b"https://localhost/predict", b"/models", b"/models/NAME", b"/models/NAME/reload", b"/ready", b"/schema",
    b"/models/NAME/rollback", b"/models/" + b"n" * 65 + b"/predict", b"/v2", b"/v2/models/NAME", b"/metrics",
    b"/v2/models/NAME/versions/0/infer", b"/v2/models/NAME/versions/0123456789ab/infer", b"/openapi.json",
    b"/v2/health/ready", b"/v1/models/NAME", b"/v1/models/NAME:predict:predict", b"/v1/models/NAME%3Apredict",
    b"/" + b"a" * 9000, b"/predict?" + b"x=y&" * 2000, b"/\xc3\xa9", b"/\x7f", b"/models/NAME/schema",
)  # fmt: skip
HEADERS = (
    b"Content-Length: -1", b"Content-Length: 0", b"Content-Length: 1e3", b"Content-Length: 0x10",
    b"Content-Length: 99999999999999999999", b"Content-Length: 8388609", b"Content-Length: 5, 5",
    b"content-length:\t7", b"Content-Length : 3", b"Content-Length: \xb9", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: Chunked", b"Transfer-Encoding:",
    b"TE: trailers",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"Expect: 100-continue",
    b"Expect: 200-ok",
    b"Connection: close", b"Connection: upgrade\r\nUpgrade: h2c", b"Connection: ,,close;x",
    b"Upgrade: TLS/1.0",
    b"Host: localhost", b"Host: evil.example", b"Host:", b"Content-Type: text/csv",
    b"Content-Type: text/plain",
    b"Content-Type: application/vnd.apache.arrow.stream", b"Content-Encoding: gzip", b"Content-Encoding:",
    b"X-Deadline-Ms: 1", b"X-Deadline-Ms: nan", b"X-Deadline-Ms: 1e3", b"X-Deadline-Ms: 1_0",
    b"X-Deadline-Ms: \xd9\xa3", b"Authorization: Bearer x", b"Authorization: Bearer mlw_a_" + b"0" * 64,
    b"X-Request-Id: a b", b"X-Request-Id: \xff\xfe", b"X-Request-Id: " + b"i" * 128,
    b"X-Forwarded-For: \xff, ,",
    b"Origin: null", b"Cookie: " + b"c" * 8000, b"X: " + b"y" * 17_000, b"\r\n".join([b"A: b"] * 70), b"A:",
    b" folded: x", b"\tfolded", b": empty", b"no colon", b"A: b\rC: d", b"A: b\nC: d", b"A: \0", b"A\xff: b",
    b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", b"Trailer: A", b"Range: bytes=0-1", b"If-Match: *",
)  # fmt: skip
SIZES = (b"-1", b"0x5", b"g", b"", b" 5", b"5 ", b"5;a=b", b'5;a="\r\n"', b"5;" + b"x" * 300, b"FFFFFFFF",
         b"100000000", b"00000005", b"5\n", b"5\r", b"0", b"800001", b"\xb2", b"+5", b"5_0")  # fmt: skip
_JSON_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null|[\[\]{},:]|[ \n]+')
_CSV_PARTS = re.compile(r'[^,\r\n"]+|[,"]|\r?\n')


class Maker:
    """Makes the streams of a seed; equal seeds make equal ones.

    `rows` are right ones and `answers` what they are predicted; the model is served as `name`, with `token`
    where it asks for one.
    """

    def __init__(
        self,
        rows: Sequence[dict[str, Any]],
        answers: Sequence[float],
        *,
        name: str,
        seed: int,
        token: str = "",
    ) -> None:
        self._rows, self._answers = rows, answers
        self._name, self._seed = name.encode(), seed
        self._token = f"Authorization: Bearer {token}\r\n".encode() if token else b""

    def stream(self, number: int) -> Stream:
        """The stream of that number."""
        draw = random.Random(f"{self._seed}-{number}")
        requests = tuple(self._request(draw) for _ in range(draw.choice((1, 1, 1, 2, 3, 6))))
        data = b"".join(r.data for r in requests)
        end: End = draw.choice(("half-closed", "half-closed", "lost", "silent"))
        return Stream(requests, tuple(_cut(draw, data)), end)

    def right(self, draw: random.Random) -> Request:
        """A request that is right, in any dialect."""
        target, kind, body, expected = self._body(draw)
        return Request(self._written(draw, target, kind, body), True, expected)

    def _request(self, draw: random.Random) -> Request:
        kind = draw.choice(("right", "right", "content", "content", "head", "chunks", "length", "bytes"))
        if kind == "right":
            return self.right(draw)
        target, kind_of_body, body, expected = self._body(draw)
        if kind == "content":
            spoilt = _spoilt_text(draw, body, is_csv=kind_of_body == b"text/csv")
            return Request(self._written(draw, target, kind_of_body, spoilt), len(spoilt) < 60_000)
        if kind == "head":
            return Request(self._odd_head(draw, target, kind_of_body, body))
        if kind == "chunks":
            head, _, _ = self._written(draw, target, kind_of_body, b"").partition(b"\r\n\r\n")
            head += b"\r\nTransfer-Encoding: chunked\r\n\r\n"
            if draw.random() < 0.3:
                return Request(head + _chunks(draw, body), True, expected)
            return Request(head + _odd_chunks(draw, body))
        data = self._written(draw, target, kind_of_body, body)
        if kind == "length":
            wrong = max(0, len(body) + draw.choice((-len(body), -7, -1, 1, 9, 70_000)))
            return Request(data.replace(b"Content-Length: %d" % len(body), b"Content-Length: %d" % wrong))
        return Request(_spoilt_bytes(draw, data))

    def _body(self, draw: random.Random) -> tuple[bytes, bytes, bytes, tuple[float, ...]]:
        """Target, content type, body and predictions of right rows."""
        chosen = [draw.randrange(len(self._rows)) for _ in range(draw.choice((1, 1, 2, 5)))]
        rows = [self._rows[i] for i in chosen]
        expected = tuple(self._answers[i] for i in chosen)
        dialect = draw.choice(("one", "many", "wrapped", "csv", "oip", "instances"))
        json_kind, own = b"application/json", draw.choice((b"/predict", b"/models/NAME/predict"))
        own = own.replace(b"NAME", self._name)
        if dialect == "one":
            return own, json_kind, _json(draw, rows[0]), expected[:1]
        if dialect == "many":
            return own, json_kind, _json(draw, rows), expected
        if dialect == "wrapped":
            return own, json_kind, _json(draw, {"rows": rows}), expected
        if dialect == "csv":
            return own, b"text/csv", _csv(rows), expected
        if dialect == "oip":
            return b"/v2/models/%s/infer" % self._name, json_kind, _json(draw, _tensors(rows)), expected
        target = b"/v1/models/%s:predict" % self._name
        return target, json_kind, _json(draw, {"instances": rows}), expected

    def _written(self, draw: random.Random, target: bytes, kind: bytes, body: bytes) -> bytes:
        lines = [b"Host: localhost", b"Content-Type: " + kind, b"Content-Length: %d" % len(body)]
        if not body:
            del lines[2]
        if draw.random() < 0.3:
            draw.shuffle(lines)
        if draw.random() < 0.2:
            lines.insert(draw.randrange(len(lines) + 1), b"X-Request-Id: r%d" % draw.randrange(1000))
        head = b"POST %s HTTP/1.1\r\n%s" % (target, self._token)
        return head + b"\r\n".join(lines) + b"\r\n\r\n" + body

    def _odd_head(self, draw: random.Random, target: bytes, kind: bytes, body: bytes) -> bytes:
        head, _, body = self._written(draw, target, kind, body).partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        method, target, version = first.split(b" ")
        for _ in range(draw.choice((1, 1, 2, 3))):
            change = draw.randrange(6)
            if change == 0:
                method = draw.choice(METHODS)
            elif change == 1:
                target = draw.choice(TARGETS).replace(b"NAME", self._name)
            elif change == 2:
                version = draw.choice(VERSIONS)
            elif change == 3:
                lines.insert(draw.randrange(len(lines) + 1), draw.choice(HEADERS))
            elif change == 4:
                lines.insert(draw.randrange(len(lines) + 1), draw.choice(lines or [b"A: b"]))
            elif lines:
                del lines[draw.randrange(len(lines))]
        ending = draw.choice((b"\r\n",) * 8 + (b"\n", b"\r", b"\r\r\n"))
        return ending.join((b"%s %s %s" % (method, target, version), *lines)) + ending * 2 + body


def _json(draw: random.Random, value: object) -> bytes:
    """`value`, with blanks and escapes as JSON allows them."""
    separators = draw.choice(((",", ":"), (", ", ": "), (" ,\n", " :\t")))
    return json.dumps(value, separators=separators, ensure_ascii=draw.random() < 0.5).encode()


def _csv(rows: Sequence[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    spelt = {True: "yes", False: "no", None: ""}
    writer.writerows(
        {k: spelt[v] if isinstance(v, bool | None) else v for k, v in row.items()} for row in rows
    )
    return out.getvalue().encode()


def _tensors(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    inputs = []
    for name, example in rows[0].items():
        of_type = "BOOL" if isinstance(example, bool) else "BYTES" if isinstance(example, str) else "FP64"
        data = [row[name] for row in rows]
        inputs.append({"name": name, "shape": [len(rows)], "datatype": of_type, "data": data})
    return {"id": "r", "inputs": inputs, "outputs": [], "parameters": {}}


def _spoilt_text(draw: random.Random, body: bytes, *, is_csv: bool) -> bytes:
    """A body whose parts are replaced, left out, doubled or changed about; sometimes its bytes are, too."""
    odd = CELLS if is_csv else VALUES
    parts = (_CSV_PARTS if is_csv else _JSON_PARTS).findall(body.decode())
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        at, change = draw.randrange(len(parts)), draw.randrange(6)
        if change < 3:
            parts[at] = draw.choice(odd)
        elif change == 3:
            parts[at] = ""
        elif change == 4:
            parts[at] *= 2
        else:
            parts[at], parts[at - 1] = parts[at - 1], parts[at]
    spoilt = "".join(parts).encode("utf-8", "surrogatepass")
    return _spoilt_bytes(draw, spoilt) if draw.random() < 0.15 else spoilt


def _spoilt_bytes(draw: random.Random, data: bytes) -> bytes:
    spoilt = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 12))):
        at = draw.randrange(len(spoilt) + 1)
        end = at + draw.choice((1, 1, 4, 40))
        change = draw.randrange(6)
        if change == 0:
            spoilt[at : at + 1] = bytes((draw.randrange(256),))
        elif change == 1:
            spoilt[at:at] = draw.randbytes(draw.choice((1, 1, 8, 100)))
        elif change == 2:
            del spoilt[at:end]
        elif change == 3:
            spoilt[at:at] = spoilt[at:end]
        elif change == 4:
            spoilt[at : at + 1] = draw.choice((b"\r", b"\n", b"\0", b":", b" ", b"\r\n\r\n", b'"', b"\xff"))
        else:
            del spoilt[max(at, 1) :]
    return bytes(spoilt)


def _chunks(draw: random.Random, body: bytes) -> bytes:
    size = draw.choice((7, 60, 4000))
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _odd_chunks(draw: random.Random, body: bytes) -> bytes:
    out, at = [], 0
    while at < len(body):
        piece = body[at : at + draw.choice((1, 7, 60, 4000))]
        at += len(piece)
        size = draw.choice(SIZES) if draw.random() < 0.2 else b"%x" % len(piece)
        ends = draw.choice((b"\r\n", b"\r\n", b"\r\n", b"\n", b"", b"\r\n\r\n"))
        out.append(size + b"\r\n" + piece + ends)
    last = (b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\n", b"0\r\nA: b\r\n\r\n", b"00\r\n\r\n", b"", b"0;a\r\n\r\n")
    return b"".join(out) + draw.choice(last)


def _cut(draw: random.Random, data: bytes) -> list[bytes]:
    if not data:
        return []
    most = draw.choice((0, 0, 1, 3, 12, 400))
    cuts = sorted({0, len(data), *(draw.randrange(len(data)) for _ in range(most))})
    return [data[a:b] for a, b in pairwise(cuts)]
