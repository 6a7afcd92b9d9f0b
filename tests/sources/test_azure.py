"""Objects in az://, read from Azurite: Microsoft's own emulator, on the loopback.

It is a package of Node (`npm install azurite`), found on PATH or named by MLWRIGHT_TEST_AZURITE; without it
these tests are skipped.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from mlwright.base.errors import SourceUnreadable
from mlwright.lifecycle import read
from mlwright.sources import ReadOptions, read_raw

obstore = pytest.importorskip("obstore", reason="obstore is not installed")
ACCOUNT = "shop"
KEY = base64.b64encode(b"a key for tests alone").decode()
WRONG = base64.b64encode(b"another key").decode()
OBJECTS = {
    "one two.csv.gz": gzip.compress(b"a,b\n1,x\n2,y\n"),
    "parts/year=2023/p0.csv": b"a,b\n1,x\n2,y\n",
    "parts/year=2024/p1.csv": b"a,b\n3,x\n4,y\n",
    "parts/_SUCCESS": b"",
}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = os.environ.get("MLWRIGHT_TEST_AZURITE") or shutil.which("azurite-blob")
    if program is None or shutil.which(program) is None:
        pytest.skip("no azurite-blob on PATH or in MLWRIGHT_TEST_AZURITE")
    folder = tmp_path_factory.mktemp("azurite")
    log = folder / "said"
    with log.open("w") as said:
        running = subprocess.Popen(
            [program, "--silent", "--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence",
             "--blobHost", "127.0.0.1", "--blobPort", "0"],
            cwd=folder, stdout=said, stderr=subprocess.STDOUT,
            env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
        )  # fmt: skip
    try:
        url = f"{_address(running, log)}/{ACCOUNT}"
        _make_container(url, "bank")
        _fill(url)
        yield url
    finally:
        running.terminate()
        running.wait()


def _address(running: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + 60
    while time.monotonic() < until and running.poll() is None:
        found = [word for word in log.read_text().split() if word.startswith("http://127.0.0.1:")]
        if found and not found[0].endswith(":0"):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"azurite does not start: {log.read_text()[-500:]}")


def _make_container(url: str, name: str) -> None:
    """Signed as learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key says."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    lines = ["PUT", *[""] * 11, *(f"{k}:{v}" for k, v in headers.items())]
    signed = "\n".join([*lines, f"/{ACCOUNT}/{ACCOUNT}/{name}", "restype:container"])
    digest = hmac.digest(base64.b64decode(KEY), signed.encode(), hashlib.sha256)
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
    asked = urllib.request.Request(f"{url}/{name}?restype=container", headers=headers, method="PUT")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=30) as answer:
        assert answer.status == 201


def _fill(url: str) -> None:
    store = obstore.store.AzureStore(
        "bank", account_name=ACCOUNT, account_key=KEY, endpoint=url, client_options={"allow_http": True}
    )
    for key, body in OBJECTS.items():
        obstore.put(store, key, body)


@pytest.fixture
def azure(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AZURE_ENDPOINT", endpoint)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
    return endpoint


def test_an_object_is_read_with_its_digest_and_its_address_alone(azure: str) -> None:
    data = read("az://bank/one two.csv.gz")
    assert data.frame.height == 2
    assert data.provenance.source == "az://bank/one two.csv.gz"
    assert data.provenance.sha256 == hashlib.sha256(OBJECTS["one two.csv.gz"]).hexdigest()


@pytest.mark.parametrize(
    "url", ["az://bank/parts", "azure://bank/parts/", "abfss://bank@shop.dfs.core.windows.net/parts/*/p*.csv"]
)
def test_a_prefix_and_a_pattern_are_parts_in_sorted_order(azure: str, url: str) -> None:
    assert read_raw(url).frame.rows() == [
        ("1", "x", "2023"),
        ("2", "y", "2023"),
        ("3", "x", "2024"),
        ("4", "y", "2024"),
    ]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("az://bank/one tow.csv.gz", r"no such object.*did you mean 'one two\.csv\.gz'"),
        ("az://bank/parts/*.json", "no object fits"),
        ("az://none/a.csv", r"no such (bucket|object)"),
    ],
)
def test_what_is_not_there_is_told_with_what_is_near(azure: str, url: str, said: str) -> None:
    with pytest.raises(SourceUnreadable, match=said):
        read_raw(url)


def test_a_limit_holds_and_a_wrong_key_is_told_but_not_shown(
    azure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceUnreadable, match="more than the limit"):
        read_raw("az://bank/parts", ReadOptions(most_bytes=20))
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", WRONG)
    with pytest.raises(SourceUnreadable, match="access is refused") as caught:
        read_raw("az://bank/one two.csv.gz")
    assert WRONG not in str(caught.value) and caught.value.__cause__ is None
