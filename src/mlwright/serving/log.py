"""The access log: one JSON object a line for a share of the requests, and never a value that was sent.

Written by connections when an answer leaves, to the logger `mlwright.access`. A request id comes from the
client where he sends a plain one, else from here, and goes back in X-Request-Id.
"""

from __future__ import annotations

import datetime
import itertools
import logging
import random
import re
import secrets
from typing import TYPE_CHECKING

import msgspec

from mlwright.serving.settings import ServeSettings

if TYPE_CHECKING:
    from mlwright.serving.requests import Exchange

access = logging.getLogger("mlwright.access")
_PLAIN_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context
_FAILURE, _BUSY = 500, 503


class RequestIds:
    """Ids of requests: a random beginning for each process, and a count.

    >>> ids = RequestIds()
    >>> ids.of(b"job-7"), ids.of(b"a b") != ids.of(b"")
    (b'job-7', True)
    """

    def __init__(self) -> None:
        self._beginning = secrets.token_hex(6).encode()
        self._count = itertools.count()

    def of(self, sent: bytes) -> bytes:
        """The id of a request whose client sent `sent`."""
        if sent and _PLAIN_ID.fullmatch(sent):
            return sent
        return b"%s-%x" % (self._beginning, next(self._count))


def write_to_stderr() -> None:
    """Has the log go to standard error as it comes (standard output is the command's answer): to be called in
    each process that answers requests."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    access.setLevel(logging.INFO)
    access.addHandler(handler)
    access.propagate = False


class AccessLog:
    """Chooses which requests are written, and writes them."""

    def __init__(self, settings: ServeSettings) -> None:
        self.share = settings.access_log
        self._random = random.Random()

    def note(self, exchange: Exchange, peer: str, status: int, size: int, seconds: float) -> None:
        """Writes one answered request, or not."""
        is_failure = status >= _FAILURE and status != _BUSY
        if not is_failure and self.share < 1.0 and self._random.random() >= self.share:
            return
        head, target = exchange.head, exchange.target
        trace = _TRACE.fullmatch(head.first(b"traceparent")) if head else None
        line = {
            "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            "id": exchange.request_id.decode(),
            "trace": trace[1].decode() if trace else "",
            "peer": peer,
            "token": target.caller.identity if target else "",
            "route": exchange.route.path if exchange.route else "other",
            "model": target.endpoint.name if target and target.endpoint else "",
            "status": status,
            "bytes": size,
            "ms": round(seconds * 1000.0, 3),
        }
        access.info(msgspec.json.encode({k: v for k, v in line.items() if v != ""}).decode())
