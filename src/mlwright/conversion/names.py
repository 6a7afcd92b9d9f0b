"""What an object of somebody's library is, by its type's own name: nothing of that library is imported.

A subclass of a known class may do anything, so that only the very classes are known.
"""

from __future__ import annotations

from typing import Any


def kind_of(thing: Any) -> str:  # Any: somebody's object
    """The library and the class, such as `sklearn.OneHotEncoder`.

    >>> from fractions import Fraction
    >>> kind_of(Fraction(1, 2))
    'fractions.Fraction'
    """
    of = type(thing)
    return f"{of.__module__.split('.')[0]}.{of.__qualname__}"


def is_missing(value: Any) -> bool:  # Any: whatever an encoder took for a category
    """Whether a category stands for a missing value: None, NaN, or pandas' own."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or bool(value != value)
