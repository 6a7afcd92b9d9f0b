"""What is loaded when: `import mlwright` and `mlwright --help` stay light, and the layers hold."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("numpy", "onnxruntime", "polars", "lightgbm", "catboost", "scipy", "pandas", "pyarrow", "sklearn")


def modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def loaded_after(statement: str) -> set[str]:
    return {name.split(".")[0] for name in modules_after(statement)}


def test_importing_mlwright_loads_no_machine_learning_library() -> None:
    assert not loaded_after("import mlwright") & set(HEAVY)


@pytest.mark.parametrize("command", [["--help"], ["fit", "--help"], ["--version"]])
def test_help_loads_neither_machine_learning_nor_drawing(command: list[str]) -> None:
    loaded = loaded_after(f"from mlwright.cli import main\nmain({command!r})")
    assert not loaded & {*HEAVY, "rich"}


def test_every_package_imports_only_what_lies_below_it() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_command_that_trains_starts_without_the_slowest_of_scipy() -> None:
    assert "scipy.stats" not in modules_after("import mlwright.lifecycle.fit, mlwright.checks")
