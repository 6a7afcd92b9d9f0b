"""One graph in onnxruntime: one thread, from bytes, in chunks of rows.

Called by `Model`. The graph was scanned before it comes here. onnxruntime is imported with the first session,
so that `import mlwright` stays light. It knows tensors, not columns.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.errors import EnvironmentProblem, ModelRefused
from mlwright.graph.scan import GraphFacts

CHUNK = 1024
"""Rows of one call; more cost memory (a leaf for each tree and class of every row) and bring nothing."""

CHUNK_CHARACTERS = 16_000_000
"""Rows times the longest text of one call that tokenises."""
CHUNK_OF_LETTERS = 500_000
"""The same where texts are cut into letters, or words again, so that each takes many times its size."""
CHUNK_COUNTS = 4_000_000
"""Counts of words in one call: rows times the dictionary."""

_OLDEST = (1, 31, 1)  # earlier ones read tree attributes out of bounds


class Outputs(msgspec.Struct, frozen=True):
    """What a graph answers for N rows; None for what its task has not."""

    probability: npt.NDArray[np.float64] | None = None
    """[N, K] in the order of the target's classes."""
    label: npt.NDArray[Any] | None = None  # Any: text (object), int64 or bool
    """[N] in the target's original type."""
    margin: npt.NDArray[np.float64] | None = None
    """[N, K] before calibration and normalising."""
    prediction: npt.NDArray[np.float64] | None = None
    """[N] of a regression."""
    quantiles: npt.NDArray[np.float64] | None = None
    """[N, Q] of a regression's second graph."""


class Session:
    """A graph ready to run; may be used from several threads at once."""

    def __init__(
        self, graph: bytes, facts: GraphFacts, *, second: str = "strings", less: str = "", only: str = ""
    ) -> None:
        """`second` is the input beside `numbers`; the output `less` is not asked for, or `only` that one."""
        self._session = _open(graph)
        self._facts, self._second = facts, second
        self._names = [p.name for p in facts.outputs if p.name != less and only in ("", p.name)]
        known = {name: at for at, name in enumerate(self._names)}
        self._places = [known.get(field) for field in Outputs.__struct_fields__]
        self._inputs = {p.name for p in facts.inputs}
        cuts = facts.operators.get("com.microsoft.Tokenizer", 0)
        self._tokenises = cuts > 0
        of_letters = cuts > 1 or "RegexFullMatch" in facts.operators
        self._most_characters = CHUNK_OF_LETTERS if of_letters else CHUNK_CHARACTERS
        self._most_rows = max(1, min(CHUNK, CHUNK_COUNTS // max(facts.gram_columns, 1)))

    def run(
        self,
        numbers: npt.NDArray[np.float64],
        strings: npt.NDArray[Any],  # Any: texts, or codes
        within_s: float | None = None,
    ) -> Outputs:
        """The outputs for `numbers` [N, a] and `strings` [N, b] (or codes in their place), without None.

        With `within_s`, raises `ModelRefused` where the graph takes longer; it is stopped between two nodes.
        """
        if within_s is None and 0 < len(strings) <= CHUNK and not self._tokenises:
            # A request's rows: what chunks and deadlines take would be a quarter of a row's time.
            return self._outputs(self._call(numbers, strings, None))
        with _deadline(within_s) as options:
            parts = [self._call(numbers[a:b], strings[a:b], options) for a, b in self._chunks(strings)]
        if not parts:
            return Outputs(**{p.name: _no_rows(p.dtype, p.width) for p in self._facts.outputs})
        whole = parts[0] if len(parts) == 1 else [np.concatenate(p) for p in zip(*parts, strict=True)]
        return self._outputs(whole)

    def given(self, feed: Mapping[str, npt.NDArray[Any]]) -> Outputs:  # Any: of the inputs' types
        """The outputs for arrays of N rows by input, of which the graph takes those that it knows."""
        n = max(map(len, feed.values()))
        if not n:
            return Outputs(**{p.name: _no_rows(p.dtype, p.width) for p in self._facts.outputs})
        wanted = {name: np.ascontiguousarray(array) for name, array in feed.items() if name in self._inputs}
        cuts = range(0, n, CHUNK)
        try:
            parts = [
                self._session.run(self._names, {k: v[at : at + CHUNK] for k, v in wanted.items()})
                for at in cuts
            ]
        except Exception as error:  # onnxruntime's classes have no root of their own
            raise _refused(error) from error
        return self._outputs([np.concatenate(p) for p in zip(*parts, strict=True)])

    def _outputs(self, answers: Sequence[npt.NDArray[Any]]) -> Outputs:  # Any: of the types in `facts`
        return Outputs(*[None if at is None else answers[at] for at in self._places])

    def _chunks(self, strings: npt.NDArray[np.object_]) -> Iterator[tuple[int, int]]:
        """Row ranges of at most CHUNK rows; where text is cut into words, also of bounded width.

        The tokenizer pads every row of a call to the longest: a single long text would cost as many times its
        size as there are rows beside it.
        """
        n = len(strings)
        if not self._tokenises:
            yield from ((i, min(i + CHUNK, n)) for i in range(0, n, CHUNK))
            return
        start, widest = 0, 0
        for i, row in enumerate(strings):
            longest = max(map(len, row))
            full = (
                i - start == self._most_rows or max(widest, longest) * (i - start + 1) > self._most_characters
            )
            if i > start and full:
                yield start, i
                start, widest = i, 0
            widest = max(widest, longest)
        if n:
            yield start, n

    def _call(
        self,
        numbers: npt.NDArray[np.float64],
        strings: npt.NDArray[Any],  # Any: texts, or codes
        options: Any,  # Any: onnxruntime has no types
    ) -> list[npt.NDArray[Any]]:  # Any: of the types in `facts`
        feed = {"numbers": np.ascontiguousarray(numbers), self._second: np.ascontiguousarray(strings)}
        given = {name: feed[name] for name in feed if name in self._inputs}
        try:
            answers: list[npt.NDArray[Any]] = self._session.run(self._names, given, options)  # Any: as above
        except Exception as error:  # onnxruntime's classes have no root of their own
            if options is not None and options.terminate:
                raise ModelRefused("it takes too long", where="the graph", remedy=_REMEDY) from error
            raise _refused(error) from error
        return answers


_REMEDY = "make the model again with mlwright"


@contextmanager
def _deadline(within_s: float | None) -> Iterator[Any]:  # Any: onnxruntime has no types
    """Options of a run that end it after `within_s`; None where it may take its time."""
    if within_s is None:
        yield None
        return
    import onnxruntime

    options = onnxruntime.RunOptions()
    timer = threading.Timer(within_s, setattr, (options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield options
    finally:
        timer.cancel()


def _no_rows(dtype: str, width: int | None) -> npt.NDArray[Any]:  # Any: of type `dtype`
    return np.empty((0,) if width is None else (0, width), dtype=object if dtype == "string" else dtype)


def _open(graph: bytes) -> Any:  # Any: onnxruntime has no types
    import onnxruntime

    if tuple(int(part) for part in onnxruntime.__version__.split(".")[:3] if part.isdigit()) < _OLDEST:
        raise EnvironmentProblem(
            f"onnxruntime {onnxruntime.__version__} cannot open models safely",
            remedy=f"pip install 'onnxruntime>={'.'.join(map(str, _OLDEST))}'",
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's classes have no root of their own
        raise _refused(error) from error


def _refused(error: Exception) -> ModelRefused:
    problem = f"onnxruntime cannot run it: {str(error)[:300]}"
    return ModelRefused(problem, where="the graph", remedy=_REMEDY)
