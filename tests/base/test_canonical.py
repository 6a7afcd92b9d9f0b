"""Canonical JSON is what RFC 8785 says, by the examples that it gives, and reads back as itself."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwright.base.canonical import canonical_json, number_text
from mlwright.base.errors import Misuse

NUMBERS = {  # RFC 8785, appendix B
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


def double(bits: str) -> float:
    value: float = struct.unpack(">d", bytes.fromhex(bits))[0]
    return value


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_are_written_as_the_standard_shows(bits: str, text: str) -> None:
    assert number_text(double(bits)) == text
    assert canonical_json(double(bits)) == text.encode()
    assert float(text) == double(bits)
    assert canonical_json(msgspec.json.decode(text)) == text.encode()


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_what_json_has_no_number_for_is_refused(bits: str) -> None:
    with pytest.raises(Misuse):
        canonical_json(double(bits))


def test_the_example_of_the_standard_is_written_to_the_byte() -> None:
    sent = r"""{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"""
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_json(json.loads(sent)) == expected.encode()


def test_keys_are_sorted_by_their_utf_16_units() -> None:
    sent = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    keys = list(json.loads(canonical_json(sent)))
    assert keys == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize("value", [10**17, -(10**17), 2**53, 1152921504606847000, 10**20])
def test_a_whole_number_that_keeps_its_digits_is_written_as_the_double_is(value: int) -> None:
    assert canonical_json(value) == canonical_json(float(value)) == str(value).encode()


def test_a_whole_number_of_a_power_of_ten_is_the_same_number() -> None:
    assert canonical_json(10**21) == canonical_json(1e21) == b"1e+21"


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, 2**60, 10**17 + 1, 2**64 - 1, 10**400])
def test_a_whole_number_that_a_double_would_change_is_refused(value: int) -> None:
    with pytest.raises(Misuse, match="whole number"):
        canonical_json(value)


@pytest.mark.parametrize("value", ["\ud800", {"\udc00": 1}, ["a\ud83d"]])
def test_half_a_character_is_refused(value: Any) -> None:
    with pytest.raises(Misuse, match="half a character"):
        canonical_json(value)


NUMBER = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
NUMBER |= st.integers(50, 80).map(lambda n: 2.0**n) | st.integers(0, 30).map(lambda n: 10**n)


@given(st.dictionaries(st.text(), st.lists(NUMBER | st.text() | st.none() | st.booleans())))
def test_what_was_written_reads_back_and_writes_the_same(value: dict[str, Any]) -> None:
    data = canonical_json(value)
    assert canonical_json(json.loads(data)) == data
    assert canonical_json(msgspec.json.decode(data)) == data


@pytest.mark.parametrize("around", [[], [True], [3], ["x"]])
def test_numbers_in_a_list_are_written_as_they_are_alone(around: list[Any]) -> None:
    numbers = [1.0, -0.0, 1e21, 1e-7, 0.1, 123456789012345680.0, 1e20]
    written = ",".join(number_text(n) for n in numbers)
    assert canonical_json(numbers + around).startswith(f"[{written}".encode())
    for odd in (math.nan, math.inf):
        with pytest.raises(Misuse):
            canonical_json([*numbers, odd, *around])
