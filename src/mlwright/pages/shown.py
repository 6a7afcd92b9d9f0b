"""What a page about a model shows: the evidence of its file as values, and texts that say how it came about.

Made by `lifecycle` from an opened model; read by the sections of the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlwright.base.evaluation import Evaluation
from mlwright.base.finding import Findings
from mlwright.base.profile import Profile
from mlwright.base.purpose import UNSTATED, Purpose
from mlwright.base.schema import Schema, Target


@dataclass(frozen=True)
class ModelPage:
    """All that the page shows."""

    schema: Schema
    target: Target
    evaluation: Evaluation
    """With the costs of the candidates."""
    findings: Findings
    profile: Profile
    purpose: Purpose = UNSTATED
    brief: Mapping[str, str] = field(default_factory=dict)
    """A few facts for the head of the page: label and value."""
    data: Mapping[str, str] = field(default_factory=dict)
    """Facts about the table it was trained on."""
    made: Mapping[str, str] = field(default_factory=dict)
    """What it costs, digests, versions, machine."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What was asked of `fit`."""
    trained: bool = True
    """Whether mlwright trained it; else it was converted, and what it was trained on is not known."""
    again: Mapping[str, str] = field(default_factory=dict)
    """How it is made again: what a text is, and the text."""
    notes: tuple[str, ...] = ()
    """What that does not say."""


def section(heading: str, body: str) -> str:
    """A part of the page with its heading; `body` is markup already."""
    return f"<section><h2>{heading}</h2>\n{body}</section>"
