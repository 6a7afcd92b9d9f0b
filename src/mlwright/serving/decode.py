"""Request bodies to rows of decoded values, by a decoder compiled from the schema.

The fast way is one msgspec Struct a schema. A row that it does not take is examined field by field with
`base.decoding`, which accepts it after all or says what is wrong with each field; both give equal values.
A JSON key that is said twice counts as said last. Called by the batch; it knows no HTTP but its refusals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, Protocol, get_args

import msgspec
import numpy as np

from mlwright.base import decoding
from mlwright.base.decoding import Value, ValueRefused
from mlwright.base.errors import RowProblem, nearest, shown
from mlwright.base.schema import Column, Schema
from mlwright.serving.answers import Refused
from mlwright.serving.served import Numbers, Strings

CACHED_TEXTS = 4096  # per column; categories repeat, free text does not
PROBLEMS_SHOWN = 100
NEAR_MISSES = 20  # searching for them costs more than decoding
_NAME_LENGTH = 256

_ANY_VALUE = str | int | float | bool | None
_FAST_TYPES: dict[str, Any] = {  # Any: types as values
    "numeric": float | None,
    "boolean": bool | None,
    "datetime": str | None,
    "categorical": _ANY_VALUE,
    "text": str | None,
}
_EXPECTED = {
    "numeric": "a number",
    "boolean": "true or false",
    "datetime": "an ISO 8601 date or time",
    "categorical": "text, a number, true or false",
    "text": "text",
}


_Step = tuple[dict[str, Any], Callable[[Any], Any]]  # Any: what was sent; texts or codes


class Codes(Protocol):
    """Dictionaries that take the place of a model's strings, as `artifact.Coded` has them."""

    @property
    def tables(self) -> Sequence[Mapping[str, float]]: ...

    @property
    def unseen(self) -> float: ...


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why one field of one row was refused."""

    row: int
    field: str
    value: str
    expected: str
    reason: str
    did_you_mean: str | None = None


class Decoded(msgspec.Struct):
    """The rows of one request. `numbers` and `strings` hold the good rows in order; `problems` is by row."""

    count: int
    single: bool
    numbers: Sequence[Sequence[float | bool | None]] | Numbers
    strings: Sequence[Sequence[str | float]] | Strings
    """Texts, or the codes in their place."""
    problems: dict[int, list[Problem]]
    asked: Any = None  # Any: what else a dialect read of the request

    @property
    def good(self) -> int:
        """How many rows can be predicted."""
        return len(self.numbers)

    def leave_out(self, found: Sequence[RowProblem]) -> None:
        """From now on the rows named (counted among the good ones) are refused ones."""
        places = [i for i in range(self.count) if i not in self.problems]
        wrong = {p.row for p in found}
        self.numbers = [row for i, row in enumerate(self.numbers) if i not in wrong]
        self.strings = [row for i, row in enumerate(self.strings) if i not in wrong]
        more = {
            places[p.row]: [Problem(places[p.row], p.column, p.value, p.expected, p.reason)] for p in found
        }
        self.problems = dict(sorted((self.problems | more).items()))


class RowsDecoder:
    """Decodes bodies for one schema.

    >>> schema = Schema(columns=(Column(name="age", kind="numeric"), Column(name="city", kind="categorical")))
    >>> RowsDecoder(schema).decode(b'[{"age": 7, "city": " Bern "}]', max_rows=10).strings
    [['Bern']]
    """

    def __init__(self, schema: Schema, coded: Codes | None = None) -> None:
        """With `coded`, the strings of rows are decoded to codes at once."""
        self._columns = schema.numbers + schema.strings
        self._split = len(schema.numbers)
        self._others = frozenset(schema.names) | ({schema.target.name} if schema.target else frozenset())
        self._features = {c.name: decoding.decoder(c) for c in self._columns}
        self._rows_is_a_column = "rows" in self._others
        row = self._struct()
        self._one = msgspec.json.Decoder(row)
        self._many = msgspec.json.Decoder(list[row])  # type: ignore[valid-type]
        self._raws = msgspec.json.Decoder(list[msgspec.Raw])
        self._fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
        self._value = msgspec.json.Decoder()
        numbers, strings = range(self._split), range(self._split, len(self._columns))
        self._get_numbers = _getter(numbers)
        self._get_strings = _getter(strings)
        self._number_steps = [
            (i, decoding.decoder(c))
            for i, c in enumerate(schema.numbers)
            if c.kind == "datetime" or c.missing
        ]  # the range of other numbers is in their type
        self._string_steps: list[_Step] = [_text_step(c) for c in schema.strings]
        self._coded = coded
        if coded is not None:
            pairs = zip(schema.strings, coded.tables, strict=True)
            self._string_steps = [_code_step(column, table, coded.unseen) for column, table in pairs]

    def decode(self, body: bytes | bytearray, *, max_rows: int) -> Decoded:
        """The rows in `body`: an object (one row), an array of objects, or {"rows": [...]}.

        Raises `Refused`: 400 where the body is not JSON of that shape, 413 for more than `max_rows` rows.
        """
        try:
            return self._decode(body, max_rows)
        except msgspec.ValidationError as error:
            raise _not_rows(str(error)) from error
        except msgspec.DecodeError as error:
            message = str(error)
            if "byte" not in message:
                message += f" (of {len(body)} bytes)"
            raise Refused(400, "malformed_json", message, "send JSON, in UTF-8") from error
        except UnicodeDecodeError as error:
            message = f"the body is not UTF-8: {error.reason}"
            raise Refused(400, "malformed_json", message, "send JSON, in UTF-8") from error
        except RecursionError as error:
            message = "the body is nested too deep"
            raise Refused(400, "malformed_json", message, "send flat rows") from error

    def _decode(self, body: bytes | bytearray, max_rows: int) -> Decoded:
        if body[:1] not in (b"{", b"["):
            body = body.lstrip(b" \t\r\n")
        start = body[:1]
        if start == b"[":
            return self._decode_many(body, max_rows)
        if start != b"{":
            self._value.decode(body)
            raise _not_rows("it is one value")
        if not self._rows_is_a_column and body.find(b'"rows"', 0, 64) > 0:
            fields = self._fields.decode(body)
            if set(fields) == {"rows"}:
                return self._decode_many(bytes(fields["rows"]), max_rows)
        try:
            numbers, strings = self._plain(self._one.decode(body))
        except ValueError:  # of msgspec or the column's decoder: examined below, which tells each field
            return self._examine_all([body], single=True)
        return Decoded(1, True, [numbers], [strings], {})

    def _decode_many(self, body: bytes | bytearray, max_rows: int) -> Decoded:
        try:
            rows = [self._plain(row) for row in self._many.decode(body)]
        except ValueError:  # as above
            raws = self._raws.decode(body)
            _check_count(len(raws), max_rows)
            return self._examine_all(raws, single=False)
        _check_count(len(rows), max_rows)
        return Decoded(len(rows), False, [n for n, _ in rows], [s for _, s in rows], {})

    def _examine_all(self, raws: Sequence[msgspec.Raw | bytes | bytearray], *, single: bool) -> Decoded:
        good: list[tuple[Sequence[Any], Sequence[str]]] = []  # Any: values by column
        problems_of: dict[int, list[Problem]] = {}
        for index, raw in enumerate(raws):
            try:
                numbers, strings = self._plain(self._one.decode(raw))
            except ValueError:  # as above
                values, problems = self._examine(raw, index, near=len(problems_of) < NEAR_MISSES)
                if problems:
                    problems_of[index] = problems
                    continue
                numbers, strings = values[: self._split], self._in_place(values[self._split :])
            good.append((numbers, strings))
        return Decoded(len(raws), single, [n for n, _ in good], [s for _, s in good], problems_of)

    def _plain(
        self, row: Any
    ) -> tuple[Sequence[Any], list[Any]]:  # Any: a struct made at run time, its values
        numbers = self._get_numbers(row)
        if self._number_steps:
            numbers = list(numbers)
            for i, step in self._number_steps:
                numbers[i] = step(numbers[i])
        return numbers, [
            # what was seen before needs no step; keys are texts, which no number or boolean equals
            step(value) if (known := seen.get(value)) is None else known
            for (seen, step), value in zip(self._string_steps, self._get_strings(row), strict=True)
        ]

    def _examine(
        self, raw: msgspec.Raw | bytes | bytearray, index: int, *, near: bool
    ) -> tuple[list[Any], list[Problem]]:  # Any: float or str by column
        """The row's values, or what is wrong with it."""
        try:
            fields = self._fields.decode(raw)
        except msgspec.ValidationError:
            return [], [Problem(index, "", _brief(raw), "an object of field names and values", "not a row")]
        values: list[Value] = []
        problems: list[Problem] = []
        unknown = [name for name in fields if name not in self._features and name not in self._others]
        for column in self._columns:
            sent = fields.get(column.name)
            if sent is None and not column.optional:
                problems.append(Problem(index, column.name, "", _EXPECTED[column.kind], "absent"))
                continue
            try:
                values.append(self._features[column.name](None if sent is None else self._sent(sent)))
            except ValueRefused as error:
                problems.append(Problem(index, column.name, shown(error.value), error.expected, error.reason))
            except (ValueError, RecursionError) as error:  # JSON that no Python value holds, such as 1e999
                reason = "a number out of range" if "range" in str(error) else "not a usable JSON value"
                problems.append(
                    Problem(index, column.name, _brief(sent or b""), _EXPECTED[column.kind], reason)
                )
        for name in unknown:
            like = nearest(name, self._features) if near and len(name) < _NAME_LENGTH else None
            problems.append(
                Problem(index, shown(name)[1:-1], "", "a column of the model", "no such column", like)
            )
            if len(problems) >= PROBLEMS_SHOWN:
                break
        return values, problems

    def _in_place(self, texts: list[Any]) -> list[Any]:  # Any: texts, or codes
        """Decoded texts as the graph takes them."""
        coded = self._coded
        if coded is None:
            return texts
        return [table.get(text, coded.unseen) for text, table in zip(texts, coded.tables, strict=True)]

    def _sent(self, raw: msgspec.Raw) -> Any:  # Any: a JSON value
        start = bytes(memoryview(raw)[:1])
        if start in (b"{", b"["):
            raise ValueRefused(_Brief(_brief(raw)), "an object or an array", "one value")
        return self._value.decode(raw)

    def _struct(self) -> type[msgspec.Struct]:
        fields: list[tuple[str, Any, Any] | tuple[str, Any]] = []  # Any: types and defaults as values
        names = {}
        for i, column in enumerate(self._columns):
            key = f"f{i}"
            names[key] = column.name
            of_type = _FAST_TYPES[column.kind]
            ranged = column.least is not None or column.most is not None
            if column.kind == "numeric" and ranged and not column.missing:
                of_type = Annotated[float, msgspec.Meta(ge=column.least, le=column.most)] | None
            if not column.nullable and column.kind in ("numeric", "boolean"):
                of_type = bool if column.kind == "boolean" else get_args(of_type)[0]
            if column.optional and column.nullable:
                fields.append((key, of_type, None))
            else:
                fields.append((key, of_type))
        for i, name in enumerate(sorted(self._others - set(self._features))):
            names[f"x{i}"] = name
            fields.append((f"x{i}", msgspec.Raw, msgspec.Raw(b"null")))
        # gc=False: rows hold no cycles, and the collector need not look at them
        return msgspec.defstruct(
            "Row", fields, kw_only=True, rename=names, forbid_unknown_fields=True, gc=False
        )


def tensors(
    decoded: Sequence[Decoded],
    widths: tuple[int, int],
    kind: type = object,
) -> tuple[Numbers, Any]:  # Any: an array of `kind`
    """The good rows of all requests, in order, as the graph's two inputs [N, a] and [N, b]."""
    if len(decoded) == 1 and isinstance(decoded[0].numbers, np.ndarray):
        return decoded[0].numbers, np.asarray(decoded[0].strings, dtype=object)
    count = sum(d.good for d in decoded)
    numbers = np.array([row for d in decoded for row in d.numbers], dtype=np.float64)
    strings: Any = np.array([row for d in decoded for row in d.strings], dtype=kind)
    return numbers.reshape(count, widths[0]), strings.reshape(count, widths[1])


def refusal(problems: dict[int, list[Problem]], most: int = PROBLEMS_SHOWN) -> Refused:
    """422, naming every bad row and at most so many problems."""
    listed = [problem for of_row in problems.values() for problem in of_row]
    first = listed[0]
    field = f" field {first.field!r}:" if first.field else ""
    message = f"row {first.row},{field} {first.reason}, expected {first.expected}"
    if len(listed) > 1:
        message += f" (and {len(listed) - 1} more)"
    more: dict[str, Any] = {"problems": listed[:most]}  # Any: JSON values
    if len(listed) > most:
        more["problems_left_off"] = len(listed) - most
        more["bad_rows"] = sorted(problems)
    like = next((p.did_you_mean for p in listed if p.did_you_mean), None)
    if like is not None:
        more["did_you_mean"] = like
    return Refused(
        422, "row_refused", message, "mend the named fields; GET /schema says what they hold", **more
    )


class _Brief:
    """Something sent that is shown shortened, never decoded."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _brief(raw: msgspec.Raw | bytes | bytearray) -> str:
    return shown(bytes(memoryview(raw)[:60]).decode("utf-8", "replace"))[1:-1]


def _check_count(count: int, max_rows: int) -> None:
    if count == 0:
        raise Refused(400, "no_rows", "there is no row in the request", "send at least one row")
    if count > max_rows:
        raise Refused(413, "too_many_rows", f"{count} rows, over {max_rows}", "send fewer rows at a time")


def _not_rows(why: str) -> Refused:
    message = f'the body is neither a row (object), an array of rows, nor {{"rows": [...]}}: {why}'
    return Refused(400, "not_rows", message, "GET /schema shows an example row")


def _getter(indices: range) -> Callable[[Any], Sequence[Any]]:  # Any: a struct made at run time, its values
    names = [f"f{i}" for i in indices]
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return lambda row: ()
    one = attrgetter(names[0])
    return lambda row: (one(row),)


def _text_step(column: Column) -> _Step:
    """The texts of a column decoded so far, and the function that decodes others and remembers them."""
    decode = decoding.decoder(column)
    return _remembered(lambda value: str(decode(value)), keeps=column.kind != "text")


def _code_step(column: Column, table: Mapping[str, float], unseen: float) -> _Step:
    """The same for codes of texts."""
    decode = decoding.decoder(column)
    return _remembered(lambda value: table.get(str(decode(value)), unseen), keeps=True)


def _remembered(step: Callable[[Any], Any], *, keeps: bool) -> _Step:  # Any: what was sent; texts or codes
    seen: dict[str, Any] = {}  # Any: as above

    def remember(value: Any) -> Any:  # Any: as above
        made = step(value)
        if type(value) is str and len(seen) < CACHED_TEXTS and len(value) < _NAME_LENGTH:
            seen[value] = made
        return made

    return seen, remember if keeps else step
