"""A package's `__init__` is its whole API: `__all__` says exactly the public names that are there."""

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import mlwright

SOURCE = Path(mlwright.__file__).parent
PACKAGES = ["mlwright"] + [m.name for m in pkgutil.walk_packages(mlwright.__path__, "mlwright.") if m.ispkg]
MODULES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("name", PACKAGES)
def test_all_names_exactly_what_the_package_offers(name: str) -> None:
    package = importlib.import_module(name)
    tree = ast.parse(Path(package.__file__ or "").read_text())
    declared = set(getattr(package, "__all__", ()))
    missing = {n for n in declared if not hasattr(package, n)}
    assert not missing, f"{name}.__all__ names what is not there: {sorted(missing)}"
    offered = {n for n in bound(tree) if not isinstance(getattr(package, n, None), ModuleType)}
    assert offered <= declared, f"{name} offers what its __all__ does not name: {sorted(offered - declared)}"


@pytest.mark.parametrize("name", PACKAGES)
def test_a_name_that_is_not_public_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError):
        _ = importlib.import_module(name).no_such_name


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_every_module_says_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert len(docstring) >= 20 and docstring != "To be described."


def bound(tree: ast.Module) -> set[str]:
    """Public names that a module binds at its top level, besides modules and what only types need."""
    names: set[str] = set()
    for node in tree.body:
        if (
            isinstance(node, ast.ImportFrom)
            and node.module != "__future__"
            and not standard(node.module or "")
        ):
            names |= {a.asname or a.name for a in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {t.id for t in targets if isinstance(t, ast.Name)}
    return {n for n in names if not n.startswith("_")}


def standard(module: str) -> bool:
    return not module.startswith("mlwright")
