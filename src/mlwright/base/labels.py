"""Labels of fresh rows against the classes that are known: exact, or alike but for case and a dot at the end.

Used where a model, or a fit with test rows, is judged by labels that somebody else wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable


def matcher(classes: Iterable[str]) -> Callable[[str], str | None]:
    """A function from a written label to the class it means, or None where it means none.

    Classes that differ by case alone are told apart; else a label may differ by it.

    >>> known = matcher([">50K", "<=50K"])
    >>> known(">50K."), known("<=50k"), known("50K")
    ('>50K', '<=50K', None)
    """
    exact = set(classes)
    folded: dict[str, list[str]] = {}
    for c in sorted(exact):
        folded.setdefault(_folded(c), []).append(c)
    loose = {key: same[0] for key, same in folded.items() if len(same) == 1}
    return lambda label: label if label in exact else loose.get(_folded(label))


def _folded(label: str) -> str:
    return label.casefold().rstrip(".")
