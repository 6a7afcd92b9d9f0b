"""What only asyncio can do to a client: many calls at once, cancelling, leaving a loop early."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest
from tests.client.conftest import Canned
from tests.serving.conftest import Gated, row, until

from mlwright.base.errors import EndpointUnreachable, Misuse
from mlwright.client import AsyncClient, Retries
from mlwright.serving import ServeSettings, running


async def so(is_so) -> None:
    await asyncio.to_thread(until, is_so)


def test_calls_at_once_keep_their_answers(endpoint):
    async def ask() -> list[float | None]:
        async with AsyncClient(endpoint, connections=8) as client:
            return [p.prediction for p in await asyncio.gather(*(client.predict(row(i)) for i in range(100)))]

    assert asyncio.run(ask()) == [2.0 * i for i in range(100)]


def test_a_call_that_is_cancelled_ends_its_connection_and_no_other_gets_its_answer(fronts):
    model = Gated()

    async def ask(url: str) -> float | None:
        async with AsyncClient(url, connections=1) as client:
            assert (await client.predict(row(1))).prediction == 2.0
            try:
                model.gate.clear()
                asked = asyncio.create_task(client.predict(row(2)))
                await so(lambda: fronts[0].only.batch.queued_rows == 1)
                asked.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asked
            finally:
                model.gate.set()
            answer = await client.predict(row(3))
            await so(lambda: len(fronts[0].connections) == 1)
            return answer.prediction

    with running(model, ServeSettings(inline_ms=1e-9)) as url:
        assert asyncio.run(ask(url)) == 6.0


def test_a_call_that_is_cancelled_between_two_tries_is_not_made_again():
    async def ask(url: str) -> None:
        async with AsyncClient(url, retries=Retries(first_s=1000.0, most_s=1000.0)) as client:
            asked = asyncio.create_task(client.predict(row(1)))
            await so(lambda: len(canned.heard) == 1)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked

    with Canned(b"") as canned:
        asyncio.run(ask(canned.url))
        assert len(canned.heard) == 1


def test_leaving_a_loop_early_leaves_no_request_behind(fronts):
    model = Gated()

    async def ask(url: str) -> list[float | None]:
        found = []
        async with AsyncClient(url) as client:
            many = client.predict_many([row(i) for i in range(100)], batch_rows=1, at_once=4)
            async with contextlib.aclosing(many):
                async for prediction in many:
                    found.append(prediction.prediction)
                    if len(found) == 3:
                        break
            assert len(asyncio.all_tasks()) == 1
            return found

    with running(model, ServeSettings(inline_ms=1e-9)) as url:
        assert asyncio.run(ask(url)) == [0.0, 2.0, 4.0]
        until(lambda: not fronts[0].connections)
    assert sum(model.batches) < 100


def test_what_is_wrong_with_many_rows_is_told_where_they_are_asked_for():
    async def ask() -> None:
        async with AsyncClient("http://127.0.0.1:1") as client:
            with pytest.raises(Misuse, match="requests at once"):
                client.predict_many([row(1)], at_once=0)

    asyncio.run(ask())


def test_a_closed_client_says_so(endpoint):
    async def ask() -> None:
        client = AsyncClient(endpoint)
        await client.predict(row(1))
        await client.close()
        with pytest.raises(Misuse, match="this client is closed"):
            await client.predict(row(1))

    asyncio.run(ask())


def test_a_name_that_nobody_has_is_unreachable():
    async def ask() -> None:
        async with AsyncClient("http://no-such-host.invalid", retries=Retries(attempts=1)) as client:
            await client.predict(row(1))

    with pytest.raises(EndpointUnreachable, match="there is no connection"):
        asyncio.run(ask())


def test_an_asked_model_is_not_kept_busy_by_rows_that_nobody_waits_for(fronts):
    """X-Deadline-Ms tells how long the client waits: a row whose time is over does not run."""
    model = Gated()

    async def ask(url: str) -> None:
        async with AsyncClient(url, timeout_s=0.3) as client:
            found = await asyncio.gather(*(client.predict(row(i)) for i in range(3)), return_exceptions=True)
            assert all(isinstance(f, Exception) for f in found)

    with running(model, ServeSettings(inline_ms=1e-9, slo_ms=10_000.0, batch_rows=1)) as url:
        warmed = sum(model.batches)
        try:
            model.gate.clear()
            asyncio.run(ask(url))
            time.sleep(0.1)  # by the endpoint's clock, too, their time is over
        finally:
            model.gate.set()
        until(lambda: not fronts[0].only.batch.queued_rows)
    assert sum(model.batches) - warmed <= 2  # what ran, and at most one that waited behind it


def test_clients_of_several_loops_do_not_meet(endpoint):
    async def ask() -> float | None:
        async with AsyncClient(endpoint) as client:
            return (await client.predict(row(4))).prediction

    assert [asyncio.run(ask()), asyncio.run(ask())] == [8.0, 8.0]
