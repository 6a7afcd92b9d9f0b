"""A model file has one form; any other byte is refused by name."""

from __future__ import annotations

import io
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwright.artifact.container import MEMBERS, MOST_JSON_BYTES, check_json, pack, unpack
from mlwright.base.canonical import canonical_json
from mlwright.base.errors import (
    Misuse,
    ModelDamaged,
    ModelFileProblem,
    ModelRefused,
    ModelTooNew,
    NotAModel,
)

PLAIN = {
    name: b'{"format":1}' if name.endswith(".json") else b"content of " + name.encode() for name in MEMBERS
}
FILE = pack(PLAIN)


def headers(data: bytes) -> Iterator[int]:
    """Every offset that belongs to no member's content, found by zipfile."""
    content: set[int] = set()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            start = info.header_offset + 30 + len(info.filename)
            content |= set(range(start, start + info.file_size))
    return (i for i in range(len(data)) if i not in content)


def zip_of(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    """What the standard library writes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return buffer.getvalue()


def test_what_is_packed_is_unpacked() -> None:
    assert unpack(FILE) == PLAIN
    assert list(unpack(FILE)) == list(MEMBERS)


def test_equal_members_in_any_order_are_equal_bytes() -> None:
    assert pack(dict(reversed(PLAIN.items()))) == FILE


def test_the_standard_library_opens_what_is_packed() -> None:
    with zipfile.ZipFile(io.BytesIO(FILE)) as archive:
        assert archive.testzip() is None
        assert {i.filename: archive.read(i) for i in archive.infolist()} == PLAIN
        assert {(i.date_time, i.external_attr >> 16) for i in archive.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0o100644)
        }


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_of_every_header_is_refused(bit: int) -> None:
    for i in headers(FILE):
        flipped = bytearray(FILE)
        flipped[i] ^= 1 << bit
        with pytest.raises(ModelFileProblem):
            unpack(bytes(flipped))


def test_every_flipped_byte_of_every_member_is_damage() -> None:
    in_headers = set(headers(FILE))
    for i in range(len(FILE)):
        if i not in in_headers:
            flipped = bytearray(FILE)
            flipped[i] ^= 0xFF
            with pytest.raises(ModelDamaged, match="differ from their checksum"):
                unpack(bytes(flipped))


def test_every_truncation_is_refused_as_damage() -> None:
    with pytest.raises(NotAModel, match="empty"):
        unpack(b"")
    for size in range(1, len(FILE)):
        with pytest.raises(ModelDamaged, match="ends after"):
            unpack(FILE[:size])


def test_bytes_before_after_or_between_are_refused() -> None:
    with pytest.raises(NotAModel):
        unpack(b"\x00" + FILE)
    with pytest.raises(ModelRefused, match="3 bytes follow the end"):
        unpack(FILE + b"abc")
    with pytest.raises(ModelFileProblem):
        unpack(FILE + FILE)
    gap = FILE.index(b"PK\x03\x04", 4)
    with pytest.raises(ModelDamaged, match="no header"):
        unpack(FILE[:gap] + b"\x00" + FILE[gap:])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 60, "a PNG image"),
        (pickle.dumps({"a": 1}), "a Python pickle"),
        (b"\x1f\x8b" + b"\x00" * 60, "a gzip file"),
        (b"PAR1" + b"\x00" * 60, "a Parquet file"),
        (b"hello, I am a text", "not a model file"),
        (b"\x08\x0a" + b"\x00" * 60, "bare ONNX graph"),
        (zip_of([]), "an empty ZIP"),
        (zip_of([("data.pkl", b"x"), ("version", b"3")]), "does not begin with 'manifest.json'"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_another_kind_of_file_is_named(data: bytes, says: str) -> None:
    with pytest.raises(NotAModel, match=says):
        unpack(data)


def test_what_a_zip_tool_made_of_the_same_members_is_refused() -> None:
    with pytest.raises(ModelFileProblem):
        unpack(zip_of(list(PLAIN.items())))
    with pytest.raises(ModelRefused, match="ZIP version"):
        unpack(zip_of(list(PLAIN.items()), zipfile.ZIP_DEFLATED))


def raw(members: list[tuple[str, bytes]]) -> bytes:
    """The canonical headers around any list of members."""
    from mlwright.artifact.container import _central, _end, _local

    local, central, offset = b"", [], 0
    for name, data in members:
        crc = zlib.crc32(data)
        central.append(_central(name, len(data), crc, offset))
        local += _local(name, len(data), crc) + data
        offset = len(local)
    return local + b"".join(central) + _end(central, offset)


def test_order_names_and_number_of_members_are_fixed() -> None:
    items = list(PLAIN.items())
    assert raw(items) == FILE
    assert "extra.onnx" not in unpack(raw([m for m in items if m[0] != "extra.onnx"]))
    with pytest.raises(ModelRefused, match="not in its place"):
        unpack(raw([items[0], items[2], items[1], *items[3:]]))
    with pytest.raises(ModelRefused, match="twice"):
        unpack(raw([items[0], items[1], items[1], *items[2:]]))
    with pytest.raises(ModelRefused, match=r"'schema\.json' is absent"):
        unpack(raw([m for m in items if m[0] != "schema.json"]))
    for name in ("evil.py", "../model.onnx", "model.onnx/", "MODEL.ONNX", "x" * 70_0, "a\x1b[31m"):
        with pytest.raises(ModelRefused, match="which no model file has"):
            unpack(raw([*items, (name, b"x")]))
    with pytest.raises(NotAModel):
        unpack(raw([m for m in items if m[0] != "manifest.json"]))


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_only_the_optional_member_may_be_left_out(name: str) -> None:
    members = {k: v for k, v in PLAIN.items() if k != name}
    if name == "extra.onnx":
        assert unpack(pack(members)) == members
    else:
        with pytest.raises(Misuse, match="needs the member"):
            pack(members)


def test_an_unknown_member_cannot_be_packed() -> None:
    with pytest.raises(Misuse, match="no member"):
        pack(PLAIN | {"code.py": b""})


def test_a_later_format_is_found_before_anything_else_of_the_manifest_is_judged() -> None:
    for manifest in (
        b'{"format":2}',
        b'{ "unknown": [1.0], "format": 99 }',
        b'{"format":2,"kind":{"new":1},"members":7}',
    ):
        with pytest.raises(ModelTooNew, match=r"pip install --upgrade"):
            unpack(raw([("manifest.json", manifest), ("something.new", b"")]))
    for manifest in (b'{"format": "2"}', b"[2,]", b"nonsense", b"\xff", b'{"form'):
        with pytest.raises(ModelRefused):
            unpack(raw([("manifest.json", manifest), *list(PLAIN.items())[1:]]))


@pytest.mark.parametrize(
    "data",
    [
        b"", b" {}", b"{} ", b'{"a": 1}', b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'{"a":1.0}', b'{"a":1e2}',
        b'"\\u0061"', b"nul", b"NaN", b"[1,]", b"'a'", b"\xff", b'"\xed\xa0\x80"', b'"\\ud800"', b"-0",
        b"1E5", b"[01]", b"{}{}",
        b"\xef\xbb\xbf{}", b'"\\u00e9"', b"1" * 400, b"1" * 5000, b"[" * 100_000 + b"]" * 100_000,
        b"{\"a\":" * 20 + b"1" + b"}" * 20,
        b"[" * 17 + b"]" * 17, b'"' + b"a" * MOST_JSON_BYTES + b'"', b"[" * 100_000,
    ],
    ids=lambda d: repr(d[:12]),
)  # fmt: skip
def test_json_in_any_but_its_canonical_form_is_refused(data: bytes) -> None:
    with pytest.raises(ModelRefused, match=r"profile\.json"):
        check_json("profile.json", data)
    with pytest.raises(ModelRefused):
        unpack(pack(PLAIN | {"profile.json": data}))


def test_brackets_within_texts_are_no_depth() -> None:
    check_json("profile.json", canonical_json({"a": '"' + "[" * 50 + "\\", "b": ["{" * 50]}))
    check_json("profile.json", b"[" * 16 + b"]" * 16)


TEXT = st.text(st.characters(codec="utf-8"))
SCALAR = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
SCALAR |= st.integers(-(2**53), 2**53)


@given(st.recursive(SCALAR, lambda x: st.lists(x, max_size=4) | st.dictionaries(TEXT, x, max_size=4)))
@settings(deadline=None, database=None, max_examples=300)
def test_whatever_is_written_canonically_is_accepted(value: object) -> None:
    check_json("profile.json", canonical_json(value))


def test_the_card_is_plain_text() -> None:
    for data in (b"\xff", b"a\x1b[31m", b"\x00"):
        with pytest.raises(ModelRefused, match=r"card\.md"):
            unpack(pack(PLAIN | {"card.md": data}))


def test_random_bytes_and_random_edits_never_escape_the_tree_of_errors() -> None:
    rng = random.Random(0)
    for _ in range(3000):
        data = bytearray(FILE)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data))
            kind = rng.randrange(4)
            if kind == 0:
                data[at] = rng.randrange(256)
            elif kind == 1:
                del data[at : at + rng.randrange(1, 40)]
            elif kind == 2:
                data[at:at] = rng.randbytes(rng.randrange(1, 40))
            else:
                data[at : at + 4] = struct.pack("<I", rng.choice([0, 1, 2**31, 2**32 - 1]))
        if bytes(data) != FILE:
            with pytest.raises(ModelFileProblem):
                unpack(bytes(data))


def test_a_flip_never_costs_more_memory_than_the_file(
    classifier_file: bytes, make_file: Callable[..., bytes]
) -> None:
    assert make_file() == classifier_file
    size = classifier_file.index(b"model.onnx") - 12
    claimed = bytearray(classifier_file)
    struct.pack_into("<2I", claimed, size, 2**32 - 1, 2**32 - 1)
    with pytest.raises(ModelDamaged):
        unpack(bytes(claimed))


@pytest.mark.parametrize("number", [b"9007199254740993", b"-9007199254740993", b"[1.5,9007199254740993]"])
def test_a_whole_number_that_a_double_would_change_is_not_canonical(number: bytes) -> None:
    with pytest.raises(ModelRefused, match="canonical form"):
        check_json("schema.json", b'{"a":' + number + b"}")
