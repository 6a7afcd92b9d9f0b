"""Objects in stores: found by key, prefix and pattern, within a limit, and never with a secret in a message.

Against a moto server on the loopback. `az://` (see test_azure.py) and `gs://` take the same way through the
same library; here they are tested in how they refuse.
"""

from __future__ import annotations

import gzip
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from mlwright.base.errors import Misuse, MlwrightError, SourceUnreadable
from mlwright.lifecycle import read
from mlwright.sources import ReadOptions, read_raw

pytest.importorskip("moto.server", reason="moto[server,s3] is not installed")
SECRETS = ("AKIASECRETNAME", "verysecretkey")
OBJECTS = {
    "one two.csv.gz": gzip.compress(b"a,b\n1,x\n2,y\n"),
    "parts/year=2023/p0.csv": b"a,b\n1,x\n2,y\n",
    "parts/year=2024/p1.csv": b"a,b\n3,x\n4,y\n",
    "parts/_SUCCESS": b"",
    "empty.csv": b"",
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from botocore.session import Session
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = Session().create_client(
        "s3", "us-east-1", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.create_bucket(Bucket="bank")
    for key, body in OBJECTS.items():
        client.put_object(Bucket="bank", Key=key, Body=body)
    client.close()
    yield url
    server.stop()


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRETS[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS[1])
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return endpoint


def test_an_object_is_read_with_its_digest_and_its_address_alone(s3: str) -> None:
    data = read("s3://bank/one two.csv.gz")
    assert data.frame.height == 2
    assert data.provenance.source == "s3://bank/one two.csv.gz"
    assert len(data.provenance.sha256) == 64


@pytest.mark.parametrize(
    "url", ["s3://bank/parts", "s3://bank/parts/", "s3a://bank/parts/*/p*.csv", "s3://bank/parts/**/*.csv"]
)
def test_a_prefix_and_a_pattern_are_parts_in_sorted_order(s3: str, url: str) -> None:
    raw = read_raw(url)
    assert raw.frame.rows() == [
        ("1", "x", "2023"),
        ("2", "y", "2023"),
        ("3", "x", "2024"),
        ("4", "y", "2024"),
    ]
    assert raw.notes == ("2 parts",)


def test_a_star_does_not_cross_a_slash(s3: str) -> None:
    with pytest.raises(SourceUnreadable, match=r"no object fits the pattern.*did you mean 'parts/year"):
        read_raw("s3://bank/parts/*.csv")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://bank/onetwo.csv.gz", r"no such object.*did you mean 'one two\.csv\.gz'"),
        ("s3://none/a.csv", "no such bucket"),
        ("s3://bank/empty.csv", "empty"),
        ("s3://bank/none/", "no object below it"),
    ],
)
def test_what_is_not_there_is_told(s3: str, url: str, said: str) -> None:
    with pytest.raises(SourceUnreadable, match=said):
        read_raw(url)


def test_the_limit_counts_all_parts_and_nothing_is_left_behind(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SourceUnreadable, match="24 bytes, more than the limit of 20 bytes"):
        read_raw("s3://bank/parts", ReadOptions(most_bytes=20))
    read_raw("s3://bank/parts", ReadOptions(most_bytes=24))
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_grew_meanwhile_is_stopped_at_the_limit(tmp_path: Path) -> None:
    from mlwright.sources.spool import save

    with pytest.raises(SourceUnreadable, match="more than the limit of 5 bytes"):
        save(iter([b"abc", b"def"]), tmp_path / "x", "s3://bank/a.csv", 5)


def closed_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def test_no_secret_is_in_any_refusal(monkeypatch: pytest.MonkeyPatch, s3: str) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "dmVyeXNlY3JldGtleQ==")
    said = []
    for endpoint in (s3, f"http://127.0.0.1:{closed_port()}"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AZURE_ENDPOINT", endpoint)
        for url in ("s3://none/a.csv", "az://none/a.csv"):
            with pytest.raises(MlwrightError) as caught:
                read_raw(url)
            assert caught.value.__cause__ is None and caught.value.__suppress_context__
            said.append(str(caught.value))
    assert not [text for text in said for secret in (*SECRETS, "dmVye") if secret in text]
    assert "does not answer" in said[2] and "does not answer" in said[3]


def test_credentials_travel_over_plain_http_to_the_loopback_alone(
    monkeypatch: pytest.MonkeyPatch, s3: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store.invalid")
    with pytest.raises(Misuse, match=r"plain http on another machine.*AWS_ALLOW_HTTP"):
        read_raw("s3://bank/a.csv")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    with pytest.raises(SourceUnreadable, match="does not answer"):
        read_raw("s3://bank/a.csv")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://", "names no bucket"),
        ("s3://key:word@bank/a.csv", "credentials do not belong"),
        ("gs:///a", "no bucket"),
    ],
)
def test_a_url_that_cannot_be_is_a_misuse(url: str, said: str) -> None:
    with pytest.raises(Misuse, match=said) as caught:
        read_raw(url)
    assert "word" not in str(caught.value)


def test_a_store_without_credentials_says_which_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SourceUnreadable, match="AZURE_STORAGE_ACCOUNT_NAME"):
        read_raw("az://box/a.csv")


def test_a_parquet_object_is_streamed_whole(s3: str, endpoint: str, tmp_path: Path) -> None:
    """Larger than one piece of the stream: nothing is lost between pieces."""
    from botocore.session import Session

    frame = pl.DataFrame({"a": pl.int_range(400_000, eager=True).hash(seed=1) % 1_000_003})
    frame.write_parquet(tmp_path / "x.parquet", compression="uncompressed")
    client = Session().create_client(
        "s3", "us-east-1", endpoint_url=endpoint, aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.put_object(Bucket="bank", Key="large.parquet", Body=(tmp_path / "x.parquet").read_bytes())
    client.close()
    assert read_raw("s3://bank/large.parquet").frame.equals(frame)
