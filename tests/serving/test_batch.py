"""Admission, the worker thread, and a model that fails."""

from __future__ import annotations

import asyncio
import json
import logging
from types import SimpleNamespace

import numpy as np
import pytest
from tests.serving.conftest import Doubler, Gated, Wire, predict, request, row, until

from mlwright.serving import ServeSettings, running
from mlwright.serving.answers import Answer
from mlwright.serving.batch import WARM_ROWS, WARM_RUNS, Batch, Job
from mlwright.serving.deployed import Deployed
from mlwright.serving.metrics import ModelMetrics
from mlwright.serving.options import Options


def batch_of(model: Doubler, **settings: float) -> Batch:
    limits = ServeSettings(**settings)
    return Batch(Deployed(model, limits), limits, ModelMetrics())


def body(age: object) -> bytes:
    return json.dumps(row(age)).encode()


def predictions(answers: list[Answer]) -> list[float]:
    return [json.loads(answer.body)["prediction"] for answer in answers]


def test_jobs_of_one_tick_run_together_and_keep_their_answers():
    model, answers = Doubler(), []

    async def tick() -> None:
        batch = batch_of(model)
        batch.attach(asyncio.get_running_loop())
        for i in range(20):
            batch.submit(Job(body(i), answers.append))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        batch.close()

    asyncio.run(tick())
    assert model.batches == [20]
    assert predictions(answers) == [2.0 * i for i in range(20)]


def test_a_tick_with_fewer_rows_than_usual_looks_again_for_as_long_as_more_come():
    model, answers = Doubler(), []

    async def ticks() -> None:
        batch = batch_of(model)
        batch.attach(asyncio.get_running_loop())

        async def come(late: int, *more: int) -> None:  # so many in this turn of the loop, and the next
            for count in (late, *more):
                for _ in range(count):
                    batch.submit(Job(body(1), answers.append))
                await asyncio.sleep(0)
            for _ in range(8):
                await asyncio.sleep(0)

        await come(8)  # the first: nothing is known yet
        await come(1, 4, 3)  # as many again, in pieces: one run
        await come(1, 0, 7)  # the second look brings nothing: what is there runs
        batch.close()

    asyncio.run(ticks())
    assert model.batches == [8, 8, 1, 7]
    assert len(answers) == 24


def test_a_tick_is_cut_into_batches_of_limited_rows():
    model, answers = Doubler(), []

    async def tick() -> None:
        batch = batch_of(model, batch_rows=8)
        batch.attach(asyncio.get_running_loop())
        for i in range(20):
            batch.submit(Job(body(i), answers.append))
        for _ in range(10):
            await asyncio.sleep(0)
        batch.close()

    asyncio.run(tick())
    assert model.batches == [8, 8, 4]
    assert predictions(answers) == [2.0 * i for i in range(20)]


def test_the_worker_has_its_next_batch_while_the_loop_is_busy():
    model, answers = Gated(), []

    async def busy() -> list[int]:
        batch = batch_of(model, batch_rows=4, inline_ms=1e-9, slo_ms=1e6)
        batch.attach(asyncio.get_running_loop())
        model.gate.clear()
        for i in range(12):
            batch.submit(Job(body(i), answers.append))
        for _ in range(8):
            await asyncio.sleep(0)
        model.gate.set()
        until(lambda: len(model.batches) == 2)  # nothing else happens on the loop meanwhile
        seen = list(model.batches)
        while len(answers) < 12:
            await asyncio.sleep(0.001)
        batch.close()
        return seen

    assert asyncio.run(busy()) == [4, 4]
    assert model.batches == [4, 4, 4]
    assert predictions(answers) == [2.0 * i for i in range(12)]


def test_bad_requests_do_not_disturb_their_neighbours():
    batch = batch_of(Doubler())
    bodies = [body(1), b"{", body("x"), body(2), b"[]", json.dumps([row(3), row("y")]).encode()]
    outcomes = batch.work(
        [Job(b, lambda answer: None, Options(partial=at == 5)) for at, b in enumerate(bodies)]
    )
    assert [outcome.answer.status for outcome in outcomes] == [200, 400, 422, 200, 400, 200]
    assert [outcome.rows for outcome in outcomes] == [1, 0, 0, 1, 0, 1]
    assert [outcome.bad_rows for outcome in outcomes] == [0, 0, 1, 0, 0, 1]
    batch.close()


class Failing(Doubler):
    """Fails where any age is 13, with the age in its message."""

    def run(self, numbers, strings):
        if (numbers[:, 0] == 13.0).any():
            raise RuntimeError("bad age 13 of Secret Person")
        return super().run(numbers, strings)


def test_a_row_that_the_model_fails_on_fails_its_own_request_only_and_is_not_logged(caplog):
    with caplog.at_level(logging.DEBUG), running(Failing()) as url, Wire(url) as wire:
        wire.send(b"".join(predict(row(age)) for age in (1, 13, 2)))
        replies = [wire.reply() for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 500, 200]
    assert replies[1].json["error"]["code"] == "model_failed"
    assert [replies[i].json["prediction"] for i in (0, 2)] == [2.0, 4.0]
    assert "RuntimeError" in caplog.text
    assert "age 13" not in caplog.text
    assert "Secret" not in caplog.text


@pytest.mark.parametrize(
    "outputs",
    [
        {"prediction": np.array([np.nan])},
        {"prediction": np.array([1.0, 2.0])},
        {"prediction": None},
    ],
)
def test_an_answer_that_is_no_answer_is_an_error_not_null(outputs):
    model = Doubler()
    model.run = lambda numbers, strings: SimpleNamespace(probability=None, label=None, **outputs)
    batch = batch_of(model)
    assert [o.answer.status for o in batch.work([Job(body(1), lambda answer: None)])] == [500]
    batch.close()


def test_a_request_whose_wait_would_be_too_long_is_refused_before_it_is_decoded():
    async def overload() -> Answer | None:
        batch = batch_of(Doubler(seconds=0.05), slo_ms=100.0)
        batch.attach(asyncio.get_running_loop())
        batch.warm(row(1))
        assert batch.too_late() is None  # whatever it costs, an empty queue takes one
        for i in range(5):
            batch.submit(Job(body(i), lambda answer: None))
        refused = batch.too_late()
        await asyncio.sleep(0.3)
        batch.close()
        return refused

    answer = asyncio.run(overload())
    assert answer.status == 503
    assert b"Retry-After: 1" in answer.extra


def test_overload_is_503_with_retry_after_while_health_answers():
    model = Gated()
    limits = ServeSettings(slo_ms=20.0, pipelined=1000)
    with running(model, limits) as url, Wire(url) as load, Wire(url) as probe:
        model.seconds = 0.1
        load.send(predict(row(0)))
        assert load.reply().status == 200  # by now the cost of a row is known
        model.gate.clear()
        load.send(b"".join(predict(row(i)) for i in range(8)))
        probe.send(request() + request(path="/metrics"))
        assert probe.reply().json == {"status": "ok"}  # the model stands still
        assert b"mlwright_requests_in_flight" in probe.reply().body
        model.gate.set()
        replies = [load.reply() for _ in range(8)]
    shed = [reply for reply in replies if reply.status == 503]
    assert len(shed) == 7
    for reply in shed:
        assert int(reply.headers["retry-after"]) >= 1
        assert reply.json["error"]["code"] == "overloaded"
        assert "connection" not in reply.headers


def test_one_large_request_is_taken_by_an_empty_queue():
    with running(Doubler(), ServeSettings(slo_ms=0.001)) as url, Wire(url) as wire:
        wire.send(predict([row(i) for i in range(5000)]))
        answer = wire.reply().json
    assert [p["prediction"] for p in answer["predictions"]] == [2.0 * i for i in range(5000)]


def test_too_many_rows_are_413(url):
    with Wire(url) as wire:
        wire.send(predict([row(1)] * 10_001))
        reply = wire.reply()
    assert (reply.status, reply.json["error"]["code"]) == (413, "too_many_rows")


def test_the_cost_of_a_row_is_learnt():
    batch = batch_of(Doubler(seconds=0.02))
    batch.warm(row(1))
    assert batch.seconds_per_row >= 0.02
    batch.close()


def test_what_a_row_costs_among_others_is_known_from_the_start():
    light, heavy = Doubler(seconds=0.0003), Doubler(seconds=0.02)
    batches = [batch_of(model) for model in (light, heavy)]
    for batch in batches:
        batch.warm(row(1))
        batch.close()
    assert light.batches == [1] * WARM_RUNS + [WARM_ROWS] * 2
    assert batches[0].seconds_per_row < 0.0003  # whatever it costs alone
    assert heavy.batches == [1] * WARM_RUNS  # 32 such rows might take a second
    assert batches[1].seconds_per_row >= 0.02


def test_callers_take_turns_and_who_asks_much_waits_for_himself():
    model = Doubler()
    order: list[str] = []

    async def tick() -> None:
        batch = batch_of(model, batch_rows=8)
        batch.attach(asyncio.get_running_loop())
        for i in range(40):
            batch.submit(Job(body(i), lambda answer: order.append("greedy"), caller="greedy"))
        for name in ("a", "b", "c"):
            batch.submit(Job(body(0), lambda answer, name=name: order.append(name), caller=name))
        for _ in range(30):
            await asyncio.sleep(0)
        batch.close()

    asyncio.run(tick())
    assert len(order) == 43
    assert max(order.index(name) for name in ("a", "b", "c")) < 8, "all are in the first run"
    assert model.batches == [8, 8, 8, 8, 8, 3]


def test_who_asks_much_is_refused_before_who_asks_little():
    async def overload() -> tuple[bool, bool]:
        batch = batch_of(Doubler(seconds=0.01), slo_ms=100.0)
        batch.attach(asyncio.get_running_loop())
        batch.warm(row(1))
        for i in range(15):
            batch.submit(Job(body(i), lambda answer: None, caller="greedy"))
        refused = [batch.too_late(caller) is not None for caller in ("greedy", "modest")]
        await asyncio.sleep(0.3)
        batch.close()
        return refused[0], refused[1]

    assert asyncio.run(overload()) == (True, False)


def test_a_request_is_refused_at_once_where_its_caller_will_not_wait_so_long():
    async def overload() -> None:
        batch = batch_of(Doubler(seconds=0.02), slo_ms=10_000.0)
        batch.attach(asyncio.get_running_loop())
        batch.warm(row(1))
        batch.submit(Job(body(1), lambda answer: None))
        assert batch.too_late(within_s=10.0) is None
        assert batch.too_late(within_s=0.001).status == 503
        await asyncio.sleep(0.1)
        batch.close()

    asyncio.run(overload())


def test_what_nobody_waits_for_any_more_is_not_run():
    batch = batch_of(Doubler())
    jobs = [Job(body(1), lambda answer: None, deadline=0.0), Job(body(2), lambda answer: None)]
    outcomes = batch.work(jobs)
    assert [o.answer.status for o in outcomes] == [503, 200]
    assert json.loads(outcomes[0].answer.body)["error"]["code"] == "deadline_passed"
    assert outcomes[0].answer.extra == (b"Retry-After: 1",)
    assert batch.deployed.model.batches == [1]
    batch.close()


@pytest.mark.parametrize("value", ["0", "0.5", "-1", "nan", "inf", "soon", "", "1e99"])
def test_a_deadline_that_is_none_is_400(value, ask):
    data = request("POST", "/predict", body(1), **{"X-Deadline-Ms": value})
    reply = ask(data)
    assert (reply.status, reply.json["error"]["code"]) == (400, "bad_deadline")
    assert ask(request("POST", "/predict", body(1), **{"X-Deadline-Ms": "5000"})).status == 200
