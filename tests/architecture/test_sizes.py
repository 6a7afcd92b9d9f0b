"""Tails hurt, not averages: no file, function, parameter list or class outgrows one sitting of reading."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "src").rglob("*.py"))

MOST_LINES = 600
MOST_FUNCTION_LINES = 60
MOST_PARAMETERS = 8
MOST_METHODS = 20

EXEMPT: dict[str, str] = {
    # "path::name": "why it reads better whole",
    "src/mlwright/estimators/classifier.py::Classifier.__init__": "scikit-learn reads parameters from it",
    "src/mlwright/estimators/regressor.py::Regressor.__init__": "scikit-learn reads parameters from it",
}
FACADES = {
    # The verbs of the public door name every setting, so that editors and readers see them.
    "src/mlwright/lifecycle",
    "src/mlwright/__init__.py",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_source_file_is_read_in_one_sitting(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    faults = [f"{len(text.splitlines())} lines"] if len(text.splitlines()) > MOST_LINES else []
    for name, node in functions(tree := ast.parse(text)):
        if f"{place(path)}::{name}" in EXEMPT:
            continue
        lines = (node.end_lineno or 0) - node.lineno + 1 - docstring_lines(node)
        if lines > MOST_FUNCTION_LINES:
            faults.append(f"{name}: {lines} lines")
        if parameters(node) > MOST_PARAMETERS and not is_public_verb(path, name):
            faults.append(f"{name}: {parameters(node)} parameters")
    for cls in (n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)):
        methods = sum(isinstance(n, Function) for n in cls.body)
        if methods > MOST_METHODS and f"{place(path)}::{cls.name}" not in EXEMPT:
            faults.append(f"{cls.name}: {methods} methods")
    assert not faults, f"{place(path)}: {faults}; find the noun that is missing"


def test_every_exemption_is_still_needed() -> None:
    for exempt in EXEMPT:
        path, _, name = exempt.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        assert name in classes | {function for function, _ in functions(tree)}


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    for node in ast.iter_child_nodes(tree):
        name = f"{prefix}{getattr(node, 'name', '')}"
        if isinstance(node, Function):
            yield name, node
        yield from functions(
            node, f"{name}." if isinstance(node, (*Function.__args__, ast.ClassDef)) else prefix
        )


def docstring_lines(node: Function) -> int:
    first = node.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return (first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0


def parameters(node: Function) -> int:
    a = node.args
    names = [p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs)] + [
        p.arg for p in (a.vararg, a.kwarg) if p
    ]
    return len([n for n in names if n not in ("self", "cls")])


def is_public_verb(path: Path, name: str) -> bool:
    public = not name.startswith("_") and "." not in name
    return public and any(place(path).startswith(facade) for facade in FACADES)


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
