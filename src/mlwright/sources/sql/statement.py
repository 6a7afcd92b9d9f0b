"""One SQL statement: its text apart from the values that are bound to it.

Made from what the user wrote; composed and rendered by the readers and drivers. It knows where texts,
names in quotes and comments begin and end, so that a `:name` in them is left alone; it does not parse SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mlwright.base.errors import Misuse, UnknownName

_COMMON: Final = r"/\*.*?(?:\*/|\Z)|::|(?<![\w:]):(?P<name>[A-Za-z_]\w*)|(?P<end>;)"
_STANDARD: Final = (
    r"--[^\n]*|[Ee]'(?:\\.|''|[^'\\])*(?:'|\Z)|'(?:''|[^'])*(?:'|\Z)|\"(?:\"\"|[^\"])*(?:\"|\Z)"
)
_DOLLARS: Final = r"|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)"
_PATTERNS: Final = {
    "postgresql": _STANDARD + _DOLLARS,
    "duckdb": _STANDARD + _DOLLARS,
    "sqlite": r"--[^\n]*|'(?:''|[^'])*(?:'|\Z)|\"(?:\"\"|[^\"])*(?:\"|\Z)|`[^`]*(?:`|\Z)|\[[^\]]*(?:\]|\Z)",
    "mysql": r"--(?=\s|\Z)[^\n]*|#[^\n]*|'(?:\\.|''|[^'\\])*(?:'|\Z)"
    r"|\"(?:\\.|\"\"|[^\"\\])*(?:\"|\Z)|`[^`]*(?:`|\Z)",
}
_ONLY_REMARKS: Final = re.compile(r"(?:\s|;|--[^\n]*|/\*.*?\*/)*", re.DOTALL)


@dataclass(frozen=True)
class Bound:
    """A place in a statement that holds a value."""

    name: str
    value: Any
    """Any: whatever the driver can bind."""


@dataclass(frozen=True)
class Statement:
    """Pieces of SQL and bound values, in order."""

    pieces: tuple[str | Bound, ...]
    ahead: int = 0
    """Characters before the text that the user wrote."""

    @property
    def values(self) -> tuple[Any, ...]:
        """The bound values, in the order of their places."""
        return tuple(p.value for p in self.pieces if isinstance(p, Bound))

    def text(self, place: str, escape: Callable[[str], str] = str) -> str:
        """The SQL with `place` for each value, and `escape` applied to everything else."""
        return "".join(place if isinstance(p, Bound) else escape(p) for p in self.pieces)

    def within(self, before: str, *after: str | Bound) -> Statement:
        """This statement with something around it."""
        return Statement((before, *self.pieces, *after), self.ahead + len(before))

    def line_and_column(self, offset: int) -> tuple[int, int] | None:
        """Where in the user's text the character is that the server calls `offset`, with `$1` for a value."""
        seen, numbered, shown = 0, 0, ""
        for piece in self.pieces:
            numbered += isinstance(piece, Bound)
            length = len(f"${numbered}") if isinstance(piece, Bound) else len(piece)
            if offset < seen + length:
                shown += "" if isinstance(piece, Bound) else piece[: offset - seen]
                break
            seen += length
            shown += f":{piece.name}" if isinstance(piece, Bound) else piece
        else:
            return None
        before = shown[self.ahead :]
        return (
            None if len(shown) < self.ahead else (before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
        )


def statement_of(query: str, parameters: Mapping[str, Any] | None, scheme: str) -> Statement:
    """The one statement in `query`, each `:name` bound to its value in `parameters`.

    Raises `Misuse` for several statements or none, and for a parameter that is missing or not asked for.

    >>> s = statement_of("select ':x', a::int from t where day >= :since;", {"since": "2024"}, "postgresql")
    >>> s.text("%s"), s.values
    ("select ':x', a::int from t where day >= %s", ('2024',))
    """
    if not isinstance(query, str):
        raise Misuse(f"a query is a text, not {type(query).__name__}", remedy="write it as SQL")
    given = dict(parameters or {})
    pieces: list[str | Bound] = []
    asked: set[str] = set()
    at = 0
    text = query
    for match in re.finditer(f"{_PATTERNS[scheme]}|{_COMMON}", query, re.DOTALL):
        if match["end"]:
            if not _ONLY_REMARKS.fullmatch(query, match.end()):
                raise Misuse("there is more than one statement in the query", remedy="give a single SELECT")
            text = query[: match.start()]
            break
        if match["name"]:
            name = match["name"]
            if name not in given:
                raise UnknownName("value for the query's parameter", name, given)
            pieces += [query[at : match.start()], Bound(name, given[name])]
            asked.add(name)
            at = match.end()
    pieces.append(text[at:])
    if _ONLY_REMARKS.fullmatch(text):
        raise Misuse("the query is empty", remedy="give a SELECT")
    for name in given:
        if name not in asked:
            raise UnknownName("parameter in the query called", f":{name}", [f":{a}" for a in sorted(asked)])
    return Statement(tuple(pieces))
