"""The Frame: the columns that flow through a prototype's steps, as tensors of a graph that is being built.

Numbers are doubles. A column of categories is a double too: the code of its text in a dictionary of the whole
graph (`Words`), so that texts are looked up once, wherever a step asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.decoding import category_of
from mlwright.base.errors import ConversionRefused
from mlwright.graph.build import ML, GraphBuilder

Doubles = npt.NDArray[np.float64]
NUMBERS = "numbers"
"""The input of the graph that holds them."""
MISSING, UNSEEN = 0.0, -1.0
"""The codes of a missing text, and of one that no step knows."""


EXACT = 1e-9
"""How far a graph in doubles may answer from the original: of probabilities, and of numbers in relation to
themselves. Sums in another order differ by less."""


@dataclass
class Words:
    """What is gathered from all steps. Which texts they ask for, by column of the table: known only when all
    have been gone through, so that a graph is built twice, the second time with the dictionary in front."""

    seen: dict[str, dict[str, int]] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    """As what the graph holds rows that the model was fitted on."""
    free: set[str] = field(default_factory=set)
    """Columns of free text, which a step takes apart."""
    fills: set[tuple[str, str]] = field(default_factory=set)
    """Columns and the texts that take the place of missing ones, which no step need look for."""
    in_rounds: bool = False
    """Whether the original may answer otherwise for a row alone, as imputing in rounds does of one that has
    no value at all: the graph answers as for a row among others."""
    allowed: float = EXACT
    """How far the graph may answer from the original, which may not calculate in doubles itself."""
    closed: set[str] = field(default_factory=set)
    """Columns whose texts must be known ones, whatever the original makes of others."""
    given: Callable[[str], Sequence[Any]] = lambda column: ()  # Any: values of whatever type
    """The example's values of a column, as its owner holds them."""
    spelled: dict[tuple[str, str], Any] = field(default_factory=dict)  # Any: values of whatever type
    """Of columns and the texts of categories, the categories as the steps hold them."""
    inputs: tuple[str, ...] = ()
    """The columns of numbers that the graph is given."""

    def code(self, column: str, text: str) -> float:
        """The code of `text` in `column`; "" is missing."""
        known = self.seen.setdefault(column, {"": 0})
        return float(known.setdefault(text, len(known)))

    def known(self, column: str, value: Any) -> float:  # Any: a category as a step holds it
        """The code of a category, remembered as it is: a step may know 1994 or "WD ", not "1994" or "WD"."""
        text = category_of(value)
        self.spelled.setdefault((column, text), value)
        return self.code(column, text)

    def allow(self, difference: float) -> None:
        """Raises what is allowed to at least `difference`."""
        self.allowed = max(self.allowed, difference)

    def source(self, slot: Slot) -> str | None:
        """The column of the table that a slot is, unchanged; None where a step made it."""
        return slot.words or (self.inputs[slot.place] if slot.tensor == NUMBERS else None)


@dataclass(frozen=True)
class Slot:
    """One column: where it lies, and for categories which column of the table its codes are of."""

    name: str
    tensor: str
    place: int
    width: int
    """Of the tensor."""
    words: str | None = None
    text: Callable[[], str] | None = None
    """Of texts, makes the tensor [N] of the texts themselves: nodes of it are written only if a step asks."""


@dataclass(frozen=True)
class Frame:
    """Columns in order, each in some tensor [N, width] of `g`."""

    g: GraphBuilder
    words: Words
    slots: tuple[Slot, ...]

    def __len__(self) -> int:
        return len(self.slots)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(s.name for s in self.slots)

    def made(self, tensor: str, names: Sequence[str], words: Sequence[str | None] | None = None) -> Frame:
        """A frame of the columns of one tensor."""
        of = words or [None] * len(names)
        slots = (Slot(n, tensor, i, len(names), w) for i, (n, w) in enumerate(zip(names, of, strict=True)))
        return replace(self, slots=tuple(slots))

    def pick(self, which: Iterable[int]) -> Frame:
        return replace(self, slots=tuple(self.slots[i] for i in which))

    def beside(self, others: Iterable[Frame]) -> Frame:
        """This frame's columns, then those of others."""
        return replace(self, slots=self.slots + tuple(s for other in others for s in other.slots))

    def tensor(self) -> str:
        """All columns as one double tensor [N, len]; categories are their codes. Raises `ConversionRefused`
        where there is none."""
        if not self.slots:
            raise ConversionRefused(
                "not one column is left to it", remedy="look at what the steps before it keep"
            )
        parts: list[tuple[str, int, list[int]]] = []
        for slot in self.slots:
            if parts and parts[-1][0] == slot.tensor:
                parts[-1][2].append(slot.place)
            else:
                parts.append((slot.tensor, slot.width, [slot.place]))
        return self.g.concat([self.g.columns(tensor, places, width) for tensor, width, places in parts])

    def text(self) -> str:
        """The one column's texts [N], which a step is about to take apart."""
        if len(self) != 1 or self.slots[0].text is None or self.slots[0].words is None:
            given = ", ".join(map(repr, self.names[:4])) or "none"
            raise ConversionRefused(
                f"it takes one column of texts apart, and is given {given}",
                remedy="name the column by its name alone, as in ('words', TfidfVectorizer(), 'review')",
            )
        self.words.free.add(self.slots[0].words)
        return self.slots[0].text()

    def numbers(self) -> str:
        """All columns as one double tensor. Raises `ConversionRefused` where one holds texts."""
        text = next((s.name for s in self.slots if s.words is not None), None)
        if text is not None:
            raise ConversionRefused(
                f"column {text!r} holds texts, which this step cannot take",
                remedy="encode it first, as with OneHotEncoder",
            )
        return self.tensor()


def begun(
    numbers: Sequence[str],
    texts: Sequence[str],
    order: Sequence[str],
    words: Words,
    into: GraphBuilder | None = None,
) -> tuple[GraphBuilder, Frame]:
    """A graph (`into`, where one is begun) with the packed inputs, and the table's columns in `order`;
    categories as the codes that `words` has so far."""
    g, words.inputs = GraphBuilder() if into is None else into, tuple(numbers)
    slots = dict[str, Slot]()
    if numbers:
        tensor = g.input(NUMBERS, "float64", len(numbers))
        slots |= {n: Slot(n, tensor, i, len(numbers)) for i, n in enumerate(numbers)}
    if texts:
        strings = g.input("strings", "string", len(texts))
        tensor = _codes(g, strings, texts, words)
        slots |= {
            n: Slot(n, tensor, i, len(texts), n, partial(_text, g, strings, i)) for i, n in enumerate(texts)
        }
    return g, Frame(g, words, tuple(slots[n] for n in order))


def _text(g: GraphBuilder, strings: str, place: int) -> str:
    return g.node("Gather", strings, g.constant(np.array(place, dtype=np.int64)), axis=1)


def _codes(g: GraphBuilder, strings: str, texts: Sequence[str], words: Words) -> str:
    """Codes [N, b] of the texts of each column: one dictionary for all, each column's texts behind its
    number, as the server's own look-up takes them apart again."""
    keys = [
        (f"{i}:{text}", code) for i, n in enumerate(texts) for text, code in words.seen.get(n, {}).items()
    ]
    keys = keys or [("0:", 0)]
    before = g.constant(np.array([[f"{i}:" for i in range(len(texts))]], dtype=object))
    return g.node(
        "LabelEncoder",
        g.node("StringConcat", before, strings),
        domain=ML,
        keys_tensor=np.array([k for k, _ in keys], dtype=object),
        values_tensor=np.array([float(c) for _, c in keys]),
        default_tensor=np.array([UNSEEN]),
    )


Step = Callable[[Any, Frame], Frame]  # Any: somebody's estimator
"""What turns a fitted transformer and the columns that it is given into the columns that it gives."""
