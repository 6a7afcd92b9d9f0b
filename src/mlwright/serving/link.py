"""The link between the supervisor and a worker: messages of a JSON header and some bytes, over a socket pair.

Both ends are ours and on one machine; what cannot be read ends the link, and with it the worker.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import msgspec

_LENGTHS = struct.Struct("<IQ")
_MOST_HEADER = 4 << 20

Header = dict[str, Any]  # Any: JSON values


class Link:
    """One end. `receive` from one task; `send` from any, without waiting."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, descriptor_or_socket: Any) -> Link:  # Any: a connected socket
        """The end that a connected socket is."""
        return cls(*await asyncio.open_connection(sock=descriptor_or_socket))

    def send(self, header: Header, data: bytes = b"") -> None:
        """Sends a message; it is lost where the other end is gone."""
        if self._writer.is_closing():
            return
        encoded = msgspec.json.encode(header)
        self._writer.write(_LENGTHS.pack(len(encoded), len(data)))
        self._writer.write(encoded)
        if data:
            self._writer.write(data)

    async def receive(self) -> tuple[Header, bytes] | None:
        """The next message; None where the other end is gone."""
        try:
            lengths = _LENGTHS.unpack(await self._reader.readexactly(_LENGTHS.size))
            if lengths[0] > _MOST_HEADER:
                return None
            header: Header = msgspec.json.decode(await self._reader.readexactly(lengths[0]))
            return header, await self._reader.readexactly(lengths[1])
        except (asyncio.IncompleteReadError, ConnectionError, msgspec.DecodeError):
            return None

    def close(self) -> None:
        """Ends the link."""
        self._writer.close()
