"""The endpoint as an ASGI application, for people who have a server already.

Routes, tokens, admission, batches and metrics are those of `serve`; sockets, heads, slow clients and TLS are
the other server's. Requests of one wake-up of the loop still share a run of the graph. ASGI 3.0, HTTP and
lifespan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mlwright.serving.access import access_for
from mlwright.serving.answers import Answer, Refused
from mlwright.serving.front import Front, Target
from mlwright.serving.parse import Head, body_too_large
from mlwright.serving.requests import Exchange
from mlwright.serving.server import Models, make_front
from mlwright.serving.settings import ServeSettings

Message = MutableMapping[str, Any]  # Any: as ASGI has it
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Asgi:
    """The application. One event loop for its life, which the first call names."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self._is_up = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            self._begin()
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    def close(self) -> None:
        """Ends the worker threads; for servers that know no lifespan."""
        self.front.close()

    def _begin(self) -> None:
        if not self._is_up:
            self._is_up = True
            self.front.attach(asyncio.get_running_loop())
            self.front.warm()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._begin()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.front.drain()
                self.front.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        front = self.front
        exchange = Exchange(lambda: None, None, None, closes=False, request_id=front.request_ids.of(b""))
        peer = str((scope.get("client") or ("", 0))[0])
        front.metrics.in_flight += 1
        try:
            answer = await self._judge(exchange, scope, receive, peer)
        except Refused as refused:
            answer = exchange.route.worded(refused.answer) if exchange.route else refused.answer
        except BaseException:  # the client or the server gave up
            front.metrics.in_flight -= 1
            raise
        front.note(exchange, answer, peer)
        await _send(send, answer, exchange.request_id, head_only=scope["method"] == "HEAD")

    async def _judge(self, exchange: Exchange, scope: Message, receive: Receive, peer: str) -> Answer:
        front = self.front
        exchange.head = head = _head(scope)
        exchange.request_id = front.request_ids.of(head.request_id)
        exchange.route, name, version = front.route(head)
        exchange.target = target = front.target(exchange.route, name, version, head)
        front.permit(target, head, peer, reserved=False)
        body = await self._body(receive, front.limit(exchange.route))
        return await self._answered(target, body, peer)

    async def _body(self, receive: Receive, most: int) -> bytes:
        parts, size, held = [], 0, 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "incomplete_body", "the body ended early", "send the whole body")
                part = message.get("body", b"")
                size += len(part)
                if size > most:
                    raise body_too_large(most)
                parts.append(part)
                if not message.get("more_body"):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
                held += len(part)
                self.front.hold(len(part))
        finally:
            self.front.hold(-held)

    async def _answered(self, target: Target, body: bytes, peer: str) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def done(answer: Answer) -> None:
            if not future.done():  # the client may have gone
                future.set_result(answer)

        self.front.answer(target, body, peer, done)
        return await future


def asgi(models: Models, settings: ServeSettings | None = None) -> Asgi:
    """The application that serves `models`. Raises `Misuse` without tokens, unless settings say insecure."""
    settings = settings or ServeSettings()
    # Who can reach the server around this is not known: as if off loopback.
    access_for(False, settings.tokens_file, settings.insecure)
    return Asgi(make_front(models, "0.0.0.0", settings))


def _head(scope: Message) -> Head:
    """The head of a request that another server has read. Raises `Refused`."""
    headers: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        if name.lower() not in (b"expect", b"transfer-encoding"):  # which the server has dealt with
            headers.setdefault(name.lower(), []).append(value)
    headers.setdefault(b"host", [b"localhost"])  # HTTP/2 has none
    path = scope.get("raw_path") or scope["path"].encode()
    root = scope.get("root_path", "").encode()
    path = path.partition(b"?")[0].removeprefix(root) or b"/"
    query = scope.get("query_string", b"")
    return Head(scope["method"].encode(), path, query, b"1.1", headers)


async def _send(send: Send, answer: Answer, request_id: bytes, *, head_only: bool) -> None:
    headers = [
        (b"content-type", answer.kind),
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-request-id", request_id),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    ]
    for line in answer.extra:
        name, _, value = line.partition(b": ")
        headers.append((name.lower(), value))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head_only else answer.body})
