"""Values in notebooks: names and texts from outside are text there, whatever they hold."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from mlwright.base.comparison import Comparison, Gain, Pair
from mlwright.base.evaluation import Entry, Evaluation, Score
from mlwright.base.finding import Finding, Findings
from mlwright.base.fit_report import Diagnosis, FitReport
from mlwright.base.leaderboard import Leaderboard
from mlwright.base.shown import shown, table

HOSTILE = "<script>alert(1)</script><img src=x onerror='alert(2)'>\x1b[2J\"&amp;"
ALLOWED = {"b", "br", "code", "details", "div", "p", "progress", "small", "span", "style", "summary"}
ALLOWED |= {"table", "td", "th", "tr"}


class Markup(HTMLParser):
    """The tags and attributes of a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("br",):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def score(metric="roc_auc", value=0.8):
    return Score(metric=metric, value=value, low=0.75, high=0.85, rows=90, greater_is_better=True)


def evaluation(text):
    return Evaluation(
        task="binary",
        metric=text,
        scores=(score(text), score("other")),
        baseline=(score(text, 0.9),),
        rows=90,
        how=text,
        split="random",
    )


def comparison(text):
    gain = Gain(
        metric=text, value=0.1, low=-0.1, high=0.3, rows=9, p_value=0.4, rows_to_tell=90, method="paired"
    )
    pair = Pair(first=score(text), second=score(text), gain=gain)
    return Comparison(
        first=text, second=text, task="binary", metric=text, pairs=(pair,), rows=9, alike=0.5, how=text
    )


def values(text):
    finding = Finding(
        code=text, title=text, severity="tip", status="found", column=text, evidence=text, remedy=text
    )
    entry = Entry(name=text, family=text, score=score(text), fit_seconds=1.0, weight=1.0, reason=text)
    diagnosis = Diagnosis(kind=text, status="found", evidence=text, remedy=text)
    return [
        evaluation(text),
        comparison(text),
        Findings.of([finding]),
        Leaderboard([entry]),
        FitReport(diagnoses=(diagnosis,)),
    ]


@pytest.mark.parametrize("value", values(HOSTILE), ids=lambda v: type(v).__name__)
def test_no_text_becomes_markup(value):
    page = value._repr_html_()
    found = Markup(page)
    assert found.tags <= ALLOWED and found.attributes <= {"class"} and not found.open
    assert "&lt;script&gt;" in page and "\x1b" not in page and "<script" not in page


@pytest.mark.parametrize("value", values("plain"), ids=lambda v: type(v).__name__)
def test_it_is_one_block_with_its_style_and_colours_of_the_page(value):
    page = value._repr_html_()
    assert page.startswith('<div class="mlwright"><style>') and page.endswith("</div>")
    style = page.partition("<style>")[2].partition("</style>")[0]
    rules = [rule for rule in style.split("}") if rule]
    assert all(
        part.strip().startswith(".mlwright") for rule in rules for part in rule.split("{")[0].split(",")
    )
    # Ink and paper are the notebook's own: what is dark there stays dark.
    assert not re.search(r"background:(?!none)|(?<![-\w])color:(?:#000|#fff|black|white)", style)


def test_an_evaluation_says_what_to_doubt_and_a_comparison_its_verdict():
    page = evaluation("m")._repr_html_()
    assert "Not clearly better than guessing" in page and "worse" in page and "0.75 to 0.85" in page
    page = comparison("m")._repr_html_()
    assert "No difference can be told on 9 rows" in page and "no clear difference" in page and "+0.10" in page


def test_a_table_stands_in_its_frame():
    assert (
        table(("", ""), [("a", "1")], numbers=(1,))
        == '<table><tr><td>a</td><td class="n">1</td></tr></table>'
    )
    assert Markup(shown(table(("a",), [("b",)]))).open == []
