"""What a library raises over a damaged file, told as damage.

Used by the readers whose formats are parsed by Rust: those parsers also panic, and a panic is no `Exception`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mlwright.base.errors import MlwrightError, SourceUnreadable

_KINDS: Final = {"PolarsError", "FastExcelError", "PanicException", "OSError", "ValueError"}
_LONGEST: Final = 120
_COPY: Final = "copy or write it again"


@contextmanager
def told_as_damage(message: str, where: str, remedy: str = _COPY) -> Iterator[None]:
    """Raise `SourceUnreadable` with `message` for what Polars or fastexcel raise inside; other errors pass.

    >>> with told_as_damage("it is damaged", "a.parquet", "mend it"):
    ...     raise OSError("no footer")
    Traceback (most recent call last):
    mlwright.base.errors.SourceUnreadable: a.parquet: it is damaged (no footer). What to do: mend it.
    """
    try:
        yield
    except MlwrightError:
        raise
    except BaseException as e:  # a panic of a Rust library is no Exception
        kinds = {kind.__name__ for kind in type(e).__mro__}
        if not kinds & _KINDS:
            raise
        panic = "PanicException" in kinds  # its words are about the library's source
        said = "" if panic else (str(e).splitlines() or [""])[0][:_LONGEST]
        if "password" in said.lower():
            message, said, remedy = "it is locked with a password", "", "save it without one, or as CSV"
        raise SourceUnreadable(
            f"{message} ({said})" if said else message, where=where, remedy=remedy
        ) from None
