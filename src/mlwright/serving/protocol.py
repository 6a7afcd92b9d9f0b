"""One connection: bytes in, answers out in order, and the socket's end.

Made by the loop for each socket. `requests` frames what comes in, `pace` says when time is up; here are
back pressure, the order of answers, and closing so that the last one arrives. It must not know what a request
means.
"""

from __future__ import annotations

import asyncio
from typing import cast

from mlwright.serving.answers import Refused
from mlwright.serving.front import Front
from mlwright.serving.pace import Pace
from mlwright.serving.requests import Requests

LINGER_BYTES = 64 * 1024
LINGER_S = 2.0


class Connection(asyncio.Protocol):
    """The state of one socket."""

    def __init__(self, front: Front) -> None:
        self.reserved = False
        self._front = front
        self._pace = Pace(front.settings, front.now)
        self._requests = Requests(front, self._pace, self.settle)
        self._peer = ""
        self._linger_left: int | None = None
        self._is_reading = True
        self._is_lost = False
        self._peer_is_done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = self._requests.peer = str(peer[0]) if isinstance(peer, tuple) else ""
        entered = self._front.enter(self, self._peer)
        self.reserved = self._requests.reserved = entered is False
        if entered is None:
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._is_lost = True
        self._front.leave(self, self._peer)
        self._requests.forget()

    def eof_received(self) -> bool:
        """The peer will send no more. What it asked for is still answered."""
        self._peer_is_done = True
        requests = self._requests
        if self._linger_left is not None or not requests.exchanges:
            return False
        if requests.phase == "body":
            requests.refuse(Refused(400, "incomplete_body", "the body ended early", "send the whole body"))
        self.settle()
        return not self._transport.is_closing()

    def data_received(self, data: bytes) -> None:
        if self._linger_left is None:
            requests = self._requests
            requests.feed(data)
            requests.advance()
            if requests.is_waiting:
                return  # as nearly always: one whole request, whose batch is to come
            self.settle()
            return
        self._linger_left -= len(data)
        if self._linger_left <= 0:
            self._transport.close()

    def pause_writing(self) -> None:
        self._requests.is_blocked = True

    def resume_writing(self) -> None:
        self._requests.is_blocked = False
        self._advance()

    def _advance(self) -> None:
        if self._requests.is_advancing or self._is_lost or self._linger_left is not None:
            return
        self._requests.advance()
        self.settle()

    def settle(self) -> None:
        """Sends the answers whose turn has come, then reads on or closes."""
        requests = self._requests
        if requests.is_advancing or self._is_lost or self._linger_left is not None:
            return
        while out := self._answers_due():
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
            self._pace.restart(self._front.now)
            if not requests.has_bytes:
                break
            if requests.has_room:
                requests.advance()
            elif not requests.exchanges:
                break
        is_last = requests.is_last or (self._peer_is_done and not requests.is_blocked)
        if is_last and not requests.exchanges:
            self._close()
        else:
            self._read(requests.has_room or requests.phase != "head")

    def _answers_due(self) -> list[bytes]:
        requests, front = self._requests, self._front
        exchanges = requests.exchanges
        out: list[bytes] = []
        while exchanges and (answer := exchanges[0].answer) is not None:
            exchange = exchanges.popleft()
            closes = exchange.closes
            if front.is_draining or self._peer_is_done:
                # The answer after which nothing of the peer waits is its last.
                is_quiet = not exchanges and not requests.has_bytes and requests.phase == "head"
                closes = closes or is_quiet
            head = exchange.head
            head_only = head is not None and head.method == b"HEAD"
            out.append(answer.to_bytes(front.date, exchange.request_id, close=closes, head_only=head_only))
            front.note(exchange, answer, self._peer)
            if closes:
                requests.is_last = True
        if exchanges and exchanges[0].interim:
            out.append(exchanges[0].interim)
            exchanges[0].interim = b""
        return out

    def _read(self, wanted: bool) -> None:
        if wanted == self._is_reading or self._peer_is_done or self._transport.is_closing():
            return
        self._is_reading = wanted
        if wanted:
            self._pace.restart(self._front.now)
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _close(self) -> None:
        """Ends the connection so that the last answer arrives: bytes left unread would reset it."""
        if self._transport.is_closing():
            return
        if self._peer_is_done or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._read(True)
        self._linger_left = LINGER_BYTES
        self._pace.restart(self._front.now)
        self._transport.write_eof()

    def abort(self) -> None:
        """Ends the connection now."""
        self._transport.abort()

    def check(self, now: float) -> None:
        """Ends the connection where its time is up. Called several times a second."""
        if self._is_lost:
            return
        waiting = self._transport.get_write_buffer_size()
        if self._pace.write_is_stalled(now, waiting):
            self.abort()
        elif not waiting and self._linger_left is not None:
            if self._pace.age(now) > LINGER_S:
                self._transport.close()
        elif not waiting and self._is_reading:
            self._check_requests(now)

    def _check_requests(self, now: float) -> None:
        requests, pace, settings = self._requests, self._pace, self._front.settings
        late = ""
        if requests.phase == "body":
            late = "the body came too slowly" if pace.body_is_late(now, requests.received) else ""
        elif requests.phase == "skip" or (requests.has_bytes and not requests.exchanges):
            late = "the request took too long" if pace.head_is_late(now) else ""
        elif not requests.exchanges:
            limit, age = settings.idle_s, pace.age(now)
            if self._front.is_draining:
                limit, age = settings.drain_idle_s, min(age, now - self._front.draining_since)
            elif self.reserved:
                limit = min(limit, settings.head_s)
            if age > limit:
                self._transport.close()
        if late:
            requests.refuse(Refused(408, "too_slow", late, "send the request in one go"))
            self.settle()
