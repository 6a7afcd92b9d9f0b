"""Learners: one algorithm family a file. Fitted, each knows its graph nodes.

A learner sees numeric matrices and targets only; how rows became matrices, and what is made of its
predictions, is `features`' and `training`'s business. Outsiders add one through the entry point group
`mlwright.learners`.
"""

from mlwright.learners.protocol import (
    Abilities,
    Config,
    Fitted,
    Job,
    Learner,
    Part,
    abilities_of,
    answer_of,
    families,
    missing_families,
)
from mlwright.learners.sound import soundly

__all__ = [
    "Abilities",
    "Config",
    "Fitted",
    "Job",
    "Learner",
    "Part",
    "abilities_of",
    "answer_of",
    "families",
    "missing_families",
    "soundly",
]
