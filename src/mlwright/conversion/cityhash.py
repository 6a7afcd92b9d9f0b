"""CityHash64 in its first version, by which CatBoost names categories: its models hold these numbers, and no
texts.

After the description of the algorithm by Pike and Alakuijala (Google, 2011). Numbers are of 64 bits and wrap.
"""

from __future__ import annotations

_ALL = (1 << 64) - 1
_K0, _K1 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273
_K2, _K3 = 0x9AE16A3B2F90404F, 0xC949D7C7509E6557
_MIX = 0x9DDFEA08EB382D69

Pair = tuple[int, int]


def cityhash64(text: bytes) -> int:
    """The hash of `text`.

    >>> cityhash64(b"") == 0x9AE16A3B2F90404F
    True
    """
    if len(text) <= 16:
        return _up_to_16(text)
    if len(text) <= 32:
        return _up_to_32(text)
    return _up_to_64(text) if len(text) <= 64 else _long(text)


def _word(text: bytes, at: int, size: int = 8) -> int:
    at = at + len(text) if at < 0 else at
    return int.from_bytes(text[at : at + size], "little")


def _turned(value: int, by: int) -> int:
    value &= _ALL
    return value if by == 0 else (value >> by | value << (64 - by)) & _ALL


def _shifted(value: int) -> int:
    value &= _ALL
    return value ^ value >> 47


def _both(first: int, second: int) -> int:
    a = _shifted((first ^ second) * _MIX)
    return _shifted((second ^ a) * _MIX) * _MIX & _ALL


def _up_to_16(text: bytes) -> int:
    n = len(text)
    if n > 8:
        a, b = _word(text, 0), _word(text, -8)
        return _both(a, _turned(b + n, n)) ^ b
    if n >= 4:
        return _both(n + (_word(text, 0, 4) << 3), _word(text, -4, 4))
    if n > 0:
        y = text[0] + (text[n >> 1] << 8)
        z = n + (text[-1] << 2)
        return _shifted(y * _K2 ^ z * _K3) * _K2 & _ALL
    return _K2


def _up_to_32(text: bytes) -> int:
    a, b = _word(text, 0) * _K1, _word(text, 8)
    c, d = _word(text, -8) * _K2, _word(text, -16) * _K0
    first = _turned(a - b, 43) + _turned(c, 30) + d
    second = a + _turned(b ^ _K3, 20) - c + len(text)
    return _both(first & _ALL, second & _ALL)


def _up_to_64(text: bytes) -> int:
    n = len(text)
    first = _quarter(_word(text, 0) + (n + _word(text, -16)) * _K0, _word(text, 24), text, 8)
    second = _quarter(_word(text, 16) + _word(text, -32), _word(text, -8), text, n - 24)
    mixed = _shifted((first[0] + second[1]) * _K2 + (second[0] + first[1]) * _K0)
    return _shifted(mixed * _K0 + first[1]) * _K2 & _ALL


def _quarter(a: int, z: int, text: bytes, at: int) -> Pair:
    b, c = _turned(a + z, 52), _turned(a, 37)
    a += _word(text, at)
    c += _turned(a, 7)
    a += _word(text, at + 8)
    return (a + z) & _ALL, (b + _turned(a, 31) + c) & _ALL


def _weak(text: bytes, at: int, a: int, b: int) -> Pair:
    """32 bytes from `at`, with two seeds."""
    z = _word(text, at + 24)
    a += _word(text, at)
    b = _turned(b + a + z, 21)
    c = a
    a += _word(text, at + 8) + _word(text, at + 16)
    b += _turned(a, 44)
    return (a + z) & _ALL, (b + c) & _ALL


def _long(text: bytes) -> int:
    n = len(text)
    x, y, z = _word(text, 0), _word(text, -16) ^ _K1, _word(text, -56) ^ _K0
    v, w = _weak(text, n - 64, n, y), _weak(text, n - 32, n * _K1, _K0)
    z += _shifted(v[1]) * _K1
    x = _turned(z + x, 39) * _K1
    y = _turned(y, 33) * _K1
    for at in range(0, (n - 1) & ~63, 64):
        x = _turned(x + y + v[0] + _word(text, at + 16), 37) * _K1 & _ALL
        y = _turned(y + v[1] + _word(text, at + 48), 42) * _K1 & _ALL
        x ^= w[1]
        y ^= v[0]
        z = _turned(z ^ w[0], 33)
        v = _weak(text, at, v[1] * _K1, x + w[0])
        w = _weak(text, at + 32, z + w[1], y)
        z, x = x, z
    first = _both(v[0], w[0]) + _shifted(y) * _K1 + z
    return _both(first & _ALL, (_both(v[1], w[1]) + x) & _ALL)
