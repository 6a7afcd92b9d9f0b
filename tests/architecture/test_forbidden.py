"""What no file of the product may hold: code that runs data, unfinished work, and traces of one machine."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
BANNED_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "zipfile"}
# Model files have their own strict reader and never meet zipfile, which is lenient where readers differ.
# A user's archive of tables is another thing: general ZIP is what it is written in.
READS_USERS_ARCHIVES = {"sources/archives.py": {"zipfile"}}
# What `convert --trust` reads is a pickle, which the user said to trust; nothing else may ask for it.
READS_WHAT_THE_USER_TRUSTS = {"cli/trusted.py": {"pickle", "joblib"}}
ALLOWED = {**READS_USERS_ARCHIVES, **READS_WHAT_THE_USER_TRUSTS}
BANNED_CALLS = {"eval", "exec", "__import__"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_source_runs_no_data_as_code(path: Path) -> None:
    place = path.relative_to(ROOT / "src" / "mlwright").as_posix()
    faults = sorted(
        set(code_runners(ast.parse(path.read_text(encoding="utf-8")))) - ALLOWED.get(place, set())
    )
    assert not faults, f"{path.name} uses {faults}"


def test_what_reads_a_trusted_pickle_is_asked_by_the_command_alone_and_after_the_flag() -> None:
    asking = [p for p in SOURCES if re.search(r"mlwright\.cli\.trusted\b", text_of(p))]
    assert [p.relative_to(ROOT / "src" / "mlwright").as_posix() for p in asking] == [
        "cli/commands/convert.py"
    ]
    tree = ast.parse(text_of(asking[0]))
    [inside] = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and "import WARNING, trusted" in ast.unparse(node)
    ]
    assert "if not (trust and" in ast.unparse(inside).partition("import WARNING")[0]


def test_no_source_file_leaves_work_unnamed() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b")
    assert not [p.name for p in SOURCES if marks.search(p.read_text(encoding="utf-8"))]


def test_no_module_is_a_drawer_for_the_nameless() -> None:
    assert not [p for p in SOURCES if p.stem in {"utils", "helpers", "common", "misc", "core"}]


def test_no_file_names_a_registry_or_the_folder_it_was_written_in() -> None:
    # Each mark has a class of one letter, so that this file does not hold what it forbids.
    marks = re.compile(r"[p]ypi\.org|[r]egistry\.npmjs|/[w]ork/|/[r]oot/|/[h]ome/")
    found = [p.relative_to(ROOT).as_posix() for p in kept_files() if marks.search(text_of(p))]
    assert not found


def code_runners(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from {a.name.split(".")[0] for a in node.names} & BANNED_MODULES
        elif isinstance(node, ast.ImportFrom):
            yield from {(node.module or "").split(".")[0]} & BANNED_MODULES
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from {node.func.id} & BANNED_CALLS
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            refused = isinstance(node.value, ast.Constant) and node.value.value is False
            yield from () if refused else ("allow_pickle",)


def kept_files() -> list[Path]:
    """The files that version control keeps; all source where there is none (a source archive)."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    named = [ROOT / line for line in done.stdout.splitlines()]
    return [p for p in named if p.is_file()] or SOURCES


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
