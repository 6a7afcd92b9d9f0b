"""How a model is made again: its recipe as a command to type, and as a call in Python.

Asked by the page about a model. What a recipe does not hold, such as a query's text, is said, not guessed.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mlwright.base.purpose import Purpose

if TYPE_CHECKING:
    from mlwright.artifact import Model

SINGLE: Final = ("target", "time", "group", "id", "weight", "exposure", "fold")
"""Roles that one column has."""
SETTINGS: Final = (
    "task", "metric", "threshold", "alerts", "rows_per_day", "costs", "split", "gap", "monotone", "simpler",
    "time_limit", "max_trials", "max_latency", "max_size", "max_memory", "waive", "seed", "threads",
)  # fmt: skip
"""In the order in which they are said."""
_FLAGS: Final = {"dates": "--date-format", "names": "--column-names", "kinds": "--kind"}
_MARKS: Final = {"quote": {"": "none"}, "thousands": {"": "none", " ": "space"}}


@dataclass(frozen=True)
class Again:
    """How to make a model again."""

    command: str
    """Lines for a shell."""
    call: str
    """Lines of Python."""
    notes: tuple[str, ...]
    """What is not in them, and when the result is equal."""


def again(model: Model) -> Again:
    """The command and the call that make `model` again from the same table."""
    if model.manifest.recipe.get("converted"):
        target = model.target.name
        call = f"import mlwright as mw\n\nmodel = mw.convert(MODEL, example=ROWS, target={target!r})"
        return Again("", call, ("MODEL and ROWS are its owner's: the file holds neither.",))
    said = _said(model)
    source, test = _sources(model)
    sha = str(model.manifest.recipe.get("data_sha256") or "")
    given = {"test": test} if test else {}
    words = [f"mlwright fit {shlex.quote(source)}", *_words({**said, **given})]
    words.append(f"-o {shlex.quote(model.path.name if model.path else 'model.mlw')}")
    options = said.pop("options", None)
    lines = [f"    {source!r},{f'  # SHA-256 {sha}' if sha else ''}"]
    lines += [f"    {name}={value!r}," for name, value in {**said, **given}.items()]
    if options:
        inner = ", ".join(f"{name}={value!r}" for name, value in options.items())
        lines.append(f"    options=mw.ReadOptions({inner}),")
    call = "\n".join(("import mlwright as mw", "", "model = mw.fit(", *lines, ")"))
    return Again(" \\\n    ".join(words), call, tuple(_notes(model, source)))


def _sources(model: Model) -> tuple[str, str]:
    """What the tables were called; a name that stands for one where the file does not tell."""
    return model.timings.source or "TABLE", model.timings.test_source


def _said(model: Model) -> dict[str, Any]:  # Any: JSON values
    """Roles, kinds, settings and options by the names that `fit` has for them, those that were said alone."""
    recipe = model.manifest.recipe
    roles = recipe.get("roles")
    named: Mapping[str, Any] = roles if isinstance(roles, Mapping) else {"target": [model.target.name]}
    said: dict[str, Any] = {r: named[r][0] for r in SINGLE if len(named.get(r, ())) == 1}
    for name, values in (("protected", named.get("protected")), ("drop", recipe.get("drop"))):
        if values:
            said[name] = list(values)
    kinds = {c.name: c.kind for c in model.schema.columns if c.why == "named by the user"}
    if kinds:
        said["kinds"] = kinds
    said |= {name: recipe[name] for name in SETTINGS if recipe.get(name) not in (None, [])}
    said |= {name: text for name, text in msgspec.structs.asdict(Purpose.of(recipe)).items() if text}
    if recipe.get("own_metric"):
        said.pop("metric", None)
    options = recipe.get("options")
    if isinstance(options, Mapping):
        known = {k: v for k, v in options.items() if k not in ("query_sha256", "parameters")}
        said |= {"options": known} if known else {}
    return said


def _words(said: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON values
    """Each setting as its flag and value, ready for a shell."""
    for name, value in said.items():
        flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
        if name == "options":
            yield from _words(value)
        elif name == "header":
            yield "--header" if value else "--no-header"
        elif name == "simpler":
            yield flag
        elif name == "kinds":
            yield from (f"{flag} {shlex.quote(f'{column}={kind}')}" for column, kind in value.items())
        elif name == "monotone":
            yield f"{flag} {shlex.quote(_row(f'{column}={way:+d}' for column, way in value.items()))}"
        elif name == "names":
            yield f"{flag} {shlex.quote(_row(value))}"
        elif name == "costs":
            yield f"{flag} {shlex.quote(msgspec.json.encode(value).decode())}"
        else:
            marks = _MARKS.get(name, {})
            for one in value if isinstance(value, (list, tuple)) else [value]:
                text = str(marks.get(one, one))
                # A value that begins with a dash would be taken for a flag.
                yield f"{flag}={shlex.quote(text)}" if text.startswith("-") else f"{flag} {shlex.quote(text)}"


def _row(texts: Iterator[str] | list[str]) -> str:
    """Texts as a line of CSV, which the flags of several names are written as."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(texts)
    return out.getvalue()


def _notes(model: Model, source: str) -> Iterator[str]:
    recipe = model.manifest.recipe
    if source == "TABLE":
        yield "The file does not tell what the table was called: put its path for TABLE."
    elif not recipe.get("data_sha256"):
        yield "The table came from memory or a database, so that its content is not pinned by a digest."
    options = recipe.get("options")
    if isinstance(options, Mapping) and options.get("query_sha256"):
        yield f"Give the query (and its parameters) again: its SHA-256 is {options['query_sha256']}."
    if recipe.get("by_schema"):
        yield "The columns were given by a schema: give it again with schema= (--schema)."
    if recipe.get("own_metric"):
        yield f"Its metric, {recipe.get('metric')}, is its maker's own function: give it again with metric=."
    if recipe.get("warm_start"):
        yield f"It began from the model {recipe['warm_start']}: give that again with warm_start=."
    if "max_trials" in recipe:
        yield "With the versions above, the same kind of CPU and as many threads, the digest is equal."
    elif "time_limit" not in recipe:
        yield "The file does not hold all settings."
    else:
        yield (
            "The search was ended by the clock, so that a run elsewhere may try more or fewer candidates and "
            "differ; with max_trials= instead it repeats."
        )
