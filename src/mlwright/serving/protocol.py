"""One connection: bytes in, requests out, answers back in order.

Made by the loop for each socket. It frames requests with `parse`, asks the endpoint, and keeps the rules of
time and memory: slow peers, pipelining, early errors, draining. It must not know what a request means.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Literal, cast

from mlwright.serving.answers import CONTINUE, Answer, Refused
from mlwright.serving.endpoint import Endpoint
from mlwright.serving.parse import CHUNKED, ChunkedBody, Head, check_unfinished, read_head
from mlwright.serving.routes import SMALL_BODY_BYTES, Route

LINGER_BYTES = 64 * 1024
LINGER_S = 2.0
_STALL_BYTES = 10 * 1024  # an answer must leave at least this fast in each stall period

State = Literal["head", "body", "chunks", "skip", "linger"]


class Exchange:
    """One request and the place of its answer in the order."""

    __slots__ = ("answer", "closes", "connection", "head_only", "interim", "route", "started")

    def __init__(self, connection: Connection, route: str, *, closes: bool, head_only: bool) -> None:
        self.connection = connection
        self.route = route
        self.closes = closes
        self.head_only = head_only
        self.answer: Answer | None = None
        self.interim = b""
        self.started = time.perf_counter()

    def done(self, answer: Answer) -> None:
        """Puts the answer in its place; it is sent once all before it are."""
        self.answer = answer
        self.connection.settle()


class Connection(asyncio.Protocol):
    """The state of one socket."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.reserved = False
        self._settings = endpoint.settings
        self._peer = ""
        self._data = b""
        self._at = 0
        self._state: State = "head"
        self._left = 0  # of a body, of bytes to skip, or of bytes to linger for
        self._body = bytearray()
        self._chunks: ChunkedBody | None = None
        self._head: Head | None = None
        self._route: Route | None = None
        self._last_head: tuple[bytes, Head, Route] | None = None
        self._exchanges: deque[Exchange] = deque()
        self._held = 0
        self._is_advancing = False
        self._is_last = False  # no further request is read
        self._is_reading = True
        self._is_lost = False
        self._peer_is_done = False
        self._write_is_full = False
        self._since = endpoint.now  # when the state that `check` judges began
        self._stalled: tuple[float, int] | None = None

    # -- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""
        entered = self.endpoint.enter(self, self._peer)
        if entered is None:
            self._is_lost = True
            self._transport.abort()
        self.reserved = entered is False

    def connection_lost(self, error: Exception | None) -> None:
        self._is_lost = True
        self.endpoint.leave(self, self._peer)
        self.endpoint.metrics.in_flight -= len(self._exchanges)
        self._exchanges.clear()
        self._release()

    def eof_received(self) -> bool:
        """The peer will send no more. What it asked for is still answered."""
        self._peer_is_done = True
        if self._state == "linger" or not self._exchanges:
            return False
        self._is_last = True
        return True

    def data_received(self, data: bytes) -> None:
        if self._state == "linger":
            self._linger(len(data))
            return
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0
        self._advance()

    def pause_writing(self) -> None:
        self._write_is_full = True

    def resume_writing(self) -> None:
        self._write_is_full = False
        self._advance()

    # -- requests in

    def _advance(self) -> None:
        """Takes from the bytes received as many requests as may wait."""
        if self._is_advancing or self._is_lost:
            return
        self._is_advancing = True
        try:
            while self._step():
                continue
        except Refused as refused:
            self._refuse(refused)
        self._is_advancing = False
        if self._at >= len(self._data):
            self._data, self._at = b"", 0
        self.settle()

    def _step(self) -> bool:
        """One step of reading; False where bytes, or room for another answer, are missing."""
        if self._state == "head":
            if self._is_last or self._write_is_full or len(self._exchanges) >= self._settings.pipelined:
                return False
            return self._at < len(self._data) and self._read_head()
        if self._at >= len(self._data) and self._left:
            return False
        if self._state == "body":
            return self._read_body()
        if self._state == "chunks":
            return self._read_chunks()
        if self._state == "skip":
            taken = min(self._left, len(self._data) - self._at)
            self._at += taken
            self._left -= taken
            if not self._left:
                self._enter("head")
            return not self._left
        return False

    def _read_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n", self._at)
        if end < 0:
            check_unfinished(self._data, self._at)
            return False
        end += 4
        raw = self._data[self._at : end]
        self._at = end
        known = self._last_head
        if known is not None and known[0] == raw:  # heads of one client seldom differ
            head, route = known[1], known[2]
        else:
            head = read_head(raw)
            try:
                route = self.endpoint.route(head)
            except Refused as refused:
                self._answer_early(head, refused, "other")
                return True
            self._last_head = raw, head, route
        try:
            self.endpoint.permit(route, head, reserved=self.reserved)
        except Refused as refused:
            self._answer_early(head, refused, route.path)
            return True
        self._begin(head, route)
        return True

    def _begin(self, head: Head, route: Route) -> None:
        """A request that may pass: its body comes next."""
        exchange = self._exchange(head, route.path)
        self._head, self._route = head, route
        if head.expects_continue and self._at >= len(self._data):
            exchange.interim = CONTINUE
        if head.length == CHUNKED:
            self._chunks = ChunkedBody(self.endpoint.limit(route))
            self._left = 1
            self._enter("chunks")
            return
        end = self._at + head.length
        if end <= len(self._data):
            body = self._data[self._at : end]
            self._at = end
            self._finish(body)
        else:
            self._left = head.length
            self._enter("body")

    def _read_body(self) -> bool:
        piece = self._data[self._at : self._at + self._left]
        self._at += len(piece)
        self._left -= len(piece)
        self._hold(len(piece))
        self._body += piece
        if self._left:
            return False
        self._finish(self._body)
        return True

    def _read_chunks(self) -> bool:
        chunks = self._chunks
        assert chunks is not None
        before = len(chunks.body)
        self._at = chunks.feed(self._data, self._at)
        self._hold(len(chunks.body) - before)
        if not chunks.complete:
            return False
        self._finish(chunks.body)
        return True

    def _finish(self, body: bytes | bytearray) -> None:
        head, route = self._head, self._route
        assert head is not None and route is not None
        exchange = self._exchanges[-1]
        self._body, self._chunks = bytearray(), None
        self._release()
        self._enter("head")
        self._is_last = exchange.closes or self._is_last
        self.endpoint.answer(route, head, body, exchange.done)

    def _exchange(self, head: Head | None, route: str) -> Exchange:
        closes = head is None or not head.keeps_alive
        exchange = Exchange(self, route, closes=closes, head_only=head is not None and head.method == b"HEAD")
        self._exchanges.append(exchange)
        self.endpoint.metrics.in_flight += 1
        return exchange

    # -- errors before a request is whole

    def _answer_early(self, head: Head, refused: Refused, route: str) -> None:
        """Answers a head alone. A short body is read past; otherwise the connection ends."""
        exchange = self._exchange(head, route)
        exchange.answer = refused.answer
        if 0 <= head.length <= SMALL_BODY_BYTES and not head.expects_continue and head.keeps_alive:
            self._left = head.length
            self._enter("skip" if head.length else "head")
        else:
            exchange.closes = self._is_last = True

    def _refuse(self, refused: Refused) -> None:
        """Answers what cannot be read as a request: the last answer of this connection."""
        if self._state in ("body", "chunks"):
            exchange = self._exchanges[-1]
        else:
            exchange = self._exchange(None, "other")
        exchange.interim = b""
        exchange.answer = refused.answer
        exchange.closes = self._is_last = True
        self._body, self._chunks = bytearray(), None
        self._release()
        self._state = "head"

    # -- answers out

    def settle(self) -> None:
        """Sends the answers whose turn has come, then reads on or closes."""
        if self._is_advancing or self._is_lost:
            return
        out = []
        while self._exchanges and (answer := self._exchanges[0].answer) is not None:
            exchange = self._exchanges.popleft()
            is_end = exchange.closes or self._may_end_here()
            out.append(answer.to_bytes(self.endpoint.date, close=is_end, head_only=exchange.head_only))
            metrics = self.endpoint.metrics
            metrics.in_flight -= 1
            metrics.answered(exchange.route, answer.status, time.perf_counter() - exchange.started)
            self._is_last = self._is_last or is_end
        if self._exchanges and self._exchanges[0].interim:
            out.append(self._exchanges[0].interim)
            self._exchanges[0].interim = b""
        if out:
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
            self._restart_clock()
        if self._is_last and not self._exchanges:
            self._close()
            return
        has_room = self._has_room()
        if has_room and out and self._at < len(self._data):
            self._advance()
            return
        self._read(has_room or self._state in ("body", "chunks", "skip"))

    def _may_end_here(self) -> bool:
        """While draining, the answer after which nothing of the peer is waiting is the last."""
        is_quiet = not self._exchanges and self._at >= len(self._data) and self._state == "head"
        return (self.endpoint.is_draining or self._peer_is_done) and is_quiet

    def _has_room(self) -> bool:
        is_full = self._write_is_full or len(self._exchanges) >= self._settings.pipelined
        return not is_full and not self._is_last

    def _read(self, wanted: bool) -> None:
        if wanted == self._is_reading or self._peer_is_done or self._transport.is_closing():
            return
        self._is_reading = wanted
        if wanted:
            self._restart_clock()
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _close(self) -> None:
        """Ends the connection so that the last answer arrives: a reset would destroy it."""
        if self._state == "linger" or self._transport.is_closing():
            return
        if self._peer_is_done or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._read(True)
        self._data, self._at, self._left = b"", 0, LINGER_BYTES
        self._enter("linger")
        self._transport.write_eof()

    def _linger(self, received: int) -> None:
        self._left -= received
        if self._left <= 0:
            self._transport.abort() if self._transport.get_write_buffer_size() else self._transport.close()

    # -- memory and time

    def _hold(self, size: int) -> None:
        self._held += size
        self.endpoint.hold(size)

    def _release(self) -> None:
        self.endpoint.hold(-self._held)
        self._held = 0

    def _enter(self, state: State) -> None:
        self._state = state
        self._restart_clock()

    def _restart_clock(self) -> None:
        self._since = self.endpoint.now

    def abort(self) -> None:
        """Ends the connection now."""
        self._transport.abort()

    def check(self, now: float) -> None:
        """Ends the connection where its time is up. Called several times a second at most."""
        if self._is_lost:
            return
        settings = self._settings
        waiting = self._transport.get_write_buffer_size()
        if waiting:
            since, size = self._stalled or (now, waiting)
            if now - since >= settings.write_stall_s:
                if waiting > size - _STALL_BYTES:
                    self._transport.abort()
                    return
                since, size = now, waiting
            self._stalled = since, size
            return
        self._stalled = None
        age = now - self._since
        if self._state == "linger":
            if age > LINGER_S:
                self._transport.close()
        elif self._state in ("body", "chunks", "skip"):
            self._check_body(age)
        elif self._is_reading and self._at < len(self._data) and not self._exchanges:
            if age > settings.head_s:
                self._time_out("the head took too long")
        elif not self._exchanges:
            limit = settings.drain_idle_s if self.endpoint.is_draining else settings.idle_s
            if self.reserved:
                limit = min(limit, settings.head_s)
            if age > limit:
                self._transport.close()

    def _check_body(self, age: float) -> None:
        settings = self._settings
        received = len(self._chunks.body) if self._chunks is not None else len(self._body)
        if self._state == "skip":
            is_late = age > settings.head_s
        else:
            is_late = age > settings.head_s and received < (age - settings.head_s) * settings.body_bytes_per_s
        if is_late:
            self._time_out("the body came too slowly")

    def _time_out(self, message: str) -> None:
        if self._state == "skip":
            self._is_last = True
            self._state = "head"
        else:
            self._refuse(Refused(408, "too_slow", message, "send the request in one go"))
        self.settle()
