"""Networks and graphs of other libraries as one kind of original: columns in, a tensor out, and its meaning.

A module of PyTorch, a model of Keras and an ONNX file differ in how they are asked and how their nodes are
laid; which columns go where, and whether an answer is a number, a probability or a logit, is alike and stands
here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused, Misuse, UnknownName
from mlwright.conversion.answers import Answer, Classes, Number
from mlwright.conversion.frame import Frame
from mlwright.conversion.imported import KINDS
from mlwright.conversion.names import kind_of
from mlwright.graph.build import GraphBuilder

Array = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]
AnswerName = Literal["numbers", "probabilities", "logits"]
ANSWERS: tuple[AnswerName, ...] = ("numbers", "probabilities", "logits")

FLAT = "mlwright.flat"
"""Of a frame made of a dict: which inputs were given as [N], and not as [N, 1]."""
_NUMBERS = {name: number for number, name in KINDS.items()}
DOUBLE = _NUMBERS["float64"]
SINGLE = 1e-5
"""How far the graph may answer from a network that calculates in float32."""


@dataclass(frozen=True)
class Port:
    """An input: [N, width], or [N] where width is None."""

    name: str
    kind: str
    width: int | None


@dataclass(frozen=True)
class Outcome:
    """What a network's nodes give in a graph of ours, still in its own type of number."""

    tensor: str
    kind: str
    width: int | None
    """[N, width], or [N]."""
    final: str = ""
    """`Sigmoid`, `Softmax` or `LogSoftmax` where that is the last thing done, to `before`; `Regressor` where
    the node is one."""
    before: str = ""
    label: str = ""
    """The class that it answers by itself, [N], where that is more than the likeliest."""
    labels: tuple[Any, ...] = ()
    """Its classes, where it says them itself. Any: texts or whole numbers"""


@dataclass(frozen=True)
class Wording:
    """What the user says about a network's answers."""

    answers: AnswerName | None = None
    classes: tuple[Any, ...] | None = None  # Any: labels of whatever type


@dataclass(frozen=True)
class Meaning:
    """What one row's answer is: a number, or of the classes `labels` probabilities or logits."""

    of: AnswerName
    labels: tuple[Any, ...] = ()  # Any: labels of whatever type
    single: bool = False
    """Whether one number tells of two classes."""


@dataclass(frozen=True)
class Network:
    """Somebody's network beside the example's columns.

    `lay` puts its nodes into a graph, given a tensor for each port; `ask` is given an array for each port and
    returns what it answers, and its labels where it has any.
    """

    kind: str
    """Its class with its library, such as `torch.Sequential`."""
    ports: tuple[Port, ...]
    names: tuple[str, ...]
    """The example's columns in order."""
    columns: tuple[tuple[str, ...], ...]
    """Of each port, the example's columns that it is made of."""
    lay: Callable[[GraphBuilder, Sequence[str]], Outcome]
    ask: Callable[[Sequence[Array]], tuple[Array, Array | None]]
    wording: Wording

    @property
    def library(self) -> str:
        return self.kind.split(".")[0]

    @property
    def single(self) -> bool:
        """Whether it works in float32."""
        return self.outcome.kind != "float64" or any(p.kind == "float32" for p in self.ports)

    @property
    def outcome(self) -> Outcome:
        return self._nowhere[0]

    @cached_property
    def _nowhere(self) -> tuple[Outcome, frozenset[str]]:
        """Its nodes laid once into nowhere, and their operators: whatever cannot be laid is refused before it
        is asked."""
        g = GraphBuilder()
        try:
            out = self.lay(g, [g.input(f"i{i}", p.kind, p.width) for i, p in enumerate(self.ports)])
            return out, frozenset(n.op for n in g.made)
        except ConversionRefused as refused:
            refused.where = f"{self.kind} > {refused.where}" if refused.where else self.kind
            raise

    @cached_property
    def meaning(self) -> Meaning:
        return meant(self.outcome, self.wording, self.kind)

    def said(self, rows: Any) -> tuple[Doubles | None, Array]:  # Any: a pandas frame or an array
        """Probabilities [N, K] of classes, and labels or numbers [N]."""
        given = [self._fed(rows, p, c) for p, c in zip(self.ports, self.columns, strict=True)]
        out, label = self.ask(given)
        meaning, raw = self.meaning, np.array(out, dtype=np.float64).reshape(len(rows), -1)
        if "MaxPool" in self._nowhere[1]:
            # TensorFlow's maximum passes over what is missing, and others' do not: nobody's answer counts.
            raw[_missing(given)] = np.nan
        if meaning.of == "numbers":
            return None, raw[:, 0]
        p = raw
        with np.errstate(all="ignore"):  # what is no number stays none
            if meaning.of == "logits" and meaning.single:
                p = 1 / (1 + np.exp(-raw))
            elif meaning.of == "logits":
                away = np.exp(raw - raw.max(axis=1, keepdims=True))
                p = away / away.sum(axis=1, keepdims=True)
        if meaning.single:
            p = np.concatenate([1 - p, p], axis=1)
        if label is None:
            label = _array_of(meaning.labels)[p.argmax(axis=1)]
        return p, np.asarray(label).reshape(len(rows))

    def _fed(self, rows: Any, port: Port, columns: Sequence[str]) -> Array:  # Any: a frame or an array
        if hasattr(rows, "columns"):
            return fed(rows[list(columns)].to_numpy(), port)
        return fed(rows[:, [self.names.index(c) for c in columns]], port)


def _missing(given: Sequence[Array]) -> npt.NDArray[np.bool_]:
    """Of each row, whether a number is missing."""
    found = np.zeros(len(given[0]), dtype=np.bool_)
    for array in given:
        if array.dtype.kind == "f":
            found |= np.isnan(array.reshape(len(array), -1)).any(axis=1)
    return found


def laid(network: Network, frame: Frame) -> Answer:
    """The network's nodes over a frame's columns, and what they answer."""
    g, tensors = frame.g, []
    if network.single:
        frame.words.allow(SINGLE)
    for port, columns in zip(network.ports, network.columns, strict=True):
        some = frame.pick(frame.names.index(c) for c in columns)
        tensors.append(_given(some, port))
    out = network.lay(g, tensors)
    meaning = network.meaning
    flat = out.tensor if out.width is not None else _as_column(g, out.tensor)
    if meaning.of == "numbers":
        return Number(_double(g, flat, out.kind))
    labels = _array_of(meaning.labels)
    before = out.before if out.width is not None or not out.before else _as_column(g, out.before)
    margin = before if before else flat if meaning.of == "logits" else ""
    best = ""
    if out.label:
        hits = g.node("Equal", _as_column(g, out.label), g.constant(labels[None, :]))
        best = g.node("ArgMax", g.node("Cast", hits, to=_NUMBERS["int32"]), axis=1, keepdims=0)
    if margin:
        margin = _double(g, margin, out.kind)
        if len(labels) == 2 and not meaning.single:
            margin = g.node("Sub", g.columns(margin, [1], 2), g.columns(margin, [0], 2))
        return Classes(labels, margin=margin, best=best)
    p = _double(g, flat, out.kind)
    if meaning.single:
        p = g.concat([g.node("Sub", g.constant(1.0), p), p])
    return Classes(labels, probability=p, best=best)


def _given(some: Frame, port: Port) -> str:
    """Columns as the port takes them."""
    g = some.g
    if port.kind == "string":
        [slot] = some.slots
        out = g.columns("strings", [slot.place], slot.width)
    else:
        out = some.numbers()
        out = out if port.kind == "float64" else g.node("Cast", out, to=_NUMBERS[port.kind])
    return out if port.width is not None else g.node("Reshape", out, g.constant(np.array([-1])))


def _as_column(g: GraphBuilder, tensor: str) -> str:
    return g.node("Reshape", tensor, g.constant(np.array([-1, 1])))


def _double(g: GraphBuilder, tensor: str, kind: str) -> str:
    return tensor if kind == "float64" else g.node("Cast", tensor, to=DOUBLE)


def _array_of(labels: Sequence[Any]) -> Array:  # Any: labels of whatever type
    texts = any(isinstance(v, str) for v in labels)
    return np.array(labels, dtype=object if texts else None)


def meant(out: Outcome, wording: Wording, kind: str) -> Meaning:
    """What the answers are, by what the user says and by what is done last. Raises `Misuse` where neither
    tells."""
    answers, classes, wide = wording.answers, wording.classes, out.width or 1
    if answers is not None and answers not in ANSWERS:
        raise UnknownName("answers", str(answers), ANSWERS)
    if out.labels:
        if classes is not None and len(classes) != len(out.labels):
            raise Misuse(f"classes= has {len(classes)} labels, {kind} has {len(out.labels)} classes")
        return Meaning("probabilities", tuple(classes or out.labels), wide == 1)
    if out.final == "Sigmoid" and wide > 1:
        raise ConversionRefused(
            f"it answers {wide} probabilities that have nothing to do with each other",
            remedy="convert a network for each target, or end it with a softmax over classes",
        )
    found = answers or _by_the_last(out, classes is not None)
    if found is None:
        if wide > 1:
            raise Misuse(
                f"{kind} answers {wide} numbers a row, which do not say what they are",
                remedy=f"say classes= with {wide} labels in their order where they are logits of classes "
                '(and answers="probabilities" where they are those); several numbers are not converted',
            )
        raise Misuse(
            f"{kind} answers one number a row, which does not say what it is",
            remedy='say answers="numbers" where it is what is predicted, or classes=["no", "yes"] where it '
            'is the logit of the second (and answers="probabilities" where it is its probability)',
        )
    if found == "numbers":
        if classes is not None:
            raise Misuse('classes= was given beside answers="numbers"', remedy="leave out one of them")
        if wide > 1:
            raise ConversionRefused(
                f"it answers {wide} numbers at once", remedy="convert a network for each target"
            )
        return Meaning("numbers")
    labels = tuple(range(max(2, wide))) if classes is None else classes
    if len(labels) != max(2, wide) or len(set(labels)) != len(labels):
        raise Misuse(
            f"classes= has {len(set(labels))} different labels, {kind} answers {wide} numbers a row",
            remedy=f"name {max(2, wide)} classes in the order of its outputs",
        )
    return Meaning(found, labels, wide == 1)


def _by_the_last(out: Outcome, of_classes: bool) -> AnswerName | None:
    """What the last thing done says."""
    if out.final in ("Sigmoid", "Softmax"):
        return "probabilities"
    if out.final == "Regressor" and not of_classes:
        return "numbers"
    return "logits" if of_classes or out.final == "LogSoftmax" else None


def matched(ports: Sequence[Port], names: Sequence[str], kind: str) -> tuple[tuple[str, ...], ...]:
    """Of each port, the columns that it is made of: all of them for a single one, by name for several.
    Raises `Misuse`, with the near miss, where they do not fit."""
    if len(ports) == 1 and (ports[0].width or 1) == len(names):
        return (tuple(names),)
    if len(ports) == 1 and ports[0].width not in (None, 1):
        raise Misuse(
            f"{kind} takes {ports[0].width} columns, the example has {len(names)}",
            remedy="give the very columns that it was trained on, in that order, without the target",
        )
    found = []
    for port in ports:
        wanted = (
            [port.name] if port.width in (None, 1) else [f"{port.name}_{i}" for i in range(port.width or 0)]
        )
        for name in wanted:
            if name not in names:
                raise UnknownName("column", name, names, where="example=", remedy=f"{kind} asks for it")
        found.append(tuple(wanted))
    more = sorted(set(names) - {name for some in found for name in some})
    if more:
        raise Misuse(
            f"{kind} does not take the example's column {more[0]!r}", remedy="leave it out of the example"
        )
    return tuple(found)


def fed(some: Array, port: Port) -> Array:
    """Some columns of the rows as a port takes them. Raises `ValueError` for what it cannot hold."""
    count = len(some)
    if port.kind == "string":
        if not all(isinstance(v, str) for v in some.ravel()):
            raise ValueError("a text is missing")
        array = some.astype(object)
    else:
        array = np.asarray(some, dtype=np.float64)
        if not port.kind.startswith("float") and not np.isfinite(array).all():
            raise ValueError("a whole number is missing")
        array = array.astype(port.kind)
    return np.ascontiguousarray(array.reshape(count, -1) if port.width is not None else array.reshape(count))


def tabled(example: Any) -> Any:  # Any: whatever rows a network takes; a pandas frame or an array
    """Tensors as arrays; a dict of an array for each input as a frame with a column for each of theirs."""
    if kind_of(example) == "torch.Tensor":
        return example.detach().cpu().numpy()
    if not isinstance(example, Mapping):
        return example
    try:
        import pandas
    except ImportError as error:
        raise Misuse(
            "example= is a dict, which needs pandas", remedy="install pandas, or give an array"
        ) from error
    columns: dict[str, Array] = {}
    flat = []
    for name, values in example.items():
        array = np.asarray(tabled(values))
        if array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1):
            columns[str(name)] = array.ravel()
            flat += [str(name)] if array.ndim == 1 else []
        elif array.ndim == 2:
            columns |= {f"{name}_{i}": array[:, i] for i in range(array.shape[1])}
        else:
            raise Misuse(f"example[{name!r}] has {array.ndim} dimensions", remedy="give [N] or [N, M]")
    if len({len(column) for column in columns.values()}) > 1:
        raise Misuse(
            "the inputs in example= have different numbers of rows", remedy="give equally many of each"
        )
    table = pandas.DataFrame(columns)
    table.attrs[FLAT] = flat
    return table
