"""How a fit report looks on a terminal."""

import io

from rich.console import Console

from mlwright.base.fit_report import Diagnosis, FitReport
from mlwright.cli.fitted import fit_report_of

REPORT = FitReport(
    diagnoses=(
        Diagnosis(kind="overfitting", status="passed", evidence="a calmer kin is worse"),
        Diagnosis(
            kind="not enough data", status="found", evidence="twice\x1b[2J the rows", remedy="get more"
        ),
        Diagnosis(kind="shift", status="not_applicable", evidence="no time"),
    )
)


def drawn(report, every=False):
    console = Console(file=io.StringIO(), width=90)
    for part in fit_report_of(report, every=every):
        console.print(part)
    return console.file.getvalue()


def test_what_was_found_is_told_with_its_remedy_and_the_rest_in_a_line():
    text = drawn(REPORT)
    assert "not enough data: twice" in text and "→ get more" in text
    assert "not found: overfitting; not applicable: shift" in text and "a calmer kin" not in text
    assert "\x1b" not in text


def test_every_diagnosis_is_told_where_all_are_asked_for():
    text = drawn(REPORT, every=True)
    assert "a calmer kin is worse" in text and "no time" in text


def test_a_file_without_a_report_has_no_section():
    assert fit_report_of(FitReport()) == []
