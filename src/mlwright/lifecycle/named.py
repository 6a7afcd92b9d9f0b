"""convert, inside of a notebook's kernel: the objects are found by the names that the notebook gave them.

Called by the command line in the kernel that ran the notebook, so that no object has to leave it: what comes
out is a model file, or what was wrong, as JSON.
"""

from __future__ import annotations

import os
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from mlwright.base import errors
from mlwright.base.errors import Misuse, MlwrightError, UnknownName
from mlwright.base.progress import Progress
from mlwright.lifecycle.convert import convert

REQUEST, ANSWER, MODEL = "request.json", "answer.json", "model.mlw"
_SHELL = frozenset(("In", "Out", "exit", "quit", "get_ipython", "open"))
"""Names that IPython has in every notebook."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be converted, by the names of variables."""

    model: str
    example: str
    target: str
    data_name: str | None = None
    """Of rows with known answers; or of rows, and of answers, with a comma between them."""
    data: str | None = None
    """A file of such rows instead."""
    waive: tuple[str, ...] = ()
    answers: Literal["numbers", "probabilities", "logits"] | None = None
    classes: list[int | str] | None = None
    int8: bool = False
    intended_use: str | None = None
    not_for: str | None = None
    owner: str | None = None


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """An error of ours, as it comes out of the kernel."""

    kind: str
    message: str
    where: str = ""
    remedy: str = ""

    def error(self) -> MlwrightError:
        """The same error here: one of `base.errors`, by its name."""
        known = getattr(errors, self.kind, None)
        is_ours = isinstance(known, type) and issubclass(known, MlwrightError)
        kind: type[MlwrightError] = known if is_ours and known is not None else Misuse
        made = kind.__new__(kind)  # some are made of other arguments than what they say in the end
        MlwrightError.__init__(made, self.message, where=self.where, remedy=self.remedy)
        return made


def convert_named(names: Mapping[str, Any], folder: str) -> None:  # Any: the variables of a notebook
    """Converts what the request in `folder` names and writes the model file beside it, or what was wrong."""
    place = Path(folder)
    request = msgspec.json.decode((place / REQUEST).read_bytes(), type=Request)
    try:
        model = convert(
            _model(names, request.model),
            example=_named(names, request.example, "--example"),
            target=request.target,
            data=request.data if request.data_name is None else _judges(names, request),
            waive=request.waive,
            answers=request.answers,
            classes=request.classes,
            int8=request.int8,
            progress=Progress(),
            intended_use=request.intended_use,
            not_for=request.not_for,
            owner=request.owner,
        )
        model.save(place / MODEL)
    except MlwrightError as error:
        kind = type(error).__name__
        told = Failed(kind=kind, message=error.message, where=error.where, remedy=error.remedy)
        (place / ANSWER).write_bytes(msgspec.json.encode(told))


def _named(names: Mapping[str, Any], name: str, where: str) -> Any:  # Any: a variable's value
    if name not in names:
        raise UnknownName("variable", name, _variables(names), where=f"the notebook, {where}")
    return names[name]


def _model(names: Mapping[str, Any], name: str) -> Any:  # Any: somebody's model, or the path of its file
    """Raises `Misuse` for a variable that holds no model in the end, naming those that do."""
    from mlwright.conversion import called, is_model

    model = _named(names, name, "--model")
    if isinstance(model, (str, os.PathLike)) or is_model(model):
        return model
    others = [repr(n) for n in _variables(names) if is_model(names[n])]
    raise Misuse(
        f"when the notebook has ended, {name!r} is {called(model)}, no fitted model",
        where="the notebook, --model",
        remedy=f"name a variable that is: {', '.join(others[:5])}"
        if others
        else "give the model a name that nothing else takes later",
    )


def _variables(names: Mapping[str, Any]) -> list[str]:  # Any: variables
    """What a reader would call the notebook's variables: no modules, no functions, nothing of the shell."""
    code = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)
    return [
        n for n, v in names.items() if not n.startswith("_") and n not in _SHELL and not isinstance(v, code)
    ]


def _judges(names: Mapping[str, Any], request: Request) -> Any:  # Any: a table
    """Rows with their answers: one table that has both, or two variables put together."""
    first, *others = [n.strip() for n in (request.data_name or "").split(",")]
    rows = _named(names, first, "--data-name")
    if not others:
        return rows
    if len(others) > 1:
        raise Misuse(
            f"--data-name takes one variable or two, not {len(others) + 1}",
            remedy="such as --data-name X_test,y_test",
        )
    answers = np.asarray(_named(names, others[0], "--data-name")).reshape(-1)
    if len(answers) != len(rows):
        raise Misuse(f"{first} has {len(rows):,} rows, {others[0]} has {len(answers):,}", where="--data-name")
    if not hasattr(rows, "columns"):
        array = np.asarray(rows)
        return {f"x{i}": array[:, i] for i in range(array.shape[1])} | {request.target: answers}
    if request.target in rows.columns:
        raise Misuse(
            f"{first} has a column {request.target!r} of its own",
            where="--data-name",
            remedy=f"give it alone: --data-name {first}",
        )
    return rows.assign(**{request.target: answers})
