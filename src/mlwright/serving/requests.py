"""The requests of one connection: framed from its bytes, checked by the front, kept in order.

Owned by a Connection, which feeds it bytes and sends the answers; it knows no transport. Refusals before a
request is whole are made here: a short body that is not wanted is read past, otherwise the connection ends.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from mlwright.serving.answers import CONTINUE, Answer, Refused
from mlwright.serving.front import Front, Target
from mlwright.serving.pace import Pace
from mlwright.serving.parse import CHUNKED, ChunkedBody, FixedBody, Head, check_unfinished, read_head
from mlwright.serving.routes import SMALL_BODY_BYTES, Route

Phase = Literal["head", "body", "skip"]


class Exchange:
    """One request and the place of its answer in the order."""

    __slots__ = (
        "_settle",
        "answer",
        "closes",
        "head",
        "interim",
        "request_id",
        "route",
        "started",
        "target",
    )

    def __init__(
        self,
        settle: Callable[[], None],
        head: Head | None,
        route: Route | None,
        *,
        closes: bool,
        request_id: bytes,
    ) -> None:
        self._settle = settle
        self.head, self.route = head, route
        """As far as it was read: None for what could not be."""
        self.closes = closes
        self.answer: Answer | None = None
        self.interim = b""
        self.request_id = request_id
        self.target: Target | None = None
        """Of a request that might pass."""
        self.started = time.perf_counter()

    def done(self, answer: Answer) -> None:
        """Puts the answer in its place; it is sent once all before it are."""
        self.answer = answer
        self._settle()


class Requests:
    """Takes requests from bytes. `exchanges` holds those not yet answered, oldest first."""

    def __init__(self, front: Front, pace: Pace, settle: Callable[[], None]) -> None:
        self.exchanges: deque[Exchange] = deque()
        self.phase: Phase = "head"
        self.is_advancing = False
        self.is_blocked = False
        """No further request is begun for now: the peer does not take its answers."""
        self.is_last = False
        """No further request is begun at all."""
        self.reserved = False
        self._front, self._pace, self._settle = front, pace, settle
        self._pipelined = front.settings.pipelined
        self._data = b""
        self._at = 0
        self._held = 0
        self._body: FixedBody | ChunkedBody = FixedBody(0)
        self.peer = ""

    @property
    def has_bytes(self) -> bool:
        """Whether bytes of a next request wait."""
        return self._at < len(self._data)

    @property
    def has_room(self) -> bool:
        """Whether a further request may be begun."""
        return len(self.exchanges) < self._pipelined and not self.is_blocked and not self.is_last

    @property
    def is_waiting(self) -> bool:
        """Whether there is nothing to do until the first answer comes, and more may be read meanwhile."""
        exchanges = self.exchanges
        return (
            len(exchanges) == 1
            and exchanges[0].answer is None
            and not exchanges[0].interim
            and self.phase == "head"
            and not self.is_last
            and self._pipelined > 1
        )

    @property
    def received(self) -> int:
        """Bytes of the present body so far."""
        return len(self._body.body)

    def feed(self, data: bytes) -> None:
        """Adds bytes; `advance` reads them."""
        if self.phase == "head" and not self._data:
            self._pace.restart(self._front.now)
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0

    def advance(self) -> None:
        """Begins and finishes as many requests as the bytes hold and may wait."""
        self.is_advancing = True
        try:
            while self._at < len(self._data) and self._step():
                continue
        except Refused as refused:
            self.refuse(refused)
        self.is_advancing = False
        if self._at >= len(self._data):
            self._data, self._at = b"", 0

    def refuse(self, refused: Refused) -> None:
        """Answers what cannot be read on: the last answer of this connection."""
        if self.phase == "body":
            exchange = self.exchanges[-1]
        elif self.phase == "skip":  # which is answered already
            if self.exchanges:
                self.exchanges[-1].closes = True
            self.is_last = True
            self._enter("head")
            return
        else:
            exchange = self._exchange(None, None)
        exchange.interim = b""
        exchange.answer = refused.answer
        exchange.closes = self.is_last = True
        self._drop_body()
        self._enter("head")

    def forget(self) -> None:
        """Lets go of everything: the connection is lost."""
        self._front.metrics.in_flight -= len(self.exchanges)
        self.exchanges.clear()
        self._data, self._at = b"", 0
        self._drop_body()

    def _step(self) -> bool:
        """One step of reading; False where further bytes, or room for another answer, are missing."""
        if self.phase == "head":
            return self.has_room and self._read_head()
        before = len(self._body.body)
        self._at = self._body.feed(self._data, self._at)
        self._hold(len(self._body.body) - before)
        if not self._body.complete:
            return False
        if self.phase == "skip":
            self._enter("head")
        else:
            body = self._body.body
            self._drop_body()
            self._finish(body)
        return True

    def _read_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n", self._at)
        if end < 0:
            check_unfinished(self._data, self._at)
            return False
        raw = self._data[self._at : end + 4]
        self._at = end + 4
        front = self._front
        known = front.heads.get(raw)
        if known is None:
            head = read_head(raw)
            route: Route | None = None
            try:
                route, name, version = front.route(head)
                target = front.target(route, name, version, head)
            except Refused as refused:
                self._answer_early(head, refused, route)
                return True
            front.heads.keep(raw, head, target)
        else:
            head, target = known
        try:
            front.permit(target, head, self.peer, self.reserved)
        except Refused as refused:
            self._answer_early(head, refused, target.route)
            return True
        self._begin(head, target)
        return True

    def _begin(self, head: Head, target: Target) -> None:
        """A request that may pass: its body comes next."""
        exchange = self._exchange(head, target.route)
        exchange.target = target
        if head.expects_continue and not self.has_bytes:
            exchange.interim = CONTINUE
        end = self._at + head.length
        if head.length != CHUNKED and end <= len(self._data):  # whole already, as most are
            body = self._data[self._at : end]
            self._at = end
            self._finish(body)
            return
        limit = self._front.limit(target.route)
        self._body = ChunkedBody(limit) if head.length == CHUNKED else FixedBody(head.length)
        self._enter("body")

    def _finish(self, body: bytes | bytearray) -> None:
        exchange = self.exchanges[-1]
        assert exchange.target is not None
        self.is_last = self.is_last or exchange.closes
        if self.phase != "head":
            self._enter("head")
        self._front.answer(exchange.target, body, self.peer, exchange.done)

    def _exchange(self, head: Head | None, route: Route | None) -> Exchange:
        front = self._front
        closes = head is None or not head.keeps_alive or self.reserved
        request_id = front.request_ids.of(b"" if head is None else head.request_id)
        exchange = Exchange(self._settle, head, route, closes=closes, request_id=request_id)
        self.exchanges.append(exchange)
        front.metrics.in_flight += 1
        return exchange

    def _answer_early(self, head: Head, refused: Refused, route: Route | None) -> None:
        """Answers a head alone."""
        exchange = self._exchange(head, route)
        exchange.answer = route.worded(refused.answer) if route else refused.answer
        is_short = 0 <= head.length <= SMALL_BODY_BYTES
        if not is_short or head.expects_continue or exchange.closes:
            exchange.closes = self.is_last = True
        elif head.length:
            self._body = FixedBody(head.length, keep=False)
            self._enter("skip")

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._pace.restart(self._front.now)

    def _hold(self, size: int) -> None:
        self._held += size
        self._front.hold(size)

    def _drop_body(self) -> None:
        self._body = FixedBody(0)
        self._front.hold(-self._held)
        self._held = 0
