"""Documentation that cannot lie: every block runs, every link leads somewhere, every tree is exact."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.story import BLOCK

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LONG = {"card", "comparing", "decisions-and-costs", "fit-report", "quickstart", "schema", "slices", "splits"}
STORY = Path(__file__).with_name("story.py")
LINK = re.compile(r"\[[^\]]+\]\((?!https?://)([^)#]+)?(#[^)]+)?\)")


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def run_pages() -> list[object]:
    """Those with blocks; `slow` where the fits of a page take as long as a dozen other pages."""
    pages = [p for p in PAGES if "```" in p.read_text(encoding="utf-8")]
    return [pytest.param(p, marks=[pytest.mark.slow] if p.stem in LONG else [], id=name(p)) for p in pages]


@pytest.mark.parametrize("page", run_pages())
def test_every_block_of_the_page_runs_in_order(page, place, environment):
    done = subprocess.run(
        [sys.executable, STORY, page],
        cwd=place,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_that_uses_the_demos_folder_says_before_how_it_is_made(page):
    """Blocks are tested where the whole demo was; a reader has nothing yet, or its tables alone."""
    text = page.read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    for file, whole in (("mlwright-demo/", False), ("mlwright-demo/bank.mlw", True)):
        using = [block for block in blocks if file in block[3]]
        if using:
            said = text[: using[0].end()].replace(
                "mlwright demo --data-only", "" if whole else "mlwright demo"
            )
            assert "mlwright demo" in said, f"how {file} is made"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=name)
def test_every_link_to_a_file_leads_to_one(page):
    links = [target for target, _ in LINK.findall(page.read_text(encoding="utf-8")) if target]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_reached_from_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name(p) for p in PAGES[1:] if f"({name(p)})" not in readme] == []


def test_the_tree_in_the_readme_is_the_tree():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = text.partition("    src/mlwright/\n")[2].partition("\n\n")[0]
    told = {line.split("/")[0].strip() for line in tree.splitlines()}
    folders = {
        p.name for p in (ROOT / "src" / "mlwright").iterdir() if p.is_dir() and p.name != "__pycache__"
    }
    assert told == folders
    assert all(re.fullmatch(r"      \w+/ +\S.*", line) for line in tree.splitlines())


def test_every_public_verb_stands_in_the_readme_or_a_guide():
    import mlwright

    text = "\n".join(p.read_text(encoding="utf-8") for p in PAGES)
    verbs = [n for n in mlwright.__all__ if not n.startswith("_")]
    assert [v for v in verbs if not re.search(rf"\b{v}\b", text)] == []


def test_every_kind_of_error_stands_on_its_page():
    from mlwright.base import errors

    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    kinds = [
        n for n, k in vars(errors).items() if isinstance(k, type) and issubclass(k, errors.MlwrightError)
    ]
    inner = {"MlwrightError", "DataProblem", "ModelFileProblem"}
    assert [n for n in kinds if n not in inner and f"`{n}`" not in text] == []
