"""One pipeline beside what it became: do both answer alike, what does a row cost, how large are they.

Independent of the comparison that `convert` makes by itself: all held-out rows are asked, of both, as their
users would ask them.
"""

from __future__ import annotations

import io
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from convert_cases import Case, Table, given

import mlwright as mw
from mlwright.base.decoding import category_of
from mlwright.base.errors import ConversionRefused, ParityFailed

EXAMPLE, WARM, MOST_CALLS, MOST_S, ONE_BY_ONE = 400, 3, 200, 1.5, 50


def judged(case: Case, fitted: Any, table: Table) -> dict[str, Any]:
    """What became of it: `outcome` is converted, refused, or failed (an error that is no refusal)."""
    columns = given(table.columns)
    held = table.held[columns]
    found: dict[str, Any] = {
        "name": case.name,
        "beyond": case.beyond,
        "kib before": len(dumped(fitted)) / 1024,
        "us before": cpu_us(lambda row: fitted.predict(row), [held.iloc[[i]] for i in range(20)]),
    }
    began = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = converted(case, fitted, table)
    except (ConversionRefused, ParityFailed) as refused:
        kind = "refused" if isinstance(refused, ConversionRefused) else "not alike"
        return found | {"outcome": kind, "why": f"{refused.where}: {refused.message}".strip(": ")}
    except Exception as error:
        return found | {"outcome": "failed", "why": f"{type(error).__name__}: {error}"}
    found["seconds"] = time.perf_counter() - began
    try:
        return found | {"outcome": "converted"} | compared(case, fitted, model, held) | costs(model, held)
    except Exception as error:
        return found | {"outcome": "failed", "why": f"asked: {type(error).__name__}: {error}"}


def converted(case: Case, fitted: Any, table: Table) -> mw.Model:
    """The model, evaluated on the held-out rows where they have a target."""
    columns = given(table.columns)
    data = None if case.is_alone else table.held[[*columns, table.target]]
    example = table.fitted[columns].head(EXAMPLE)
    if case.front == "module":
        return fitted.converted(example, table.target, data)
    return mw.convert(fitted, example=example, target=table.target, data=data)


def compared(case: Case, fitted: Any, model: mw.Model, held: pd.DataFrame) -> dict[str, Any]:
    """The largest difference on the rows that the model takes, labels that differ beyond a tie, and rows that
    the model refuses although the pipeline answers them."""
    refused = model.decode(held).refused
    taken = held[~refused]
    answer = np.asarray(fitted.predict(taken)).reshape(len(taken))
    own = model.predict(taken)
    only_before = sum(answers(fitted, held.iloc[[i]]) for i in np.flatnonzero(refused)[:ONE_BY_ONE])
    result: dict[str, Any] = {"rows": len(taken), "refused rows": int(refused.sum())}
    result["refused by it alone"] = only_before
    if model.task == "regression":
        size = np.maximum(np.abs(answer), 1e-3 * np.abs(answer).mean() + 1e-12)
        result["largest"] = float((np.abs(own - answer) / size).max())
        result["labels"] = 0
        result["different"] = int((np.abs(own - answer) / size > case.tolerance).sum())
        return result
    before, after = texts_of(answer), texts_of(own)
    unlike = before != after
    result["largest"] = 0.0
    different = unlike.copy()
    if hasattr(fitted, "predict_proba"):
        known = texts_of(fitted.classes_).tolist()
        order = [known.index(c) for c in model.target.classes]
        probability = np.asarray(fitted.predict_proba(taken))[:, order]
        gaps = np.abs(model.predict_proba(taken) - probability).max(axis=1)
        best = np.sort(probability, axis=1)[:, -2:]
        unlike = unlike & (best[:, 1] - best[:, 0] > case.tolerance)
        result["largest"], different = float(gaps.max()), unlike | (gaps > case.tolerance)
    result["labels"], result["different"] = int(unlike.sum()), int(different.sum())
    return result


def answers(fitted: Any, row: pd.DataFrame) -> bool:
    """Whether the pipeline answers the row in something that counts."""
    try:
        answer = np.asarray(fitted.predict(row))
    except Exception:
        return False
    return answer.dtype.kind != "f" or bool(np.isfinite(answer).all())


def costs(model: mw.Model, held: pd.DataFrame) -> dict[str, Any]:
    """Microseconds of CPU a row, from a dict of raw values and in the graph alone; and the file's size."""
    taken = held[~model.decode(held).refused].head(20)
    rows = [plain(row) for row in taken.to_dict("records")]
    decoded = model.decode(rows)
    tensors = [(decoded.numbers[i : i + 1], decoded.strings[i : i + 1]) for i in range(len(rows))]
    return {
        "us after": cpu_us(lambda row: model.predict(row), rows),
        "us graph": cpu_us(lambda row: model.run(*row), tensors),
        "kib after": len(model.to_bytes()) / 1024,
    }


def plain(row: dict[Any, Any]) -> dict[str, Any]:
    """A row as JSON has it."""
    return {str(k): None if pd.isna(v) else v for k, v in row.items()}


def texts_of(labels: npt.NDArray[Any]) -> npt.NDArray[np.str_]:
    """Labels as canonical texts: 1, 1.0 and "1" are one."""
    known = {label: category_of(label) for label in set(np.asarray(labels).tolist())}
    return np.array([known[label] for label in np.asarray(labels).tolist()])


def cpu_us(call: Callable[[Any], object], rows: Sequence[Any]) -> float:
    """The median CPU time of a call in microseconds, all threads of the process counted."""
    times: list[int] = []
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while len(times) < WARM + MOST_CALLS and (
            len(times) < 2 * WARM or time.perf_counter() - began < MOST_S
        ):
            row = rows[len(times) % len(rows)]
            start = time.process_time_ns()
            call(row)
            times.append(time.process_time_ns() - start)
    return statistics.median(times[WARM:]) / 1e3


def dumped(fitted: Any) -> bytes:
    """The pipeline as joblib writes it."""
    stream = io.BytesIO()
    joblib.dump(fitted, stream)
    return stream.getvalue()
