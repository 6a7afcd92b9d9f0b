"""`mlwright top`: rates and latencies of a real server, from two looks at its metrics."""

from __future__ import annotations

import json

import pytest
from tests.serving.conftest import Doubler, Wire, predict, row

from mlwright.base.errors import EnvironmentProblem, Misuse
from mlwright.lifecycle.top import between, series_of, top
from mlwright.serving import ServeSettings, issue_token, running


def test_a_look_counts_what_happened_since_the_last_one():
    with running({"shop": Doubler()}) as url, Wire(url) as wire:

        def some(_: float) -> None:
            for body in ([row(i) for i in range(10)], row(1), row("x")):
                wire.send(predict(body))
                wire.reply()

        some(0)
        looks = top(url, every_s=1.0, wait=some)
        first, second = next(looks), next(looks)
    for traffic in (first, second):
        shop = traffic.models[0]
        assert (shop.name, shop.version) == ("shop", "0123456789ab")
        assert shop.rows_per_s * traffic.seconds == pytest.approx(11)
        assert shop.refused_per_s * traffic.seconds == pytest.approx(1)
        assert shop.rows_a_run > 1 and shop.run_us_a_row > 0 and shop.failed_per_s == shop.shed_per_s == 0
        assert traffic.requests_per_s * traffic.seconds == pytest.approx(4)  # the look itself is one
        assert 0 < traffic.p50_s <= traffic.p99_s and traffic.errors_per_s == 0


def test_a_server_that_was_started_again_counts_from_nothing():
    text = 'mlwright_model_info{{model="a",digest="d"}} 1\nmlwright_rows_total{{model="a"}} {}\n'
    before, after = (series_of(text.format(n)) for n in (1_000, 30))
    assert between(before, after, 2.0).models[0].rows_per_s == 15.0
    assert between(before, after, 2.0).p50_s is None


def test_failures_of_the_server_are_told_apart_from_requests_that_it_sheds():
    text = 'mlwright_requests_total{{route="/predict",status="{}"}} {}\n'
    after = series_of("".join(text.format(s, n) for s, n in (("200", 8), ("500", 4), ("503", 2))))
    traffic = between({}, after, 2.0)
    assert (traffic.requests_per_s, traffic.errors_per_s) == (7.0, 2.0)


def test_the_command_shows_one_look_off_a_terminal(mlwright, monkeypatch, tmp_path):
    token = issue_token(tmp_path / "tokens", ("metrics",))
    with running({"shop": Doubler()}, ServeSettings(tokens_file=str(tmp_path / "tokens"))) as url:
        refused = mlwright("top", url, "--every", "0.01")
        monkeypatch.setenv("MLWRIGHT_TOKEN", token)
        shown, told = (
            mlwright("top", url, "--every", "0.01"),
            mlwright("top", url, "--every", "0.01", "--json"),
        )
    assert refused.code == 3 and "scope metrics" in refused.err
    assert shown.code == 0 and "shop" in shown.out and "rows/s" in shown.out and "requests/s" in shown.out
    assert json.loads(told.out)["models"][0]["name"] == "shop"
    assert token not in shown.out + told.out + refused.err


def test_what_is_no_server_is_said(mlwright):
    with pytest.raises(Misuse, match="no URL"):
        next(top("127.0.0.1:8080"))
    with pytest.raises(EnvironmentProblem, match="no server answers"):
        next(top("http://127.0.0.1:9"))
    assert mlwright("top", "http://127.0.0.1:9").code == 3
