"""Findings as people and programs see them: in order, as text, as JSON and in a notebook."""

import msgspec

from mlwright.base.finding import Finding, Findings


def made(code="MLW101", severity="tip", status="found", **more):
    return Finding(code=code, title="a title", severity=severity, status=status, **more)


SOME = Findings.of(
    [
        made("MLW201", status="passed"),
        made("MLW106", evidence="96 %", remedy="declare it", column="pdays", rows=(3, 5)),
        made("MLW401", "issue", column="<b>duration</b>", evidence="roc_auc 0.99"),
        made("MLW403", status="not_enough_data", evidence="12 rows"),
    ]
)


def test_issues_come_before_tips_and_both_before_what_was_not_found():
    assert [f.code for f in SOME] == ["MLW401", "MLW106", "MLW403", "MLW201"]


def test_json_holds_every_field_and_reads_back_as_the_same_findings():
    assert Findings(msgspec.json.decode(SOME.to_json(), type=tuple[Finding, ...])) == SOME


def test_a_notebook_shows_what_was_found_and_no_markup_of_the_table():
    shown = SOME._repr_html_()
    assert shown.count("<tr>") == 3 and "declare it" in shown
    assert "<b>duration" not in shown and "&lt;b&gt;duration" in shown
    assert "not enough data: MLW403" in shown and "passed: MLW201" in shown


def test_nothing_found_is_said():
    assert "nothing found" in Findings()._repr_html_() and str(Findings()) == "no findings"


def test_a_notebook_shows_columns_with_the_same_finding_together():
    alike = [made(column=f"<i>c{i}", evidence=f"9{i} %", remedy="ask why") for i in range(8)]
    page = Findings.of([*alike, alike[0], made("MLW999", evidence="of all rows")])._repr_html_()
    assert page.count("<tr>") == 3 and "8 columns" in page and page.count("ask why") == 1
    assert "&lt;i&gt;c5: 95 %" in page and "c6" not in page and "and 2 more" in page and "<i>" not in page
