"""Weights of a module of PyTorch from a safetensors file: tensors by name, which are data and no code.

The module says what it computes, the file only with which numbers: every tensor of the one must be in the
other, in its shape. They are put into a copy, so that the module stays as its owner has it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlwright.base.errors import ExtraMissing, Misuse, NotAModel, nearest, shown
from mlwright.conversion.modules import copied, is_module
from mlwright.sources.files import no_such_file

_LONGEST_HEADER = 100 * 1024 * 1024
"""What the format allows a file to say about its tensors, in bytes."""


def is_safetensors(head: bytes) -> bool:
    """Whether a file begins as one of safetensors: the length of a JSON object, and that object.

    >>> is_safetensors((64).to_bytes(8, "little") + b'{"a":{')
    True
    """
    return 2 <= int.from_bytes(head[:8], "little") <= _LONGEST_HEADER and head[8:9] == b"{"


def with_weights(module: Any, path: str | os.PathLike[str]) -> Any:  # Any: a torch.nn.Module
    """A copy of `module` that holds the tensors of a safetensors file.

    Raises `Misuse` for anything but a module, and where tensors are missing, surplus or of another shape or
    type; `NotAModel` for another file; `ExtraMissing` without safetensors.
    """
    place = Path(path)
    if not is_module(module):
        raise Misuse(
            f"weights= is for modules of PyTorch, and {type(module).__name__} is none",
            remedy="leave it out: load the weights into the model yourself, and give the model",
        )
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise ExtraMissing("reading weights", "deep", "safetensors") from error
    if not place.is_file():
        raise no_such_file(place)
    with place.open("rb") as file:
        if not is_safetensors(file.read(9)):
            raise NotAModel(
                "it is no file of safetensors",
                where=str(place),
                remedy="write it with safetensors.torch.save_model(module, path); a file of torch.save may "
                "run code when it is read, and is not taken",
            )
    module = copied(module)
    try:
        with safe_open(place, framework="pt", device="cpu") as held:
            shapes = {name: tuple(held.get_slice(name).get_shape()) for name in held.keys()}  # noqa: SIM118
            wanted = _tensors(module)
            _check_names(wanted, shapes, str(place))
            for name, shape in shapes.items():
                _put(wanted[name], held.get_tensor(name), name, shape, str(place))
    except SafetensorError as error:
        raise NotAModel(
            f"safetensors cannot read it: {shown(str(error), 200)}",
            where=str(place),
            remedy="write it again with safetensors.torch.save_model(module, path)",
        ) from error
    return module


def _tensors(module: Any) -> dict[str, Any]:  # Any: a torch.nn.Module; its tensors
    """By name, what the module is made of. Raises `Misuse` for layers without sizes."""
    found = {name: t for name, t in module.state_dict().items() if hasattr(t, "data_ptr")}
    lazy = next((n for n, t in found.items() if type(t).__name__.startswith("Uninitialized")), None)
    if lazy is not None:
        raise Misuse(
            f"{shown(lazy)} of the module has no size yet",
            remedy="run the module on a row before, or say sizes",
        )
    return found


def _check_names(wanted: Mapping[str, Any], held: Mapping[str, Any], where: str) -> None:  # Any: tensors
    """Every tensor of the module is in the file, and no other. One that shares its memory with one that is
    there, as tied weights do, is written once."""
    there = {wanted[name].data_ptr() for name in wanted if name in held and wanted[name].numel()}
    missing = [n for n, t in wanted.items() if n not in held and t.data_ptr() not in there]
    surplus = [name for name in held if name not in wanted]
    if not missing and not surplus:
        return
    said = []
    if missing:
        said.append(f"{_some(missing)} of the module {'is' if len(missing) == 1 else 'are'} not in the file")
    if surplus:
        said.append(f"{_some(surplus)} of the file {'is' if len(surplus) == 1 else 'are'} not in the module")
    near = nearest((missing or surplus)[0], surplus if missing else list(wanted))
    raise Misuse(
        "; ".join(said),
        where=where,
        remedy=(f"{(missing or surplus)[0]!r} may be {near!r} there; " if near else "")
        + "build the module as it was when its weights were written",
    )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(shown(name) for name in names[:3])}{more}"


def _put(into: Any, given: Any, name: str, shape: tuple[int, ...], where: str) -> None:  # Any: tensors
    """One tensor in its place. Raises `Misuse` where it does not fit, or would lose digits."""
    import torch

    if tuple(into.shape) != shape:
        raise Misuse(
            f"{shown(name)} has the shape {list(shape)} in the file, {list(into.shape)} in the module",
            where=where,
            remedy="build the module in the sizes that it had when its weights were written",
        )
    if torch.promote_types(given.dtype, into.dtype) != into.dtype:
        names = [str(t.dtype).removeprefix("torch.") for t in (given, into)]
        raise Misuse(
            f"{shown(name)} is {names[0]} in the file, {names[1]} in the module, which would lose digits",
            where=where,
            remedy="give the module in that type (such as module.double()), or write the weights in its own",
        )
    with torch.no_grad():
        into.copy_(given)
