"""Both clients against real endpoints: asked and answered, refused, late, overloaded, broken, restarted."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from interval_models import ROWS as INTERVAL_ROWS
from interval_models import interval_model
from small_models import ROW as SMALL_ROW
from small_models import small_model
from tests.artifact.conftest import ROWS, file_of
from tests.client.conftest import Canned, Make, pauses, said
from tests.serving.conftest import Doubler, Gated, Wire, predict, row, until

from mlwright import artifact
from mlwright.base.canonical import canonical_json
from mlwright.base.errors import (
    AccessRefused,
    EndpointBusy,
    EndpointFailed,
    EndpointProblem,
    EndpointTooSlow,
    EndpointUnreachable,
    Misuse,
    RequestRefused,
    RowsRefused,
)
from mlwright.base.profile import ColumnProfile, Profile
from mlwright.client import Client, Health, Retries
from mlwright.serving import ServeSettings, issue_token, running
from mlwright.serving.front import Front

ONCE = Retries(attempts=1)
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
def several(tmp_path_factory: pytest.TempPathFactory, file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """An endpoint of three real model files, and those files opened."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "explained.mlw").write_bytes(file_of("binary", profile_json=canonical_json(PROFILE)))
    (folder / "price.mlw").write_bytes(interval_model())
    files = {"explained": folder / "explained.mlw", "price": folder / "price.mlw", "sets": file}
    with running(files, ServeSettings(slo_ms=10_000.0, explain_ms=60_000.0, arrow=True)) as url:
        yield url, {name: artifact.load(file) for name, file in files.items()}


def test_one_row_many_rows_and_frames_are_answered_as_in_python(make: Make, several):
    url, models = several
    model, client = models["explained"], make(url, model="explained")
    labels, probabilities = model.predict(KNOWN).tolist(), model.predict_proba(KNOWN).tolist()
    many = client.predict(KNOWN)
    one = client.predict(KNOWN[0])
    assert [p.label for p in many] == labels and one.label == labels[0]
    assert [list(p.probability.values()) for p in many] == probabilities
    assert many.model == one.model == model.digest[:12]
    assert len(one.prediction_id) == 36 and len({p.prediction_id for p in many}) == len(KNOWN)
    for frame in (pl.DataFrame(KNOWN), pd.DataFrame(KNOWN), pa.Table.from_pylist(KNOWN)):
        assert [p.label for p in client.predict(frame)] == labels
    brief = client.predict(KNOWN, proba=False)
    assert brief[0].probability is None and [p.label for p in brief[1:]] == labels[1:]
    assert pl.DataFrame(many.to_dicts())["label"].to_list() == labels
    assert "prediction" not in many.to_dicts()[0]


def test_sets_intervals_abstaining_and_explanations_are_those_of_python(make: Make, several):
    url, models = several
    price = make(url, model="price").predict(INTERVAL_ROWS, interval=0.1)
    expected = models["price"].predict_interval(INTERVAL_ROWS, 0.1)
    assert [list(p.interval) for p in price] == expected.tolist()
    assert [p.prediction for p in price] == models["price"].predict(INTERVAL_ROWS).tolist()
    rows = [{"age": age, "member": True, "city": "Rome"} for age in (1.0, 33.0, 60.0)]
    sets = make(url, model="sets").predict(rows, sets=0.3, abstain=0.05)
    wanted = models["sets"].predict(rows, abstain=0.05)
    assert [p.label for p in sets] == [None if w is None else int(w) for w in wanted]
    assert [[str(label) for label in p.set] for p in sets] == [
        [str(label) for label in of_row] for of_row in models["sets"].predict_set(rows, 0.3)
    ]
    found = make(url, model="explained").explain(KNOWN)
    why = models["explained"].explain(KNOWN).to_dicts()
    for prediction, expected_ in zip(found, why, strict=True):
        assert prediction.explanation.contributions == expected_["contributions"]
        assert prediction.explanation.reasons == expected_["reasons"]
    assert make(url, model="explained").explain(KNOWN[0]).explanation.output == why[0]["output"]


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
def test_a_frame_travels_as_arrow_and_comes_back_as_one_of_its_library(make: Make, several, library):
    url, models = several
    rows = [r | {"further": i} for i, r in enumerate(KNOWN)]  # let be, as in files
    kinds = {"polars": pl.DataFrame, "pandas": pd.DataFrame, "pyarrow": pa.Table.from_pylist}
    frame = kinds[library](rows)
    answers = make(url, model="explained").predict_frame(frame)
    assert type(answers) is type(frame)
    labels = answers["label"].to_pylist() if library == "pyarrow" else answers["label"].to_list()
    assert labels == models["explained"].predict(KNOWN).tolist()
    assert "probability_yes" in (answers.column_names if library == "pyarrow" else answers.columns)


def test_what_is_served_is_told(make: Make, several):
    url, models = several
    client = make(url, model="price")
    assert sorted(m.name for m in client.models()) == ["explained", "price", "sets"]
    info = client.metadata()
    assert (info.name, info.digest, info.task, info.target, info.ready) == (
        "price", models["price"].digest, "regression", "price", True,
    )  # fmt: skip
    assert client.schema()["properties"]["age"]["type"] == ["number", "null"]
    assert client.health() == Health(alive=True, ready=True)
    nameless = make(url)
    with pytest.raises(RequestRefused, match=r"3 models are served here.*Client\(url, model=") as refused:
        nameless.predict(KNOWN)
    assert (refused.value.code, refused.value.status) == ("no_such_model", 404)
    with pytest.raises(RequestRefused, match=r"3 models are served here: .*price.*Client\(url, model="):
        nameless.metadata()
    with pytest.raises(RequestRefused, match=r"models\(\) lists yours"):
        make(url, model="prices").schema()


def test_the_only_model_need_not_be_named(make: Make, endpoint):
    client = make(endpoint + "/")
    assert client.metadata().name == "model" and client.predict(row(4)).prediction == 8.0
    assert client.schema()["x-target"]["name"] == "price"


def test_bad_rows_are_told_by_field_and_row_and_none_is_predicted(make: Make, endpoint):
    client = make(endpoint)
    bad = [
        row(1),
        row(2) | {"age": "old"},
        {k: v for k, v in row(3).items() if k != "city"} | {"citty": "Oslo"},
    ]
    with pytest.raises(RowsRefused) as refused:
        client.predict(bad)
    told = [(p.row, p.column, p.reason) for p in refused.value.problems]
    assert told[0][:2] == (1, "age") and (2, "city", "absent") in told
    assert told[-1] == (2, "citty", "no such column, did you mean 'city'?")
    assert "row 1, 'age'" in str(refused.value) and "code row_refused" in refused.value.__notes__[0]
    answers = client.predict(bad, partial=True)
    assert answers[0].prediction == 2.0 and not answers[0].problems
    assert [p.row for p in answers[2].problems] == [2, 2] and answers[2].prediction is None
    with pytest.raises(RowsRefused, match="row 0, 'age'"):
        client.predict(bad[1])


@pytest.mark.parametrize(
    ("asked", "said_", "code"),
    [
        ({"sets": 0.1}, "offers no sets", "not_offered"),
        ({"interval": 0.1}, "offers no intervals", "not_offered"),
        ({"abstain": 0.1}, "abstains from nothing", "not_offered"),
    ],
)
def test_what_a_model_does_not_offer_is_refused_with_its_code(make: Make, endpoint, asked, said_, code):
    with pytest.raises(RequestRefused, match=said_) as refused:
        make(endpoint).predict(row(1), **asked)
    assert refused.value.code == code and refused.value.status == 400 and refused.value.request_id


def test_what_cannot_be_meant_is_refused_before_anything_is_sent(make: Make):
    client = make("http://127.0.0.1:1")
    for rate in (0, 1, 2.5, "0.1", True, float("nan")):
        with pytest.raises(Misuse, match="no error rate between 0 and 1"):
            client.predict(row(1), sets=rate)
    with pytest.raises(Misuse, match="of one row there are no others"):
        client.predict(row(1), partial=True)
    for more in ({"batch_rows": 0}, {"at_once": 0}, {"at_once": 2.0}):
        with pytest.raises(Misuse):
            list(client.predict_many([row(1)], **more))
    for address in (
        "127.0.0.1:8080",
        "ftp://a",
        "http://",
        "http://a:b",
        "http://a/ b",
        "http://a\r\nX: y",
        "",
    ):
        with pytest.raises(Misuse, match="no address"):
            make(address)
    for address in ("http://me:secret@a", "http://a?token=secret", "http://a#secret"):
        with pytest.raises(Misuse, match="neither a user, a query") as refused:
            make(address)
        assert "secret" not in str(refused.value)
    for more in (
        {"timeout_s": 0},
        {"timeout_s": float("nan")},
        {"timeout_s": "10"},
        {"model": "a/b"},
        {"ca_file": "ca.pem"},
        {"retries": 3},
        {"connections": 0},
    ):
        with pytest.raises(Misuse):
            make("http://a", **more)
    with pytest.raises(Misuse, match="an address is a text"):
        make(None)
    with pytest.raises(Misuse, match="at least one attempt"):
        Retries(attempts=0)


def test_a_request_that_is_too_long_is_told_as_such_even_where_it_is_cut_off(make: Make):
    with running(Doubler(), ServeSettings(max_body_bytes=1000)) as url:
        client = make(url)
        pauses(client)
        with pytest.raises(EndpointProblem, match="predict_many"):
            client.predict([row(1)] * 100_000)


def test_a_column_that_is_not_there_is_told_without_a_value(make: Make, endpoint):
    with pytest.raises(RowsRefused, match=r"'agee': no such column, did you mean 'age'") as refused:
        make(endpoint).predict(row(1) | {"agee": 1})
    assert "got" not in str(refused.value) and "by its name" in refused.value.remedy


def test_requests_share_a_connection_and_each_call_has_an_id_of_its_own(make: Make, fronts):
    with running(Doubler()) as url:
        client = make(url)
        noted = pauses(client)
        for age in range(5):
            assert client.predict(row(age)).prediction == 2.0 * age
        assert client.health().ready and fronts[0].metrics.connections == 1
        with pytest.raises(RowsRefused) as first:
            client.predict({})
        with pytest.raises(RowsRefused) as second:
            client.predict({})
        assert first.value.__notes__ != second.value.__notes__ and fronts[0].metrics.connections == 1
        assert not noted


def test_threads_share_a_client(endpoint):
    found: dict[int, float | None] = {}
    with Client(endpoint, connections=2) as client:

        def ask(age: int) -> None:
            found.update({i: client.predict(row(i)).prediction for i in range(age, 60, 6)})

        threads = [threading.Thread(target=ask, args=(age,)) for age in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {i: 2.0 * i for i in range(60)}
    with pytest.raises(Misuse, match="this client is closed"):
        client.predict(row(1))


def test_any_number_of_rows_is_answered_in_order_by_bounded_requests(make: Make, fronts):
    model = Doubler()
    with running(model, ServeSettings(max_rows=7, slo_ms=10_000.0)) as url:
        client = make(url)
        warmed = len(model.batches)
        ages = [float(i) for i in range(100)]
        answers = client.predict_many(({"age": a, "member": None, "city": None} for a in ages), batch_rows=7)
        assert [p.prediction for p in answers] == [2.0 * a for a in ages]
        assert max(model.batches[warmed:]) <= 28 and fronts[0].metrics.connections <= 4
        frame = pl.DataFrame([row(a) for a in ages])
        assert [p.prediction for p in client.predict_many(frame, batch_rows=7, at_once=1)] == [
            2 * a for a in ages
        ]
        assert list(client.predict_many([])) == []
        with pytest.raises(RequestRefused, match=r"100 rows, over 7.*predict_many"):
            client.predict(frame)


def test_a_bad_row_of_a_later_request_is_told_by_its_number_among_all(make: Make, endpoint):
    client = make(endpoint)
    rows = [row(i) for i in range(9)] + [row(9) | {"age": None}]
    found = []
    with pytest.raises(RowsRefused, match="row 9, 'age'"):
        for prediction in client.predict_many(rows, batch_rows=2, at_once=2):
            found.append(prediction.prediction)
    assert found == [2.0 * i for i in range(len(found))] and len(found) < 10
    answers = list(client.predict_many(rows, batch_rows=4, partial=True))
    assert [p.row for p in answers[9].problems] == [9] and answers[8].prediction == 16.0


def test_no_more_requests_are_under_way_than_was_said(endpoint):
    with Client(endpoint) as client:
        send, lock = client._wire.send, threading.Lock()
        now, most, begun = 0, 0, threading.Barrier(3)

        def counted(asked: Any) -> Any:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            begun.wait(20)  # three are under way together, or this breaks
            reply = send(asked)
            with lock:
                now -= 1
            return reply

        client._wire.send = counted  # type: ignore[method-assign]
        rows = [row(i) for i in range(12)]
        assert len(list(client.predict_many(rows, batch_rows=2, at_once=3))) == 12
    assert most == 3


@contextlib.contextmanager
def busy(fronts: list[Front]) -> Iterator[tuple[str, Gated]]:
    """An endpoint whose graph runs until its gate is opened, with a measured cost of a second a row."""
    model = Gated()
    with running(model, ServeSettings(slo_ms=500.0, inline_ms=1e-9)) as url, Wire(url) as other:
        try:
            model.gate.clear()
            other.send(predict(row(0)))
            batch = fronts[0].only.batch  # type: ignore[union-attr]
            until(lambda: batch.queued_rows == 1)
            batch.seconds_per_row = 1.0
            yield url, model
        finally:
            model.gate.set()


def test_an_overloaded_endpoint_is_asked_again_when_it_says(make: Make, fronts):
    with busy(fronts) as (url, model):
        client = make(url)

        def wait() -> None:
            model.gate.set()
            until(lambda: not fronts[0].only.batch.queued_rows)

        noted = pauses(client, then=wait)
        assert client.predict(row(3)).prediction == 6.0
        assert len(noted) == 1 and 1.0 <= noted[0] <= 3.0


def test_an_endpoint_that_stays_overloaded_is_given_up_with_when_to_come_again(make: Make, fronts):
    with busy(fronts) as (url, _):
        client = make(url, retries=Retries(attempts=3, first_s=0.0, most_s=60.0))
        noted = pauses(client)
        with pytest.raises(EndpointBusy, match=r"too many wait.*try again in") as refused:
            client.predict(row(3))
        assert (refused.value.status, refused.value.code) == (503, "overloaded")
        assert refused.value.retry_after_s >= 1.0 and noted == [refused.value.retry_after_s] * 2
        hasty = make(url, retries=Retries(most_s=0.5))  # which waits no second
        noted = pauses(hasty)
        with pytest.raises(EndpointBusy):
            hasty.predict(row(3))
        assert not noted


def test_a_slow_answer_is_given_up_and_the_next_one_is_not_that_answer(make: Make):
    model = Gated()
    found: list[float | None] = []
    with running(model, ServeSettings(inline_ms=1e-9)) as url:
        client = make(url, timeout_s=0.2)
        noted = pauses(client)

        def answered() -> bool:
            with contextlib.suppress(EndpointTooSlow, EndpointBusy):  # as a busy machine may be
                found.append(client.predict(row(3)).prediction)
            return bool(found)

        until(answered)
        try:
            model.gate.clear()
            with pytest.raises(EndpointTooSlow, match=r"/predict was not answered within 0.2 s") as slow:
                client.predict(row(2))
        finally:
            model.gate.set()
        assert slow.value.request_id and not noted  # a second try would only add to the load
        found.clear()
        until(answered)
    assert found == [6.0]


def served_process(file: Path, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mlwright", "serve", file, "--port", str(port)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)


@pytest.mark.slow
def test_an_endpoint_that_was_killed_and_started_again_is_found_again(make: Make, tmp_path, free_port):
    file = tmp_path / "shop.mlw"
    file.write_bytes(small_model(2.0))
    client = make(f"http://127.0.0.1:{free_port}", retries=Retries(attempts=3))
    server = served_process(file, free_port)
    try:
        until(lambda: client.health().ready)
        assert client.predict(SMALL_ROW).prediction == 80.0
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        health = client.health()
        assert not health.alive and not health.ready and "no connection" in health.why
        noted = pauses(client)
        with pytest.raises(EndpointUnreachable, match=r"there is no connection.*mlwright serve"):
            client.predict(SMALL_ROW)
        assert len(noted) == 2 and all(0.0 <= s <= 0.2 for s in noted)
        server = served_process(file, free_port)
        with Client(f"http://127.0.0.1:{free_port}") as watcher:
            pauses(client, then=lambda: until(lambda: watcher.health().ready))
            assert client.predict(SMALL_ROW).prediction == 80.0
    finally:
        server.kill()
        server.wait()


def test_a_restart_between_two_calls_is_not_noticed(make: Make, free_port):
    client = make(f"http://127.0.0.1:{free_port}")
    noted = pauses(client)
    for factor in (1, 2):
        with running(Doubler(), ServeSettings(drain_idle_s=0.01), port=free_port):
            assert client.predict(row(factor)).prediction == 2.0 * factor
    assert len(noted) <= 1


def test_tokens_are_sent_and_never_shown(make: Make, tmp_path, caplog, monkeypatch):
    token = issue_token(tmp_path / "tokens", ("predict:model",))
    caplog.set_level(logging.DEBUG)
    with running(Doubler(), ServeSettings(tokens_file=str(tmp_path / "tokens"))) as url:
        client = make(url, model="model", token=token)
        assert client.predict(row(4)).prediction == 8.0
        monkeypatch.setenv("MLWRIGHT_TOKEN", token)
        assert make(url, model="model").predict(row(4)).prediction == 8.0
        monkeypatch.delenv("MLWRIGHT_TOKEN")
        with pytest.raises(AccessRefused, match="MLWRIGHT_TOKEN") as refused:
            make(url, model="model").predict(row(4))
        assert (refused.value.status, refused.value.code) == (401, "token_needed")
        wrong = "mlw_0_" + "0" * 64
        with pytest.raises(AccessRefused) as refused:
            make(url, model="model", token=wrong).predict(row(4))
        with pytest.raises(RequestRefused) as other:
            make(url, model="other", token=token).predict(row(4))
        assert other.value.code == "no_such_model"
        shown = repr(client) + str(refused.value) + str(other.value) + caplog.text
        for secret in (token, wrong, token.rpartition("_")[2]):
            assert secret not in shown
    with pytest.raises(Misuse, match="what no token holds") as broken:
        make(url, token=f"{token}\r\nX: y")
    assert token not in str(broken.value)


def test_a_certificate_that_nobody_vouches_for_is_refused_and_the_named_one_taken(make: Make, certificate):
    settings = ServeSettings(
        tls_certificate=str(certificate[0]), tls_key=str(certificate[1]), drain_idle_s=0.01
    )
    with running(Doubler(), settings) as url:
        assert make(url, ca_file=str(certificate[0])).predict(row(4)).prediction == 8.0
        stranger = make(url)
        noted = pauses(stranger)
        with pytest.raises(EndpointUnreachable, match=r"certificate is not trusted.*ca_file="):
            stranger.predict(row(4))
        assert not noted  # asking again would not help
        with pytest.raises(Misuse, match="certificates cannot be read"):
            make(url, ca_file="no such file.pem")
        with pytest.raises(EndpointUnreachable):
            make(url.replace("https", "http"), retries=ONCE).predict(row(4))


def answer_of(prediction: float) -> bytes:
    return json.dumps({"prediction_id": "a", "prediction": prediction, "model": "m"}).encode()


AGAIN = said("429 Too Many Requests", b"{}", "Retry-After: 2")


@pytest.mark.parametrize(
    ("first", "least_s"),
    [
        (AGAIN, 2.0),
        (said("503 Service Unavailable", b"<html>", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"), 0.0),
        (said("503 Service Unavailable", b"", "Retry-After: soon"), 0.0),
        (said("502 Bad Gateway", b"<html>"), 0.0),
        (said("504 Gateway Timeout"), 0.0),
        (b"", 0.0),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", 0.0),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{", 0.0),
        (b"what is this\r\n\r\n", 0.0),
    ],
    ids=["429", "date", "no date", "502", "504", "nothing", "half", "half a chunk", "no HTTP"],
)
def test_what_breaks_or_says_not_now_is_asked_again_with_the_same_id(make: Make, first, least_s):
    with Canned(first, said("200 OK", answer_of(5.0))) as canned:
        client = make(canned.url)
        noted = pauses(client)
        assert client.predict(row(1)).prediction == 5.0
    assert len(noted) == 1 and least_s <= noted[0] <= least_s + 0.1
    ids = [line for heard in canned.heard for line in heard.split(b"\r\n") if b"X-Request-Id" in line]
    assert len(ids) == 2 and ids[0] == ids[1]


@pytest.mark.parametrize(
    ("answer", "kind", "said_"),
    [
        (said("200 OK", b"<html>"), EndpointFailed, "no answer of an endpoint of mlwright"),
        (said("200 OK", b'{"prediction_id":7}'), EndpointFailed, "no answer of an endpoint"),
        (said("200 OK", b"\xff"), EndpointFailed, "no answer of an endpoint"),
        (said("302 Found", b"", "Location: http://127.0.0.1:1/steal"), EndpointFailed, "HTTP status 302"),
        (said("500 Internal Server Error", b"oh"), EndpointFailed, "HTTP status 500"),
        (said("404 Not Found", b"<html>"), RequestRefused, "HTTP status 404"),
        (said("407 Proxy Authentication Required"), AccessRefused, "HTTP status 407"),
    ],
    ids=["html", "another type", "no text", "redirect", "500", "404", "407"],
)
def test_what_is_no_answer_of_an_endpoint_is_told(make: Make, answer, kind, said_):
    with Canned(answer) as canned, pytest.raises(kind, match=said_) as problem:
        make(canned.url, token="mlw_secret").predict(row(1))
    assert isinstance(problem.value, EndpointProblem) and canned.url in str(problem.value)


def test_as_many_answers_as_rows_are_asked_for(make: Make):
    none = Canned(said("200 OK", b'{"model":"m","predictions":[]}'))
    with none as canned, pytest.raises(EndpointFailed, match="0 predictions for 1 rows"):
        make(canned.url).predict([row(1)])


def test_a_chunked_answer_of_a_proxy_is_read(make: Make):
    body = answer_of(5.0)
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    with Canned(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    ) as canned:
        assert make(canned.url).predict(row(1)).prediction == 5.0


def test_an_endpoint_below_a_path_is_asked_there(make: Make):
    with Canned(said("200 OK", answer_of(5.0))) as canned:
        make(canned.url + "/models/here/", model="m").predict(row(1), proba=False, sets=0.1)
    assert canned.heard[0].startswith(b"POST /models/here/models/m/predict?proba=false&set=0.1 HTTP/1.1\r\n")
    assert b"\r\nX-Deadline-Ms: 10000\r\n" in canned.heard[0]


def test_arrow_where_it_is_not_read_is_told(make: Make, endpoint):
    with pytest.raises(RequestRefused, match=r"predict\(frame\) sends JSON") as refused:
        make(endpoint).predict_frame(pl.DataFrame([row(1)]))
    assert refused.value.code == "no_arrow"


def test_a_client_is_light():
    """Neither what predicts nor what trains is loaded, and the plain client needs nothing but msgspec."""
    code = """
import sys
for name in ("numpy", "onnxruntime", "polars", "pandas", "rich", "httptools"):
    sys.modules[name] = None
before = set(sys.modules)
from mlwright.client import AsyncClient, Client
with Client("http://127.0.0.1:1", timeout_s=1) as client:
    print(client.health().alive)
assert "aiohttp" not in sys.modules
sys.modules["aiohttp"] = None
try:
    AsyncClient("http://127.0.0.1:1")
except Exception as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "False",
        "AsyncClient needs aiohttp, which is not installed. What to do: pip install 'mlwright[client]'.",
    ]
