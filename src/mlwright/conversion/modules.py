"""Modules of PyTorch: exported by PyTorch itself to ONNX, and laid from there into our graph.

PyTorch is whatever the user holds the module in; it is never imported for anything else.
"""

from __future__ import annotations

import copy
import inspect
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused, ExtraMissing, Misuse
from mlwright.conversion.networks import FLAT, Array, Network, Outcome, Port, Wording, matched
from mlwright.conversion.onnx_graphs import brought, laid, outcome_of
from mlwright.graph.build import GraphBuilder


def is_module(model: Any) -> bool:  # Any: somebody's model
    """Whether it is a `torch.nn.Module`, of whatever class."""
    return any(
        (t.__module__, t.__qualname__) == ("torch.nn.modules.module", "Module") for t in type(model).__mro__
    )


def copied(module: Any) -> Any:  # Any: a torch.nn.Module
    """A copy on the CPU, without torch.compile around it."""
    module = getattr(module, "_orig_mod", module)
    try:
        return copy.deepcopy(module).cpu()
    except Exception as error:  # whatever somebody's class raises when it is copied
        raise ConversionRefused(
            f"it cannot be copied: {type(error).__name__}: {error}", where=f"torch.{type(module).__name__}"
        ) from error


def of_module(module: Any, rows: Any, names: Sequence[str], wording: Wording) -> Network:
    """A module beside rows as it takes them. Any: a torch.nn.Module; a frame or an array

    It is asked, and exported, as a copy in evaluation mode on the CPU: the module stays as it is.
    """
    import torch

    module = getattr(module, "_orig_mod", module)  # of torch.compile
    kind = f"torch.{type(module).__name__}"
    if isinstance(module, torch.jit.ScriptModule):
        raise ConversionRefused(
            "it is TorchScript, which PyTorch no longer exports", where=kind,
            remedy="give the module itself, before torch.jit.script or torch.jit.trace",
        )  # fmt: skip
    asked = copied(module).eval()
    ports = _ports(asked, rows, names, kind)
    columns = matched(ports, names, kind)

    def ask(given: Sequence[Array]) -> tuple[Array, None]:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = asked(*(torch.from_numpy(a) for a in given))
        if not isinstance(found, torch.Tensor):
            raise ConversionRefused(
                f"it answers {type(found).__name__}, not one tensor", where=kind,
                remedy="wrap it in a module whose forward returns the tensor of answers",
            )  # fmt: skip
        return found.numpy(), None

    proto = exported(asked, ports, kind)

    def lay(g: GraphBuilder, tensors: Sequence[str]) -> Outcome:
        given = {i.name: (t, p) for i, t, p in zip(proto.graph.input, tensors, ports, strict=True)}
        return outcome_of(laid(proto, g, given), proto.graph.output[0].name)

    return Network(kind, ports, tuple(names), columns, lay, ask, wording)


def _ports(module: Any, rows: Any, names: Sequence[str], kind: str) -> tuple[Port, ...]:
    """What `forward` takes: one tensor of all columns, or one for each of its arguments. Any: as above"""
    single = next((str(p.dtype) for p in module.parameters() if p.is_floating_point()), "torch.float32")
    real = single.removeprefix("torch.")
    if real not in ("float32", "float64"):
        raise ConversionRefused(f"it works in {real}", where=kind, remedy="convert module.float()")
    arguments = [
        p.name
        for p in inspect.signature(module.forward).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if len(arguments) <= 1:
        return (Port(arguments[0] if arguments else "x", real, len(names)),)
    if not hasattr(rows, "columns"):
        raise Misuse(
            f"{kind} takes {len(arguments)} tensors ({', '.join(arguments)}), the example is one array",
            remedy=f'give example={{"{arguments[0]}": ..., "{arguments[1]}": ...}}',
        )
    found = []
    for name in arguments:
        many = [n for n in names if n == name or (n.startswith(f"{name}_") and n[len(name) + 1 :].isdigit())]
        whole = bool(many) and all(str(rows[n].dtype).startswith(("int", "uint")) for n in many)
        width = None if many == [name] and name in rows.attrs.get(FLAT, ()) else max(1, len(many))
        found.append(Port(name, "int64" if whole else real, width))
    return tuple(found)


def exported(module: Any, ports: Sequence[Port], kind: str) -> Any:  # Any: a torch.nn.Module; a ModelProto
    """The module as PyTorch exports it, for any number of rows."""
    import torch

    try:
        import onnx  # noqa: F401  # what PyTorch's exporter needs, asked for by name
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ExtraMissing("converting PyTorch modules", "deep", error.name or "onnxscript") from error
    given = tuple(
        torch.from_numpy(np.zeros((2,) if p.width is None else (2, p.width), dtype=p.kind)) for p in ports
    )
    rows = torch.export.Dim("N")
    try:
        with _quiet():
            program = torch.onnx.export(
                module, given, dynamo=True, opset_version=21, verbose=False,
                dynamic_shapes=tuple({0: rows} for _ in ports),
            )  # fmt: skip
    except Exception as error:  # the exporter raises what its many parts raise
        deepest: BaseException = error
        while deepest.__cause__ is not None:
            deepest = deepest.__cause__
        first = next((line for line in str(deepest).splitlines() if line.strip()), type(deepest).__name__)
        raise ConversionRefused(
            f"PyTorch cannot export it: {first[:300]}", where=kind,
            remedy="let forward do the same for any number of rows, whatever the values are",
        ) from error  # fmt: skip
    assert program is not None  # of dynamo=True
    return brought(program.model_proto)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says about its own parts."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
