"""Front: what all connections share - routes, access, caps, clocks - and the endpoints behind it.

Made by `server`, called by each connection: first with a head (may it pass, and where to?), then with the
whole request. It knows routes, permissions, admission and limits; it must not know bytes on a wire.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple

from mlwright.base.errors import Misuse
from mlwright.serving.access import ANYBODY, Access, Caller, no_such_model
from mlwright.serving.answers import Answer, Refused
from mlwright.serving.batch import Job
from mlwright.serving.endpoint import Endpoint
from mlwright.serving.log import AccessLog, RequestIds
from mlwright.serving.metrics import Metrics
from mlwright.serving.options import PLAIN, Options, options_of
from mlwright.serving.parse import Head, body_too_large
from mlwright.serving.routes import SMALL_BODY_BYTES, Route, find
from mlwright.serving.settings import ServeSettings

if TYPE_CHECKING:
    from mlwright.serving.control import Control
    from mlwright.serving.protocol import Connection
    from mlwright.serving.requests import Exchange
    from mlwright.serving.traces import Traces

_LOCAL_NAMES = frozenset((b"localhost", b"127.0.0.1", b"[::1]"))
_REMEMBERED = 1024
_REMEMBERED_BYTES = 1024
_ID_LINE = re.compile(rb"\r\nX-Request-Id: ([A-Za-z0-9._:-]{1,128})(?=\r\n)", re.IGNORECASE)
_LANE = frozenset(("/health", "/ready", "/metrics", "/v2/health/live", "/v2/health/ready"))
_JSON = b"application/json"
_NO_BODY = Refused(
    400, "no_body", "the request has no body", "send a row as JSON; GET /schema shows one"
).answer
_TOO_MUCH = Refused(
    503,
    "overloaded",
    "the bodies that wait here are too many",
    "try again in 1 s",
    extra=(b"Retry-After: 1",),
).answer
_WRITTEN = {
    "set": "sets of labels",
    "interval": "intervals",
    "abstain": "labels that may be left out",
    "explain": "explanations",
}
_MOST_DEADLINE_MS = 86_400_000.0
_EVER = float("inf")


class Target(NamedTuple):
    """What a head asks for, wholly read: it serves for every request with the same head."""

    route: Route
    endpoint: Endpoint | None
    """The model that is asked, or asked about; None where the route is about no single one."""
    caller: Caller
    dialect: str = ""
    options: Options = PLAIN
    within_s: float = _EVER
    """How long the client will wait."""
    forwarded: str = ""
    """Whom a proxy says that it asks for."""
    edition: int = 0
    """Of the tokens that let it in."""


class KnownHeads:
    """Heads as they came, and what they were read as: clients differ in little but a length and the ids of
    their requests, so that few need reading twice."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._known: dict[bytes, tuple[Head, Target]] = {}
        """By the head without its request's id."""

    def get(self, raw: bytes) -> tuple[Head, Target] | None:
        """What a head was read as before, where its caller may still pass."""
        usual, request_id = _without_id(raw)
        found = self._known.get(usual)
        if found is None:
            return None
        head, target = found
        if self._access.demands_tokens and not (
            target.edition == self._access.refresh() and time.time() < target.caller.until
        ):
            del self._known[usual]
            return None
        return (head.called(request_id), target) if request_id else found

    def keep(self, raw: bytes, head: Head, target: Target) -> None:
        """Keeps what a head was read as, unless it is the only one of its kind."""
        usual, request_id = _without_id(raw)
        is_usual = head.request_id == request_id and b"traceparent" not in head.headers
        if is_usual and len(raw) <= _REMEMBERED_BYTES and not target.route.of_version:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[usual] = (head.called(b"") if request_id else head), target


def _without_id(raw: bytes) -> tuple[bytes, bytes]:
    """A head without its X-Request-Id, where it has a single plain one, and that id; else as it is.

    What is left is read as strictly as any head before it is known; a line of this form adds nothing to it.
    """
    match = _ID_LINE.search(raw, 0, _REMEMBERED_BYTES)
    if match is None or raw.lower().count(b"x-request-id") != 1:
        return raw, b""
    return raw[: match.start()] + raw[match.end() :], match[1]


class Front:
    """The endpoints by name, and what their callers share. Everything runs on the loop's thread."""

    def __init__(
        self, endpoints: Mapping[str, Endpoint], settings: ServeSettings, access: Access, *, on_loopback: bool
    ) -> None:
        if not endpoints:
            raise Misuse("there is no model to serve", remedy="name one at least")
        self.endpoints, self.settings, self.access = dict(endpoints), settings, access
        self.metrics = Metrics()
        self.request_ids, self.log = RequestIds(), AccessLog(settings)
        self._traces = _traces() if settings.traces else None
        self.connections: set[Connection] = set()
        self.peers: Counter[str] = Counter()
        self.control: Control | None = None
        """Carries out commands; None where there are none."""
        self.heads = KnownHeads(access)
        self._received_bytes = 0
        self._share_bytes = settings.max_held_bytes // len(endpoints)
        """While no queue holds more together with what is received, all are within the limit."""
        self.is_draining = False
        self.draining_since = 0.0
        self.date = formatdate(usegmt=True).encode()
        self.now = time.monotonic()
        """The loop's time as of its last tick: limits of seconds need no finer one."""
        self._hosts = _LOCAL_NAMES | {h.lower().encode() for h in settings.hosts} if on_loopback else None

    @property
    def only(self) -> Endpoint | None:
        """The endpoint, where there is just one."""
        return next(iter(self.endpoints.values())) if len(self.endpoints) == 1 else None

    @property
    def held_bytes(self) -> int:
        """Bodies in memory, being received or waiting for an answer."""
        return self._received_bytes + sum(e.batch.held_bytes for e in self.endpoints.values())

    @property
    def why_not_ready(self) -> str:
        """Empty where requests should be sent here."""
        if self.is_draining:
            return "shutting down"
        cold = next((e.name for e in self.endpoints.values() if not e.is_warm), "")
        return f"warming up {cold}" if cold else ""

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Names the loop that everything runs on."""
        for endpoint in self.endpoints.values():
            endpoint.attach(loop)

    def warm(self) -> None:
        """Makes every endpoint ready for its first request."""
        for endpoint in self.endpoints.values():
            endpoint.warm()

    def close(self) -> None:
        """Ends the worker threads once their batches are done."""
        for endpoint in self.endpoints.values():
            endpoint.close()
        if self._traces is not None:
            self._traces.close()

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

    def text(self) -> str:
        """What is counted here, for Prometheus."""
        for endpoint in self.endpoints.values():
            endpoint.metrics.queued_rows = endpoint.batch.queued_rows
        return self.metrics.text({e.name: e.metrics for e in self.endpoints.values()})

    def route(self, head: Head) -> tuple[Route, str, str]:
        """Where a request goes, the model's name and the version in its path. Raises `Refused`."""
        name = (
            head.host.rpartition(b":")[0] if not head.host.endswith(b"]") and b":" in head.host else head.host
        )
        if self._hosts is not None and name.lower() not in self._hosts:
            message = "the Host is not a name of this machine (a guard against DNS rebinding)"
            raise Refused(421, "wrong_host", message, "ask for localhost, or name the host in the settings")
        found = find(head.path)
        if found is None:
            self.access.check("predict", head.first(b"authorization"))
            raise Refused(404, "no_such_route", "there is nothing at this path", "GET / lists what there is")
        route = found[0]
        if head.method not in route.methods:
            allowed = route.allow.decode().removeprefix("Allow: ")
            raise Refused(
                405,
                "method_not_allowed",
                f"{route.path} answers {allowed}",
                f"use {allowed}",
                extra=(route.allow,),
            )
        return found

    def target(self, route: Route, name: str, version: str, head: Head) -> Target:
        """What is asked for, of which model, by whom. Raises `Refused` (400, 401, 403, 404, 415)."""
        authorization = head.first(b"authorization")
        endpoint = self.endpoints.get(name)
        if route.of_model and not name:
            endpoint = self.only
            name = endpoint.name if endpoint else ""
        caller = self.access.check(route.permission, authorization, name if route.of_model else route.whose)
        if route.of_model and endpoint is None:
            raise no_such_model() if name else _several(self.endpoints)
        if version and endpoint is not None and version != endpoint.deployed.version:
            raise Refused(
                404, "no_such_version", "this version does not answer here", "leave the version out"
            )
        target = Target(route, endpoint, caller, edition=self.access.edition)
        if b"POST" not in route.methods:
            return target
        target = _with_content(target, head)
        if target.dialect == "arrow" and not self.settings.arrow:
            message = "this server does not read Arrow streams"
            raise Refused(415, "no_arrow", message, "send JSON or CSV, or have it served with --arrow")
        return target

    def permit(self, target: Target, head: Head, peer: str, reserved: bool) -> None:
        """Whether this request may pass now. Raises `Refused` (413, 503)."""
        route = target.route
        if reserved and route.path not in _LANE:
            raise _too_many_connections()
        if 0 <= head.length <= SMALL_BODY_BYTES and not head.expects_continue:
            return  # a short body is judged once it is here
        if head.length > self.limit(route):
            raise body_too_large(self.limit(route))
        if route.dialects and target.endpoint is not None:
            endpoint = target.endpoint
            work = endpoint.explaining if target.options.explain else endpoint.batch
            refusal = work.too_late(_line_of(target, peer, self.settings), target.within_s)
            if refusal is not None:
                raise Refused.with_answer(refusal)

    def limit(self, route: Route) -> int:
        """The longest body that the route takes."""
        return self.settings.max_body_bytes if route.dialects else SMALL_BODY_BYTES

    def hold(self, size: int) -> None:
        """Counts bytes of bodies that are being received; raises `Refused` (503) where they and those that
        wait for an answer are over the limit."""
        self._received_bytes += size
        if size > 0 and self.held_bytes > self.settings.max_held_bytes:
            raise Refused.with_answer(_TOO_MUCH)

    def answer(
        self, target: Target, body: bytes | bytearray, peer: str, done: Callable[[Answer], None]
    ) -> None:
        """Answers a whole request, now or after the next batch."""
        route, endpoint = target.route, target.endpoint
        if not route.dialects:
            self._answer_other(target, body, done)
            return
        assert endpoint is not None
        line = _line_of(target, peer, self.settings)
        work = endpoint.explaining if target.options.explain else endpoint.batch
        refusal = work.too_late(line, target.within_s) if body else _NO_BODY
        size = len(body)
        if self._received_bytes + endpoint.batch.held_bytes + size > self._share_bytes:
            is_full = self.held_bytes + size > self.settings.max_held_bytes
            refusal = _TOO_MUCH if is_full else refusal
        if refusal is not None:
            done(route.worded(refusal))
            return
        deadline = target.within_s if target.within_s == _EVER else time.monotonic() + target.within_s
        work.submit(Job(body, done, target.options, target.dialect, line, deadline))

    def note(self, exchange: Exchange, answer: Answer, peer: str) -> None:
        """Counts an answer that leaves, and writes of it where one does."""
        seconds = time.perf_counter() - exchange.started
        metrics, route = self.metrics, exchange.route
        metrics.in_flight -= 1
        metrics.answered(route.path if route else "other", answer.status, seconds)
        if self.log.share:
            self.log.note(exchange, peer, answer.status, len(answer.body), seconds)
        if self._traces is not None:
            self._traces.note(exchange, peer, answer.status, seconds)

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
            self.connections.remove(connection)
            self.peers[peer] -= 1
            if not self.peers[peer]:
                del self.peers[peer]
            self.metrics.connections = len(self.connections)

    def _answer_other(self, target: Target, body: bytes | bytearray, done: Callable[[Answer], None]) -> None:
        """Answers whatever is no prediction."""
        route, control = target.route, self.control
        if route.path == "/metrics" and control is not None:
            control.gather(self.text().encode(), done)
        elif route.answer is not None:
            done(route.answer(self, target))
        elif control is None:
            done(Refused(404, "no_command", "this server takes no commands", "restart it").answer)
        else:
            assert target.endpoint is not None
            control.carry_out(route.command, target.endpoint.name, bytes(body), done)


def _line_of(target: Target, peer: str, settings: ServeSettings) -> str:
    """In whose line a request waits: the token's, else the address that it comes from."""
    if target.caller is not ANYBODY:
        return target.caller.identity
    if target.forwarded and peer in settings.trusted_proxies:
        return target.forwarded
    return peer


def _with_content(target: Target, head: Head) -> Target:
    """The target of a POST, with what the head says about its body and what is wanted of it.

    Raises `Refused` (400, 415).
    """
    route = target.route
    coding = head.headers.get(b"content-encoding", [])
    if coding and [c.lower() for c in coding] != [b"identity"]:
        raise Refused(415, "content_encoding", "compressed bodies are not accepted", "send the body as it is")
    kind = head.first(b"content-type").partition(b";")[0].strip().lower()
    if route.plain_errors and not head.headers.keys() & {b"content-type", b"origin"}:
        kind = _JSON  # their clients leave it out; a browser, against which it guards, says whence it comes
    if kind not in route.kinds:
        known = " or ".join(k.decode() for k in route.kinds)
        raise Refused(
            415, "not_json", f"the content type is not {known}", "send 'Content-Type: application/json'"
        )
    if not route.dialects:
        if head.query:
            raise Refused(400, "unknown_parameter", "a command takes no parameters", "mend the query")
        return target
    options, dialect = options_of(head.query), route.dialects[kind]
    asked = {
        "set": options.set,
        "interval": options.interval,
        "abstain": options.abstain,
        "explain": options.explain,
    }
    words = [word for word, said in asked.items() if said]
    if words and dialect != "rows":
        message = f"{_WRITTEN[words[0]]} are written in JSON only, by /predict"
        remedy = f"leave {words[0]} out, or ask /models/NAME/predict in JSON"
        raise Refused(400, "not_offered", message, remedy)
    if options.partial and route.plain_errors:
        message = "answers of this protocol have no place for a row that was refused"
        raise Refused(400, "not_offered", message, "leave partial out, or ask /models/NAME/predict")
    forwarded = head.first(b"x-forwarded-for").rpartition(b",")[2].strip()
    return target._replace(
        dialect="intervals" if options.interval and not options.explain else dialect,
        options=options,
        within_s=_within_s(head),
        forwarded=forwarded.decode("ascii", "replace"),
    )


def _within_s(head: Head) -> float:
    """What X-Deadline-Ms says, in seconds. Raises `Refused` (400)."""
    said = head.headers.get(b"x-deadline-ms")
    if said is None:
        return _EVER
    try:
        ms = float(said[0]) if len(said) == 1 else 0.0
    except ValueError:
        ms = 0.0
    if not 1.0 <= ms <= _MOST_DEADLINE_MS:
        raise Refused(
            400, "bad_deadline", "X-Deadline-Ms is no number of milliseconds from 1 on", "send such as 50"
        )
    return ms / 1000.0


def _traces() -> Traces:
    from mlwright.serving.traces import Traces

    return Traces()


def _several(endpoints: Mapping[str, Endpoint]) -> Refused:
    message = f"{len(endpoints)} models are served here"
    return Refused(404, "no_such_model", message, "ask /models/NAME/predict; GET /models lists yours")


def _too_many_connections() -> Refused:
    message = "too many connections are open"
    return Refused(503, "overloaded", message, "try again in 1 s", extra=(b"Retry-After: 1",))
