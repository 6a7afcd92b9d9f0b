"""Connections of the client for asyncio, by aiohttp: the extra `client`.

As `wire` in all that it promises. Made when it is first used, in the loop that then runs.
"""

from __future__ import annotations

import io
import ssl
from typing import TYPE_CHECKING

from mlwright.base.errors import ExtraMissing, Misuse
from mlwright.client.asking import Address, Asked, Reply
from mlwright.client.wire import IDLE_S, LARGE_BYTES, too_slow, trust_of, unreachable

if TYPE_CHECKING:
    import aiohttp


class AsyncWire:
    """The connections to one endpoint, of one loop."""

    def __init__(self, address: Address, ca_file: str, connections: int) -> None:
        try:
            import aiohttp
        except ImportError as error:
            raise ExtraMissing("AsyncClient", "client", "aiohttp") from error
        self._library = aiohttp
        self._address, self._connections = address, connections
        self._trust = trust_of(address, ca_file)
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    async def send(self, asked: Asked[object]) -> Reply:
        """The answer. Raises `EndpointUnreachable` or `EndpointTooSlow`."""
        aiohttp, address = self._library, self._address
        session = self._opened()
        try:
            async with session.request(
                asked.method,
                self._root + asked.path,
                data=_in_pieces(asked.body),
                headers=asked.headers,
                allow_redirects=False,
            ) as response:
                body = await response.read()
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status, headers, body)
        except TimeoutError as error:
            raise too_slow(address, asked) from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise unreachable(address, error.certificate_error, asked) from error
        except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
            raise unreachable(address, error, asked) from error

    async def close(self) -> None:
        """Closes all connections."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()

    @property
    def _root(self) -> str:
        """Where paths begin: the address without its own path, which is in each question."""
        return self._address.url.removesuffix(self._address.prefix)

    def _opened(self) -> aiohttp.ClientSession:
        if self._is_closed:
            raise Misuse("this client is closed", where=self._address.url, remedy="make another one")
        if self._session is None:
            aiohttp = self._library
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections, keepalive_timeout=IDLE_S, ssl=self._trust or True
                ),
                timeout=aiohttp.ClientTimeout(total=self._address.timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept-Encoding",),
            )
        return self._session


def _in_pieces(body: bytes | None) -> bytes | io.BytesIO | None:
    """A body, in pieces where the whole would hold up the loop, of which aiohttp warns."""
    return io.BytesIO(body) if body is not None and len(body) > LARGE_BYTES else body
