"""Connections of the plain client: HTTP/1.1 by the standard library, kept open, shared by threads.

Called by the client with an `Asked`. It neither retries nor knows what is asked; redirects are not followed,
so that a token goes nowhere but to the endpoint.
"""

from __future__ import annotations

import http.client
import queue
import select
import ssl
import time

from mlwright.base.errors import EndpointTooSlow, EndpointUnreachable, Misuse
from mlwright.client.asking import Address, Asked, Reply

_PIECE = 64 * 1024
LARGE_BYTES = 1_000_000
"""Of a request that an endpoint may hang up on before it was sent: those of mlwright take 8 MiB."""
IDLE_S = 60.0
"""Endpoints close connections that are idle for longer (75 s)."""


class Wire:
    """The connections to one endpoint; callable from any thread."""

    def __init__(self, address: Address, ca_file: str, connections: int) -> None:
        self._address = address
        self._trust = trust_of(address, ca_file)
        self._kept: queue.LifoQueue[tuple[http.client.HTTPConnection, float]] = queue.LifoQueue(connections)
        self._is_closed = False

    def send(self, asked: Asked[object]) -> Reply:
        """The answer. Raises `EndpointUnreachable` or `EndpointTooSlow`."""
        if self._is_closed:
            raise Misuse("this client is closed", where=self._address.url, remedy="make another one")
        until = time.monotonic() + self._address.timeout_s
        connection = self._connection()
        try:
            reply, keeps = _exchange(connection, asked, until)
        except TimeoutError as error:
            connection.close()
            raise too_slow(self._address, asked) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise unreachable(self._address, error, asked) from error
        except BaseException:  # Ctrl-C, say: what comes next on this connection would be no answer to others
            connection.close()
            raise
        if keeps and not self._is_closed:
            self._keep(connection)
        else:
            connection.close()
        return reply

    def close(self) -> None:
        """Closes the connections that are not in use; those in use are closed when they are done."""
        self._is_closed = True
        while True:
            try:
                self._kept.get_nowait()[0].close()
            except queue.Empty:
                return

    def _connection(self) -> http.client.HTTPConnection:
        """One that is open, or a new one, not yet open."""
        while True:
            try:
                connection, since = self._kept.get_nowait()
            except queue.Empty:
                return self._new()
            if time.monotonic() - since < IDLE_S and not _was_ended(connection):
                return connection
            connection.close()

    def _new(self) -> http.client.HTTPConnection:
        address = self._address
        if self._trust is None:
            return http.client.HTTPConnection(address.host, address.port, timeout=address.timeout_s)
        return http.client.HTTPSConnection(
            address.host, address.port, timeout=address.timeout_s, context=self._trust
        )

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        try:
            self._kept.put_nowait((connection, time.monotonic()))
        except queue.Full:
            connection.close()


def trust_of(address: Address, ca_file: str) -> ssl.SSLContext | None:
    """What an endpoint's certificate is held to; None where it speaks without TLS."""
    if not address.is_tls:
        if ca_file:
            raise Misuse("ca_file is for https only", where=address.url, remedy="say https, or leave it out")
        return None
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise Misuse(
            f"the certificates cannot be read: {error}", where=ca_file, remedy="give a PEM file"
        ) from error


def unreachable(address: Address, error: Exception, asked: Asked[object]) -> EndpointUnreachable:
    """What a broken connection means to the caller."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return EndpointUnreachable(
            f"its certificate is not trusted: {error.verify_message}",
            where=address.url,
            remedy="give ca_file= of whoever signed it, or mend the certificate",
            code="not_trusted",
        )
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    remedy = "see whether it runs there (mlwright serve), and what stands in between"
    if isinstance(error, ssl.SSLError):
        why, remedy = f"TLS fails ({error.reason or why})", "see whether it is to be http:// there"
    elif asked.body is not None and len(asked.body) > LARGE_BYTES and is_cut_off(error):
        why = f"it broke while {len(asked.body) / 1e6:,.0f} MB were sent, perhaps more than it takes ({why})"
        remedy = "send fewer rows in a request: predict_many(rows, batch_rows=500) does"
    return EndpointUnreachable(f"there is no connection: {why}", where=address.url, remedy=remedy)


def is_cut_off(error: BaseException | None) -> bool:
    """Whether the other end hung up, or what caused the error says so."""
    ended = (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected)
    return error is not None and (isinstance(error, ended) or is_cut_off(error.__cause__))


def too_slow(address: Address, asked: Asked[object]) -> EndpointTooSlow:
    """What is told of an answer that did not come in time."""
    return EndpointTooSlow(
        f"{asked.path.partition('?')[0]} was not answered within {address.timeout_s:g} s",
        where=address.url,
        remedy="allow more by timeout_s, or send fewer rows at a time",
        request_id=asked.headers["X-Request-Id"],
    )


def _exchange(
    connection: http.client.HTTPConnection, asked: Asked[object], until: float
) -> tuple[Reply, bool]:
    """The answer, and whether the connection can be used again."""
    if connection.sock is not None:
        connection.sock.settimeout(_left(until))
    connection.request(asked.method, asked.path, asked.body, dict(asked.headers))
    connection.sock.settimeout(_left(until))
    response = connection.getresponse()
    pieces = []
    socket = connection.sock  # None where the endpoint will close it: the answer holds it then
    while True:
        if socket is not None:
            socket.settimeout(_left(until))
        piece = response.read1(_PIECE)
        if not piece:
            break
        pieces.append(piece)
    if response.length:
        raise http.client.IncompleteRead(b"".join(pieces), response.length)
    response.close()  # reading to its end does not, and the next request would be refused
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, headers, b"".join(pieces)), connection.sock is not None


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0.0:
        raise TimeoutError
    return left


def _was_ended(connection: http.client.HTTPConnection) -> bool:
    """Whether the endpoint closed it meanwhile: nothing but an end can be read before something was asked."""
    if connection.sock is None:
        return True
    try:
        return bool(select.select([connection.sock], [], [], 0)[0])
    except ValueError:  # a descriptor above those that select takes: the next call will tell
        return False
