"""Reads a pickle or a SavedModel that the user trusts, for `convert --trust`: the one place of the product
that runs a file.

Both are programs. Nothing here is called unless the user said on this command line that the file's author
is trusted, and no other module imports this one.
"""

from __future__ import annotations

import importlib.util
import re
import warnings
from pathlib import Path
from typing import Any

from mlwright.base.errors import EnvironmentProblem, Misuse, NotAModel, shown
from mlwright.conversion.given import is_model
from mlwright.conversion.pickled import is_of_torch
from mlwright.conversion.tensorflow import is_saved_model

WARNING = "--trust: this file can run any code on this machine, as you; say it of files whose author you know"
_INSTALLED_AS = {
    **{
        name: name
        for name in ("catboost", "lightgbm", "numpy", "pandas", "polars", "scipy", "torch", "xgboost")
    },
    **{name: name for name in ("category_encoders", "keras", "skops", "skorch", "statsmodels", "tensorflow")},
    "imblearn": "imbalanced-learn",
    "sklearn": "scikit-learn",
    "skopt": "scikit-optimize",
    "cv2": "opencv-python",
}
"""Of libraries whose models people save: of another module nobody here knows what it is, and a package of its
name may be anybody's."""


_MODULE, _NAME = re.compile(r"module '([\w.]+)'"), re.compile(r"attribute '(\w+)'")
"""As Python says that a module lacks a name."""


def trusted(path: Path) -> tuple[Any, tuple[str, ...]]:  # Any: whatever the file holds
    """The object in a file and what its library warned of. Whatever code the file holds is run.

    Raises `EnvironmentProblem` for a library that is not installed, `Misuse` for a class that only a notebook
    or script has, `NotAModel` where it cannot be read.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = _loaded(path)
    said = dict.fromkeys(" ".join(str(w.message).split()) for w in caught if _is_told(w.category))
    return _model_of(found, str(path)), tuple(said)


def _is_told(category: type[Warning]) -> bool:
    """Whether a warning is for whoever converts: such as another version of scikit-learn."""
    return issubclass(category, UserWarning)


def _loaded(path: Path) -> Any:  # Any: as above
    head = b""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(4096)
    try:
        if is_saved_model(path):
            import tensorflow

            return tensorflow.saved_model.load(str(path))
        if is_of_torch(head):
            import torch

            return torch.load(path, map_location="cpu", weights_only=False)
        return _unpickled(path)
    except ModuleNotFoundError as error:
        raise _without(error.name or "?", str(path)) from error
    except AttributeError as error:
        module, name = (found[1] if (found := part.search(str(error))) else "" for part in (_MODULE, _NAME))
        if module.split(".")[0] in _INSTALLED_AS:
            raise _without(f"{module}.{name}", str(path)) from error
        raise Misuse(
            f"it needs code that is not here ({error})",
            where=str(path),
            remedy="classes and functions of a notebook or script are not in a pickle: convert the notebook "
            "(mlwright convert NOTEBOOK.ipynb), or call mw.convert where they are defined",
        ) from error
    except Exception as error:  # whatever code of the file raises: it could not be read
        raise NotAModel(
            f"it cannot be read: {type(error).__name__}: {shown(str(error), 200)}",
            where=str(path),
            remedy="save it again, with the versions of the libraries that are installed here",
        ) from error


def _without(module: str, where: str) -> EnvironmentProblem:
    """What to say where a module is absent: a library, a part of one that other versions have, or somebody's
    own file."""
    library = module.split(".")[0]
    package = _INSTALLED_AS.get(library, "")
    if module != library and importlib.util.find_spec(library) is not None:
        said = (
            f"its objects need {module}, which the {package or library} that is installed here does not have"
        )
    else:
        said = f"its objects need {library}, which is not installed"
    remedy = f"pip install {package}, in the version that it was saved with"
    if not package:
        remedy = (
            f"if {library} is a file or folder of its author's, say where it lies: "
            "PYTHONPATH=FOLDER mlwright convert ...; if it is a library, install it in the version that it "
            "was saved with"
        )
    return EnvironmentProblem(said, where=where, remedy=remedy)


def _unpickled(path: Path) -> Any:  # Any: as above
    try:
        import joblib
    except ImportError:
        import pickle

        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - the user said --trust of this very file
    return joblib.load(path)


def _model_of(found: Any, where: str) -> Any:  # Any: as above
    """`found`, if it predicts. Raises `Misuse` otherwise, naming what within it does."""
    if is_model(found):
        return found
    kind = f"the class {found.__name__}" if isinstance(found, type) else type(found).__name__
    inside: dict[str, Any] = {}  # Any: as above
    if isinstance(found, dict):
        inside = {repr(k): v for k, v in found.items()}
    elif isinstance(found, (list, tuple)):
        inside = {str(i): v for i, v in enumerate(found)}
    models = [f"[{k}] ({type(v).__name__})" for k, v in inside.items() if is_model(v)]
    remedy, said = "save the fitted model itself", ""
    if models:
        remedy = f"save that alone: joblib.dump(bundle{models[0].split(' ')[0]}, ...)"
        said = f"; of it {', '.join(models[:5])} can"
    elif inside and all(type(v).__name__ == "Tensor" for v in inside.values()):
        remedy = "these are weights alone: load them into the network in Python, and give it to mw.convert"
    raise Misuse(f"the file holds {kind}, which cannot predict{said}", where=where, remedy=remedy)
