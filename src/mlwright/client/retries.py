"""When to ask again, and when to give up: pauses that grow, drawn by lot, no shorter than was asked for.

Predictions change nothing at the endpoint, so that asking twice is harmless. Called by both clients; it knows
no sockets and does not sleep.
"""

from __future__ import annotations

import datetime as dt
import random
from email.utils import parsedate_to_datetime

import msgspec

from mlwright.base.errors import EndpointUnreachable, Misuse
from mlwright.client.asking import Reply

AGAIN = frozenset((429, 502, 503, 504))
"""Statuses that say "not now": of the endpoint, or of a gateway before one that is starting."""


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """How often to ask again where there is no connection or the endpoint is busy.

    >>> Retries(attempts=1).attempts
    1
    """

    attempts: int = 4
    """Tries in all; with 1 there is no second one."""
    first_s: float = 0.1
    """The longest first pause; each further one may be twice as long. How long it is is drawn by lot, so that
    callers who were refused together do not come back together."""
    most_s: float = 10.0
    """The longest pause. Where the endpoint asks for a longer one, there is no further try."""

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.first_s < 0 or self.most_s < 0:
            raise Misuse("retries are at least one attempt, with pauses from 0 s on", where="Retries")


def told(retries: object) -> Retries:
    """What the caller said of trying again, or the usual. Raises `Misuse`."""
    if retries is None:
        return Retries()
    if not isinstance(retries, Retries):
        raise Misuse(f"retries= is not {retries!r}", remedy="say retries=Retries(attempts=4)")
    return retries


class Tries:
    """The tries of one call."""

    def __init__(self, retries: Retries, draw: random.Random) -> None:
        self._retries, self._draw = retries, draw
        self._made = 0

    def after_break(self, error: EndpointUnreachable) -> float:
        """The pause in seconds after a try without an answer; raises `error` where none is left."""
        pause_s = self._pause(0.0) if not error.code else None
        if pause_s is None:
            raise error
        return pause_s

    def after(self, reply: Reply) -> float | None:
        """The pause in seconds after an answer; None where that answer is the last."""
        if reply.status not in AGAIN:
            return None
        return self._pause(retry_after_s(reply))

    def _pause(self, asked_s: float) -> float | None:
        self._made += 1
        retries = self._retries
        if self._made >= retries.attempts or asked_s > retries.most_s:
            return None
        # Powers beyond this one are no longer than any longest pause.
        grown_s = min(retries.most_s, retries.first_s * 2.0 ** min(self._made - 1, 60))
        return min(retries.most_s, asked_s + self._draw.uniform(0.0, grown_s))


def retry_after_s(reply: Reply) -> float:
    """The seconds that `Retry-After` asks for; 0 where it is not there or means nothing.

    >>> retry_after_s(Reply(503, {"retry-after": "2"}, b"")), retry_after_s(Reply(503, {}, b""))
    (2.0, 0.0)
    """
    said = reply.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())
