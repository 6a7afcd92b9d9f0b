"""Model files of other libraries that are data, not code: opened without trusting whoever wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlwright.base.errors import Misuse, NotAModel
from mlwright.conversion import onnx_files
from mlwright.conversion.pickled import is_pickle
from mlwright.sources.files import no_such_file


def opened(path: Path) -> Any:  # Any: a fitted model of somebody's library
    """The model in a native file of LightGBM, XGBoost or CatBoost, or in an ONNX file.

    Raises `Misuse` for a pickle, `NotAModel` for what is none of them.
    """
    if not path.is_file():
        raise no_such_file(path)
    if is_pickle(path):
        raise Misuse(
            "this is a pickle: reading it runs whatever code it holds",
            where=str(path),
            remedy="on the command line say --trust if you know who made it; in Python load it yourself and "
            "give the model; or save it as data: skops, or a booster's own format",
        )
    if path.suffix.lower() == ".onnx":
        return onnx_files.opened(path)
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"tree\n"):
        import lightgbm

        return lightgbm.Booster(model_file=str(path))
    if b'"learner"' in head or b"learner" in head[:64]:
        import xgboost

        booster = xgboost.Booster()
        booster.load_model(str(path))
        return booster
    if head.startswith(b"CBM1"):
        import catboost

        return catboost.CatBoost().load_model(str(path))
    raise NotAModel(
        "this is no model file that can be converted",
        where=str(path),
        remedy="give a native file of LightGBM, XGBoost or CatBoost, an .onnx file, or a pickle with --trust",
    )
