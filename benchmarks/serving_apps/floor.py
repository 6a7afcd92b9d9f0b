"""The floor: uvloop and httptools, a request parsed, its body collected, one fixed answer; no model.

    python floor.py PORT

It answers with the headers and about the length of mlwright's own answer. What a server costs above it is
what the server does for its users.
"""

from __future__ import annotations

import asyncio
import gc
import sys

import httptools
import uvloop

BODY = (
    b'{"prediction_id":"01931c5e-5a3b-7c11-9d4e-0123456789ab","label":"<=50K",'
    b'"probability":{"<=50K":0.9876543210987654,">50K":0.012345678901234567},"model":"0123456789ab"}'
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nX-Request-Id: 0123456789ab-1000000\r\n"
    b"X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


class Echo(asyncio.Protocol):
    """One connection, which is its parser's listener as well."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, part: bytes) -> None:
        self._body.append(part)

    def on_message_complete(self) -> None:
        self._body.clear()
        self._transport.write(ANSWER)


async def run(port: int) -> None:
    """Serves until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port, backlog=2048)
    gc.freeze()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1])))
