"""Patterns of text that a stranger's model file may hold: matched in linear time, whatever pattern and text.

Used by `constraints` for columns with a pattern, which becomes Glushkov's automaton (one position for each
character that it can take), run on sets of positions; what follows a set is worked out once and remembered,
within a limit. Nothing is ever tried twice, so that time grows with the text alone. It knows no column.

Source: Glushkov (1961), Russian Mathematical Surveys 16; lazily built as in Cox (2010), "Regular expression
matching in the wild".
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

from mlwright.base.errors import Misuse

LONGEST_PATTERN = 500
MOST_POSITIONS = 500
"""Characters that a pattern may take, its counted repetitions written out."""
LONGEST_TEXT = 1_000
"""A longer text matches no pattern: that of an identifier or a code is short."""
MOST_KEPT = 5_000
"""Steps remembered; beyond it all are forgotten and worked out anew."""
_DEEPEST = 20
_MOST_READ = 5_000  # parts, those of repetitions again each time: empty ones take no position
_LAST = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]
"""Code points from and to, both included, in order and apart."""

_DIGITS: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_BLANK: Ranges = ((9, 13), (32, 32))
_CONTROL = {"t": 9, "n": 10, "r": 13, "f": 12, "v": 11}
_SUBSET = "literals, ., \\d \\w \\s, [classes], (groups), | and the repetitions ? * + {m,n}"


class Pattern:
    """A pattern that whole texts match or not. Raises `Misuse`, naming the place, for what it cannot be.

    >>> code = Pattern("[A-Z]{2}-\\\\d+")
    >>> code.matches("CH-8001"), code.matches("ch-8001"), code.matches("CH-8001 ")
    (True, False, False)
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.steps = 0
        """How often a set of positions was worked out: at most once a character of what was matched."""
        parser = _Parser(text)
        whole = parser.whole()
        self._sets = parser.sets
        self._follow = parser.follow
        self._first, self._last, self._takes_nothing = whole
        self._known: dict[int, dict[str, int]] = {}
        self._kept = 0

    def matches(self, text: str) -> bool:
        """Whether the whole of `text` matches; False for a text of more than 1,000 characters."""
        if not text:
            return self._takes_nothing
        if len(text) > LONGEST_TEXT:
            return False
        at = -1  # before the first character; otherwise the positions just taken, as bits
        for character in text:
            try:
                at = self._known[at][character]
            except KeyError:
                at = self._step(at, character)
            if not at:
                return False
        return bool(at & self._last)

    def shortest(self) -> str:
        """A shortest text that matches.

        >>> Pattern("(ab|c)+x?").shortest()
        'c'
        """
        if self._takes_nothing:
            return ""
        ways = [(i, "") for i in _bits(self._first)]
        seen = self._first
        for at, before in ways:  # grows while it is walked: breadth first
            so_far = before + chr(self._sets[at][0][0])
            if self._last >> at & 1:
                return so_far
            new = self._follow[at] & ~seen
            seen |= new
            ways.extend((i, so_far) for i in _bits(new))
        raise AssertionError("every position leads to an end")

    def _step(self, at: int, character: str) -> int:
        self.steps += 1
        reachable = self._first if at == -1 else 0
        if at != -1:
            for i in _bits(at):
                reachable |= self._follow[i]
        code = ord(character)
        taken = 0
        for i in _bits(reachable):
            if _holds(self._sets[i], code):
                taken |= 1 << i
        if self._kept >= MOST_KEPT:
            self._known, self._kept = {}, 0
        self._known.setdefault(at, {})[character] = taken
        self._kept += 1
        return taken


@lru_cache(maxsize=256)
def pattern_of(text: str) -> Pattern:
    """The pattern `text`, made once. Raises as `Pattern` does."""
    return Pattern(text)


def _bits(mask: int) -> list[int]:
    """The places of the ones in `mask`."""
    out = []
    while mask:
        low = mask & -mask
        out.append(low.bit_length() - 1)
        mask ^= low
    return out


def _holds(ranges: Ranges, code: int) -> bool:
    at = bisect_right(ranges, (code, _LAST)) - 1
    return at >= 0 and ranges[at][0] <= code <= ranges[at][1]


def _joined(ranges: list[tuple[int, int]]) -> Ranges:
    out: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        else:
            out.append((low, high))
    return tuple(out)


def _others(ranges: Ranges) -> Ranges:
    """Every code point but those."""
    out, start = [], 0
    for low, high in ranges:
        if start < low:
            out.append((start, low - 1))
        start = high + 1
    return (*out, (start, _LAST)) if start <= _LAST else tuple(out)


Part = tuple[int, int, bool]
"""Of a part of a pattern: the positions that it can begin with, those it can end with, and whether it may be
empty."""

_EMPTY: Part = (0, 0, True)


class _Parser:
    """Reads a pattern from left to right into positions: what each takes and what may follow it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.read = 0
        self.sets: list[Ranges] = []
        self.follow: list[int] = []
        if not text:
            raise self._wrong("it is empty")
        if len(text) > LONGEST_PATTERN:
            raise self._wrong(f"it has {len(text)} characters; {LONGEST_PATTERN} are allowed")

    def whole(self) -> Part:
        if self._next() == "^":  # the whole text is matched anyway
            self.at += 1
        part = self._either()
        if self.at < len(self.text):
            raise self._wrong("there is no ( for this )")
        return part

    def _either(self) -> Part:
        part = self._sequence()
        while self._next() == "|":
            self.at += 1
            other = self._sequence()
            part = part[0] | other[0], part[1] | other[1], part[2] or other[2]
        return part

    def _sequence(self) -> Part:
        part = _EMPTY
        while self.at < len(self.text) and self._next() not in ("|", ")"):
            if self._next() == "$" and self.at == len(self.text) - 1:
                self.at += 1
                break
            part = self._after(part, self._repeated())
        return part

    def _after(self, one: Part, other: Part) -> Part:
        """`one`, then `other`."""
        for i in _bits(one[1]):
            self.follow[i] |= other[0]
        first = one[0] | (other[0] if one[2] else 0)
        last = other[1] | (one[1] if other[2] else 0)
        return first, last, one[2] and other[2]

    def _repeated(self) -> Part:
        start = self.at
        part = self._one()
        end = self.at
        counts = self._counts()
        if counts is None:
            return part
        if self._next() in ("?", "*", "+", "{"):
            raise self._wrong("a repetition of a repetition; put the first in ( )")
        least, most = counts
        if most == 0:
            return _EMPTY
        whole, again = _EMPTY, self.at
        copies = max(least, 1) if most is None else most
        for copy in range(copies):
            if copy:  # each copy has positions of its own
                self.at = start
                part = self._one()
                assert self.at == end
            if most is None and copy == copies - 1:
                for i in _bits(part[1]):
                    self.follow[i] |= part[0]
            optional = copy >= least
            whole = self._after(whole, (part[0], part[1], part[2] or optional))
        self.at = again
        return whole

    def _counts(self) -> tuple[int, int | None] | None:
        """How often the thing before may stand here: least and most; None without a repetition."""
        sign = self._next()
        plain: dict[str, tuple[int, int | None]] = {"?": (0, 1), "*": (0, None), "+": (1, None)}
        if sign in plain:
            self.at += 1
            return plain[sign]
        if sign != "{":
            return None
        end = self.text.find("}", self.at)
        inside = self.text[self.at + 1 : end] if end > 0 else ""
        low, comma, high = inside.partition(",")
        if not (low + high).isdecimal() or not (low + high).isascii():
            raise self._wrong("{ begins a count such as {2} or {2,5}; write \\{ for the sign itself")
        least, most = int(low or 0), (int(high) if high else None) if comma else int(low)
        if max(least, most or 0) > MOST_POSITIONS:
            raise self._wrong(f"a count of more than {MOST_POSITIONS}")
        if most is not None and least > most:
            raise self._wrong(f"a count from {least} to {most}")
        self.at = end + 1
        return least, most

    def _one(self) -> Part:
        """A group or one character."""
        self.read += 1
        if self.read > _MOST_READ:
            raise self._wrong("its repetitions are nested too often")
        sign = self.text[self.at]
        if sign == "(":
            return self._group()
        if sign in "?*+{":
            raise self._wrong(f"{sign} repeats nothing; write \\{sign} for the sign itself")
        if sign in "^$":
            raise self._wrong(
                f"{sign} means nothing here, the whole text is matched; write \\{sign} for the sign itself"
            )
        self.at += 1
        if sign == ".":
            return self._position(_others(((10, 10),)))
        if sign == "[":
            return self._position(self._class())
        if sign == "\\":
            return self._position(self._escaped())
        return self._position(((ord(sign), ord(sign)),))

    def _position(self, taken: Ranges) -> Part:
        if len(self.sets) >= MOST_POSITIONS:
            raise self._wrong(
                f"it takes more than {MOST_POSITIONS} characters with its repetitions written out"
            )
        self.sets.append(taken)
        self.follow.append(0)
        bit = 1 << (len(self.sets) - 1)
        return bit, bit, False

    def _group(self) -> Part:
        start = self.at
        self.at += 1
        if self.text.startswith("?:", self.at):
            self.at += 2
        elif self._next() == "?":
            raise self._wrong("(? begins what is not understood here: only (?: is")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._wrong(f"groups more than {_DEEPEST} deep")
        part = self._either()
        self.depth -= 1
        if self._next() != ")":
            self.at = start
            raise self._wrong("this ( is not closed")
        self.at += 1
        return part

    def _escaped(self) -> Ranges:
        """What stands after a backslash."""
        sign = self._next()
        self.at += 1
        classes = {"d": _DIGITS, "w": _WORD, "s": _BLANK}
        if sign in classes:
            return classes[sign]
        if sign.lower() in classes:
            return _others(classes[sign.lower()])
        if sign in _CONTROL:
            return ((_CONTROL[sign], _CONTROL[sign]),)
        if sign and not (sign.isascii() and sign.isalnum()):
            return ((ord(sign), ord(sign)),)
        self.at -= 1
        raise self._wrong(f"\\{sign} is not understood here" if sign else "a backslash before nothing")

    def _class(self) -> Ranges:
        """What stands between [ and ]."""
        start = self.at - 1
        negated = self._next() == "^"
        self.at += negated
        ranges: list[tuple[int, int]] = []
        while self._next() != "]" or not ranges:
            if self.at >= len(self.text):
                self.at = start
                raise self._wrong("this [ is not closed")
            low = self._member()
            if self._next() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self._member()
                if len(low) > 1 or len(high) > 1 or low[0][0] != low[0][1] or high[0][0] != high[0][1]:
                    raise self._wrong("a range goes from one character to another")
                if low[0][0] > high[0][0]:
                    raise self._wrong("a range that goes backwards")
                low = ((low[0][0], high[0][0]),)
            ranges.extend(low)
        self.at += 1
        joined = _joined(ranges)
        taken = _others(joined) if negated else joined
        if not taken:
            raise self._wrong("a class that holds no character")
        return taken

    def _member(self) -> Ranges:
        sign = self._next()
        if sign == "[":
            raise self._wrong("[ inside a class; write \\[ for the sign itself")
        self.at += 1
        return self._escaped() if sign == "\\" else ((ord(sign), ord(sign)),)

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _wrong(self, why: str) -> Misuse:
        shown = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        return Misuse(
            f"the pattern {shown!r} cannot be used: {why} (at character {self.at + 1})",
            remedy=f"a pattern holds {_SUBSET}",
        )
