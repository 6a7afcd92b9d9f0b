"""TLS: a handshake counts among the connections of its peer, and has the time of a head.

Called by the server for each listener. An event loop's own TLS tells of a connection when its handshake is
done, so that nothing would bound those who never finish one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import cast

from mlwright.serving.front import Front
from mlwright.serving.protocol import LINGER_S, Connection


def speaking(front: Front, context: ssl.SSLContext | None) -> Callable[[], asyncio.Protocol]:
    """What a listener makes of each TCP connection; with `context` there is a handshake first."""
    if context is None:
        return partial(Connection, front)
    return partial(_Greeting, _Handshakes(front, context))


class _Handshakes:
    """Those under way, by peer."""

    def __init__(self, front: Front, context: ssl.SSLContext) -> None:
        self._front, self._context = front, context
        self._peers: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, plain: socket.socket, peer: str) -> None:
        """Greets whoever is at the other end of a TCP connection, unless there are too many."""
        if self._is_full(peer):
            self._front.metrics.connections_refused += 1
            plain.close()
            return
        task = asyncio.get_running_loop().create_task(self._greet(plain, peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _is_full(self, peer: str) -> bool:
        front, settings = self._front, self._front.settings
        mine = front.peers[peer] + self._peers[peer] - settings.reserved_connections
        in_all = len(front.connections) + len(self._tasks) - settings.reserved_connections
        return in_all >= settings.max_connections or (
            mine >= settings.max_connections_per_peer and peer not in settings.trusted_proxies
        )

    async def _greet(self, plain: socket.socket, peer: str) -> None:
        self._peers[peer] += 1
        try:
            with contextlib.suppress(OSError):  # no TLS, none that we speak, or too slow: nobody to tell
                await asyncio.get_running_loop().connect_accepted_socket(
                    partial(Connection, self._front),
                    plain,
                    ssl=self._context,
                    ssl_handshake_timeout=self._front.settings.head_s,
                    ssl_shutdown_timeout=LINGER_S,
                )
        finally:
            self._peers[peer] -= 1
            if not self._peers[peer]:
                del self._peers[peer]


class _Greeting(asyncio.Protocol):
    """A TCP connection as the listener took it: its socket goes on to the handshake."""

    def __init__(self, handshakes: _Handshakes) -> None:
        self._handshakes = handshakes

    def connection_made(self, made: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, made)
        transport.pause_reading()
        peer = transport.get_extra_info("peername")
        descriptor = os.dup(transport.get_extra_info("socket").fileno())
        transport.abort()  # of this end's two names for the connection the other stays open
        plain = socket.socket(fileno=descriptor)
        plain.setblocking(False)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._handshakes.begin(plain, str(peer[0]) if isinstance(peer, tuple) else "")
