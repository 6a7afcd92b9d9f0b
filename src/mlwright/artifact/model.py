"""Model: an opened `.mlw` file that predicts, shows what it is, and saves itself.

Made by `load`, which everybody calls who has a file: users, `packaging` (to see that what it wrote opens),
`serving`, `cli`. It needs numpy, msgspec and onnxruntime, and knows nothing of how models are trained.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.artifact.abstained import step_of, sure_labels
from mlwright.artifact.coded import Coded, coded_of
from mlwright.artifact.decode import Decoded, RowDecoder
from mlwright.artifact.displayed import displayed
from mlwright.artifact.ends import Ends
from mlwright.artifact.explainer import MOST_ROWS, Explainer
from mlwright.artifact.explanation import Explanation
from mlwright.artifact.grounds import drawn_background, given_background
from mlwright.artifact.manifest import Manifest, Timings
from mlwright.artifact.opening import Contents, Samples, judge, read_file
from mlwright.artifact.overflow import overflow
from mlwright.artifact.replay import replay
from mlwright.artifact.session import Outputs, Session
from mlwright.base.errors import EnvironmentProblem, Misuse, ModelFileProblem, RowsRefused
from mlwright.base.evaluation import Evaluation
from mlwright.base.finding import Findings
from mlwright.base.fit_report import FitReport
from mlwright.base.leaderboard import Leaderboard
from mlwright.base.profile import Profile
from mlwright.base.rates import refuse_no_rate
from mlwright.base.schema import Schema, Target
from mlwright.graph.named import with_named_inputs
from mlwright.graph.scan import GraphFacts


def load(source: str | os.PathLike[str] | bytes) -> Model:
    """Opens a model file, or its bytes, and replays its samples.

    No code of the file runs, and nothing of it runs before it is judged. Raises `NotAModel`, `ModelDamaged`,
    `ModelRefused` or `ModelTooNew`, each of which says what was found and what to do; `Misuse` for what is
    neither.

    >>> load(b"not a model")
    Traceback (most recent call last):
    mlwright.base.errors.NotAModel: this is not a model file. What to do: give a file that mlwright wrote.
    """
    if not isinstance(source, (str, os.PathLike, bytes)):
        raise Misuse(
            f"a model is opened from a path or bytes, not from {type(source).__name__}",
            remedy="give the path of a .mlw file",
        )
    path = None if isinstance(source, bytes) else Path(source)
    data = source if isinstance(source, bytes) else read_file(Path(source))
    try:
        contents = judge(data)
        model = Model(contents, data, path)
        replay(contents.samples, contents.schema, model._session.run)
    except ModelFileProblem as problem:
        if path is not None:
            problem.where = f"{path}, {problem.where}" if problem.where else str(path)
        raise
    return model


class Model:
    """An opened model file. Never changed after `load` made it; may be used from several threads at once."""

    schema: Final[Schema]
    """The columns that rows must have, and the target."""
    target: Final[Target]
    """What is predicted: its name, task, classes and label type."""
    manifest: Final[Manifest]
    """Format, task kind, digests, library versions and the recipe."""
    evaluation: Final[Evaluation]
    """How good it is on rows that it had not seen, beside the baseline; the leaderboard with its costs."""
    findings: Final[Findings]
    """What the checks saw in the training data."""
    profile: Final[Profile]
    """The reference distribution of each column and of the predictions."""
    samples: Final[Samples]
    """Synthetic rows with the answers that every opening repeats."""
    timings: Final[Timings]
    """When and where it was made, what it cost, and CPU time per call."""
    card: Final[str]
    """The model card, in Markdown."""
    facts: Final[GraphFacts]
    """What the graph is given, gives back and holds."""
    ends: Final[Ends | None]
    """What makes intervals, for callers that decode and run by themselves; None where the file has none."""
    digest: Final[str]
    """The content digest: equal for equal models, whenever they were made."""
    file_digest: Final[str]
    """SHA-256 of the whole file."""
    path: Final[Path | None]
    """Where it was loaded from, or None for bytes."""

    def __init__(self, contents: Contents, data: bytes, path: Path | None = None) -> None:
        self.schema, self.target = contents.schema, contents.target
        self.manifest, self.timings = contents.manifest, contents.timings
        costed = contents.timings.told(contents.evaluation.leaderboard)
        self.evaluation = msgspec.structs.replace(contents.evaluation, leaderboard=costed)
        self.findings, self.profile, self.samples = contents.findings, contents.profile, contents.samples
        self.card, self.facts = contents.card, contents.facts
        self.digest, self.file_digest, self.path = contents.manifest.digest, contents.file_digest, path
        self._graph, self._data = contents.members["model.onnx"], data
        self._decoder = RowDecoder(contents.schema)
        self._session = Session(self._graph, contents.facts)
        intervals, second = contents.evaluation.intervals, contents.members.get("extra.onnx")
        self.ends = None if intervals is None else Ends(intervals, second, self.schema, self.samples)
        self._explainer: Explainer | None = None

    @property
    def task(self) -> str:
        """`binary`, `multiclass` or `regression`."""
        return self.target.task

    @property
    def leaderboard(self) -> Leaderboard:
        """Every candidate with its score, costs, weight in the model, and why it was kept or dropped."""
        return Leaderboard(self.evaluation.leaderboard)

    @property
    def fit_report(self) -> FitReport:
        """Over- and underfitting, not enough data, label noise, instability, shift, weak slices, each with a
        remedy; empty where the file has none."""
        return self.evaluation.fit_report or FitReport()

    def decode(self, rows: object) -> Decoded:
        """`rows` as tensors, with a problem for each refused value; see `decode_rows`."""
        return self._decoder.decode(rows)

    def predict(  # Any: labels of the target's own type (None where it abstains), or float64
        self, rows: object, *, abstain: float | None = None
    ) -> npt.NDArray[Any]:
        """One label (in the target's original type) or number for each row.

        `rows`: one dict, a list of dicts, a dict of columns, or a data frame. With `abstain`, the share of
        answers that may be wrong, rows that it is not sure enough of get None; `evaluation.abstaining` says
        how many are answered. Raises `RowsRefused` with every fault, `SchemaBroken` for a table without a
        needed column, and `Misuse` for a rate that cannot be kept.
        """
        outputs = _answer(self, rows)[1]
        answer = outputs.prediction if outputs.label is None else outputs.label
        if answer is None:
            raise Misuse("the graph answers neither a label nor a prediction")
        if abstain is None:
            return answer
        step = step_of(self.evaluation.abstaining, self.target, abstain)
        assert outputs.label is not None and outputs.probability is not None  # classes have both
        return sure_labels(outputs.label, outputs.probability, self.target, step.least)

    def predict_proba(self, rows: object) -> npt.NDArray[np.float64]:
        """Calibrated probabilities [N, K], in the order of `target.classes`.

        Raises `Misuse` for a regression, and otherwise as `predict`.
        """
        if self.task == "regression":
            raise Misuse("a regression has no probabilities", remedy="use predict")
        probability = _answer(self, rows)[1].probability
        if probability is None:
            raise Misuse("the graph answers no probability")
        return probability

    def predict_set(self, rows: object, error: float = 0.1) -> list[tuple[Any, ...]]:  # Any: labels
        """For each row the labels that are plausible at the error rate `error`: of each class, about that
        share of its rows get a set without it (`evaluation.sets` has it measured). A row unlike all
        others may get an empty set, an unclear one gets several labels.

        Conformal p-values by class (Vovk et al., 2005), calibrated on rows that no fold's model had seen; the
        shipped model is fitted again on all rows, so that the rate is approximate. Raises `Misuse` for a
        regression, for a file without them and for no error rate, and otherwise as `predict`.
        """
        refuse_no_rate("error", error)
        labels = [self.target.label(k) for k in range(len(self.target.classes))]
        held = self.p_values(rows) > error
        return [tuple(labels[k] for k in np.flatnonzero(row)) for row in held]

    def p_values(self, rows: object) -> npt.NDArray[np.float64]:
        """How plausible each class is for each row [N, K]: the share of the class's rows that look at least
        as unlike it. A set at an error rate holds the classes above it. Raises as `predict_set`."""
        sets = self.evaluation.sets
        if sets is None:
            why = (
                "a regression has no sets of labels" if self.task == "regression" else "this file holds none"
            )
            raise Misuse(
                why,
                remedy="ask for intervals"
                if self.task == "regression"
                else "fit again with this version of mlwright",
            )
        return sets.p_values(self.predict_proba(rows))

    def predict_interval(self, rows: object, error: float = 0.1) -> npt.NDArray[np.float64]:
        """For each row the two ends [N, 2] between which the truth lies, but for a share `error` of rows
        (`evaluation.intervals` has it measured); the prediction is always within.

        Quantile regression of what the model had left over, conformalized (Romano, Patterson & Candes, 2019)
        on rows that no fold's model had seen; the shipped model is fitted again on all rows, so that the
        rate is approximate. Raises `Misuse` for classes, for a file without them and for an error rate that
        there are too few rows for, and otherwise as `predict`.
        """
        if self.ends is None:
            is_number = self.task == "regression"
            why = "this file holds none" if is_number else "classes have no intervals"
            remedy = "fit again with this version of mlwright" if is_number else "use predict_set"
            raise Misuse(why, remedy=remedy)
        self.ends.refuse(error)
        decoded, outputs = _answer(self, rows)
        assert outputs.prediction is not None  # of a regression, as its schema was found to be
        return self.ends.of(outputs.prediction, decoded.numbers, decoded.strings, error)

    def explain(
        self,
        rows: object,
        *,
        label: object = None,
        background: object = None,
        seed: int = 0,
        exact: bool = False,
    ) -> Explanation:
        """What each column added to each answer, beside the mean answer of background rows: Shapley values.

        `rows` as `predict` takes them, up to 1,000. `label`: the class to explain; where it is None, of two
        classes the positive one, of more each row's likeliest. `background`: rows to compare with, up to
        1,024; where it is None, rows drawn from the file's profile. Exact for sums over columns, and up to
        ten columns where a light model affords it or `exact` is asked for; else sampled, with the standard
        error; the same for the same `seed`. docs/explanations.md.

        Raises `UnknownName` for no class of the target's, `Misuse` for too many rows, for `exact` of more
        than ten columns and where the file has no profile to draw from, and otherwise as `predict`.
        """
        explainer = self.explainer(background, seed=seed)
        decoded = _sound(self.decode(rows))
        if len(decoded) > MOST_ROWS:
            raise Misuse(
                f"{len(decoded):,} rows are too many to explain at once",
                remedy=f"give up to {MOST_ROWS:,} at a time",
            )
        return explainer.of(decoded.numbers, decoded.strings, label, exact=exact)

    def explainer(self, background: object = None, *, seed: int = 0) -> Explainer:
        """What explains decoded rows, as a server asks it: kept for the file's own background, made anew for
        rows (decoded or not)."""
        if background is not None:
            decoded = background if isinstance(background, Decoded) else self.decode(background)
            given = given_background(decoded)
            return Explainer(self._graph, self.facts, self.schema, given, seed)
        kept = self._explainer
        if kept is None or kept.seed != seed:
            drawn = drawn_background(self.schema, self.profile, self.facts)
            kept = self._explainer = Explainer(self._graph, self.facts, self.schema, drawn, seed)
        return kept

    def run(self, numbers: npt.NDArray[np.float64], strings: npt.NDArray[np.object_]) -> Outputs:
        """Runs the graph on decoded rows: `numbers` [N, a] and `strings` [N, b], in the schema's order.

        Both are always given, with no columns where the schema has none of that type. For callers that
        decode by themselves, such as the server; nothing is checked but for the shapes.
        """
        shape = (len(numbers), len(self.schema.numbers)), (len(numbers), len(self.schema.strings))
        if (numbers.shape, strings.shape) != shape:
            raise Misuse(
                f"the tensors are {numbers.shape} and {strings.shape} instead of {shape[0]} and {shape[1]}"
            )
        return self._session.run(numbers, strings)

    def coded(self) -> Coded | None:
        """The model with the dictionaries of its graph looked up outside of it; None where that cannot be, or
        where it does not answer the samples to the last bit as the whole graph does."""
        decoded = self._decoder.decode(self.samples.rows)
        whole = self.run(decoded.numbers, decoded.strings)
        return coded_of(self._graph, len(self.schema.strings), decoded, whole)

    def warm(self) -> None:
        """Runs the samples once more, one by one, so that the first request finds everything in memory."""
        decoded = self._decoder.decode(self.samples.rows)
        for i in range(min(len(decoded), 16)):
            self.run(decoded.numbers[i : i + 1], decoded.strings[i : i + 1])

    def to_bytes(self) -> bytes:
        """The file's bytes, as they were opened."""
        return self._data

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the file to `path`, wholly or not at all, and returns it."""
        return _write(Path(path), self._data)

    def to_onnx(self, path: str | os.PathLike[str] | None = None, *, named_inputs: bool = False) -> bytes:
        """The graph as ONNX, also written to `path` where one is given.

        With `named_inputs`, one input [N, 1] for each column instead of the two packed ones. Values must be
        decoded by the schema's rules beforehand: datetimes are seconds since 1970, booleans 0 and 1.
        """
        graph = self._graph
        if named_inputs:
            numbers, strings = ([c.name for c in cs] for cs in (self.schema.numbers, self.schema.strings))
            graph = with_named_inputs(graph, numbers, strings)
        if path is not None:
            _write(Path(path), graph)
        return graph

    def __repr__(self) -> str:
        columns = len(self.schema.features)
        what = f"{self.target.name!r}: {self.task} from {columns} column{'s' if columns != 1 else ''}"
        scores = self.evaluation.scores
        faster = f", {self.timings.faster_said}" if self.timings.faster_said else ""
        return f"<Model of {what}{f', {scores[0]}' if scores else ''}{faster}, {self.digest[:12]}>"

    def _repr_html_(self) -> str:
        """What it predicts, how good it is beside the baseline, what it costs, and what it is made of."""
        return displayed(self)


def _answer(model: Model, rows: object) -> tuple[Decoded, Outputs]:
    """Raises `RowsRefused` where a row was refused, or has an answer that no number holds."""
    decoded = _sound(model.decode(rows))
    outputs = model.run(decoded.numbers, decoded.strings)
    if outputs.prediction is not None and (
        problems := overflow(outputs.prediction, decoded.numbers, model.schema)
    ):
        raise RowsRefused(problems)
    return decoded, outputs


def _sound(decoded: Decoded) -> Decoded:
    """The same. Raises `RowsRefused` where a row was refused."""
    if decoded.problems:
        raise RowsRefused(decoded.problems)
    return decoded


def _write(path: Path, data: bytes) -> Path:
    """Writes `data` beside `path`, syncs it, renames it into place, and syncs the folder."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        there = path.parent.is_dir()
        raise EnvironmentProblem(
            f"it cannot be written: {error.strerror}",
            where=str(path),
            remedy="look at the folder's permissions and free space" if there else f"mkdir -p {path.parent}",
        ) from error
    return path


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
