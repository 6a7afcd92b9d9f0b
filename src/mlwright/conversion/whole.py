"""From a fitted model and example rows to a graph with its schema, compared row by row with the original.

Nothing is silently different: what cannot be done exactly is refused with the step's name, rows that the
original does not take are refused by the schema, and what differs all the same makes no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.artifact import Model
from mlwright.base.decoding import category_of
from mlwright.base.errors import ConversionRefused, Misuse, MlwrightError, ParityFailed
from mlwright.base.evaluation import Parity
from mlwright.base.schema import Column, LabelType, Schema, Target, TaskName
from mlwright.base.texts import clean
from mlwright.conversion.answers import Answer, Classes, published
from mlwright.conversion.frame import EXACT, Words, begun
from mlwright.conversion.names import kind_of
from mlwright.conversion.networks import Network, Wording, tabled
from mlwright.conversion.odd import odd_texts
from mlwright.conversion.original import Example, Original, Said, relative
from mlwright.conversion.reach import reach
from mlwright.conversion.registry import check_convertible, ended
from mlwright.conversion.small import Int8Builder
from mlwright.data.dataset import Dataset, Provenance
from mlwright.data.decode import decode_frame
from mlwright.graph.build import GraphBuilder
from mlwright.graph.folding import folded
from mlwright.graph.running import session

Doubles = npt.NDArray[np.float64]

TOLERANCE_INT8 = 0.1
"""Of weights with eight bits: what they cost is asked of rows with known answers, or of the example."""
MOST_COMPARED, MOST_ALONE = 500, 20
EXAMPLE = "the example rows"
UNSEEN = "a value never seen"
FAR = (0.0, -1.0, 1e6, -1e6)
MOST_CATEGORIES = 50
DISTRIBUTIONS = {"sklearn": "scikit-learn"}


@dataclass(frozen=True)
class Apart:
    """How far graph and original are apart on each row [N]: many at once, one by one; and the original alone
    from itself among many."""

    together: Doubles
    alone: Doubles
    mixed: Doubles

    def most(self) -> Doubles:
        """Of the three, on each row."""
        return np.maximum(np.maximum(self.together, self.alone), self.mixed)


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

    def dataset(self, example: Example) -> Dataset:
        """Rows as the graph takes them. Raises `Misuse` where the schema refuses one."""
        decoded = decode_frame(example.table(), self.schema, text=True, features_only=True)
        if decoded.problems:
            raise Misuse(f"example=, {decoded.problems[0]}", remedy="give rows that the model takes")
        return Dataset(decoded.frame, self.schema, Provenance("example rows"))

    def compared(self, model: Model) -> Parity:
        """The original against the graph on the example and on rows at the edges, many and one by one.
        Raises `ParityFailed` where they differ.

        Rows at the edges are not compared where the original's own answer changes as much with the thirteenth
        digit of its numbers, as of a million that is squared: it is rounding there, and no graph has it.
        """
        largest, where, rows = 0.0, "", 0
        self._check_clean()
        for place, example in self._asked():
            apart = self._both_ways(example, model)
            steady = np.ones(len(example), dtype=np.bool_)
            over = np.flatnonzero(~(apart.most() <= self.tolerance))
            if len(over) and place != EXAMPLE:
                steady[over] = self.original.steady(example.only(over.tolist()), self.tolerance)
            mixed = _most(apart.mixed[steady])
            if not mixed <= 10 * self.tolerance:
                raise ConversionRefused(
                    f"what it answers for a row hangs on the other rows: {mixed:.3g} on {place}",
                    where=self.steps[-1],
                    remedy="let it work on each row by itself, as a server asks it",
                )
            rows += int(steady.sum())
            for asked, each in ((place, apart.together), (f"{place}, one by one", apart.alone)):
                difference = _most(each[steady])
                if not difference <= self.tolerance:
                    raise ParityFailed(
                        f"the original and its graph differ by {difference:.3g} on {asked}; "
                        f"{self.tolerance:g} is allowed, so that no file is written",
                        remedy="please report it, with the steps of the model",
                    )
                if difference > largest:
                    largest, where = difference, asked
        return Parity(rows=rows, largest=largest, where=where, tolerance=self.tolerance)

    def _both_ways(self, example: Example, model: Model) -> Apart:
        """How far both are apart on each row: many at once, and the first ones one by one."""
        data = self.dataset(example)
        numbers, strings = data.numbers(), data.strings()
        said = self.original.says(example)
        alone, mixed = np.zeros(len(example)), np.zeros(len(example))
        for i in range(min(len(example), MOST_ALONE)):
            by_itself = self.original.says(example.only([i]))
            row = numbers[[i]], strings[[i]], said.size
            alone[i] = self._difference(by_itself, model, *row)[0]
            if not self.in_rounds:
                mixed[i] = self._distance(by_itself, said.only([i]), said.size)
            else:
                alone[i] = min(alone[i], self._difference(said.only([i]), model, *row)[0])
        return Apart(self._difference(said, model, numbers, strings, said.size), alone, mixed)

    def _check_clean(self) -> None:
        """Raises `ConversionRefused` where the original answers otherwise for texts of the example than for
        the same ones cleaned, as every text is that a file is given."""
        texts = [c.name for c in self.schema.features if c.kind == "text"]
        rows = self.example.first(MOST_COMPARED)
        if all(clean(text) == text for name in texts for text in rows.texts(name)):
            return
        said = self.original.says(rows)
        if not self._distance(said, self.original.says(rows.cleaned(texts)), said.size) <= self.tolerance:
            raise ConversionRefused(
                "it heeds blanks around a text, or how accents are written, and a file does not: its texts "
                "are trimmed and in NFC",
                where=self.steps[0],
                remedy="fit on texts that went through str.strip and unicodedata.normalize('NFC', text), or "
                "give example rows of such texts alone",
            )

    def _asked(self) -> list[tuple[str, Example]]:
        texts = [c.name for c in self.schema.features if c.kind == "text"]
        odd = {name: odd_texts(self.example.texts(name)) for name in texts}
        none = [name for name in texts if self.original.taken(self.example, [{name: None}])]
        changes = edges(self.schema, odd, none)
        taken = [changes[i] for i in self.original.taken(self.example, changes)]
        found = [(EXAMPLE, self.example.first(MOST_COMPARED))]
        return [*found, ("rows at the edges", self.example.changed(taken))] if taken else found

    def _distance(self, one: Said, other: Said, size: float) -> float:
        """How far two answers of the original are apart."""
        if one.probability is not None and other.probability is not None:
            return _most(np.abs(one.probability - other.probability))
        if self.schema.target is not None and self.schema.target.classes:
            return 0.0 if (one.answer == other.answer).all() else float("inf")
        return _most(relative(one.answer.astype(np.float64), other.answer.astype(np.float64), size))

    def _difference(
        self, said: Said, model: Model, numbers: Doubles, strings: Any, size: float
    ) -> Doubles:  # Any: texts
        """How far the graph is from what was said of each row; numbers in relation to themselves, or to
        `size`."""
        outputs = model.run(numbers, strings)
        if outputs.prediction is not None:
            return relative(said.answer.astype(np.float64), outputs.prediction, size)
        assert outputs.probability is not None and outputs.label is not None  # of classes
        target = model.target
        places = {target.label(k): k for k in range(len(target.classes))}
        given = np.array([places[label] for label in outputs.label.tolist()])
        wanted = np.array([self._class_of(label) for label in said.answer])
        best = outputs.probability[np.arange(len(given)), given]
        other = outputs.probability[np.arange(len(wanted)), wanted]
        unlike = (given != wanted) & (np.abs(best - other) > self.tolerance)
        apart = np.zeros(len(given))
        if said.probability is not None:
            apart = np.abs(outputs.probability - said.probability).max(axis=1)
        return np.where(unlike, np.inf, apart)

    def _class_of(self, label: Any) -> int:  # Any: a label of whatever type
        assert self.schema.target is not None  # classes have one
        return self.schema.target.classes.index(_text_of(label))


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


def _most(differences: Doubles) -> float:
    return float("inf") if np.isnan(differences).any() else float(differences.max(initial=0.0))


def converted(
    model: Any, example: Any, target: str, wording: Wording | None = None
) -> Converted:  # Any: a fitted model; rows as it takes them
    """The graph of a fitted `model`, whose rows look like those of `example`.

    Raises `ConversionRefused` for a step that no graph can do exactly, naming it; `Misuse` for rows that are
    no table, or that the model does not take.
    """
    rows = example if isinstance(example, Example) else Example(tabled(example))
    model = opened(model, rows, wording or Wording())
    check_convertible(model)
    original = Original(model)
    columns = tuple(_like_written(n, rows) for n in rows.names)
    first = rows.first(1)
    try:
        original.says(first)
    except MlwrightError:
        raise
    except Exception as error:  # whatever somebody's model raises is told as its own
        raise Misuse(
            f"the model does not take the example's first row: {type(error).__name__}: {error}",
            remedy="give rows as you give them to its predict, without the target",
        ) from error
    if target in rows.names:
        raise Misuse(f"the example has the target {target!r} among its columns", remedy="leave it out")
    plain = Schema(columns=columns)
    words = Words(given=rows.values)
    answer = _built(model, plain, words, None)[1]
    plain = Schema(columns=tuple(_taken_apart(c, words) for c in columns))
    columns = plain.columns
    told = _target(answer, target)
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
    schema = _bounded(schema, rows, original, words)
    scores_only = isinstance(answer, Classes) and answer.scores_only
    return Converted(
        original,
        rows,
        schema,
        graph,
        scores_only,
        words.allowed,
        in_rounds=words.in_rounds,
        holds=tuple(sorted(words.kept)),
    )


def _taken_apart(column: Column, words: Words) -> Column:
    """The column as free text where steps take its texts apart, and none looks them up whole."""
    looked_up = [t for t in words.seen.get(column.name, {}) if t and (column.name, t) not in words.fills]
    if column.name not in words.free or looked_up:
        return column
    return msgspec.structs.replace(column, kind="text")


def opened(model: Any, rows: Example, wording: Wording) -> Any:  # Any: somebody's model
    """A network beside the columns of its example; any other model as it is."""
    from mlwright.conversion.keras_layers import is_keras, of_keras
    from mlwright.conversion.modules import is_module, of_module
    from mlwright.conversion.onnx_files import is_onnx, of_graph

    found = None
    if is_keras(model):  # before the modules: on PyTorch's backend it is one as well
        found = of_keras(model, rows.names, wording)
    elif is_module(model):
        found = of_module(model, rows.rows, rows.names, wording)
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


def _like_written(name: str, rows: Example) -> Column:
    """The column of the example's type, its texts read as the example's table wrote them."""
    told = rows.written.get(name, Column(name=name, kind="numeric"))
    why = "by the type of the example's column"
    return msgspec.structs.replace(told, kind=rows.kind(name), why=why)


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
        folded(g)
    return g.to_bytes(), answer


def _target(answer: Answer, name: str) -> Target:
    if not isinstance(answer, Classes):
        return Target(name=name, task="regression")
    labels = list(answer.labels)
    kinds = {type(v).__name__.rstrip("_") for v in labels}
    label_type: LabelType = "text"
    if all(isinstance(v, (bool, np.bool_)) for v in labels):
        label_type = "boolean"
    elif all(isinstance(v, (int, np.integer)) for v in labels):
        label_type = "integer"
    elif not all(isinstance(v, str) for v in labels):
        raise ConversionRefused(
            f"its classes are of the type {', '.join(sorted(kinds))}",
            remedy="let classes be texts or whole numbers",
        )
    classes = tuple(_text_of(v) for v in labels)
    task: TaskName = "binary" if len(classes) == 2 else "multiclass"
    return Target(
        name=name,
        task=task,
        classes=classes,
        label_type=label_type,
        positive=classes[1] if len(classes) == 2 else None,
    )


def _text_of(label: Any) -> str:  # Any: a label of whatever type
    text = category_of(label.item() if isinstance(label, np.generic) else label)
    if isinstance(label, str) and text != label:
        raise ConversionRefused(
            f"the class {label!r} has spaces around it", remedy="name classes without them"
        )
    return text


def _bounded(schema: Schema, rows: Example, original: Original, words: Words) -> Schema:
    """The schema with what the original does not take forbidden: missing values, texts never seen. Free text
    that is missing is an empty text."""
    texts = [c.name for c in schema.features if c.kind == "categorical"]
    free = [c.name for c in schema.features if c.kind == "text"]
    names = [c.name for c in schema.features]
    asked: list[dict[str, Any]] = [{name: None} for name in names]  # Any: values of the columns' kinds
    asked += [{name: UNSEEN} for name in texts] + [{name: ""} for name in free]
    taken = set(original.taken(rows, asked))
    empty = {name for i, name in enumerate(free, len(names) + len(texts)) if i in taken}
    for i, name in enumerate(names):
        schema = schema.changed(name, nullable=i in taken or name in empty)
    numeric = [c.name for c in schema.features if c.kind == "numeric"]
    for name, (least, most) in reach(original, rows, numeric).items():
        schema = schema.changed(name, least=least, most=most)
    for i, name in enumerate(texts, len(names)):
        known = tuple(text for text in words.seen.get(name, {}) if text)
        if not known and i not in taken:  # a network's own dictionary: what the example holds is known to be
            known = tuple(dict.fromkeys(t for t in rows.table()[name].cast(str).to_list() if t))
        closed = i not in taken or name in words.closed
        schema = schema.changed(name, categories=known, allowed=known if closed else ())
    return schema


def edges(
    schema: Schema, odd: Mapping[str, Sequence[str]], none: Sequence[str] = ()
) -> list[dict[str, Any]]:  # Any: values of the columns' kinds
    """What is changed in a row to bring it to the edges of what the schema allows: each column missing, never
    seen or of each category; far numbers, alone and together; `odd` texts of free text. The first is a row as
    it is. Where a text is missing that is an empty one, or None in the columns `none`."""
    nothing: dict[str, Any] = {
        c.name: "" if c.kind == "text" and c.name not in none else None for c in schema.features if c.nullable
    }
    texts = [c for c in schema.features if c.kind == "categorical"]
    unseen: dict[str, Any] = {c.name: UNSEEN for c in texts if not c.allowed}
    numeric = [c.name for c in schema.features if c.kind == "numeric"]
    found: list[dict[str, Any]] = [{}, nothing, unseen, {**nothing, **unseen}]
    found += [{name: value} for change in (nothing, unseen) for name, value in change.items()]
    found += [{c.name: text} for c in texts for text in c.categories[:MOST_CATEGORIES]]
    found += [{name: text} for name, texts_ in odd.items() for text in texts_]
    for far in FAR:
        found += [{name: far} for name in numeric] + [dict.fromkeys(numeric, far)]
    return found
