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

from mlwright.base.errors import ExtraMissing, MlwrightError, ModelRefused, NotAModel, nearest_file
from mlwright.conversion.onnx_files import is_onnx

Opener = Callable[[bytes], Any]  # Any: a fitted model of somebody's library

_CODE = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_OLD_CODE = (b"copy_reg\n_reconstructor", b"cnumpy", b"csklearn")
_PACKED = (
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"\x04\x22\x4d\x18",
    b"x\x01",
    b"x^",
    b"x\x9c",
    b"x\xda",
    b"\x5d\0\0",
)
_LAST_BYTES = 1 << 20
"""A ZIP's list of members is at its end."""
_OPENABLE = "LightGBM's text, XGBoost's JSON or UBJSON, CatBoost's cbm or JSON, skops, ONNX (.onnx)"


def opened(path: str | os.PathLike[str]) -> Any:  # Any: a fitted model of somebody's library
    """The model in a file, opened by its own library; of an ONNX file, the path. Which library is told by the
    content, not by the name.

    Raises `NotAModel` for what is no file of a known kind, `ModelRefused` for pickles and for a skops file
    with types that may be code, `ExtraMissing` where the library is not installed.
    """
    place = Path(path)
    if is_onnx(path) and not (place.is_file() and kind_of_file(place.read_bytes()) in REFUSED):
        return path  # with its constants in files beside it; read where its nodes are
    try:
        data = place.read_bytes()
    except OSError as error:
        near = nearest_file(place.name, place.parent)
        remedy = f"did you mean {near!r}?" if near else "give the path of a model's file"
        raise NotAModel(f"it cannot be read: {error.strerror}", where=str(place), remedy=remedy) from error
    kind = kind_of_file(data)
    if kind in REFUSED:
        what, remedy = REFUSED[kind]
        raise (NotAModel if kind == "mlwright" else ModelRefused)(what, where=str(place), remedy=remedy)
    if kind not in OPENERS:
        raise NotAModel(
            "it is no model of a known kind", where=str(place), remedy=f"give a file of {_OPENABLE}"
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


def kind_of_file(data: bytes) -> str:
    """What a file is by its content, one of `OPENERS` and `REFUSED`; "" where it is nothing known.

    >>> kind_of_file(b"tree\\nversion=v4\\n"), kind_of_file(b"\\x80\\x04\\x95"), kind_of_file(b"a,b")
    ('lightgbm', 'pickle', '')
    """
    if data.startswith(b"tree\n") and b"\nversion=" in data[:100]:
        return "lightgbm"
    if data.startswith(b"CBM1"):
        return "catboost-cbm"
    if data.startswith(b"{L") and b"learner" in data[:1000]:
        return "xgboost"
    if data.startswith(b"PK\x03\x04"):
        return _of_members(data[-_LAST_BYTES:])
    if data.startswith(_CODE) or any(mark in data[:1000] for mark in _OLD_CODE):
        return "pickle"
    if data.startswith(_PACKED):
        return "packed"
    if data.lstrip()[:1] == b"{":
        if b'"gradient_booster"' in data:
            return "xgboost"
        if b'"features_info"' in data and b"trees" in data:
            return "catboost-json"
    return ""


def _of_members(end: bytes) -> str:
    if b"model.onnx" in end and b"manifest.json" in end:
        return "mlwright"
    if b"data.pkl" in end or b".pickle" in end:
        return "pickle"
    return "skops" if b"schema.json" in end else ""


REFUSED: MappingProxyType[str, tuple[str, str]] = MappingProxyType(
    {
        "pickle": (
            "it is a pickle, which may run any code when it is opened",
            "if you trust who made it, load it yourself and give convert the object, or say --trust on the "
            "command line; better, let it be saved as " + _OPENABLE,
        ),
        "packed": (
            "it is compressed, as joblib writes pickles, which may run any code when they are opened",
            "if you trust who made it, load it yourself and give convert the object, or say --trust on the "
            "command line; a model in another form must be unpacked",
        ),
        "mlwright": ("it is a model of mlwright already", "open it with mlwright.load"),
    }
)
"""By kind, what is not opened: what it is, and what to do."""


def _library(name: str, extra: str) -> Any:  # Any: a module
    """A library that opens files. Raises `ExtraMissing` where it is not installed."""
    if importlib.util.find_spec(name) is None:
        raise ExtraMissing("opening this file", extra, name)
    return importlib.import_module(name)


def _lightgbm(data: bytes) -> Any:  # Any: a Booster
    return _library("lightgbm", "train").Booster(model_str=data.decode())


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
    unknown = list(io.get_untrusted_types(data=data))
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise ModelRefused(
            f"it holds types that may be code: {', '.join(unknown[:5])}{more}",
            remedy="if you trust them, call skops.io.load(path, trusted=[...]) and give convert the object",
        )
    return io.loads(data, trusted=[])


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
