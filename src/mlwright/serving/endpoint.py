"""The Endpoint: one model being served, with what its connections share.

Made by `server`, called by each connection: first with a head (may it pass, and where to?), then with the
whole request. It knows routes, permissions, admission and limits; it must not know bytes on a wire.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from email.utils import formatdate
from typing import TYPE_CHECKING

from mlwright.serving.access import Access
from mlwright.serving.answers import Answer, Refused
from mlwright.serving.batch import Batch, Job
from mlwright.serving.metrics import Metrics
from mlwright.serving.parse import Head, body_too_large
from mlwright.serving.routes import ROUTES, SMALL_BODY_BYTES, Route
from mlwright.serving.served import Served
from mlwright.serving.settings import ServeSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlwright.serving.protocol import Connection

_LOCAL_NAMES = frozenset((b"localhost", b"127.0.0.1", b"[::1]"))
_REMEMBERED = 1024
_REMEMBERED_BYTES = 1024
_LANE = frozenset(("/health", "/ready", "/metrics"))


class Endpoint:
    """One model, its batch and its counters. Everything runs on the loop's thread."""

    def __init__(self, model: Served, settings: ServeSettings, access: Access, *, on_loopback: bool) -> None:
        self.model, self.settings = model, settings
        self.metrics = Metrics()
        self.batch = Batch(model, settings, self.metrics)
        self.connections: set[Connection] = set()
        self.peers: Counter[str] = Counter()
        self.known_heads: dict[bytes, tuple[Head, Route]] = {}
        """Heads as they came: clients differ in little but a length, so that few need reading."""
        self.held_bytes = 0
        self.is_warm = False
        self.is_draining = False
        self.draining_since = 0.0
        self.date = formatdate(usegmt=True).encode()
        self.now = time.monotonic()
        """The loop's time as of its last tick: limits of seconds need no finer one."""
        self._access = access
        self._hosts = _LOCAL_NAMES | {h.lower().encode() for h in settings.hosts} if on_loopback else None

    @property
    def why_not_ready(self) -> str:
        """Empty where requests should be sent here."""
        if self.is_draining:
            return "shutting down"
        return "" if self.is_warm else "warming up"

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Names the loop that everything runs on."""
        self.batch.attach(loop)

    def warm(self) -> None:
        """Runs an example row, so that the first request finds a measured cost and a warm graph."""
        for row in self.model.samples.rows[:1]:
            self.batch.warm(row)
        self.is_warm = True

    def drain(self) -> None:
        """From now on every answer may be the last of its connection."""
        self.is_draining = True
        self.draining_since = time.monotonic()

    def tick(self) -> None:
        """Called several times a second: renews the clocks and ends connections whose time is up."""
        self.now = time.monotonic()
        self.date = formatdate(usegmt=True).encode()
        for connection in tuple(self.connections):
            connection.check(self.now)

    def route(self, head: Head) -> Route:
        """Where a request goes, from what its head alone says. Raises `Refused`."""
        name = (
            head.host.rpartition(b":")[0] if not head.host.endswith(b"]") and b":" in head.host else head.host
        )
        if self._hosts is not None and name.lower() not in self._hosts:
            message = "the Host is not a name of this machine (a guard against DNS rebinding)"
            raise Refused(421, "wrong_host", message, "ask for localhost, or name the host in the settings")
        route = ROUTES.get(head.path)
        if route is None:
            self._access.check("predict", head.first(b"authorization"))
            raise Refused(404, "no_such_route", "there is nothing at this path", "GET / lists what there is")
        if head.method not in route.methods:
            allowed = route.allow.decode().removeprefix("Allow: ")
            raise Refused(
                405,
                "method_not_allowed",
                f"{route.path} answers {allowed}",
                f"use {allowed}",
                extra=(route.allow,),
            )
        if route.answer is None:
            _check_content(head)
        return route

    def remember(self, raw: bytes, head: Head, route: Route) -> None:
        """Keeps what a head was read as."""
        if len(raw) <= _REMEMBERED_BYTES:
            if len(self.known_heads) >= _REMEMBERED:
                self.known_heads.clear()
            self.known_heads[raw] = head, route

    def permit(self, route: Route, head: Head, reserved: bool) -> None:
        """Whether this request may pass now. Raises `Refused` (401, 403, 413, 503)."""
        if self._access.demands_tokens:
            self._access.check(route.permission, head.first(b"authorization"))
        if reserved and route.path not in _LANE:
            raise _too_many_connections()
        if 0 <= head.length <= SMALL_BODY_BYTES and not head.expects_continue:
            return  # a short body is judged once it is here
        if head.length > self.limit(route):
            raise body_too_large(self.limit(route))
        if route.answer is None:
            self.batch.admit()

    def limit(self, route: Route) -> int:
        """The longest body that the route takes."""
        return self.settings.max_body_bytes if route.answer is None else SMALL_BODY_BYTES

    def hold(self, size: int) -> None:
        """Counts bytes of bodies in memory; raises `Refused` (503) over the limit of all together."""
        self.held_bytes += size
        if size > 0 and self.held_bytes > self.settings.max_held_bytes:
            raise Refused(
                503,
                "overloaded",
                "too many bodies are being received",
                "try again in 1 s",
                extra=(b"Retry-After: 1",),
            )

    def answer(
        self, route: Route, head: Head, body: bytes | bytearray, done: Callable[[Answer], None]
    ) -> None:
        """Answers a whole request, now or after the next batch."""
        if route.answer is not None:
            done(route.answer(self))
            return
        try:
            partial = _is_partial(head.query)
            if not body:
                raise Refused(
                    400, "no_body", "the request has no body", "send a row as JSON; GET /schema shows one"
                )
            self.batch.admit()
        except Refused as refused:
            done(refused.answer)
            return
        self.batch.submit(Job(body, partial, done))

    def enter(self, connection: Connection, peer: str) -> bool | None:
        """Counts a new connection: False where it is over a cap and may ask for health only, None where not
        even that."""
        settings = self.settings
        is_full = len(self.connections) >= settings.max_connections or (
            self.peers[peer] >= settings.max_connections_per_peer and peer not in settings.trusted_proxies
        )
        if is_full:
            self.metrics.connections_refused += 1
            if sum(c.reserved for c in self.connections) >= settings.reserved_connections:
                return None
        self.connections.add(connection)
        self.peers[peer] += 1
        self.metrics.connections = len(self.connections)
        return not is_full

    def leave(self, connection: Connection, peer: str) -> None:
        """Counts a connection that ended."""
        if connection in self.connections:
            self.connections.discard(connection)
            self.peers[peer] -= 1
            if not self.peers[peer]:
                del self.peers[peer]
            self.metrics.connections = len(self.connections)


def _too_many_connections() -> Refused:
    message = "too many connections are open"
    return Refused(503, "overloaded", message, "try again in 1 s", extra=(b"Retry-After: 1",))


def _check_content(head: Head) -> None:
    kind = head.first(b"content-type").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        raise Refused(
            415,
            "not_json",
            "the content type is not application/json",
            "send 'Content-Type: application/json'",
        )
    coding = head.headers.get(b"content-encoding", [])
    if coding and [c.lower() for c in coding] != [b"identity"]:
        raise Refused(415, "content_encoding", "compressed bodies are not accepted", "send the body as it is")


def _is_partial(query: bytes) -> bool:
    if query in (b"", b"partial=false"):
        return False
    if query == b"partial=true":
        return True
    raise Refused(
        400, "unknown_parameter", "the only parameter is partial=true or partial=false", "mend the query"
    )
