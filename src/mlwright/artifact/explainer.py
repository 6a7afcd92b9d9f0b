"""Explainer: a model's graph asked again and again, for what each raw column added to an answer.

Made by `Model` (once for the background of its own file, or for given rows), called by it and by `serving`.
The graph runs on one thread. It needs numpy and onnxruntime only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlwright.artifact.decode import Decoded
from mlwright.artifact.drawing import number_of
from mlwright.artifact.explanation import Cell, Explanation
from mlwright.artifact.session import Session
from mlwright.artifact.shapley import CELLS, MOST_EXACT, Game, Shares, Value, shapley
from mlwright.base.errors import Misuse, UnknownName
from mlwright.base.schema import NUMBER_KINDS, Column, Schema, Target
from mlwright.graph.lifted import CODES, lifted
from mlwright.graph.scan import GraphFacts, scan

Doubles = npt.NDArray[np.float64]
Strings = npt.NDArray[np.object_]

MOST_ROWS = 1_000
"""Rows of one call: at tens of milliseconds each, more are better explained in parts."""
BACKGROUND, LEAST_BACKGROUND, BACKGROUND_CELLS = 64, 16, 2_048
"""Background rows drawn from a file: fewer for wide tables and heavy models, since a row costs some answers
for each cell of the background."""
LEAST_EXACT = 32
"""Background rows with which every set of columns is asked, or else none."""
STEPS, FURTHER_STEPS = 6_000_000, 100
"""Nodes of trees that one explanation may pass: 15 to 30 ms, by 2 to 5 ns each; and what else a row of a
graph costs, in such nodes. A count, not a clock: the same row has the same explanation everywhere."""
WALKED = 2.5
"""Rows that a cell of the background costs where coalitions are sampled, at most."""
MOST_BACKGROUND = 1_024
"""Rows of a given background."""
MIXES = 256
"""Rows that an answer is tried on before it is taken for a sum over columns."""
TOLERANCE = 1e-9
"""By which such a sum may miss the answer, beside the size of the answers."""


def affordable_rows(facts: GraphFacts) -> float:
    """Rows that one explanation may ask a graph about."""
    return STEPS / (FURTHER_STEPS + facts.tree_steps)


def background_rows(columns: int, most_rows: float) -> int:
    """How many background rows are drawn for a model of so many columns, of which an explanation may ask
    about `most_rows` rows.

    >>> [background_rows(n, 10_000) for n in (5, 7, 9, 14, 79)], background_rows(79, 2_000)
    ([64, 64, 64, 64, 25], 16)
    >>> background_rows(9, 20_000)  # exactly, which takes 510 rows for each
    39
    """
    if columns <= MOST_EXACT:
        exact = int(most_rows / max(1, 2**columns - 2))
        if exact >= LEAST_EXACT:
            return min(BACKGROUND, exact)
    cells = min(BACKGROUND_CELLS, most_rows / WALKED)
    return max(LEAST_BACKGROUND, min(BACKGROUND, int(cells / max(columns, 1))))


class _Apart(NamedTuple):
    """An answer that is a sum over columns: what each adds beside the first background row."""

    first: Doubles
    """[D]"""
    answer: float
    mean: Doubles
    """[D], what the background's values add on average."""


class Explainer:
    """Explains answers of one model against one background; threads may share it."""

    def __init__(
        self, graph: bytes, facts: GraphFacts, schema: Schema, background: Decoded, seed: int
    ) -> None:
        """`graph` was scanned, giving `facts`; `background` holds no refused row."""
        self.seed = seed
        self._most_rows = affordable_rows(facts)
        self._target = _target_of(schema)
        output = "margin" if self._target.classes else "prediction"
        whole = Session(graph, facts, only=output)
        self._answers = _Answers(whole, schema, background, _lifted(graph, schema, whole, output, background))
        self._apart: dict[int, _Apart | None] = {}
        columns = [*schema.numbers, *schema.strings]
        self._names = tuple(c.name for c in _listed(schema))
        places = {name: d for d, name in enumerate(self._names)}
        self._places = np.array([places[c.name] for c in columns], dtype=np.int64)
        self._columns = columns

    def of(
        self, numbers: Doubles, strings: Strings, label: object = None, *, exact: bool = False
    ) -> Explanation:
        """Explains decoded rows, `numbers` [N, a] and `strings` [N, b], for the class `label`.

        Where it is None: of two classes the positive one, of more each row's likeliest. `exact`: whatever it
        takes. Raises `UnknownName` for no class of the target's, `Misuse` for the class of a number, and for
        `exact` where there are too many columns for that.
        """
        return self.joined(list(self.each(numbers, strings, label, exact=exact)))

    def each(
        self, numbers: Doubles, strings: Strings, label: object = None, *, exact: bool = False
    ) -> Iterator[Explanation]:
        """The same row by row, for who watches a clock."""
        which = self._class_of(label)
        for i in range(len(numbers)):
            yield self._one(numbers[i], strings[i], which, exact)

    def joined(self, parts: Sequence[Explanation]) -> Explanation:
        """Explanations of this explainer below each other."""
        width = len(self._names)
        empty = np.empty((0, width))
        return Explanation(
            names=self._names,
            values=tuple(row for p in parts for row in p.values),
            contributions=np.concatenate([empty, *(p.contributions for p in parts)]),
            error=np.concatenate([empty, *(p.error for p in parts)]),
            base=np.concatenate([empty[:, 0], *(p.base for p in parts)]),
            output=np.concatenate([empty[:, 0], *(p.output for p in parts)]),
            labels=tuple(label for p in parts for label in p.labels),
            target=self._target.name,
            exact=all(p.exact for p in parts),
            background=len(self._answers.background),
        )

    def _one(self, numbers: Doubles, strings: Strings, which: int | None, exact: bool) -> Explanation:
        row, ask = self._answers.of(numbers, strings)
        own = ask(row[None])
        _check_finite(own)
        if which is None and self._target.classes:
            which = int(own[0].argmax())
        answers = _scaled(self._answers.background_answers, which)

        def value(rows: Doubles) -> Doubles:
            return _scaled(ask(rows), which)

        game = Game(row, float(_scaled(own, which)[0]), self._answers.background, answers)
        shares = self._shares(value, game, which, exact)
        contributions, error = np.zeros((2, 1, len(self._names)))
        contributions[0, self._places], error[0, self._places] = shares.contributions, shares.error
        values: list[Cell] = [None] * len(self._names)
        for place, column, cell in zip(self._places, self._columns, [*numbers, *strings], strict=True):
            values[place] = _cell(column, cell)
        return Explanation(
            names=self._names,
            values=(tuple(values),),
            contributions=contributions,
            error=error,
            base=np.array([game.answers.mean()]),
            output=np.array([game.answer]),
            labels=() if which is None else (self._target.label(which),),
            target=self._target.name,
            exact=shares.exact,
            background=len(game.background),
        )

    def _shares(self, value: Value, game: Game, which: int | None, exact: bool) -> Shares:
        key = -1 if which is None else which
        if key not in self._apart:
            rng = np.random.default_rng(self.seed)
            self._apart[key] = _apart(value, game.background, game.answers, rng)
        apart = self._apart[key]
        if apart is not None:
            contributions = _alone(value, apart, game.row) - apart.mean
            missed = game.answer - game.answers.mean() - contributions.sum()
            if abs(missed) <= TOLERANCE * (1.0 + abs(game.answer) + np.abs(game.answers).max()):
                return Shares(contributions, np.zeros(len(contributions)), True)
        if exact and len(game.row) > MOST_EXACT:
            raise Misuse(
                f"the model uses {len(game.row)} columns, whose sets are too many to ask all of them",
                remedy=f"leave exact out; it is for up to {MOST_EXACT} columns, and for sums over columns",
            )
        # By itself and in company a row has the same explanation: each begins the same random numbers.
        rng = np.random.default_rng(self.seed)
        return shapley(value, game, rng, most_rows=np.inf if exact else self._most_rows)

    def _class_of(self, label: object) -> int | None:
        target = self._target
        if not target.classes:
            if label is not None:
                raise Misuse(f"{target.name!r} is a number and has no classes", remedy="leave label out")
            return None
        if label is None:
            is_two = len(target.classes) == 2
            return target.classes.index(target.positive or target.classes[1]) if is_two else None
        own = [target.label(k) for k in range(len(target.classes))]
        for k, known in enumerate(own):
            if label == target.classes[k] or (type(label) is type(known) and label == known):
                return k
        raise UnknownName("class", str(label), target.classes)


class _Answers:
    """The graph over rows as one matrix of doubles: the numbers, then a code for each text."""

    def __init__(self, whole: Session, schema: Schema, background: Decoded, coded: _Lifted | None) -> None:
        self._numbers, self._coded = len(schema.numbers), coded
        self._run = (coded.session if coded else whole).run
        self._texts: list[dict[str, int]] = []
        if coded is None:  # then a text's code is its place in the background
            for column in background.strings.T:
                self._texts.append({text: at for at, text in enumerate(dict.fromkeys(column.tolist()))})
        rows = [self._row(n, s) for n, s in zip(background.numbers, background.strings, strict=True)]
        self.background = np.array(rows).reshape(len(rows), len(schema.features))
        """[B, D]"""
        self.background_answers = _output(whole.run(background.numbers, background.strings))
        """[B, K], or [B, 1] of a number."""
        _check_finite(self.background_answers)

    def of(self, numbers: Doubles, strings: Strings) -> tuple[Doubles, Value]:
        """A row [D] and what answers rows [n, D] that are mixed of it and of background rows."""
        if self._coded is not None:
            return self._row(numbers, strings), self._ask_coded
        known = [
            np.array([*texts, text], dtype=object) for texts, text in zip(self._texts, strings, strict=True)
        ]

        def ask(rows: Doubles) -> Doubles:
            texts = np.empty((len(rows), len(known)), dtype=object)
            for j, of_column in enumerate(known):
                texts[:, j] = of_column[rows[:, self._numbers + j].astype(np.int64)]
            return _output(self._run(rows[:, : self._numbers], texts))

        return self._row(numbers, strings), ask

    def _ask_coded(self, rows: Doubles) -> Doubles:
        return _output(self._run(rows[:, : self._numbers], rows[:, self._numbers :]))

    def _row(self, numbers: Doubles, strings: Strings) -> Doubles:
        if self._coded is not None:
            return np.concatenate([numbers, self._coded.codes(strings)])
        codes = [float(texts.get(text, len(texts))) for texts, text in zip(self._texts, strings, strict=True)]
        return np.concatenate([numbers, np.array(codes, dtype=np.float64)])


class _Lifted(NamedTuple):
    """The graph without its dictionaries."""

    session: Session
    tables: tuple[dict[str, float], ...]
    unseen: float

    def codes(self, strings: Strings) -> Doubles:
        """The codes [b] of a row's texts [b]."""
        return np.array([t.get(text, self.unseen) for text, t in zip(strings, self.tables, strict=True)])


def _lifted(graph: bytes, schema: Schema, whole: Session, output: str, rows: Decoded) -> _Lifted | None:
    """The graph without its dictionaries, where it has some and answers `rows` to the last bit as it does."""
    width = len(schema.strings)
    parts = lifted(graph, width) if width else None
    if parts is None or parts.columns != tuple(range(width)):
        return None
    made = _Lifted(
        Session(parts.graph, scan(parts.graph), second=CODES, only=output), parts.tables, parts.unseen
    )
    codes = np.array([made.codes(row) for row in rows.strings]).reshape(len(rows), width)
    same = np.array_equal(
        _output(whole.run(rows.numbers, rows.strings)), _output(made.session.run(rows.numbers, codes))
    )
    return made if same else None


def _output(outputs: Any) -> Doubles:  # Any: session.Outputs
    """[N, K] of classes, [N, 1] of a number."""
    found = outputs.prediction if outputs.margin is None else outputs.margin
    return np.asarray(found, dtype=np.float64).reshape(len(found), -1)


def _scaled(output: Doubles, which: int | None) -> Doubles:
    """The log-odds [N] of one class against all others, or the number."""
    if which is None:
        return np.asarray(output[:, 0])
    own, others = output[:, which], np.delete(output, which, axis=1)
    most = others.max(axis=1)
    if others.shape[1] == 1:
        return np.asarray(own - most)
    return np.asarray(own - most - np.log(np.exp(others - most[:, None]).sum(axis=1)))


def _alone(value: Value, apart: _Apart, row: Doubles) -> Doubles:
    """What each of the row's values adds to the first background row's answer [D]."""
    return np.asarray(_effects(value, apart.first, apart.answer, row[None])[0])


def _effects(value: Value, first: Doubles, answer: float, rows: Doubles) -> Doubles:
    """What each value of `rows` [n, D] alone adds to the answer of the row `first` [n, D]."""
    found = np.empty(rows.size)
    step = max(1, CELLS // len(first))
    for at in range(0, rows.size, step):
        of, column = np.divmod(np.arange(at, min(at + step, rows.size)), len(first))
        mixed = np.tile(first, (len(of), 1))
        mixed[np.arange(len(of)), column] = rows[of, column]
        found[at : at + step] = value(mixed) - answer
    return found.reshape(rows.shape)


def _apart(value: Value, background: Doubles, answers: Doubles, rng: np.random.Generator) -> _Apart | None:
    """How the answer is a sum over columns; None where it is not.

    Tried on every background row and on mixtures of them, of which most models fail the first. Few rows tell
    too little.
    """
    if len(background) < LEAST_BACKGROUND:
        return None
    first, answer = background[0], float(answers[0])
    scale = TOLERANCE * (1.0 + np.abs(answers).max())
    effects = [np.zeros((1, len(first)))]
    for part in (slice(1, 3), slice(3, len(background))):
        if len(background[part]):
            effects.append(_effects(value, first, answer, background[part]))
            if (np.abs(answer + effects[-1].sum(axis=1) - answers[part]) > scale).any():
                return None
    every = np.concatenate(effects)
    picked = rng.integers(len(background), size=(MIXES, len(first)))
    columns = np.arange(len(first))
    expected = answer + every[picked, columns].sum(axis=1)
    if (np.abs(value(background[picked, columns]) - expected) > scale).any():
        return None
    return _Apart(first, answer, every.mean(axis=0))


def _check_finite(output: Doubles) -> None:
    if not np.isfinite(output).all():
        raise Misuse(
            "the model has no finite answer for a row, so that there is nothing to explain",
            remedy="look at the row's exposure and its extreme values",
        )


def _target_of(schema: Schema) -> Target:
    if schema.target is None:
        raise Misuse("the schema names no target")
    return schema.target


def _listed(schema: Schema) -> list[Column]:
    """The columns that an explanation speaks of: what a model is given, and what it does not use."""
    roles = ("feature", "time", "exposure")
    return [c for c in schema.columns if c.role in roles and c.kind != "id"]


def _cell(column: Column, value: Any) -> Cell:  # Any: float or str
    if column.kind not in NUMBER_KINDS:
        return str(value) or None
    number = float(value)
    if number != number:
        return None
    if column.kind == "numeric":
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    made: Cell = number_of(column, number)
    return made
