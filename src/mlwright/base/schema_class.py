"""A Schema as a Python class, one attribute a column; and back, as source text.

Used by those who keep a table's rules in code, and by `lifecycle.given`, which reads the class. The fields
are those of a schema file: the same names, checks and errors.
"""

from __future__ import annotations

import datetime as dt
import keyword
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, Unpack

from mlwright.base.errors import Misuse
from mlwright.base.schema import Kind, Role, Schema
from mlwright.base.schema_json import fields_of, schema_from


class Rules(TypedDict, total=False):
    """What a column may be told beside its kind: the fields of `Column`, in Python's values."""

    name: str
    """The column's name in the table, where the attribute cannot have it."""
    role: Role
    nullable: bool
    optional: bool
    least: float | str | dt.datetime | dt.date
    most: float | str | dt.datetime | dt.date
    allowed: Iterable[str | int | bool]
    pattern: str
    unique: bool
    codes: bool
    missing: Iterable[str | int | float]
    number: Mapping[str, Any]  # Any: the fields of NumberFormat
    true: Iterable[str]
    false: Iterable[str]
    formats: Iterable[str]
    seen: Mapping[str, Any]  # Any: what was seen, as in a schema file
    why: str


class Declared:
    """A column as it was declared, before it has its name."""

    def __init__(self, fields: dict[str, Any]) -> None:  # Any: as in Rules
        self.fields = fields


def column(kind: Kind, **rules: Unpack[Rules]) -> Any:  # Any: so that attributes may be annotated freely
    """Declares a column of a `Columns` class: its kind and, by name, the rules of a schema file.

    >>> class Loans(Columns):
    ...     amount = column("numeric", least=0, nullable=False)
    ...     purpose = column("categorical", allowed=["car", "house"])
    >>> [(c.name, c.allowed) for c in schema_of_class(Loans).columns]
    [('amount', ()), ('purpose', ('car', 'house'))]
    """
    return Declared({"kind": kind, **rules})


class Columns:
    """The base of classes that say what a table's columns are. Inherited columns come first.

    Give the class itself wherever a schema is taken. A wrong one raises `Misuse` when it is made.

    >>> class Wrong(Columns):
    ...     amount = column("numeric", leest=0)
    Traceback (most recent call last):
    mlwright.base.errors.Misuse: class Wrong: column 'amount': no field 'leest'; did you mean 'least'?
    """

    def __init_subclass__(cls) -> None:
        for name, value in vars(cls).items():
            if not name.startswith("_") and not isinstance(value, Declared):
                raise Misuse(
                    f"{name!r} is no column",
                    where=f"class {cls.__name__}",
                    remedy="write mw.column(kind, ...)",
                )
        if any(isinstance(v, Declared) for v in vars(cls).values()):
            schema_of_class(cls)


def schema_of_class(cls: type[Columns]) -> Schema:
    """The Schema that a class declares. Raises `Misuse` where it declares none."""
    declared: dict[str, Declared] = {}
    for one in reversed(cls.__mro__):
        declared |= {name: v for name, v in vars(one).items() if isinstance(v, Declared)}
    columns = [{"name": name, **_plain(d.fields)} for name, d in declared.items()]
    return schema_from({"columns": columns}, f"class {cls.__name__}")


def source_of(schema: Schema, name: str = "Table") -> str:
    """Python source of a class that declares the columns of `schema`, without what was seen.

    >>> people = {"columns": [{"name": "age (years)", "kind": "numeric", "least": 0}]}
    >>> print(source_of(schema_from(people), "People"))
    import mlwright as mw
    <BLANKLINE>
    <BLANKLINE>
    class People(mw.Columns):
        age_years = mw.column("numeric", name="age (years)", least=0.0)
    <BLANKLINE>
    """
    lines = ["import mlwright as mw", "", "", f"class {name}(mw.Columns):"]
    taken: set[str] = set()
    for one in schema.columns:
        fields = fields_of(one)
        own, kind = str(fields.pop("name")), str(fields.pop("kind"))
        attribute = _attribute(own, taken)
        taken.add(attribute)
        told = {k: v for k, v in fields.items() if k not in ("seen", "why")}
        said = {"name": own, **told} if attribute != own else told
        rules = "".join(f", {k}={_literal(v)}" for k, v in said.items())
        lines.append(f"    {attribute} = mw.column({_literal(kind)}{rules})")
    return "\n".join(lines) + "\n"


def _plain(fields: dict[str, Any]) -> dict[str, Any]:  # Any: as in Rules
    """The fields as JSON would have them: iterables as lists."""
    several = ("allowed", "missing", "true", "false", "formats")
    return {
        k: list(v) if k in several and isinstance(v, Iterable) and not isinstance(v, str) else v
        for k, v in fields.items()
    }


def _attribute(name: str, taken: set[str]) -> str:
    """A name that Python takes, like the column's, and that no other column has."""
    text = "".join(c if c.isalnum() else "_" for c in name).strip("_")
    while "__" in text:
        text = text.replace("__", "_")
    if not text.isidentifier() or keyword.iskeyword(text):
        text = f"column_{text}" if f"column_{text}".isidentifier() else "column"
    free, number = text, 2
    while free in taken:
        free, number = f"{text}_{number}", number + 1
    return free


def _literal(value: Any) -> str:  # Any: a JSON value
    if isinstance(value, str):
        import json

        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in value.items()) + "}"
    return repr(value)
