"""Files of fitted models that are data and no code: what a file is, by its content, and who opens it.

Called by `convert` with a path, and by the command line. A pickle runs what was written into it when it is
opened, and is never opened here.
"""

from __future__ import annotations

import importlib.util
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mlwright.base.errors import ExtraMissing, Misuse, MlwrightError, ModelRefused, NotAModel
from mlwright.conversion import onnx_files
from mlwright.conversion.lightgbm_text import refuse_damage
from mlwright.conversion.pickled import is_pickle
from mlwright.conversion.tensorflow import is_saved_model
from mlwright.conversion.weights import is_safetensors
from mlwright.sources.files import no_such_file

Opener = Callable[[bytes], Any]  # Any: a fitted model of somebody's library

_LAST_BYTES = 1 << 20
"""A ZIP's list of members is at its end."""
_NO_CODE = ("numpy.dtype",)
"""Types that skops asks about and that run nothing: the kind of a column, which every SimpleImputer keeps."""
_OPENABLE = "LightGBM's text, XGBoost's JSON or UBJSON, CatBoost's cbm or JSON, skops, ONNX (.onnx)"


def opened(path: str | os.PathLike[str]) -> Any:  # Any: a fitted model of somebody's library
    """The model in a file, opened by its own library: which one is told by the content, of ONNX by the name.

    Raises `Misuse` for a pickle or a SavedModel, `NotAModel` for what is no file of a known kind,
    `ModelRefused` for a skops file with types that may be code, `ExtraMissing` without the library.
    """
    place = Path(path)
    if is_saved_model(place):
        raise Misuse(
            "this is a SavedModel of TensorFlow, which is a program",
            where=str(place),
            remedy="on the command line say --trust if you know who made it; in Python load it yourself with "
            "tf.saved_model.load, and give the object",
        )
    refuse_folder(place)
    if not place.is_file():
        raise no_such_file(place)
    if is_pickle(place):
        raise Misuse(
            "this is a pickle: reading it runs whatever code it holds",
            where=str(place),
            remedy="on the command line say --trust if you know who made it; in Python load it yourself and "
            f"give the model; or save it as data: {_OPENABLE}",
        )
    if place.suffix.lower() == ".onnx":
        return onnx_files.opened(place)
    data = place.read_bytes()
    kind = kind_of_file(data)
    if kind == "mlwright":
        raise NotAModel(
            "it is a model of mlwright already", where=str(place), remedy="open it with mlwright.load"
        )
    if kind == "safetensors":
        raise NotAModel(
            "these are weights alone, which do not say what is done with them",
            where=str(place),
            remedy="in Python build the module of PyTorch that they are of, and give both: "
            "mw.convert(module, weights=path, ...)",
        )
    if kind not in OPENERS:
        raise NotAModel(
            "it is no model file of a known kind", where=str(place), remedy=f"give a file of {_OPENABLE}"
        )
    try:
        return OPENERS[kind](data)
    except MlwrightError as error:
        error.where = error.where or str(place)
        raise
    except Exception as error:  # what a library raises for a damaged file has no class of its own
        said = str(error).strip().splitlines() or [""]
        raise NotAModel(
            f"{kind.split('-')[0]} cannot open it: {said[0][:200]}",
            where=str(place),
            remedy="save it once more",
        ) from error


def refuse_folder(place: Path) -> None:
    """Raises `NotAModel` for a folder that is no SavedModel, as tools of tracking keep models in."""
    if place.is_dir() and not is_saved_model(place):
        raise NotAModel(
            "it is a folder, and a model of one file is asked for",
            where=str(place),
            remedy="name the file in it, or load it with the library that wrote it and give the object",
        )


def kind_of_file(data: bytes) -> str:
    """What a file is by its content: one of `OPENERS`, `mlwright`, `safetensors`; "" where nothing is known.

    >>> kind_of_file(b"tree\\nversion=v4\\n"), kind_of_file(b"a,b")
    ('lightgbm', '')
    """
    if data.startswith(b"tree\n") and b"\nversion=" in data[:100]:
        return "lightgbm"
    if data.startswith(b"CBM1"):
        return "catboost-cbm"
    if data.startswith(b"{L") and b"learner" in data[:1000]:
        return "xgboost"
    if data.startswith(b"PK\x03\x04"):
        return _of_members(data[-_LAST_BYTES:])
    if is_safetensors(data[:9]):
        return "safetensors"
    if data.lstrip()[:1] == b"{":
        if b'"gradient_booster"' in data:
            return "xgboost"
        if b'"features_info"' in data and b"trees" in data:
            return "catboost-json"
    return ""


def _of_members(end: bytes) -> str:
    if b"model.onnx" in end and b"manifest.json" in end:
        return "mlwright"
    return "skops" if b"schema.json" in end else ""


def _library(name: str, extra: str) -> Any:  # Any: a module
    """A library that opens files. Raises `ExtraMissing` where it is not installed."""
    if importlib.util.find_spec(name) is None:
        raise ExtraMissing("opening this file", extra, name)
    return importlib.import_module(name)


def _lightgbm(data: bytes) -> Any:  # Any: a Booster
    library, text = _library("lightgbm", "train"), data.decode()
    refuse_damage(text)
    return library.Booster(model_str=text)


def _xgboost(data: bytes) -> Any:  # Any: a Booster, or the estimator that was saved
    library = _library("xgboost", "xgboost")
    booster = library.Booster()
    booster.load_model(bytearray(data))
    # An estimator answers with the rounds that did best, a Booster with all.
    saved = json.loads(booster.attr("scikit_learn") or "{}").get("_estimator_type", "")
    of = {"classifier": "XGBClassifier", "regressor": "XGBRegressor"}.get(saved)
    if of is None:
        return booster
    model = getattr(library, of)()
    model.load_model(bytearray(data))
    return model


def _catboost(form: str) -> Opener:
    def open_it(data: bytes) -> Any:  # Any: a CatBoost
        model = _library("catboost", "train").CatBoost()
        with tempfile.TemporaryDirectory() as folder:  # from memory it reads one of the forms alone
            path = Path(folder) / "model"
            path.write_bytes(data)
            return model.load_model(str(path), format=form)

    return open_it


def _skops(data: bytes) -> Any:  # Any: whatever of scikit-learn's was saved
    _library("skops", "convert")
    io = importlib.import_module("skops.io")
    found = io.get_untrusted_types(data=data)
    unknown = [name for name in found if name not in _NO_CODE]
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise ModelRefused(
            f"it holds types that may be code: {', '.join(unknown[:5])}{more}",
            remedy="if you trust them, call skops.io.load(path, trusted=[...]) and give convert the object",
        )
    return io.loads(data, trusted=[name for name in found if name in _NO_CODE])


OPENERS: MappingProxyType[str, Opener] = MappingProxyType(
    {
        "lightgbm": _lightgbm,
        "xgboost": _xgboost,
        "catboost-cbm": _catboost("cbm"),
        "catboost-json": _catboost("json"),
        "skops": _skops,
    }
)
"""By kind, what opens a file's bytes."""
