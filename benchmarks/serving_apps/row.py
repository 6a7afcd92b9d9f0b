"""What a request and an answer hold, as pydantic models: each column must be there and may be null."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import BaseModel, Field, create_model

_COLUMNS = json.loads((Path(os.environ["BENCHMARK_FOLDER"]) / "columns.json").read_text())
_TYPES = dict.fromkeys(_COLUMNS["numbers"], float) | dict.fromkeys(_COLUMNS["strings"], str)
Row = create_model(
    "Row", **{n.replace("-", "_"): (t | None, Field(alias=n)) for n, t in _TYPES.items()}
)  # aliases, since names of columns need not be names in Python


class Answer(BaseModel):
    """The probability of the positive class."""

    probability: float
