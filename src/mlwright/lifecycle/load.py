"""load: open a model file, safely."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlwright.artifact import Model


def load(source: str | os.PathLike[str] | bytes) -> Model:
    """Opens a `.mlw` file or its bytes: verified, scanned, and its samples replayed before you get it.

    Raises `NotAModel`, `ModelDamaged`, `ModelRefused` or `ModelTooNew`. Runs no code of the file.
    """
    from mlwright.artifact import load as open_model

    return open_model(source)
