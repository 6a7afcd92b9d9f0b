"""Tokens: who may pass, and that nothing passes by default off loopback."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import time

import pytest
from tests.serving.conftest import Doubler, Wire, request, row

from mlwright.base.errors import EnvironmentProblem, Misuse
from mlwright.serving import ServeSettings, access, issue_token, running
from mlwright.serving.access import Access, access_for
from mlwright.serving.answers import Refused
from mlwright.serving.routes import ROUTES

INFER = json.dumps(
    {"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": [1]},
                {"name": "member", "shape": [1], "datatype": "BOOL", "data": [True]},
                {"name": "city", "shape": [1], "datatype": "BYTES", "data": ["Oslo"]}]}
).encode()  # fmt: skip


@pytest.fixture
def tokens(tmp_path):
    return tmp_path / "tokens"


def outcome(guard: Access, permission: str, token: str | bytes) -> str:
    try:
        guard.check(permission, token if isinstance(token, bytes) else f"Bearer {token}".encode())
    except Refused as refused:
        return refused.code
    return "passed"


def test_a_token_passes_for_its_scopes_only(tokens):
    both, one = issue_token(tokens), issue_token(tokens, ("metrics",))
    guard = Access(tokens)
    assert [outcome(guard, p, both) for p in ("open", "predict", "metrics")] == ["passed"] * 3
    assert [outcome(guard, p, one) for p in ("open", "predict", "metrics")] == [
        "passed",
        "scope_missing",
        "passed",
    ]


def test_no_wrong_token_passes(tokens):
    token = issue_token(tokens)
    guard = Access(tokens)
    name, identity, secret = token.split("_")
    wrong = [
        b"", b"Bearer", b"Bearer ", token.encode(), f"Basic {token}".encode(), f"Bearer {token} ".encode(),
        f"Bearer {token}0", f"Bearer {token[:-1]}", f"Bearer {name}_{identity}_{secret[::-1]}",
        f"Bearer {name}_{identity[::-1]}_{secret}", f"Bearer {name}_{identity}_{'0' * 64}",
        f"Bearer {name}_unknown_{secret}", f"Bearer {token.upper()}", f"Bearer mlw__{secret}",
    ]  # fmt: skip
    for sent in wrong:
        assert (
            outcome(guard, "predict", sent if isinstance(sent, bytes) else sent.encode()) == "token_needed"
        ), sent
    assert outcome(guard, "predict", f"bearer {token}".encode()) == "passed"


def test_an_expired_token_does_not_pass(tokens):
    token = issue_token(tokens, lasts_s=-5)
    assert outcome(Access(tokens), "predict", token) == "token_needed"


def test_the_file_holds_no_secret_and_is_private(tokens):
    token = issue_token(tokens)
    secret = token.rpartition("_")[2]
    for file in (tokens, tokens.with_name("tokens.key")):
        assert secret not in file.read_text()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_revoked_token_stops_passing_and_a_new_one_passes(tokens, monkeypatch):
    old, kept = issue_token(tokens), issue_token(tokens)
    guard = Access(tokens)
    assert outcome(guard, "predict", old) == "passed"
    tokens.write_text("".join(line for line in tokens.read_text().splitlines(True) if kept[4:16] in line))
    new = issue_token(tokens)
    monkeypatch.setattr(access, "RELOAD_S", 0.0)
    assert [outcome(guard, "predict", t) for t in (old, kept, new)] == ["token_needed", "passed", "passed"]


def test_a_tokens_file_that_goes_away_or_bad_grants_nothing(tokens, monkeypatch):
    token = issue_token(tokens)
    guard = Access(tokens)
    monkeypatch.setattr(access, "RELOAD_S", 0.0)
    good = tokens.read_text()
    tokens.write_text(good + "nonsense\n")
    assert outcome(guard, "predict", token) == "token_needed"
    tokens.unlink()
    assert outcome(guard, "predict", token) == "token_needed"
    tokens.write_text(good)
    assert outcome(guard, "predict", token) == "passed"


def test_unknown_and_known_ids_cost_one_comparison_each(tokens, monkeypatch):
    token = issue_token(tokens)
    guard = Access(tokens)
    compared = []
    monkeypatch.setattr(access.hmac, "compare_digest", lambda a, b: compared.append(len(b)) or a == b)
    for sent in (token, token[:-1] + "x", "mlw_unknown_" + "0" * 64, ""):
        outcome(guard, "predict", sent)
    assert compared == [32, 32, 32, 32]


@pytest.mark.parametrize(
    "line",
    [
        "id",
        "id hmac predict -",
        "UPPER " + "0" * 64 + " predict -",
        "a " + "0" * 64 + " root -",
        "a " + "0" * 64 + " predict:../x -",
    ],
)
def test_a_tokens_file_with_a_bad_line_does_not_start(tokens, line):
    issue_token(tokens)
    tokens.write_text(tokens.read_text() + line + "\n")
    with pytest.raises(Misuse, match="line 2"):
        Access(tokens)


def test_a_missing_file_or_key_is_said(tokens):
    with pytest.raises(EnvironmentProblem, match=r"tokens\.key"):
        Access(tokens)
    issue_token(tokens)
    tokens.unlink()
    with pytest.raises(EnvironmentProblem, match="tokens cannot be read"):
        Access(tokens)
    tokens.with_name("tokens.key").write_text("short")
    with pytest.raises(EnvironmentProblem, match="too short"):
        Access(tokens)


def test_unknown_scopes_are_not_issued(tokens):
    for scopes in (("root",), (), ("predict:",), ("predict:a b",), ("root:a",), ("metrics:a",)):
        with pytest.raises(Misuse, match="scopes"):
            issue_token(tokens, scopes)


def test_off_loopback_there_must_be_tokens(tokens, monkeypatch):
    monkeypatch.delenv(access.TOKENS_VARIABLE, raising=False)
    with pytest.raises(Misuse, match=access.TOKENS_VARIABLE), running(Doubler(), host="0.0.0.0"):
        pytest.fail("it must not start")
    assert not access_for(False, "", insecure=True).demands_tokens
    assert not access_for(True, "", insecure=False).demands_tokens
    issue_token(tokens)
    monkeypatch.setenv(access.TOKENS_VARIABLE, str(tokens))
    assert access_for(False, "", insecure=False).demands_tokens
    assert access_for(True, "", insecure=True).demands_tokens


def test_each_route_is_closed_unless_it_is_open(tokens):
    token = issue_token(tokens, ("predict",))
    expected = {"open": (200, 200), "predict": (401, 200), "metrics": (401, 403), "admin": (401, 403)}
    bodies = {"oip": INFER, "instances": json.dumps({"instances": [row(1)]}).encode()}
    with running(Doubler(), ServeSettings(tokens_file=str(tokens))) as url, Wire(url) as wire:
        for route in ROUTES:
            path = route.path.replace("{name}", "model").replace("{version}", "0123456789ab")
            dialect = route.dialects.get(b"application/json", "")
            body = bodies.get(dialect, json.dumps(row(1)).encode()) if b"POST" in route.methods else b""
            statuses = []
            for said in ({}, {"Authorization": f"Bearer {token}"}):
                wire.send(request(route.methods[0].decode(), path, body, **said))
                reply = wire.reply()
                statuses.append(reply.status)
                assert (reply.status == 401) == ("www-authenticate" in reply.headers)
            assert tuple(statuses) == expected[route.permission], path
        wire.send(request(path="/nowhere"))
        assert wire.reply().status == 401  # what exists is nobody else's business
        wire.send(request(path="/nowhere", Authorization=f"Bearer {token}"))
        assert wire.reply().status == 404


def test_a_token_for_one_model_sees_no_other(tokens):
    mine = issue_token(tokens, ("predict:a",))
    settings = ServeSettings(tokens_file=str(tokens))
    with running({"a": Doubler(), "b": Doubler()}, settings) as url, Wire(url) as wire:

        def status(path: str, method: str = "GET", body: bytes = b"") -> tuple[int, object]:
            wire.send(request(method, path, body, Authorization=f"Bearer {mine}"))
            reply = wire.reply()
            return reply.status, reply.json

        body = json.dumps(row(1)).encode()
        assert status("/models/a/predict", "POST", body)[0] == 200
        assert status("/models/a/schema")[0] == 200
        of_another = status("/models/b/predict", "POST", body)
        assert of_another == status("/models/nobody/predict", "POST", body)
        assert of_another[0] == 404
        assert [m["name"] for m in status("/models")[1]["models"]] == ["a"]
        assert not [path for path in status("/openapi.json")[1]["paths"] if "/b" in path]
        assert status("/metrics")[0] == 403
        assert status("/models/a/rollback", "POST", b"{}")[0] == 403


def test_commands_need_a_token_even_where_nothing_else_does(ask):
    reply = ask(request("POST", "/models/model/rollback", b"{}"))
    assert (reply.status, reply.json["error"]["code"]) == (403, "token_needed")


def test_an_expired_token_stops_passing_on_a_connection_that_lives(tokens):
    token = issue_token(tokens, lasts_s=2)
    with running(Doubler(), ServeSettings(tokens_file=str(tokens))) as url, Wire(url) as wire:
        data = request(path="/schema", Authorization=f"Bearer {token}")
        statuses = set()
        for _ in range(300):
            wire.send(data)
            statuses.add(wire.reply().status)
            if 401 in statuses:
                break
            time.sleep(0.02)
    assert statuses == {200, 401}


def test_a_token_revoked_while_a_connection_lives_stops_passing_there(tokens, monkeypatch):
    monkeypatch.setattr(access, "RELOAD_S", 0.0)
    token = issue_token(tokens)
    with running(Doubler(), ServeSettings(tokens_file=str(tokens))) as url, Wire(url) as wire:
        data = request(path="/schema", Authorization=f"Bearer {token}")
        wire.send(data)
        assert wire.reply().status == 200
        tokens.write_text("# nobody\n")
        time.sleep(0.01)
        wire.send(data)
        assert wire.reply().status == 401


FULL = """
import resource, signal, sys
from pathlib import Path
from mlwright.base.errors import EnvironmentProblem
from mlwright.serving import issue_token

file = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    issue_token(file)
except EnvironmentProblem as problem:
    print(problem.message, problem.remedy, sep="|")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="files are bounded by a limit of the process")
@pytest.mark.parametrize("room", [0, 40])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_token_that_the_disk_has_no_room_for_costs_no_other_its_right(tmp_path, room, is_first):
    file = tmp_path / "tokens"
    known = "" if is_first else issue_token(file)
    size = file.stat().st_size if file.exists() else 0
    command = [sys.executable, "-c", FULL, str(file), str(size + room)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    message, _, remedy = done.stdout.strip().partition("|")
    assert "cannot be written" in message and remedy, done.stderr
    assert (file.stat().st_size if file.exists() else 0) == size
    if known:
        assert Access(file).check("predict", f"Bearer {known}".encode()).identity in known
    again = issue_token(file)
    assert Access(file).check("predict", f"Bearer {again}".encode()).identity in again
