"""Many models by name, one taking over from another under traffic, and going back."""

from __future__ import annotations

import json
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small_models import ROW, small_model
from tests.serving.conftest import Doubler, Wire, request, row

from mlwright.base.errors import Misuse
from mlwright.base.schema import Column
from mlwright.serving import ServeSettings, issue_token, running
from mlwright.serving.endpoint import _stricter
from mlwright.serving.server import named

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "models" / "shop.mlw"
    path.parent.mkdir()
    path.write_bytes(small_model(2.0))
    return path


@pytest.fixture
def ask(file: Path, tmp_path: Path) -> Iterator[Ask]:
    """Asks an endpoint called shop, with every right."""
    token = issue_token(tmp_path / "tokens", ("predict", "metrics", "admin"))
    settings = ServeSettings(tokens_file=str(tmp_path / "tokens"), slo_ms=1e6)
    with running({"shop": file}, settings) as url, Wire(url) as wire:

        def send(path: str, body: object = None) -> tuple[int, Any]:
            method = "GET" if body is None else "POST"
            data = b"" if body is None else json.dumps(body).encode()
            wire.send(request(method, path, data, Authorization=f"Bearer {token}"))
            reply = wire.reply()
            return reply.status, reply.json if reply.body[:1] == b"{" else reply.body.decode()

        send.url, send.token = url, token  # type: ignore[attr-defined]
        yield send


def predicted(ask: Ask) -> float:
    return float(ask("/predict", ROW)[1]["prediction"])


def test_another_file_takes_over_and_the_one_before_comes_back(ask, file):
    first = ask("/models/shop")[1]
    assert (predicted(ask), first["previous"]) == (80.0, None)
    file.write_bytes(small_model(3.0))
    assert predicted(ask) == 80.0  # nothing happens unasked
    status, state = ask("/models/shop/reload", {})
    assert (status, state["previous"], predicted(ask)) == (200, first["version"], 120.0)
    assert ask("/models/shop/rollback", {})[1] == {
        "name": "shop", "version": first["version"], "previous": state["version"],
    }  # fmt: skip
    assert predicted(ask) == 80.0
    assert ask("/models/shop/rollback", {})[1]["version"] == state["version"]  # and forward again
    assert ask("/v2/models/shop")[1]["versions"] == [state["version"]]
    assert 'mlwright_swaps_total{model="shop"} 3' in ask("/metrics")[1]


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"not a model", "not a model file"),
        (small_model(3.0)[:-100], ""),
        (small_model(3.0, wrong=True), "samples"),
        (small_model(3.0, target="weight"), "'weight'"),
        (small_model(3.0, column="vip"), "'vip'"),
    ],
    ids=["other", "cut", "wrong", "target", "column"],
)
def test_what_must_not_take_over_is_refused_and_the_old_one_answers(ask, file, data, part):
    version = ask("/models/shop")[1]["version"]
    file.write_bytes(data)
    status, answer = ask("/models/shop/reload", {})
    assert (status, answer["error"]["code"]) == (409, "swap_refused")
    assert part in answer["error"]["message"]
    assert (ask("/models/shop")[1]["version"], predicted(ask)) == (version, 80.0)
    assert ask("/ready")[0] == 200
    assert 'mlwright_swaps_refused_total{model="shop"} 1' in ask("/metrics")[1]
    file.unlink()
    assert ask("/models/shop/reload", {})[0] == 409
    assert predicted(ask) == 80.0


def test_a_folder_that_goes_away_is_said_and_the_old_one_answers(ask, file):
    shutil.rmtree(file.parent)
    status, answer = ask("/models/shop/reload", {})
    assert (status, answer["error"]["code"]) == (409, "swap_refused")
    assert "no such file" in answer["error"]["message"] and answer["error"]["remedy"]
    assert predicted(ask) == 80.0 and ask("/ready")[0] == 200
    file.parent.mkdir()
    file.write_bytes(small_model(3.0))
    assert ask("/models/shop/reload", {})[0] == 200
    assert predicted(ask) == 120.0


def test_no_byte_of_a_file_can_be_changed_without_its_being_refused(ask, file):
    data, source = small_model(3.0), random.Random(3)
    for at in (0, len(data) - 1, *(source.randrange(len(data)) for _ in range(60))):
        file.write_bytes(data[:at] + bytes((data[at] ^ (1 << source.randrange(8)),)) + data[at + 1 :])
        assert ask("/models/shop/reload", {})[1]["error"]["code"] == "swap_refused", at
    assert predicted(ask) == 80.0
    file.write_bytes(data)
    assert ask("/models/shop/reload", {})[0] == 200


def test_a_file_that_is_written_while_it_is_read_takes_over_whole_or_not_at_all(ask, file):
    stop, good = threading.Event(), {80.0, 120.0}
    models = [small_model(2.0), small_model(3.0)]

    def write() -> None:
        source = random.Random(5)
        while not stop.is_set():
            data = source.choice(models)
            with file.open("r+b", buffering=0) as out:  # in its place, and in pieces: as nobody should
                for at in range(0, len(data), 500):
                    out.write(data[at : at + 500])
                out.truncate(source.choice((len(data), len(data) // 2)))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(100):
            status, answer = ask("/models/shop/reload", {})
            assert status == 200 or answer["error"]["code"] == "swap_refused"
            assert predicted(ask) in good
    finally:
        stop.set()
        writer.join()
    file.write_bytes(models[1])
    assert ask("/models/shop/reload", {})[0] == 200
    assert predicted(ask) == 120.0


def test_another_question_takes_over_where_it_is_forced(ask, file):
    file.write_bytes(small_model(3.0, column="vip"))
    assert ask("/models/shop/reload", {"force": True})[0] == 200
    assert ask("/predict", {"age": 2, "vip": False})[1]["prediction"] == 6.0
    assert ask("/predict", ROW)[0] == 422
    assert ask("/models/shop/rollback", {})[0] == 200
    assert predicted(ask) == 80.0


def test_going_back_needs_something_to_go_back_to(ask):
    assert ask("/models/shop/rollback", {})[1]["error"]["code"] == "no_previous"
    assert ask("/models/shop/reload", {})[0] == 200  # the same file
    assert ask("/models/shop/rollback", {})[1]["error"]["code"] == "no_previous"


@pytest.mark.parametrize("body", [{"forced": True}, [], {"force": "yes"}])
def test_a_command_that_cannot_be_read_is_400(ask, body):
    status, answer = ask("/models/shop/reload", body)
    assert (status, answer["error"]["code"]) == (400, "bad_command")


def test_no_request_fails_and_none_is_answered_by_two_models_while_models_change(ask, file):
    stop, failures, answered = threading.Event(), [], []
    body = json.dumps([row_of(i) for i in range(1, 30)]).encode()

    def load() -> None:
        with Wire(ask.url) as wire:
            while not stop.is_set():
                wire.send(request("POST", "/predict", body, Authorization=f"Bearer {ask.token}") * 4)
                for _ in range(4):
                    reply = wire.reply()
                    factors = {p["prediction"] / i for i, p in enumerate(reply.json["predictions"], 1)}
                    if reply.status != 200 or len({round(f, 6) for f in factors}) != 1:
                        failures.append(reply)
                    answered.append((reply.json["model"], round(factors.pop(), 6)))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for factor in (3.0, 4.0, 5.0):
        file.write_bytes(small_model(factor))
        assert ask("/models/shop/reload", {})[0] == 200
        assert ask("/models/shop/rollback", {})[0] == 200
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert len({version for version, _ in answered}) == len(set(answered)) >= 2


def row_of(age: int) -> dict[str, object]:
    return ROW | {"age": age}


def test_several_models_answer_by_name_and_the_short_path_asks_which():
    slow = Doubler()
    with running({"a": Doubler(), "b.v2": slow}) as url, Wire(url) as wire:
        wire.send(request("POST", "/models/b.v2/predict", json.dumps(row(2)).encode()))
        assert wire.reply().json["prediction"] == 4.0
        assert len(slow.seen) > 0
        wire.send(request("POST", "/predict", json.dumps(row(2)).encode()) + request(path="/models"))
        which, listed = wire.reply(), wire.reply()
    assert which.status == 404 and "/models/NAME/predict" in which.json["error"]["remedy"]
    assert [m["name"] for m in listed.json["models"]] == ["a", "b.v2"]


@pytest.mark.parametrize("name", ["", "a b", "../x", "-a", "x" * 65, "a/b", "ä"])
def test_a_name_that_could_not_stand_in_a_path_is_refused(name):
    with pytest.raises(Misuse, match="no name for a model"), running({name: Doubler()}):
        pytest.fail("it must not start")


def test_nothing_to_serve_is_refused():
    with pytest.raises(Misuse, match="no model"), running({}):
        pytest.fail("it must not start")


def test_a_model_alone_is_called_as_its_file_where_that_can_be_a_name():
    assert list(named("x/loans-7.mlw")) == ["loans-7"]
    assert list(named(Path("x/über.mlw"))) == ["model"]
    assert list(named(Doubler())) == ["model"]


def test_a_model_that_came_from_no_file_cannot_be_read_anew(tmp_path):
    token = issue_token(tmp_path / "tokens", ("admin",))
    with running(Doubler(), ServeSettings(tokens_file=str(tmp_path / "tokens"))) as url, Wire(url) as wire:
        wire.send(request("POST", "/models/model/reload", b"{}", Authorization=f"Bearer {token}"))
        assert wire.reply().json["error"]["code"] == "no_source"


def test_a_version_in_the_path_is_looked_at_again_after_a_swap(ask, file):
    version = ask("/models/shop")[1]["version"]
    inputs = [
        {"name": "age", "shape": [1], "datatype": "FP64", "data": [1.0]},
        {"name": "member", "shape": [1], "datatype": "BOOL", "data": [True]},
    ]
    path = f"/v2/models/shop/versions/{version}/infer"
    assert ask(path, {"inputs": inputs})[0] == 200
    file.write_bytes(small_model(3.0))
    assert ask("/models/shop/reload", {})[0] == 200
    assert ask(path, {"inputs": inputs})[0] == 404


def test_ready_names_no_model_where_tokens_are_asked_for(ask):
    with Wire(ask.url) as wire:
        wire.send(request(path="/ready"))
        assert wire.reply().json == {"ready": True}


STRICTER = {
    "must not be missing": ({"nullable": True}, {"nullable": False}),
    "must be there": ({"optional": True}, {}),
    "lower bound": ({}, {"least": 0.0}),
    "upper bound": ({"most": 9.0}, {"most": 8.0}),
    "fewer markers": ({"missing": ("?", "-")}, {"missing": ("?",)}),
    "another kind": ({}, {"kind": "categorical"}),
    "fewer values": ({"kind": "categorical"}, {"kind": "categorical", "allowed": ("a",)}),
    "another pattern": ({"kind": "text", "pattern": "a"}, {"kind": "text", "pattern": "b"}),
}


@pytest.mark.parametrize("name", STRICTER)
def test_a_successor_that_takes_less_than_its_predecessor_is_found_out(name):
    old, new = (Column(**({"name": "x", "kind": "numeric"} | changed)) for changed in STRICTER[name])
    assert _stricter(old, new)
    assert not _stricter(old, old) and not _stricter(new, new)
