"""Whether a graph answers as its original: row by row, many at once and one by one, on the example and at the
edges of what the schema allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.artifact import Model
from mlwright.artifact.session import Outputs
from mlwright.base.errors import ConversionRefused, ParityFailed
from mlwright.base.evaluation import Parity
from mlwright.base.schema import Schema
from mlwright.base.texts import clean
from mlwright.conversion.odd import odd_texts
from mlwright.conversion.original import Example, Original, Said, relative
from mlwright.conversion.schemas import UNSEEN, class_text, dataset_of

Doubles = npt.NDArray[np.float64]

MIXED = 1e-4
"""How far the original's own answers for a row may be apart, alone and among others: sums in single numbers
differ by less."""
MOST_COMPARED, MOST_ALONE = 500, 20
EXAMPLE = "the example rows"
FAR = (0.0, -1.0, 1e6, -1e6)
MOST_CATEGORIES = 50


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
class Pair:
    """The original, and what is to be known to compare a graph with it."""

    original: Original
    example: Example
    schema: Schema
    steps: tuple[str, ...]
    tolerance: float
    in_rounds: bool
    """Whether the original may answer otherwise for a row alone than for it among others."""
    spelled: Mapping[tuple[str, str], Any] = field(default_factory=dict)  # Any: categories
    """Of columns and the texts of categories, the categories as the original holds them."""

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
            if not mixed <= max(self.tolerance, MIXED):
                raise ConversionRefused(
                    f"what it answers for a row hangs on the other rows: {mixed:.3g} on {place}",
                    where=self.steps[-1],
                    remedy="let it work on each row by itself, as a server asks it",
                )
            rows += int(steady.sum())
            for asked, each in ((place, apart.together), (f"{place}, one by one", apart.alone)):
                difference = _most(each[steady])
                if not difference <= self.tolerance:
                    how = f"differ by {difference:.3g}" if difference < np.inf else "give other classes"
                    raise ParityFailed(
                        f"the original and its graph {how} on {asked}; "
                        f"{self.tolerance:g} is allowed, so that no file is written",
                        remedy="please report it, with the steps of the model",
                    )
                if difference > largest:
                    largest, where = difference, asked
        return Parity(rows=rows, largest=largest, where=where, tolerance=self.tolerance)

    def _both_ways(self, example: Example, model: Model) -> Apart:
        """How far both are apart on each row: many at once, and the first ones one by one."""
        data = dataset_of(example, self.schema)
        numbers, strings = data.numbers(), data.strings()
        said = self.original.says(example)
        alone, mixed = np.zeros(len(example)), np.zeros(len(example))
        for i in range(min(len(example), MOST_ALONE)):
            by_itself = self.original.says(example.only([i]))
            row = numbers[[i]], strings[[i]]
            alone[i] = self.apart(by_itself, model.run(*row), said.size)[0]
            if not self.in_rounds:
                mixed[i] = self._distance(by_itself, said.only([i]), said.size)
            else:
                alone[i] = min(alone[i], self.apart(said.only([i]), model.run(*row), said.size)[0])
        return Apart(self.apart(said, model.run(numbers, strings), said.size), alone, mixed)

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
        changes = edges(self.schema, odd, none, self.spelled)
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

    def apart(self, said: Said, outputs: Outputs, size: float) -> Doubles:
        """How far the graph's outputs are from what was said of each row; numbers in relation to themselves,
        or to `size`."""
        if outputs.prediction is not None:
            return relative(said.answer.astype(np.float64), outputs.prediction, size)
        assert outputs.probability is not None and outputs.label is not None  # of classes
        target = self.schema.target
        assert target is not None  # classes have one
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
        classes, text = self.schema.target.classes, class_text(label)
        if text not in classes:
            raise ConversionRefused(
                f"it answers the class {text!r}, which is none of those that it names: {', '.join(classes)}",
                where=self.steps[-1],
                remedy="look at how it was made: its classes and its answers do not fit",
            )
        return classes.index(text)


def _most(differences: Doubles) -> float:
    return float("inf") if np.isnan(differences).any() else float(differences.max(initial=0.0))


def edges(
    schema: Schema,
    odd: Mapping[str, Sequence[str]],
    none: Sequence[str] = (),
    spelled: Mapping[tuple[str, str], Any] = MappingProxyType({}),
) -> list[dict[str, Any]]:  # Any: values of the columns' kinds
    """What is changed in a row to bring it to the edges of what the schema allows: each column missing, never
    seen or of each category; far numbers, alone and together; `odd` texts of free text. The first is a row as
    it is. Where a text is missing that is an empty one, or None in the columns `none`. Categories are as the
    original holds them, `spelled` by column and text: the number 1994, or a text with a blank behind it."""
    nothing: dict[str, Any] = {
        c.name: "" if c.kind == "text" and c.name not in none else None for c in schema.features if c.nullable
    }
    texts = [c for c in schema.features if c.kind == "categorical"]
    unseen: dict[str, Any] = {c.name: UNSEEN for c in texts if not c.allowed}
    numeric = [c.name for c in schema.features if c.kind == "numeric"]
    found: list[dict[str, Any]] = [{}, nothing, unseen, {**nothing, **unseen}]
    found += [{name: value} for change in (nothing, unseen) for name, value in change.items()]
    found += [
        {c.name: spelled.get((c.name, text), text)} for c in texts for text in c.categories[:MOST_CATEGORIES]
    ]
    found += [{name: text} for name, texts_ in odd.items() for text in texts_]
    for far in FAR:
        found += [{name: far} for name in numeric] + [dict.fromkeys(numeric, far)]
    return found
