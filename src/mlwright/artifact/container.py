"""The container of a model file: a canonical ZIP of stored members, written and read by our own code.

Called by `manifest` and `opening`. One set of members has one form in bytes: fixed order, dates and modes.
The reader rebuilds every header byte from name, size and CRC and refuses any difference; it never trusts an
offset. It knows nothing of what members mean, but for the format version that the manifest states.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from itertools import chain
from typing import NoReturn

import msgspec
import numpy as np

from mlwright.base.canonical import canonical_json
from mlwright.base.errors import Misuse, ModelDamaged, ModelRefused, ModelTooNew, NotAModel, shown

FORMAT = 1
"""The format that this version writes, and the greatest that it opens."""

MEMBERS = (
    "manifest.json", "model.onnx", "extra.onnx", "schema.json", "profile.json", "evaluation.json",
    "findings.json", "samples.json", "card.md", "timings.json",
)  # fmt: skip
"""Names that members may have, in the order of the file."""

OPTIONAL = frozenset({"extra.onnx"})

MOST_BYTES = 512 * 1024 * 1024
MOST_JSON_BYTES = 4 * 1024 * 1024
MOST_JSON_DEPTH = 16

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION, _DATE, _UNIX_FILE = 10, 0x0021, 0o100644 << 16

_AGAIN = "copy the file again from where it was made"
_ELSEWHERE = "give a file that mlwright wrote"


def pack(members: Mapping[str, bytes]) -> bytes:
    """The file that holds `members`: equal members, equal bytes.

    Raises `Misuse` for names off the list, for an absent member, and beyond 512 MiB.

    >>> members = {name: b"{}" for name in MEMBERS}
    >>> unpack(pack(members)) == members
    True
    """
    for name in members:
        if name not in MEMBERS:
            raise Misuse(f"a model file has no member {name!r}")
    absent = [name for name in MEMBERS if name not in members and name not in OPTIONAL]
    if absent:
        raise Misuse(f"a model file needs the member {absent[0]!r}")
    local: list[bytes] = []
    central: list[bytes] = []
    offset = 0
    for name in MEMBERS:
        if name in members:
            data = members[name]
            header = _local(name, len(data), zlib.crc32(data))
            local += [header, data]
            central.append(_central(name, len(data), zlib.crc32(data), offset))
            offset += len(header) + len(data)
    file = b"".join(chain(local, central, [_end(central, offset)]))
    if len(file) > MOST_BYTES:
        raise Misuse(f"the model has {len(file)} bytes; a file may have {MOST_BYTES}")
    return file


def unpack(data: bytes) -> dict[str, bytes]:
    """The members of the file `data`, in order.

    Raises `NotAModel` for other kinds of file, `ModelTooNew` before anything else of the manifest is judged,
    `ModelDamaged` for what a bad copy looks like, `ModelRefused` for what no model file may hold.
    """
    if len(data) > MOST_BYTES:
        raise ModelRefused(f"it has {len(data)} bytes; a model file may have {MOST_BYTES}", remedy=_ELSEWHERE)
    _recognise(data)
    members: dict[str, bytes] = {}
    central: list[bytes] = []
    at = 0
    while data[at : at + 4] != b"PK\x01\x02":
        name, content, header = _member(data, at, members)
        members[name] = content
        central.append(_central(name, len(content), zlib.crc32(content), at))
        at += len(header) + len(content)
        if len(members) == 1:
            refuse_later_formats(content)
    absent = [name for name in MEMBERS if name not in members and name not in OPTIONAL]
    if absent:
        raise ModelRefused(f"the member {absent[0]!r} is absent", remedy=_ELSEWHERE)
    _check_end(data, at, central)
    for name, content in members.items():
        if name.endswith(".json"):
            check_json(name, content)
        elif name.endswith(".md"):
            _check_text(name, content)
    return members


def check_json(name: str, data: bytes) -> None:
    """Refuses JSON that is too large, too deep, or not in its canonical form."""
    if len(data) > MOST_JSON_BYTES:
        _refuse(f"the member {name!r} has {len(data)} bytes; JSON may have {MOST_JSON_BYTES}")
    if _depth(data) > MOST_JSON_DEPTH:
        _refuse(f"the member {name!r} is nested more than {MOST_JSON_DEPTH} deep")
    try:
        value = msgspec.json.decode(data)
        canonical = canonical_json(_as_doubles(value) if _LONG_WHOLE.search(data) else value)
    except (ValueError, OverflowError, Misuse):
        _refuse(f"the member {name!r} is not JSON")
    if canonical != data:
        _refuse(f"the member {name!r} is not in the canonical form of JSON")


def refuse_later_formats(manifest: bytes) -> None:
    """Raises `ModelTooNew` where the manifest states a format later than this version opens."""
    try:
        version = msgspec.json.decode(manifest, type=_Version).format if _depth(manifest) <= 64 else 0
    except ValueError:  # not JSON, not UTF-8, not a number:
        return  # judged with the rest of the manifest
    if version > FORMAT:
        raise ModelTooNew(
            f"the file has format {version}; this mlwright opens formats up to {FORMAT}",
            remedy="pip install --upgrade mlwright",
        )


class _Version(msgspec.Struct):
    format: int = 0


def _local(name: str, size: int, crc: int) -> bytes:
    fields = (b"PK\x03\x04", _VERSION, 0, 0, 0, _DATE, crc, size, size, len(name), 0)
    return _LOCAL.pack(*fields) + name.encode()


def _central(name: str, size: int, crc: int, offset: int) -> bytes:
    made_by = 3 << 8 | _VERSION
    fields = (b"PK\x01\x02", made_by, _VERSION, 0, 0, 0, _DATE, crc, size, size, len(name), 0, 0, 0, 0)
    return _CENTRAL.pack(*fields, _UNIX_FILE, offset) + name.encode()


def _end(central: list[bytes], offset: int) -> bytes:
    size = sum(map(len, central))
    return _END.pack(b"PK\x05\x06", 0, 0, len(central), len(central), size, offset, 0)


def _recognise(data: bytes) -> None:
    """Refuses what is another kind of file, saying which."""
    start = _local(MEMBERS[0], 0, 0)
    if len(data) < len(start) and data[:4] == start[: len(data[:4])] and data:
        raise ModelDamaged(f"it ends after {len(data)} bytes", remedy=_AGAIN)
    if not data:
        raise NotAModel("the file is empty", remedy=_ELSEWHERE)
    if data[:4] != start[:4]:
        kind = next((what for magic, what in _KINDS if data.startswith(magic)), "not a model file")
        raise NotAModel(f"this is {kind}", remedy=_ELSEWHERE)
    if data[_LOCAL.size : len(start)] != MEMBERS[0].encode():
        raise NotAModel(f"this is a ZIP file, but it does not begin with {MEMBERS[0]!r}", remedy=_ELSEWHERE)


_KINDS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x1f\x8b", "a gzip file"),
    (b"PAR1", "a Parquet file"),
    (b"\x80\x02", "a Python pickle, which mlwright never opens"),
    (b"\x80\x03", "a Python pickle, which mlwright never opens"),
    (b"\x80\x04", "a Python pickle, which mlwright never opens"),
    (b"\x80\x05", "a Python pickle, which mlwright never opens"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x08", "perhaps a bare ONNX graph"),
    (b"%PDF", "a PDF document"),
    (b"{", "JSON"),
    (b"PK\x05\x06", "an empty ZIP file"),
)


def _member(data: bytes, at: int, before: Mapping[str, bytes]) -> tuple[str, bytes, bytes]:
    """The member whose header stands at `at`: its name, its content and its header."""
    if at + _LOCAL.size > len(data):
        raise ModelDamaged(f"it ends after {len(data)} bytes, within a header", remedy=_AGAIN)
    magic, version, flags, method, time, date, crc, size, _, name_size, extra = _LOCAL.unpack_from(data, at)
    if magic != b"PK\x03\x04":
        raise ModelDamaged(f"there is no header at byte {at}", remedy=_AGAIN)
    start = at + _LOCAL.size + name_size
    if start > len(data):
        raise ModelDamaged(f"it ends after {len(data)} bytes, within a name", remedy=_AGAIN)
    name = data[at + _LOCAL.size : start].decode("latin-1")
    _refuse_features(name, version, flags, method, extra)
    if name not in MEMBERS:
        _refuse(f"it holds {shown(name)}, which no model file has")
    if name in before:
        _refuse(f"it holds {name!r} twice")
    if before and MEMBERS.index(name) < max(map(MEMBERS.index, before)):
        _refuse(f"the member {name!r} is not in its place")
    header = _local(name, size, crc)
    if data[at : at + len(header)] != header:
        what = "time or date" if (time, date) != (0, _DATE) else "size"
        raise ModelDamaged(f"the header of {name!r} states another {what} than it must", remedy=_AGAIN)
    if start + size > len(data):
        raise ModelDamaged(f"it ends after {len(data)} bytes, within {name!r}", remedy=_AGAIN)
    content = data[start : start + size]
    if zlib.crc32(content) != crc:
        raise ModelDamaged(f"the bytes of {name!r} differ from their checksum", remedy=_AGAIN)
    return name, content, header


def _refuse_features(name: str, version: int, flags: int, method: int, extra: int) -> None:
    found = {
        "another ZIP version": version != _VERSION,
        "flags": flags != 0,
        "compression": method != 0,
        "extra fields": extra != 0,
    }
    for feature, used in found.items():
        if used:
            _refuse(f"the header of {shown(name)} uses {feature}, which model files do not")


def _check_end(data: bytes, at: int, central: list[bytes]) -> None:
    """Compares all that follows the members with the directory that they must have."""
    expected = b"".join(central) + _end(central, at)
    found = data[at:]
    if found == expected:
        return
    if len(found) < len(expected) and expected.startswith(found):
        raise ModelDamaged(f"it ends after {len(data)} bytes, within the directory", remedy=_AGAIN)
    if found.startswith(expected):
        _refuse(f"{len(found) - len(expected)} bytes follow the end of the model")
    raise ModelDamaged("the directory at its end differs from its members", remedy=_AGAIN)


def _refuse(problem: str) -> NoReturn:
    raise ModelRefused(problem, remedy=f"{_ELSEWHERE}, and do not edit or repack it")


_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_LONG_WHOLE = re.compile(rb"(?<![0-9.])[0-9]{16}")
_NO_BRACKETS = bytes(c for c in range(256) if c not in b"[]{}")


def _depth(data: bytes) -> int:
    """How deep the brackets of JSON are nested, without parsing it."""
    brackets = np.frombuffer(_QUOTED.sub(b"", data).translate(None, _NO_BRACKETS), np.uint8)
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1)
    return int(steps.cumsum().max(initial=0))


def _as_doubles(value: object) -> object:
    """JSON's whole numbers beyond 2**53 as the doubles that canonical JSON takes all numbers for."""
    if isinstance(value, dict):
        return {key: _as_doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_doubles(item) for item in value]
    return float(value) if isinstance(value, int) and abs(value) > 2**53 else value


def _check_text(name: str, data: bytes) -> None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        _refuse(f"the member {name!r} is not UTF-8 text")
    if any((c < " " and c not in "\n\t") or c == "\x7f" for c in text):
        _refuse(f"the member {name!r} holds control characters")
