"""Explained requests: as in Python, apart from the batch, bounded in rows, waits and time."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.artifact.conftest import ROWS, file_of
from tests.serving.conftest import ROW, Doubler, Wire, predict, request, row, until

from mlwright import artifact
from mlwright.artifact import Explanation
from mlwright.base.canonical import canonical_json
from mlwright.base.profile import ColumnProfile, Profile
from mlwright.serving import ServeSettings, running
from mlwright.serving.batch import Batch, Job
from mlwright.serving.deployed import Deployed
from mlwright.serving.explaining import Explaining
from mlwright.serving.metrics import ModelMetrics

PROFILE = Profile(
    rows=100,
    columns=(
        ColumnProfile(name="age", rows=100, missing=0, quantiles=tuple(float(a) for a in range(101))),
        ColumnProfile(name="member", rows=100, missing=0, quantiles=(0.0, 1.0)),
        ColumnProfile(name="city", rows=100, missing=10, counts=(("Oslo", 60), ("Rome", 30))),
    ),
)
KNOWN = [r for r in ROWS if r["city"] is not None]


@pytest.fixture(scope="module")
def model() -> artifact.Model:
    return artifact.load(file_of("binary", profile_json=canonical_json(PROFILE)))


class Explained(Doubler):
    """Explains a row in `each_s`, where `gate` is open."""

    def __init__(self, each_s: float = 0.0) -> None:
        super().__init__()
        self.each_s, self.gate = each_s, threading.Event()
        self.gate.set()
        self.begun = 0

    def explainer(self) -> Any:
        return SimpleNamespace(each=self.each)

    def each(self, numbers: np.ndarray, strings: np.ndarray) -> Any:
        for age in numbers[:, 0]:
            self.begun += 1
            assert self.gate.wait(20)
            time.sleep(self.each_s)
            one = np.array([[2.0 * age - 80.0]])
            base, output = np.array([80.0]), np.array([2.0 * age])
            yield Explanation(("age",), ((float(age),),), one, 0 * one, base, output, (), "price", True, 5)


def test_explanations_are_those_of_python_beside_the_same_predictions(model) -> None:
    found = model.explain(KNOWN).to_dicts()
    with running(model, ServeSettings(slo_ms=10_000.0)) as url, Wire(url) as wire:
        wire.send(
            predict(KNOWN) + predict(KNOWN, "?explain=true") + predict(KNOWN[0], "?explain=true&proba=false")
        )
        plain, explained, one = (wire.reply().json for _ in range(3))
    for before, after, expected in zip(plain["predictions"], explained["predictions"], found, strict=True):
        assert "explanation" not in before
        assert (after["label"], after["probability"]) == (before["label"], before["probability"])
        assert after["explanation"] == json.loads(json.dumps(expected))
    assert one["explanation"] == json.loads(json.dumps(found[0])) and "probability" not in one
    assert one["model"] == model.digest[:12] and len(one["prediction_id"]) == 36
    total = one["explanation"]["base"] + sum(one["explanation"]["contributions"].values())
    assert total == pytest.approx(one["explanation"]["output"], abs=1e-9)


def test_bad_rows_are_refused_or_keep_their_place(model) -> None:
    rows = [KNOWN[0], {**KNOWN[0], "age": "old"}, KNOWN[1]]
    with running(model, ServeSettings(slo_ms=10_000.0)) as url, Wire(url) as wire:
        wire.send(predict(rows, "?explain=true") + predict(rows, "?explain=true&partial=true"))
        refused, partial = wire.reply(), wire.reply()
        wire.send(predict([rows[1]], "?explain=true&partial=true"))
        nothing = wire.reply()
    assert refused.status == 422 and refused.json["error"]["problems"][0]["field"] == "age"
    first, bad, last = partial.json["predictions"]
    assert bad["error"]["code"] == "row_refused" and "explanation" in first and "explanation" in last
    assert nothing.status == 200 and "error" in nothing.json["predictions"][0]


def test_more_rows_than_may_be_explained_are_413_and_say_how_many_may() -> None:
    with running(Explained(), ServeSettings(explain_rows=3)) as url, Wire(url) as wire:
        wire.send(
            predict([row(a) for a in range(4)], "?explain=true") + predict([row(1)] * 3, "?explain=true")
        )
        refused, answered = wire.reply(), wire.reply()
    error = refused.json["error"]
    assert (refused.status, error["code"]) == (413, "too_many_rows")
    assert error["message"] == "4 rows, over 3 where they are to be explained" and "fewer" in error["remedy"]
    assert [p["explanation"]["output"] for p in answered.json["predictions"]] == [2.0] * 3


def test_what_explains_nothing_says_so(model, tmp_path) -> None:
    bare = artifact.load(file_of("binary"))  # a profile without columns: nothing to compare with
    with running({"bare": bare, "plain": Doubler()}) as url, Wire(url) as wire:
        for path, rows in (("/models/bare/predict", KNOWN[0]), ("/models/plain/predict", ROW)):
            wire.send(request("POST", f"{path}?explain=true", json.dumps(rows).encode()))
            reply = wire.reply()
            assert (reply.status, reply.json["error"]["code"]) == (400, "not_offered")
        wire.send(request("POST", "/models/bare/predict", json.dumps(KNOWN[0]).encode()))
        assert wire.reply().status == 200
        wire.send(request("POST", "/v1/models/bare:predict?explain=true", b'{"instances": []}'))
        assert wire.reply().status == 400
        wire.send(request("POST", "/models/bare/predict?explain=perhaps", b"{}"))
        assert wire.reply().json["error"]["message"] == "explain is neither true nor false"


def test_plain_requests_do_not_wait_for_explained_ones() -> None:
    explained = Explained()
    explained.gate.clear()
    with running(explained) as url, Wire(url) as slow, Wire(url) as quick:
        slow.send(predict(ROW, "?explain=true"))
        until(lambda: explained.begun == 1)
        for age in range(20):
            quick.send(predict(row(age)))
            assert quick.reply().json["prediction"] == 2.0 * age
        explained.gate.set()
        assert slow.reply().json["explanation"]["contributions"] == {"age": 2.0}


def test_who_would_wait_too_long_for_others_is_refused_and_told_when_to_come_again() -> None:
    explained = Explained()
    explained.gate.clear()
    with running(explained, ServeSettings(explain_ms=150.0)) as url:
        wires = [Wire(url) for _ in range(4)]
        wires[0].send(predict(ROW, "?explain=true"))
        until(lambda: explained.begun == 1)
        for wire in wires[1:]:
            wire.send(predict(ROW, "?explain=true"))
        refused = [w.reply() for w in wires[2:]]  # 50 ms are guessed for a row: a second may wait, no third
        assert [r.status for r in refused] == [503, 503]
        assert refused[0].json["error"]["code"] == "overloaded" and refused[0].headers["retry-after"] == "1"
        explained.gate.set()
        assert [w.reply().status for w in wires[:2]] == [200, 200]
        with Wire(url) as wire:
            wire.send(request(path="/metrics"))
            text = wire.reply().body.decode()
        for w in wires:
            w.close()
    assert 'mlwright_rows_explained_total{model="model"} 2' in text
    assert 'mlwright_shed_total{model="model"} 2' in text


def test_a_deadline_ends_an_explanation_and_one_that_cannot_be_met_is_refused_at_once() -> None:
    explained = Explained(each_s=0.1)
    with running(explained, ServeSettings(explain_ms=10_000.0)) as url, Wire(url) as wire:
        wire.send(predict([ROW] * 10, "?explain=true", X_Deadline_Ms="250"))
        late = wire.reply()
        assert (late.status, late.json["error"]["code"]) == (503, "deadline_passed")
        assert explained.begun <= 4
        wire.send(predict(ROW, "?explain=true", X_Deadline_Ms="20"))
        refused = wire.reply()
        assert (refused.status, refused.json["error"]["code"]) == (503, "overloaded")
        assert "X-Deadline-Ms" in refused.json["error"]["message"]  # nobody waits
        assert explained.begun <= 4
        wire.send(predict(ROW, "?explain=true", X_Deadline_Ms="5000"))
        assert wire.reply().status == 200


class Held:
    """A worker that does nothing until it is told to."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def submit(self, work: Any, job: Job) -> Any:
        self.jobs.append(job)
        return SimpleNamespace(add_done_callback=lambda callback: None)


def test_callers_take_turns_and_who_asks_much_waits_for_himself() -> None:
    settings, metrics = ServeSettings(explain_ms=300.0), ModelMetrics()
    explaining = Explaining(Batch(Deployed(Explained(), settings), settings, metrics), settings, metrics)
    explaining._worker = held = Held()  # type: ignore[assignment]
    body = json.dumps(ROW).encode()
    for caller in "aaaab":
        explaining.submit(Job(body, lambda answer: None, caller=caller))
    # One of a's runs and three wait, at a guessed 50 ms each: b's next and c's first come before them.
    assert explaining.too_late("a") is not None and explaining.too_late("c") is None
    for n in range(5):
        explaining._finish(held.jobs[n], explaining.work(held.jobs[n]), 0.05)
    assert "".join(job.caller for job in held.jobs) == "aabaa"
    assert explaining._rows == 0 and explaining._batch.held_bytes == 0 and explaining.too_late("a") is None


def alone(explained: Explained) -> Explaining:
    settings, metrics = ServeSettings(explain_ms=10_000.0), ModelMetrics()
    return Explaining(Batch(Deployed(explained, settings), settings, metrics), settings, metrics)


def test_what_was_not_done_in_time_tells_what_a_row_costs_at_least() -> None:
    """Else the guess would stay, and let in request after request that cannot be answered in time."""
    explaining = alone(Explained())
    explaining._worker = held = Held()  # type: ignore[assignment]
    body, guessed = json.dumps(ROW).encode(), explaining.seconds_per_row
    for seconds in (0.5 * guessed, 20.0):
        explaining.submit(Job(body, lambda answer: None, deadline=time.monotonic() - 1))
        late = explaining.work(held.jobs[-1])
        assert (late.answer.status, late.rows) == (503, 0)
        assert explaining.too_late(within_s=10.0 * guessed) is None
        explaining._finish(held.jobs[-1], late, seconds)
        assert (explaining.seconds_per_row == guessed) == (seconds < guessed)
    assert explaining.seconds_per_row > 10 * guessed
    refused = explaining.too_late(within_s=10.0 * guessed)
    assert refused is not None and refused.status == 503


def test_closing_waits_for_the_row_at_hand_and_for_no_other() -> None:
    explained, answers = Explained(), []
    explained.gate.clear()
    explaining = alone(explained)
    explaining.attach(SimpleNamespace(call_soon_threadsafe=lambda call: call()))  # type: ignore[arg-type]
    body = json.dumps([ROW] * 10).encode()
    for _ in range(2):
        explaining.submit(Job(body, answers.append))
    until(lambda: explained.begun == 1)
    closing = threading.Thread(target=explaining.close)
    closing.start()
    until(lambda: explaining._closing)
    explained.gate.set()
    closing.join(20)
    assert not closing.is_alive() and explained.begun == 1
    assert [a.status for a in answers] == [503]


def test_the_document_says_what_is_offered_and_holds_the_answer(model) -> None:
    with running({"m": model, "plain": Doubler()}) as url, Wire(url) as wire:
        wire.send(request(path="/openapi.json"))
        document = wire.reply().json
        wire.send(request("POST", "/models/m/predict?explain=true", json.dumps(KNOWN[0]).encode()))
        answer = wire.reply().json
    names = {
        name: [p["name"] for p in document["paths"][f"/models/{name}/predict"]["post"]["parameters"]]
        for name in ("m", "plain")
    }
    assert "explain" in names["m"] and "explain" not in names["plain"]
    described = document["components"]["schemas"]["m.answer"]["properties"]["explanation"]
    assert set(described["required"]) <= set(answer["explanation"]) <= set(described["properties"])
