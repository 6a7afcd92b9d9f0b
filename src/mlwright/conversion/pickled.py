"""Whether a file is a pickle, by its first bytes: reading one runs whatever code it holds, so that none is.

Used by what opens a user's model file. It never unpickles; compressed files are looked into for some bytes.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

_HEAD: Final = 4096
_BEGINNINGS: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"ccopy_reg\n", b"csklearn.")
"""Of protocols 2 to 5, and of 0 and 1 as objects begin in them."""
_PACKED: Final[tuple[tuple[bytes, Callable[[bytes], bytes]], ...]] = (
    (b"x", lambda head: zlib.decompressobj().decompress(head, 64)),
    (b"\x1f\x8b", lambda head: zlib.decompressobj(wbits=31).decompress(head, 64)),
    (b"BZh", lambda head: bz2.BZ2Decompressor().decompress(head, 64)),
    (b"\xfd7zXZ\x00", lambda head: lzma.LZMADecompressor().decompress(head, 64)),
    (b"]\x00\x00", lambda head: lzma.LZMADecompressor().decompress(head, 64)),
)
"""How joblib compresses what it writes."""


def is_pickle(path: Path) -> bool:
    """Whether the file is a pickle, as pickle, joblib, cloudpickle and dill write it, or one within a ZIP, as
    PyTorch writes it. Raises `OSError` where it cannot be read."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return head.startswith(_BEGINNINGS) or is_of_torch(head) or _unpacked(head).startswith(_BEGINNINGS)


def is_of_torch(head: bytes) -> bool:
    """Whether the first bytes of a file are those of an archive of PyTorch."""
    return head.startswith(b"PK\x03\x04") and b"/data.pkl" in head


def _unpacked(head: bytes) -> bytes:
    for mark, unpack in _PACKED:
        if head.startswith(mark):
            try:
                return unpack(head)
            except (zlib.error, lzma.LZMAError, OSError, EOFError):
                return b""
    return b""
