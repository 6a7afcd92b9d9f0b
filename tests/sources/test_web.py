"""Tables at web addresses: fetched within limits, with every way that a server can fail told in words."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from mlwright.base.errors import Misuse, MlwrightError, SourceUnreadable
from mlwright.lifecycle import read
from mlwright.sources import ReadOptions, read_raw, web

TABLE = b"a,b\n1,x\n2,y\n3,z\n"
ROWS = [("1", "x"), ("2", "y"), ("3", "z")]
Answer = tuple[int, dict[str, str], bytes]


class Server:
    """A server on a free port of the loopback: `answers` by path; `asked` holds the headers it saw."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.asked.append((self.path, dict(self.headers)))
                answer = outer.answers.get(self.path.partition("?")[0], (404, {}, b"no"))
                if callable(answer):
                    answer(self)
                    self.close_connection = True
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    if value:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    made = Server()
    yield made
    made.stop()


def parquet(tmp_path: Path) -> bytes:
    path = tmp_path / "x"
    pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}).write_parquet(path)
    return path.read_bytes()


def test_a_table_is_read_from_an_address_by_ending_type_or_bytes(server: Server, tmp_path: Path) -> None:
    server.answers = {
        "/a.csv": (200, {}, TABLE),
        "/a%20b.csv.gz": (200, {}, gzip.compress(TABLE)),
        "/download": (200, {"Content-Type": "application/x-ndjson"}, b'{"a": 1}\n{"a": 2}\n'),
        "/attached": (200, {"Content-Disposition": 'attachment; filename="a.json"'}, b'[{"a": 1}, {"a": 2}]'),
        "/bytes": (200, {"Content-Type": "application/octet-stream"}, parquet(tmp_path)),
    }
    assert read_raw(f"{server.url}/a.csv").frame.rows() == ROWS
    assert read_raw(f"{server.url}/a b.csv.gz").frame.rows() == ROWS
    assert read_raw(f"{server.url}/download").frame.rows() == [(1,), (2,)]
    assert read_raw(f"{server.url}/attached").frame.rows() == [(1,), (2,)]
    assert read_raw(f"{server.url}/bytes").frame.rows() == [(1, "x"), (2, "y")]


def test_secrets_of_an_address_are_sent_but_never_recorded(server: Server) -> None:
    server.answers = {"/a.csv": (200, {}, TABLE)}
    host = server.url.removeprefix("http://")
    data = read(f"http://me:pass%40word@{host}/a.csv?token=hidden#part")
    assert data.provenance.source == f"http://{host}/a.csv"
    path, headers = server.asked[0]
    assert (path, headers["Authorization"]) == ("/a.csv?token=hidden", "Basic bWU6cGFzc0B3b3Jk")
    with pytest.raises(SourceUnreadable) as caught:
        read(f"http://me:password@{host}/gone.csv?token=hidden")
    assert "password" not in str(caught.value) and "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_redirects_are_followed_within_reason_and_keep_credentials_at_home(server: Server) -> None:
    other = Server()
    other.answers = {"/a.csv": (200, {}, TABLE)}
    server.answers = {
        "/away": (302, {"Location": f"{other.url}/a.csv"}, b""),
        "/home": (307, {"Location": "/b.csv"}, b""),
        "/b.csv": (200, {}, TABLE),
        "/loop": (302, {"Location": "/loop"}, b""),
        "/file": (302, {"Location": "file:///etc/hosts"}, b""),
        "/ftp": (302, {"Location": "ftp://127.0.0.1/a.csv"}, b""),
        **{f"/{i}": (301, {"Location": f"/{i + 1}"}, b"") for i in range(5)},
        "/5": (200, {}, TABLE),
        "/-1": (301, {"Location": "/0"}, b""),
    }
    host = server.url.removeprefix("http://")
    try:
        assert read_raw(f"http://me:word@{host}/away").frame.rows() == ROWS
        assert "Authorization" not in other.asked[0][1]
        assert read_raw(f"http://me:word@{host}/home").frame.rows() == ROWS
        assert "Authorization" in server.asked[-1][1]
        assert read_raw(f"{server.url}/0").frame.rows() == ROWS
        for path, said in (
            ("loop", "redirects more than 5 times"),
            ("-1", "redirects more than 5 times"),
            ("file", "redirects to file:"),
            ("ftp", "redirects to ftp:"),
        ):
            with pytest.raises(SourceUnreadable, match=said):
                read_raw(f"{server.url}/{path}")
    finally:
        other.stop()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "401 Unauthorized.*credentials"),
        (403, "403 Forbidden"),
        (404, "404 Not Found.*look at the address"),
        (500, "500 Internal Server Error.*later"),
    ],
)
def test_a_refusal_of_the_server_is_told(status: int, said: str, server: Server) -> None:
    server.answers = {"/a.csv": (status, {}, b"<html>secret details</html>")}
    with pytest.raises(SourceUnreadable, match=said) as caught:
        read_raw(f"{server.url}/a.csv")
    assert "secret details" not in str(caught.value)


def test_a_page_instead_of_a_table_is_told(server: Server) -> None:
    server.answers = {"/a.csv": (200, {"Content-Type": "text/html"}, b"\n<!DOCTYPE html><html><body>Sign in")}
    with pytest.raises(SourceUnreadable, match=r"a web page \(HTML\), not a table.*sign in"):
        read_raw(f"{server.url}/a.csv")


def test_lengths_that_are_not_true_are_seen(server: Server) -> None:
    server.answers = {
        "/long.csv": (200, {"Content-Length": "1000"}, TABLE),
        "/huge.csv": (200, {"Content-Length": str(1 << 50)}, TABLE),
        "/odd.csv": (200, {"Content-Length": "minus one"}, TABLE),
    }
    with pytest.raises(SourceUnreadable, match="ends too early: 16 of 1,000 bytes came"):
        read_raw(f"{server.url}/long.csv")
    with pytest.raises(SourceUnreadable, match=r"more than the limit of 8\.0 GiB"):
        read_raw(f"{server.url}/huge.csv")
    assert read_raw(f"{server.url}/odd.csv").frame.rows() == ROWS


def hold(free: threading.Event) -> None:
    """Say nothing until the test is over."""
    free.wait(20)


def chunked(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(body)


def test_the_limit_holds_where_no_length_is_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    piece = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
    server.answers = {
        "/endless.csv": lambda h: chunked(h, piece * 20),
        "/cut.csv": lambda h: chunked(h, b"10\r\n" + TABLE + b"\r\nff\r\nabc"),
        "/whole.csv": lambda h: chunked(h, b"10\r\n" + TABLE + b"\r\n0\r\n\r\n"),
    }
    with pytest.raises(SourceUnreadable, match=r"more than the limit of 97\.7 KiB.*most_bytes"):
        read_raw(f"{server.url}/endless.csv", ReadOptions(most_bytes="100kB"))
    with pytest.raises(SourceUnreadable, match="ends too early"):
        read_raw(f"{server.url}/cut.csv")
    assert read_raw(f"{server.url}/whole.csv").frame.rows() == ROWS
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_never_answers_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "SILENCE_S", 0.2)
    free = threading.Event()
    server.answers = {"/a.csv": lambda _: hold(free)}
    with pytest.raises(SourceUnreadable, match="does not answer"):
        read_raw(f"{server.url}/a.csv")
    free.set()


def test_a_server_that_drips_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "PATIENCE_S", 0.05)
    free = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not free.wait(0.02):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    server.answers = {"/a.csv": drip}
    with pytest.raises(SourceUnreadable, match="comes too slowly"):
        read_raw(f"{server.url}/a.csv")
    free.set()


def test_where_nobody_answers_is_told() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(SourceUnreadable, match="nothing answers at 127"):
            read_raw(f"http://127.0.0.1:{held.getsockname()[1]}/a.csv")
    with pytest.raises(SourceUnreadable, match=r"no host called no-such-host\.invalid"):
        read_raw("https://me:word@no-such-host.invalid/a.csv")


def test_a_server_that_speaks_no_http_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with listener.accept()[0] as connection:
                connection.sendall(b"\0\1\2 hello\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(SourceUnreadable, match=r"not HTTP|broke off"):
            read_raw(f"http://127.0.0.1:{listener.getsockname()[1]}/a.csv")
        thread.join()


@pytest.mark.parametrize("url", ["http://", "http:///a.csv", "http://host:port/a.csv", "http://[::1/a.csv"])
def test_a_url_that_cannot_be_is_a_misuse(url: str) -> None:
    with pytest.raises(Misuse, match="write https://HOST/PATH"):
        read_raw(url)


@pytest.mark.parametrize(
    "url",
    [
        "https:/me:s3cret@127.0.0.1/a.csv",
        "https://me:s3/cret@127.0.0.1/a.csv",
        "https://me:s3#cret@127.0.0.1/a.csv",
        "https://me:s3?cret@127.0.0.1/a.csv",
        "http://me:7/s3cret@127.0.0.1/a.csv",
        "https://me:s3[cret@127.0.0.1/a.csv",
        "file://me:s3cret@127.0.0.1/a.csv",
        " https://me:s3cret@127.0.0.1/a.csv",
        "jdbc:postgresql://me:s3cret@127.0.0.1/a",
        "gs://me:s3/cret@box/a.csv",
        "az://box/a.csv?sv=2024&sig=s3cret",
        "s3://box/a.csv?X-Amz-Signature=s3cret",
    ],
)
def test_no_part_of_a_secret_in_a_wrong_address_is_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(MlwrightError) as caught:
        read_raw(url)
    assert "s3" not in str(caught.value).replace("s3://", "") and "cret" not in str(caught.value)
    assert caught.value.__cause__ is None and (
        caught.value.__context__ is None or caught.value.__suppress_context__
    )


def test_an_address_in_any_script_is_asked_for(server: Server) -> None:
    server.answers = {"/%C3%BC.csv": (200, {}, TABLE)}
    assert read_raw(f"{server.url}/ü.csv?name=größe x").frame.rows() == ROWS
    assert server.asked[0][0] == "/%C3%BC.csv?name=gr%C3%B6%C3%9Fe%20x"


@pytest.mark.parametrize("host", ["ü" * 70, "a..b", "a" * 64 + ".example", "ex\x1b[31mample", "."])
def test_a_host_that_cannot_be_is_told(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(MlwrightError) as caught:
        read_raw(f"http://{host}/a.csv")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("target", ["http://[::1/a", "http://h:port/a", "//[x", "http://\xfc/", "http:///a"])
def test_a_redirect_to_nowhere_is_told(target: str, server: Server) -> None:
    server.answers = {"/a.csv": (302, {"Location": target}, b"")}
    with pytest.raises(SourceUnreadable):
        read_raw(f"{server.url}/a.csv")


def test_credentials_of_a_proxy_stay_with_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy redirects to a host that is asked directly."""
    other = Server()
    other.answers = {"/b.csv": (200, {}, TABLE)}
    local = other.url.replace("127.0.0.1", "localhost")
    server.answers = {"http://store.invalid/a.csv": (302, {"Location": f"{local}/b.csv"}, b"")}
    monkeypatch.setenv("http_proxy", server.url.replace("http://", "http://me:s3cret@"))
    monkeypatch.setenv("no_proxy", "localhost")
    try:
        assert read_raw("http://store.invalid/a.csv").frame.rows() == ROWS
        assert "Proxy-Authorization" in {n.title() for n in server.asked[0][1]}
        assert not [n for n in other.asked[0][1] if "auth" in n.lower()]
    finally:
        other.stop()
