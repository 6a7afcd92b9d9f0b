"""Ends: the intervals of a regression, from its predictions and from the second graph of its file.

Part of `Model`. The second graph (`extra.onnx`) is scanned when the file is opened, and made ready when the
first interval is asked for: who asks for predictions alone pays nothing for it.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from mlwright.artifact.decode import RowDecoder
from mlwright.artifact.opening import Samples
from mlwright.artifact.replay import TOLERANCE
from mlwright.artifact.session import Session
from mlwright.base.errors import Misuse, ModelDamaged
from mlwright.base.prediction_intervals import Intervals
from mlwright.base.rates import rounded_up
from mlwright.base.schema import Schema
from mlwright.graph.scan import scan
from mlwright.statistics.links import linked
from mlwright.statistics.nested import Nested, numbers_between

Doubles = npt.NDArray[np.float64]
PREDICTION = "prediction"
"""The second graph's input [N, 1]: the prediction of one unit of exposure, behind the link."""


class Ends:
    """What makes a model's intervals; may be used from several threads at once."""

    def __init__(self, intervals: Intervals, graph: bytes | None, schema: Schema, samples: Samples) -> None:
        """`graph` is the second graph, None where all rows have the same quantiles; `samples` are replayed
        when it is made ready."""
        self.intervals = intervals
        self._graph, self._schema, self._samples = graph, schema, samples
        self._session: Session | None = None
        self._lock = threading.Lock()
        names = [c.name for c in schema.numbers]
        self._exposure = names.index(intervals.exposure) if intervals.exposure in names else None

    def of(
        self,
        prediction: Doubles,
        numbers: Doubles,
        strings: npt.NDArray[np.object_],
        error: float | Doubles,
    ) -> Doubles:
        """The intervals [N, 2] around predictions [N] of decoded rows, at an error rate, or at one for each
        row [N].

        Raises `Misuse` for an error rate that there are too few rows for, `ModelDamaged` where the second
        graph does not answer the file's samples as it did.
        """
        errors = np.broadcast_to(np.asarray(error, dtype=np.float64), prediction.shape)
        self.refuse(float(errors.min(initial=1.0)), float(errors.max(initial=0.0)))
        return self.around(prediction, self.quantiles(prediction, numbers, strings), numbers, errors)

    def around(self, prediction: Doubles, quantiles: Doubles, numbers: Doubles, errors: Doubles) -> Doubles:
        """The same from `quantiles` [N, Q] of these rows, at an error rate for each [N] that was not
        refused."""
        exposure = None if self._exposure is None else numbers[:, self._exposure]
        made = self.intervals
        nested = Nested.of(quantiles, made.least, even=made.even)
        below, above = nested.ends(made.reach.at(errors))
        return numbers_between(prediction, below, above, made.link, made.floor, exposure)

    def refuse(self, least: float, most: float | None = None) -> None:
        """Raises `Misuse` where error rates from `least` to `most` cannot be kept to."""
        most = least if most is None else most
        if not (least > 0.0 and most < 1.0):
            wrong = most if least > 0.0 else least
            raise Misuse(f"error={wrong!r} is no rate between 0 and 1", remedy="say such as 0.1")
        reach = self.intervals.reach
        if not np.isfinite(reach.at(np.array([least]))[0]):
            rows = f"{reach.rows:,.0f} rows"
            raise Misuse(
                f"error={least:g} is less than {rows} can vouch for",
                remedy=f"ask for {rounded_up(reach.least_error):g} or more",
            )

    def quantiles(self, prediction: Doubles, numbers: Doubles, strings: npt.NDArray[np.object_]) -> Doubles:
        """Quantiles [N, Q] of truth less prediction, behind the link, not calibrated, as the file has them;
        where they cross, they are to be sorted."""
        if self.intervals.constant:
            return np.tile(np.array(self.intervals.constant), (len(prediction), 1))
        return _quantiles(self._ready(), self.middle(prediction, numbers), numbers, strings)

    def answered(self) -> tuple[tuple[float, ...], ...]:
        """What the second graph answers for the file's samples."""
        assert self._graph is not None  # asked of a model that has one
        return tuple(map(tuple, self._replayed(Session(self._graph, scan(self._graph))).tolist()))

    def _ready(self) -> Session:
        """The second graph, made ready, and its samples replayed, by whoever asks first."""
        with self._lock:
            if self._session is None:
                assert self._graph is not None  # judged when the file was opened
                session = Session(self._graph, scan(self._graph))
                kept, answered = np.asarray(self.intervals.samples, np.float64), self._replayed(session)
                scale = max(float(np.abs(kept).max(initial=0.0)), 1e-300)
                if kept.shape != answered.shape or not (np.abs(kept - answered) <= TOLERANCE * scale).all():
                    raise ModelDamaged(
                        "its second graph answers samples otherwise than when it was made",
                        remedy="copy the file again, or make the model again on this machine",
                    )
                self._session = session
            return self._session

    def _replayed(self, session: Session) -> Doubles:
        decoded = RowDecoder(self._schema).decode(self._samples.rows)
        predictions = np.asarray(self._samples.outputs.prediction, dtype=np.float64)
        middle = self.middle(predictions, decoded.numbers)
        return _quantiles(session, middle, decoded.numbers, decoded.strings)

    def middle(self, prediction: Doubles, numbers: Doubles) -> Doubles:
        """Predictions [N] as the second graph takes them."""
        rate = prediction if self._exposure is None else prediction / numbers[:, self._exposure]
        return linked(rate, self.intervals.link)


def _quantiles(
    session: Session, middle: Doubles, numbers: Doubles, strings: npt.NDArray[np.object_]
) -> Doubles:
    feed = {"numbers": numbers, "strings": strings, PREDICTION: middle[:, None]}
    answered = session.given(feed).quantiles
    assert answered is not None  # judged when the file was opened
    return answered
