"""Tools of others against a running endpoint: a client of the Open Inference Protocol, a fuzzer of OpenAPI.

In processes of their own, since both change the interpreter that they run in.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlwright as mw
from mlwright.serving import ServeSettings, issue_token, running

CLIENT = """
import json, sys
import numpy as np
import tritonclient.http as triton

url, token, row = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
headers = {"Authorization": f"Bearer {token}"}
client = triton.InferenceServerClient(url)
assert client.is_server_live(headers) and client.is_server_ready(headers)
assert client.is_model_ready("bank", headers=headers)
kinds = {"FP64": np.float64, "BOOL": bool, "BYTES": object}
inputs = []
for told in client.get_model_metadata("bank", headers=headers)["inputs"]:
    given = triton.InferInput(told["name"], [2], told["datatype"])
    values = np.array([row[told["name"]]] * 2, dtype=kinds[told["datatype"]])
    given.set_data_from_numpy(values, binary_data=False)
    inputs.append(given)
wanted = [triton.InferRequestedOutput(n, binary_data=False) for n in ("label", "probability")]
result = client.infer("bank", inputs, headers=headers, outputs=wanted, request_id="r1")
assert result.get_response()["id"] == "r1"
try:
    client.infer("bank", inputs[:1], headers=headers)
except triton.InferenceServerException as refused:
    said = str(refused)
print(json.dumps([result.as_numpy("label").tolist(), result.as_numpy("probability").tolist(), said]))
"""


@pytest.fixture(scope="module")
def demo_model(demo_folder: Path) -> Path:
    return demo_folder / "bank.mlw"


@pytest.fixture(scope="module")
def served(demo_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    token = issue_token(tokens, ("predict", "metrics"))
    with running({"bank": demo_model}, ServeSettings(tokens_file=str(tokens), slo_ms=1e6)) as url:
        yield url, token


def test_a_published_client_of_the_open_inference_protocol_gets_the_same_answers(served, demo_model):
    url, token = served
    model = mw.load(demo_model)
    row = dict(model.samples.rows[0])
    command = [sys.executable, "-c", CLIENT, url.removeprefix("http://"), token, json.dumps(row)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    labels, probability, refused = json.loads(done.stdout.splitlines()[-1])
    assert labels == [str(model.predict(row)[0])] * 2
    assert probability[0] == pytest.approx(model.predict_proba(row)[0].tolist())
    assert "lacks" in refused


def test_a_fuzzer_finds_no_failure_of_the_server_and_no_answer_that_the_document_does_not_tell(
    served, tmp_path
):
    url, token = served
    # Where the machine is busy, a deadline of 1 ms passes: that is an answer, not a failure.
    allowed = '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 503]\n'
    (tmp_path / "schemathesis.toml").write_text(allowed)
    tool = Path(sys.executable).with_name("schemathesis")
    checks = ("not_a_server_error", "status_code_conformance", "content_type_conformance")
    command = [
        tool, "run", f"{url}/openapi.json", "--header", f"Authorization: Bearer {token}", "--seed", "1",
        "--max-examples", "60", "--checks", ",".join((*checks, "response_schema_conformance")),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
