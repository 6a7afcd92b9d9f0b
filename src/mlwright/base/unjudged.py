"""The finding of a model file that nobody has judged: it was converted without rows whose answers are known.

Made by `lifecycle.convert`. It is no finding of a check: it stands where evidence is lacking, is an issue
until it is waived by its code, and is not there where held-out rows were given.
"""

from __future__ import annotations

from typing import Final

from mlwright.base.finding import Finding, Findings

CODE: Final = "MLW901"
TITLE: Final = "the model was never evaluated here"
HOW: Final = (
    "Found where `convert` is given no rows with known answers (`data=`, `--data`). It can be waived, and is "
    "not there where such rows are given."
)


def unjudged() -> Finding:
    """The finding, as a new file has it.

    >>> unjudged().code, unjudged().severity, unjudged().stops
    ('MLW901', 'issue', True)
    """
    return Finding(
        code=CODE,
        title=TITLE,
        severity="issue",
        status="found",
        evidence="it was converted without rows whose answers are known: how good it is rests on hearsay",
        remedy=f"convert it again with rows that it was not fitted on (data=), or bear it with "
        f"waive=({CODE!r},)",
        stops=True,
    )


def of_checks(findings: Findings) -> Findings:
    """The findings that checks of data made.

    >>> len(of_checks(Findings.of([unjudged()])))
    0
    """
    return Findings(tuple(f for f in findings if f.code != CODE))
