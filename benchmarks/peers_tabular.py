"""The environments of the systems that `tabular.py` compares with, pinned, so that results can be had again.

torch is named by itself, so that a build for CPUs is taken where pip knows of one; else it comes with CUDA,
which is gigabytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from environments import made

_FRAMES = ("pandas==2.3.3", "pyarrow")
PINS: dict[str, tuple[str, ...]] = {
    "autogluon": ("autogluon.tabular[all]==1.6.3", "torch==2.13.0", *_FRAMES),
    "flaml": (
        "flaml==2.7.0", "lightgbm==4.7.0", "catboost==1.2.10", "xgboost-cpu==2.1.4", "scikit-learn==1.9.1",
        *_FRAMES,
    ),
    "boosters": ("lightgbm==4.7.0", "catboost==1.2.10", "scikit-learn==1.9.1", *_FRAMES),
    "h2o": ("h2o==3.46.0.12", "polars", *_FRAMES),
}  # fmt: skip
"""H2O needs Java as well, 8 to 17 (Debian: default-jre-headless)."""


def python(environment: str) -> Path:
    """The Python that has a system: this one for mlwright (""), else its environment's, made on first use."""
    return Path(sys.executable) if not environment else made(environment, PINS[environment])
