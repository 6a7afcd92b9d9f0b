"""Libraries of extras that settings ask for: said before a server starts, not by a request."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec

from mlwright.base.errors import ExtraMissing, Misuse
from mlwright.serving.settings import ServeSettings

_LEAST_PYARROW = 26
"""Earlier ones parse the notes of a column's type by recursion, as deep as they are nested."""


def need_libraries(settings: ServeSettings) -> None:
    """Raises `ExtraMissing` where settings ask for what is not installed, `Misuse` where it is of a release
    that forged bytes bring down."""
    if settings.traces:
        for library in ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"):
            if not _is_there(library):
                raise ExtraMissing("sending traces", "otel", library)
    if settings.arrow:
        if not _is_there("pyarrow"):
            raise ExtraMissing("reading Arrow streams", "arrow", "pyarrow")
        found = version("pyarrow")
        if int(found.partition(".")[0]) < _LEAST_PYARROW:
            raise Misuse(
                f"pyarrow {found} reads Arrow streams unsafely",
                remedy=f"pip install 'pyarrow>={_LEAST_PYARROW}'",
            )


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor is what it lies in
        return False
