"""docs/cli.md, docs/checks.md and docs/metrics.md are what the declarations say."""

from pathlib import Path

from mlwright.cli.commands import COMMANDS
from mlwright.cli.pages import checks_page, cli_page, metrics_page
from mlwright.evaluation.metrics import METRICS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "cli.md"


def test_the_page_of_the_command_line_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == cli_page(), "run `make docs`"


def test_the_page_of_the_checks_is_up_to_date():
    assert (DOCS / "checks.md").read_text(encoding="utf-8") == checks_page(), "run `make docs`"


def test_the_page_of_the_metrics_is_up_to_date_and_names_each_once():
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    assert text == metrics_page(), "run `make docs`"
    assert all(text.count(f"| `{name}` |") == 1 for name in METRICS)


def test_every_command_and_every_flag_stands_on_the_page():
    text = PAGE.read_text(encoding="utf-8")
    for command in COMMANDS:
        section = text.partition(f"\n## mlwright {command.name}\n")[2].partition("\n## ")[0]
        assert section
        assert all(f.name.lstrip("-") in section or f.name.upper() in section for f in command.flags)
