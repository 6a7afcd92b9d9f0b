"""From a fitted model and example rows to a graph with its schema, compared row by row with the original.

Nothing is silently different: what cannot be done exactly is refused with the step's name, rows that the
original does not take are refused by the schema, and what differs all the same makes no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.artifact import Model
from mlwright.base.errors import Misuse
from mlwright.base.evaluation import Parity
from mlwright.base.schema import Column, Schema, Target
from mlwright.base.texts import clean
from mlwright.conversion.answers import Answer, Classes, published
from mlwright.conversion.far import within_reach
from mlwright.conversion.fitted_on import as_called, names_of
from mlwright.conversion.frame import EXACT, Words, begun
from mlwright.conversion.given import example_given, refuse_rows, refuse_unfit
from mlwright.conversion.names import kind_of
from mlwright.conversion.networks import Network, Wording
from mlwright.conversion.original import Example, Original
from mlwright.conversion.parity import MOST_COMPARED, Pair
from mlwright.conversion.registry import check_convertible, ended
from mlwright.conversion.schemas import bounded, dataset_of, like_written, taken_apart, target_of
from mlwright.conversion.small import Int8Builder
from mlwright.data.dataset import Dataset
from mlwright.graph.build import GraphBuilder
from mlwright.graph.folding import folded
from mlwright.graph.running import session

Doubles = npt.NDArray[np.float64]

TOLERANCE_INT8 = 0.1
"""Of weights with eight bits: what they cost is asked of rows with known answers, or of the example."""
DISTRIBUTIONS = {"sklearn": "scikit-learn"}


@dataclass(frozen=True)
class Converted:
    """A graph, the schema of its rows, and the original that it must answer as."""

    original: Original
    example: Example
    schema: Schema
    graph: bytes
    scores_only: bool = False
    tolerance: float = EXACT
    """How far both may be apart."""
    int8: bool = False
    """Whether its weights have eight bits each."""
    in_rounds: bool = False
    """Whether the original may answer otherwise for a row alone than for it among others."""
    spelled: Mapping[tuple[str, str], Any] = field(default_factory=dict)  # Any: categories
    """Of columns and the texts of categories, the categories as the model holds them."""
    holds: tuple[str, ...] = ()
    """As what the graph holds rows that the model was fitted on."""

    def in_int8(self) -> Converted | None:
        """The same network with weights of eight bits; None where it has no large ones.

        Raises `Misuse` for a model that is no network.
        """
        if not isinstance(self.original.model, Network):
            raise Misuse(
                f"int8= is for networks and their weights, and {self.steps[-1]} is none",
                remedy="leave it out",
            )
        g = Int8Builder()
        graph, _ = _built(self.original.model, self.schema, Words(), self.schema.target, g)
        return replace(self, graph=graph, tolerance=TOLERANCE_INT8, int8=True) if g.replaced else None

    @property
    def steps(self) -> tuple[str, ...]:
        """The classes of the model's steps, the last one last."""
        return tuple(steps_of(self.original.model))

    def dataset(self, example: Example) -> Dataset:
        """Rows as the graph takes them. Raises `Misuse` where the schema refuses one."""
        return dataset_of(example, self.schema)

    def compared(self, model: Model) -> Parity:
        """The original against the graph. Raises `ParityFailed` where they differ."""
        pair = Pair(
            self.original,
            self.example,
            self.schema,
            self.steps,
            self.tolerance,
            in_rounds=self.in_rounds,
            spelled=self.spelled,
        )
        return pair.compared(model)

    @property
    def versions(self) -> dict[str, str]:
        """Of the libraries that the steps come from."""
        libraries = sorted({step.split(".")[0] for step in self.steps})
        return dict(_distribution(name) for name in libraries)

    def answered(self, rows: Dataset) -> Doubles:
        """What the graph answers: probabilities [N, K], or numbers [N, 1]."""
        run = session(self.graph)
        feeds = {"numbers": rows.numbers(), "strings": rows.strings()}
        wanted = {i.name for i in run.get_inputs()}
        name = "probability" if self.schema.target and self.schema.target.classes else "prediction"
        [found] = run.run([name], {k: v for k, v in feeds.items() if k in wanted})
        return np.asarray(found).reshape(len(rows), -1)


def steps_of(model: Any) -> Iterator[str]:  # Any: a fitted model
    """The classes of its steps, a Pipeline's one by one."""
    steps = getattr(model, "steps", None)
    if isinstance(model, Network):
        yield model.kind
    elif kind_of(model) == "sklearn.Pipeline" and steps:
        for _, step in steps:
            yield from steps_of(step)
    elif not (model is None or isinstance(model, str)):
        yield kind_of(model)


@cache
def _distribution(library: str) -> tuple[str, str]:
    """What a library is installed as, and its version."""
    called = DISTRIBUTIONS.get(library, library)
    try:
        return called, version(called)
    except PackageNotFoundError:  # under a name of its own, which takes long to look up
        found = packages_distributions().get(library, [library])
        return found[0], version(found[0])


def converted(
    model: Any, example: Any, target: str, wording: Wording | None = None
) -> Converted:  # Any: a fitted model; rows as it takes them
    """The graph of a fitted `model`, whose rows look like those of `example`.

    Raises `ConversionRefused` for a step that no graph can do exactly, naming it; `Misuse` for rows that are
    no table, or that the model does not take.
    """
    check_convertible(model)
    refuse_unfit(model)
    rows = example if isinstance(example, Example) else example_given(example, model)
    model = opened(model, rows, wording or Wording())
    original = Original(model)
    columns = tuple(like_written(n, rows) for n in rows.names)
    refuse_rows(original, rows.first(MOST_COMPARED))
    if target in rows.names:
        raise Misuse(f"the example has the target {target!r} among its columns", remedy="leave it out")
    plain = Schema(columns=columns)
    words = Words(given=rows.values)
    answer = _built(model, plain, words, None)[1]
    plain = Schema(columns=tuple(taken_apart(c, words) for c in columns))
    columns = plain.columns
    told = target_of(answer, target)
    asked = Column(
        name=target,
        kind="numeric" if told.task == "regression" else "categorical",
        role="target",
        nullable=False,
        categories=told.classes,
        codes=told.label_type == "integer",
        why="named by the user",
    )
    schema = msgspec.structs.replace(plain, columns=(*columns, asked), target=told)
    graph, _ = _built(model, plain, words, told)
    schema = bounded(schema, rows, original, words)
    pair = Pair(original, rows, schema, tuple(steps_of(model)), words.allowed, words.in_rounds)
    schema = within_reach(pair, graph)
    dropped = tuple(c for c in _dropped(original.model, rows) if c.name != target)
    schema = msgspec.structs.replace(schema, columns=(*schema.columns, *dropped))
    scores_only = isinstance(answer, Classes) and answer.scores_only
    return Converted(
        original,
        rows,
        schema,
        graph,
        scores_only,
        words.allowed,
        in_rounds=words.in_rounds,
        spelled=words.spelled,
        holds=tuple(sorted(words.kept)),
    )


def _dropped(model: Any, rows: Example) -> Iterator[Column]:  # Any: a fitted model
    """Columns that it was fitted on and looks at no more: whoever asks may go on to send them."""
    named = names_of(model) or ()
    for name in as_called(model, named, rows.names):
        if name not in rows.names and name == clean(name):
            yield Column(name=name, kind="text", unused=True, why="dropped by the model's first step")


def opened(model: Any, rows: Example, wording: Wording) -> Any:  # Any: somebody's model
    """A network beside the columns of its example; any other model as it is."""
    from mlwright.conversion.keras_layers import is_keras, of_keras
    from mlwright.conversion.modules import is_module, of_module
    from mlwright.conversion.onnx_files import is_onnx, of_graph
    from mlwright.conversion.tensorflow import is_tensorflow, of_tensorflow

    found = None
    if is_keras(model):  # before the modules: on PyTorch's backend it is one as well
        found = of_keras(model, rows.names, wording)
    elif is_module(model):
        found = of_module(model, rows.rows, rows.names, wording)
    elif is_tensorflow(model):
        found = of_tensorflow(model, rows.names, wording)
    elif is_onnx(model):
        found = of_graph(model, rows.names, wording)
    if found is None and wording != Wording():
        raise Misuse(
            f"answers= and classes= are for networks, and {kind_of(model)} says by itself what it answers",
            remedy="leave them out",
        )
    if found is None:
        return model
    assert found.meaning  # what cannot be laid, or says nothing, is refused before it is asked
    return found


def _built(
    model: Any, schema: Schema, words: Words, target: Target | None, into: GraphBuilder | None = None
) -> tuple[bytes, Answer]:
    """The graph and its answer; without a target, only to hear which texts the steps ask for. Any: a model"""
    numbers, texts = [c.name for c in schema.numbers], [c.name for c in schema.strings]
    g, frame = begun(numbers, texts, [c.name for c in schema.features], words, into)
    answer = ended(model, frame)
    if target is None:
        return b"", answer
    published(g, answer, target, list(range(len(target.classes))))
    if into is None:  # a builder that is given lays its constants in a way of its own
        folded(g, of_classes=isinstance(answer, Classes))
    return g.to_bytes(), answer
