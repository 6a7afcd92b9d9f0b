"""Examples are whole stories, and each of them runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NODE = EXAMPLES / "clients" / "node"
NOTEBOOKS = sorted((EXAMPLES / "notebooks").glob("*.ipynb"))


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


def without_outputs(notebook: Path) -> bool:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [c for c in cells if c["cell_type"] == "code"]
    return bool(code) and all(not c["outputs"] and c["execution_count"] is None for c in code)


def test_notebooks_are_kept_without_outputs():
    assert len(NOTEBOOKS) >= 3 and all(without_outputs(n) for n in NOTEBOOKS)


@pytest.mark.parametrize(
    "notebook",
    [pytest.param(n, marks=() if n.stem == "prototype_to_service" else pytest.mark.slow) for n in NOTEBOOKS],
    ids=lambda p: p.stem,
)
def test_the_notebook_runs_to_its_end(notebook, tmp_path, environment):
    for module in ("nbclient", "ipykernel", "sklearn", "pandas"):
        pytest.importorskip(module)
    run = """
import sys, nbformat, nbclient

notebook = nbformat.read(sys.argv[1], 4)
place = {"metadata": {"path": sys.argv[2]}}
nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
print(sum("text/html" in o.get("data", {}) for o in outputs))
"""
    quiet = {"IPYTHONDIR": str(tmp_path / "ipython"), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    done = subprocess.run(
        [sys.executable, "-c", run, notebook, tmp_path],
        cwd=tmp_path,
        env=environment() | quiet | {"PYDEVD_DISABLE_FILE_VALIDATION": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) >= 2  # what it displays, the bar among it
