"""ONNX files, of whatever tool: read without running them, laid node by node, asked through onnxruntime.

A file's graph is asked only after each of its nodes is known: what an unknown one would do, nobody finds out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused, ExtraMissing, Misuse, NotAModel
from mlwright.conversion.networks import Array, Network, Outcome, Wording, matched
from mlwright.conversion.onnx_graphs import brought, laid, outcome_of, ports_of
from mlwright.conversion.onnx_ml_rules import labels_of
from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session

KIND = "onnx.ModelProto"
MOST_BYTES = 512 * 1024 * 1024


def is_onnx(model: Any) -> bool:  # Any: somebody's model
    """Whether it is a ModelProto, or names an ONNX file."""
    if isinstance(model, (str, os.PathLike)):
        return Path(model).suffix.lower() == ".onnx"
    return type(model).__name__ == "ModelProto" and type(model).__module__.split(".")[0] == "onnx"


def opened(path: str | os.PathLike[str]) -> Any:  # Any: a ModelProto
    """The graph in a file, with constants that lie in files beside it.

    Raises `NotAModel` for anything else, `ConversionRefused` for constants that lie elsewhere or are large,
    `Misuse` where there is no such file.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise ExtraMissing("converting ONNX files", "deep", "onnx") from error
    file = Path(path)
    if not file.is_file():
        raise Misuse("there is no such file", where=str(path), remedy="say where the ONNX file lies")
    if file.stat().st_size > MOST_BYTES:
        raise ConversionRefused("it is larger than 512 MiB", where=str(path))
    try:
        model = onnx.load_model_from_string(file.read_bytes())
    except DecodeError as error:
        raise NotAModel(
            "it is no ONNX file, or is damaged", where=str(path), remedy="export it again"
        ) from error
    if not model.graph.node:
        raise NotAModel("it holds no graph", where=str(path), remedy="export it again")
    _bring_constants(model, file.parent, str(path))
    return model


def _bring_constants(model: Any, folder: Path, where: str) -> None:  # Any: a ModelProto
    """Reads the constants that lie beside the file, and nowhere else."""
    from onnx import TensorProto, external_data_helper

    total = 0
    for tensor in model.graph.initializer:
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        told = {e.key: e.value for e in tensor.external_data}
        name = PurePosixPath(told.get("location", ""))
        file = folder / name
        if (
            name.is_absolute()
            or ".." in name.parts
            or not name.parts
            or file.is_symlink()
            or "\\" in str(name)
        ):
            raise ConversionRefused(
                f"the constant {tensor.name!r} lies outside of the file's folder", where=where,
                remedy="save the graph with its constants inside",
            )  # fmt: skip
        if not file.is_file():
            raise ConversionRefused(
                f"the constants of {str(name)!r} are absent", where=where, remedy="put that file beside it"
            )
        total += int(told.get("length", file.stat().st_size))
        if total > MOST_BYTES:
            raise ConversionRefused("its constants are larger than 512 MiB", where=where)
        external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]


def of_graph(model: Any, names: Sequence[str], wording: Wording) -> Network:  # Any: a ModelProto, or a path
    """An ONNX graph beside the columns of an example."""
    proto = opened(model) if isinstance(model, (str, os.PathLike)) else model
    plain = brought(proto)
    ports = ports_of(plain)
    if not ports:
        raise ConversionRefused("it takes no input", where=KIND)
    columns = matched(ports, names, KIND)
    found = _Answers(plain, wording)

    def lay(g: GraphBuilder, tensors: Sequence[str]) -> Outcome:
        return found.outcome(g, {p.name: (t, p) for p, t in zip(ports, tensors, strict=True)})

    asked: list[Any] = []  # Any: a session, begun when it is first asked: after its nodes have been laid

    def ask(given: Sequence[Array]) -> tuple[Array, Array | None]:
        if not asked:
            asked.append(session(proto.SerializeToString()))
        answers = asked[0].run(found.asked, {p.name: a for p, a in zip(ports, given, strict=True)})
        raw = answers[-1]
        if found.zipped is not None:
            raw = np.array([[row[c] for c in found.zipped] for row in raw])
        return np.asarray(raw), np.asarray(answers[0]) if found.label else None

    return Network(KIND, ports, tuple(names), columns, lay, ask, wording)


class _Answers:
    """Which of a graph's outputs are its label and its numbers."""

    def __init__(self, model: Any, wording: Wording) -> None:  # Any: a ModelProto, brought
        self.model, self.wording = model, wording
        self.zipped: tuple[Any, ...] | None = None  # Any: texts or whole numbers
        self.label = ""
        outputs = [o.name for o in model.graph.output]
        maps = {n.output[0]: n for n in model.graph.node if n.op_type == "ZipMap"}
        kinds = {o.name: o.type.tensor_type.elem_type for o in model.graph.output}
        numbers = [o for o in outputs if o in maps or kinds[o] in (1, 11)]
        others = [o for o in outputs if o not in numbers]
        if len(numbers) != 1 or len(others) > 1:
            raise ConversionRefused(
                f"it has {len(outputs)} outputs ({', '.join(outputs)[:100]})", where=KIND,
                remedy="keep one of numbers or probabilities, and at most the label beside it",
            )  # fmt: skip
        self.named = numbers[0]
        self.label = others[0] if others else ""
        self.numbers = maps[self.named].input[0] if self.named in maps else self.named
        if self.named in maps:
            attributes = {a.name: a for a in maps[self.named].attribute}
            texts = [s.decode() for s in attributes["classlabels_strings"].strings] if (
                "classlabels_strings" in attributes
            ) else []  # fmt: skip
            self.zipped = tuple(texts or list(attributes["classlabels_int64s"].ints))

    @property
    def asked(self) -> list[str]:
        return [self.label, self.named] if self.label else [self.named]

    def outcome(self, g: GraphBuilder, given: dict[str, Any]) -> Outcome:  # Any: a tensor and its Port
        done = laid(self.model, g, given)
        out = outcome_of(done, self.numbers)
        if not self.label:
            return out
        label = done.of[self.label]
        labels = self.zipped or self._labels(done, label)
        return Outcome(
            out.tensor,
            out.kind,
            out.width,
            out.final,
            out.before,
            _whole(done, label, done.of[self.numbers]),
            labels,
        )

    def _labels(
        self, done: Any, label: Any
    ) -> tuple[Any, ...]:  # Any: a Laid; a Value; texts or whole numbers
        """The classes in order: of the classifier's node, or of the list that labels are taken from."""
        at, seen = label.made_by, 0
        while at is not None and seen < 20:
            if at.op.endswith("Classifier"):
                return tuple(labels_of(at).tolist())
            if at.op in ("ArrayFeatureExtractor", "Gather") and at.given(0).array is not None:
                return tuple(at.given(0).array.ravel().tolist())
            if at.op == "LabelEncoder":
                break
            given, seen = at.inputs[0], seen + 1
            at = given.made_by if given is not None else None
        if self.wording.classes is None:
            raise Misuse(
                f"{KIND} does not say which classes its probabilities are of",
                remedy='say classes=["no", "yes"], in their order',
            )
        return self.wording.classes


def _whole(done: Any, label: Any, numbers: Any) -> str:  # Any: a Laid; Values
    """The label [N], where it is not just the likeliest class: taken by the place of the greatest of these
    numbers, or of what they were made of, or by the very node that made them."""
    made = label.made_by
    while made is not None and made.op in (
        "ArrayFeatureExtractor",
        "Cast",
        "Gather",
        "Identity",
        "Reshape",
        "Squeeze",
    ):
        given = [v for v in made.inputs if v is not None and v.made_by is not None]
        made = given[0].made_by if len(given) == 1 else None
    of, makers = numbers, set()
    while of is not None:
        makers |= {id(of.made_by), of.tensor}
        ordered = of.made_by is not None and of.made_by.op in ("Cast", "Identity", "LogSoftmax", "Softmax")
        of = of.made_by.inputs[0] if ordered else None
    if made is not None and made.op == "ArgMax" and made.given(0).tensor in makers:
        return ""
    if made is not None and made.op.endswith("Classifier") and id(made) in makers:
        return ""
    return str(done.g.node("Reshape", done.tensor(label), done.g.constant(np.array([-1]))))
