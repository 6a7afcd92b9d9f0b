"""What the clients that run the graph themselves need: Node with its library, and a compiled program."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import pytest

CLIENTS = Path(__file__).parents[2] / "examples" / "clients"
Client = Callable[[Path, str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no node here")
    if not (CLIENTS / "node" / "node_modules" / "onnxruntime-node").is_dir():
        pytest.skip(
            "onnxruntime-node is not installed: ONNXRUNTIME_NODE_INSTALL=skip npm ci in examples/clients/node"
        )
    return found


@pytest.fixture(scope="session")
def node_client(node: str) -> Client:
    def ask(model: Path, rows: str) -> "subprocess.CompletedProcess[str]":
        return run([node, str(CLIENTS / "node" / "predict.mjs"), str(model)], rows)

    return ask


@pytest.fixture(scope="session")
def cpp_client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no g++ here")
    libraries = sorted((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*"))
    if not libraries:
        pytest.skip("the package of onnxruntime holds no shared library for Linux")
    program = tmp_path_factory.mktemp("cpp") / "predict"
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    command = [compiler, *flags, str(CLIENTS / "cpp" / "predict.cpp"), "-ldl", "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    def ask(model: Path, rows: str) -> "subprocess.CompletedProcess[str]":
        return run([str(program), str(libraries[0]), str(model)], rows)

    return ask


@pytest.fixture(params=["node", "cpp"])
def client(request: pytest.FixtureRequest) -> Client:
    """Answers rows (JSON, one a line) with a model file, in another language."""
    found: Client = request.getfixturevalue(f"{request.param}_client")
    return found


def run(command: list[str], rows: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, input=rows, capture_output=True, text=True, check=False, timeout=120)
