"""What a server sent, read as strictly as RFC 9112 writes it: whoever sends less is found out.

Used by the tests that throw anything at a server. It knows what mlwright promises of every answer: a status
it documents, one length, JSON that a strict reader takes, an error of one of two shapes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

STATUSES = frozenset((200, 400, 401, 403, 404, 405, 408, 409, 413, 415, 417, 421, 422, 431, 503))
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [A-Za-z' -]+")
_HEADER = re.compile(rb"([A-Za-z][A-Za-z-]*): ([\x21-\x7e]|[\x21-\x7e][\x20-\x7e]*[\x21-\x7e])")
_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
_ONCE = ("date", "x-request-id", "content-type", "content-length", "cache-control", "x-content-type-options")


class NotAnAnswer(AssertionError):
    """Bytes that no strict client would take."""


@dataclass(frozen=True)
class Got:
    """One answer; `json` is what its body holds, where that is JSON."""

    status: int
    headers: dict[str, str]
    body: bytes
    json: Any = None

    @property
    def closes(self) -> bool:
        return self.headers.get("connection") == "close"


def answers_in(data: bytes, *, sent: bytes, is_whole: bool = True) -> list[Got]:
    """The answers that `data` holds, one after the other, to what was `sent`.

    Where not `is_whole`, the last may be cut. Raises `NotAnAnswer`.
    """
    answers: list[Got] = []
    at = 0
    while at < len(data):
        if data.startswith(CONTINUE, at) and b"100-continue" in sent.lower():
            at += len(CONTINUE)
            continue
        if answers and answers[-1].closes:
            _no("something follows the answer that said it was the last", data[at:])
        end = data.find(b"\r\n\r\n", at)
        if end < 0 and not is_whole:
            break
        if end < 0:
            _no("a head does not end", data[at:])
        status, headers = _head(data[at:end])
        at = end + 4
        size = int(headers["content-length"])
        if b"HEAD " in sent and (at == len(data) or data.startswith(b"HTTP/1.1 ", at)):
            size = 0  # no body of ours begins so
        if at + size > len(data):
            if is_whole:
                _no("a body is shorter than was said", data[at:])
            break
        answers.append(_checked(status, headers, data[at : at + size]))
        at += size
    return answers


def _head(raw: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = raw.split(b"\r\n")
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        _no("no status line", first)
    status, headers = int(match[1]), {}
    for line in lines:
        pair = _HEADER.fullmatch(line)
        if pair is None:
            _no("no header", line)
        name = pair[1].decode().lower()
        if name in headers:
            _no("a header that is there twice", line)
        headers[name] = pair[2].decode()
    lacking = [name for name in _ONCE if name not in headers]
    if lacking or not headers["content-length"].isdigit() or not _DATE.fullmatch(headers["date"]):
        _no(f"a head without {lacking or 'a length or date that is one'}", raw)
    return status, headers


def _checked(status: int, headers: dict[str, str], body: bytes) -> Got:
    if status not in STATUSES:
        _no(f"the status {status}", body)
    if status == 503 and not headers.get("retry-after", "").isdigit():
        _no("503 that does not say when to come again", body)
    if status in (405, 401) and not {"allow", "www-authenticate"} & headers.keys():
        _no(f"{status} that does not say what would pass", body)
    told = None
    if headers["content-type"] == "application/json" and body:
        try:
            told = json.loads(body, object_pairs_hook=_each_once, parse_constant=_no_constant)
        except ValueError as error:
            _no(f"JSON that is none ({error})", body)
    if status >= 400 and body:
        error = told.get("error") if isinstance(told, dict) else None
        is_one = isinstance(error, str) or (
            isinstance(error, dict) and {"code", "message", "remedy"} <= error.keys()
        )
        if not is_one:
            _no("an error that says nothing", body)
    return Got(status, headers, body, told)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is there twice")
    return made


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _no(what: str, where: bytes) -> NoReturn:
    raise NotAnAnswer(f"{what}: {where[:300]!r}")
