"""Every error that mlwright raises on purpose, as one tree.

Raised by all packages, read by people at 3 a.m.: each says what happened, where, why, and what to do.
HTTP statuses live in `serving`, exit codes in `cli`; this module knows neither.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from mlwright.base.finding import Findings


class MlwrightError(Exception):
    """The root.

        MlwrightError
        ├── Misuse                  the call cannot mean what it says
        │   ├── UnknownName         a column, metric or option that does not exist (with the near miss)
        │   └── ExtraMissing        the feature needs an extra that is not installed
        ├── DataProblem             the data cannot be used for this
        │   ├── SourceUnreadable    a file or frame cannot be read as a table
        │   ├── TargetUnusable      the column to predict is absent, empty, constant or of no usable type
        │   ├── SchemaBroken        the table as a whole does not fit the model's schema (a missing column)
        │   └── RowsRefused         rows that break the schema; carries one `RowProblem` a fault
        ├── ModelFileProblem        the file is not a model that may be opened
        │   ├── NotAModel           another kind of file
        │   ├── ModelDamaged        truncated, or bytes that differ from their digest
        │   ├── ModelRefused        well-formed, but holds what a model file must not hold
        │   └── ModelTooNew         written by a later mlwright
        ├── ChecksRefused           what the checks found would make a model a lie; carries the findings
        ├── ConversionRefused       a step of somebody's model that no graph can do as it does
        ├── ParityFailed            the graph does not answer as the training path does: no file is written
        ├── NotebookFailed          a cell of a notebook raises, or takes too long
        ├── LimitUnmet              no model fits within the limits that were given
        ├── EndpointProblem         a served model that was asked gave no answer, or said no
        │   ├── EndpointUnreachable     no connection, or one that broke before the answer was whole
        │   ├── EndpointTooSlow         no answer within the time that was allowed
        │   ├── EndpointBusy            it has too much to do, or is stopping; says when to ask again
        │   ├── AccessRefused           the token is missing, not valid, or lacks the right
        │   ├── RequestRefused          it does not take what was asked (bad rows: RowsRefused)
        │   └── EndpointFailed          it failed itself, or answered what no endpoint of mlwright answers
        └── EnvironmentProblem      the machine refuses: a port in use, a full disk, a missing permission

    `where` names the place (file, column, row, field), `remedy` what to do about it.

    >>> print(TargetUnusable("column 'y' has one value", where="loans.csv", remedy="name another target"))
    loans.csv: column 'y' has one value. What to do: name another target.
    """

    def __init__(self, message: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        if self.remedy:
            stop = "" if text.endswith((".", "?", "!")) else "."
            end = "" if self.remedy.endswith((".", "?", "!")) else "."
            text = f"{text}{stop} What to do: {self.remedy}{end}"
        return text


class Misuse(MlwrightError):
    """The call cannot mean what it says."""


class UnknownName(Misuse):
    """A name that does not exist; offers the nearest one that does.

    >>> print(UnknownName("column", "ammount", ["amount", "age"]))
    no column 'ammount'; did you mean 'amount'?
    """

    def __init__(
        self, noun: str, name: str, known: Iterable[str], *, where: str = "", remedy: str = ""
    ) -> None:
        known = list(known)
        self.name = name
        near = nearest(name, known)
        if near is not None:
            message = f"no {noun} {name!r}; did you mean {near!r}?"
        elif len(known) <= 12:
            message = f"no {noun} {name!r}; there is {', '.join(map(repr, known)) or 'none at all'}"
        else:
            shown = ", ".join(map(repr, known[:8]))
            message = f"no {noun} {name!r}; there are {len(known)}, the first: {shown}"
        super().__init__(message, where=where, remedy=remedy)


class ExtraMissing(Misuse):
    """The feature needs a library that is not installed."""

    def __init__(self, feature: str, extra: str, library: str) -> None:
        super().__init__(
            f"{feature} needs {library}, which is not installed", remedy=f"pip install 'mlwright[{extra}]'"
        )


class DataProblem(MlwrightError):
    """The data cannot be used for this."""


class SourceUnreadable(DataProblem):
    """A file or frame cannot be read as a table."""


class TargetUnusable(DataProblem):
    """The column to predict is absent, empty, constant or of no usable type."""


class SchemaBroken(DataProblem):
    """The table as a whole does not fit the schema, such as a missing column."""


class RowProblem(msgspec.Struct, frozen=True):
    """Why one value of one row was refused. `row` counts from 0; `value` is shortened for showing."""

    row: int
    column: str
    value: str
    expected: str
    reason: str

    def __str__(self) -> str:
        got = f", got {self.value}" if self.value else ""  # nothing, of a column that is not there
        return f"row {self.row}, {self.column!r}: {self.reason}, expected {self.expected}{got}"


class RowsRefused(DataProblem):
    """Rows that break the schema. `problems` holds one `RowProblem` for each fault."""

    def __init__(self, problems: Iterable[RowProblem], *, where: str = "") -> None:
        self.problems = tuple(problems)
        first = str(self.problems[0])
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        remedy = "mend the value, or leave it empty if it is not known"
        if not self.problems[0].value:
            remedy = "give each column of the model by its name, and no others"
        super().__init__(first + more, where=where, remedy=remedy)


class ModelFileProblem(MlwrightError):
    """The file is not a model that may be opened."""


class NotAModel(ModelFileProblem):
    """Another kind of file."""


class ModelDamaged(ModelFileProblem):
    """Truncated, or bytes that differ from their digest."""


class ModelRefused(ModelFileProblem):
    """Well-formed, but holds what a model file must not hold."""


class ModelTooNew(ModelFileProblem):
    """Written by a later mlwright."""


class ChecksRefused(MlwrightError):
    """What the checks found would make a model a lie: nothing is trained. `findings` say what."""

    def __init__(self, findings: Findings, message: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(message, where=where, remedy=remedy)
        self.findings = findings


class ConversionRefused(MlwrightError):
    """A step of somebody's model that no graph can do exactly as it does. `where` names the step."""


class ParityFailed(MlwrightError):
    """The graph does not answer as the training path does; no file is written."""


class NotebookFailed(MlwrightError):
    """A cell of a notebook raises, or takes too long. `where` names it."""


class LimitUnmet(MlwrightError):
    """No model fits within the limits that were given."""


class EndpointProblem(MlwrightError):
    """A served model that was asked gave no answer, or said no. `status` (of HTTP) and `code` are those of
    its answer, 0 and "" where there was none; `request_id` is the one in its log."""

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        remedy: str = "",
        status: int = 0,
        code: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message, where=where, remedy=remedy)
        self.status, self.code, self.request_id = status, code, request_id


class EndpointUnreachable(EndpointProblem):
    """No connection, or one that broke before the answer was whole."""


class EndpointTooSlow(EndpointProblem):
    """No answer within the time that was allowed."""


class EndpointBusy(EndpointProblem):
    """It has too much to do, or is stopping. `retry_after_s` is when it says that another try may do."""

    retry_after_s: float = 0.0


class AccessRefused(EndpointProblem):
    """The token is missing, not valid, or lacks the right."""


class RequestRefused(EndpointProblem):
    """The endpoint does not take what was asked; `code` says why."""


class EndpointFailed(EndpointProblem):
    """The endpoint failed itself, or answered what no endpoint of mlwright answers."""


class EnvironmentProblem(MlwrightError):
    """The machine refuses: a port in use, a full disk, a missing permission."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None where none is close.

    >>> nearest("Smokr", ["age", "smoker"])
    'smoker'
    """
    by_lower = {k.lower(): k for k in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[close[0]] if close else None


def nearest_file(name: str, folder: Path) -> str | None:
    """The file in `folder` whose name without its ending is most like that of `name`, or None.

    >>> nearest_file("nope.csv", Path("no such folder")) is None
    True
    """
    if not folder.is_dir():
        return None
    by_stem: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        # Of files that differ by their ending, the one that was written is nearest.
        if path.name.partition(".")[0] and (
            path.suffix == Path(name).suffix or _stem(path.name) not in by_stem
        ):
            by_stem[_stem(path.name)] = path.name
    close = difflib.get_close_matches(_stem(name), by_stem, n=1, cutoff=0.75)
    return by_stem[close[0]] if close else None


def _stem(name: str) -> str:
    return name.partition(".")[0].lower()


def shown(value: object, limit: int = 40) -> str:
    """`value` as it may stand in a message: quoted, on one line, without control characters, shortened.

    >>> shown("a" * 50, 10)
    "'aaaaaaa..."
    """
    if type(value).__module__ == "numpy" and getattr(getattr(value, "dtype", None), "kind", "O") in "fiubU":
        value = value.tolist()  # type: ignore[attr-defined]  # a number of numpy's, said as any other
    text = ascii(value) if isinstance(value, bytes) else repr(value)
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= limit else text[: limit - 2] + "..."
