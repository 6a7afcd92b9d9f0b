"""Examples are whole stories, and each of them runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NODE = EXAMPLES / "clients" / "node"


@pytest.mark.parametrize("story", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.stem)
def test_the_example_runs_to_its_end(story, tmp_path, environment):
    done = subprocess.run(
        [sys.executable, story], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_node_reproduces_the_samples_of_a_model(node, demo_folder):
    done = subprocess.run(
        [node, NODE / "open_model.mjs", demo_folder / "bank.mlw"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rows"] > 0 and told["largest"] <= 1e-9 and told["labelsDiffer"] == 0


def test_node_refuses_a_file_whose_bytes_differ_from_their_digest(node, demo_folder, tmp_path):
    data = bytearray((demo_folder / "bank.mlw").read_bytes())
    data[data.index(b"# Model card")] ^= 1
    (tmp_path / "bad.mlw").write_bytes(data)
    done = subprocess.run(
        [node, NODE / "open_model.mjs", tmp_path / "bad.mlw"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3 and "differ from their digest" in done.stderr
