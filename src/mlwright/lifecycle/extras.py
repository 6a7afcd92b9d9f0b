"""Which extra a verb needs, said in words instead of an ImportError."""

from __future__ import annotations

import importlib.util

from mlwright.base.errors import ExtraMissing

LIBRARIES = {"train": ("polars", "scipy"), "serve": ("httptools",), "sklearn": ("sklearn",)}


def need(extra: str, feature: str) -> None:
    """Raises `ExtraMissing` where a library of `extra` is not installed."""
    for library in LIBRARIES[extra]:
        if importlib.util.find_spec(library) is None:
            raise ExtraMissing(feature, extra, library)
