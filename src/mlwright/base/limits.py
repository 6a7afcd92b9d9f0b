"""Limits: what the evidence of a model does not say, one sentence each, for those who would rely on it.

Used by the cards, so that both say the same. Made from values alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlwright.base.evaluation import Evaluation
from mlwright.base.finding import Findings
from mlwright.base.purpose import Purpose
from mlwright.base.schema import Schema
from mlwright.base.unjudged import CODE as UNJUDGED
from mlwright.base.unjudged import of_checks


def limits(evaluation: Evaluation, findings: Findings, purpose: Purpose, schema: Schema) -> Iterator[str]:
    """Plain sentences, the gravest first."""
    borne = sorted({f.code for f in of_checks(findings) if f.status == "waived" and f.severity == "issue"})
    if borne:
        yield f"Trained although {', '.join(borne)} was found: scores may promise more than use will keep."
    if evaluation.doubt:
        yield evaluation.doubt
    if evaluation.rows:
        yield f"Scores hold for rows like the {evaluation.rows:,} that were judged, and for no others."
    else:
        borne_so = any(f.code == UNJUDGED and f.status == "waived" for f in findings)
        known = f" Its owner knows and bears that ({UNJUDGED})." if borne_so else ""
        yield f"Nobody here knows how good it is: it was not evaluated. `mlwright evaluate` does it.{known}"
    if evaluation.rows and evaluation.split in ("stratified", "random"):
        yield (
            "Rows were taken as independent. If rows of one customer, patient or day belong together, "
            "name group= or time= and fit again."
        )
    yield "Categories not seen in training are treated alike, as one unknown category."
    if not purpose.intended_use:
        yield "No intended use was stated (intended_use=): that is for its owner to add."
    protected = ", ".join(c.name for c in schema.columns if c.role == "protected")
    if not evaluation.subgroups and protected:
        yield f"No subgroup was examined: the judged rows have no two groups of {protected}."
    elif not evaluation.subgroups:
        yield "No subgroup was examined (protected=): that is for its owner to add."
