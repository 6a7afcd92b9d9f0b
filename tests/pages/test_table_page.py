"""The page about a table: complete, self-contained, small, and safe whatever the names in the table are."""

import base64
import hashlib
import re
from html.parser import HTMLParser

from mlwright.base.finding import Finding, Findings
from mlwright.base.profile import ColumnProfile, Profile
from mlwright.base.schema import Column, Schema
from mlwright.pages import TablePage, table_page

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&"


def made(columns, findings=(), **more):
    schema = Schema(columns=tuple(Column(name=n, kind="numeric") for n in columns))
    quantiles = tuple(float(k) for k in range(101))
    profiles = tuple(
        ColumnProfile(name=n, rows=100, missing=3, distinct=90, mean=50.0, deviation=1.0, quantiles=quantiles)
        for n in columns
    )
    return table_page(
        TablePage("loans.csv", schema, Profile(rows=100, columns=profiles), Findings.of(findings), **more)
    )


def found(column="age", severity="issue", status="found", **more):
    return Finding(
        code="MLW401",
        title="it leaks",
        severity=severity,
        status=status,
        column=column,
        evidence="0.99",
        **more,
    )


class Tags(HTMLParser):
    """Every tag with its attributes; complains where tags do not close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "input", "img", "rect", "path", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in ("rect", "path", "circle"):
            assert self.open.pop() == tag


def tags_of(page):
    parser = Tags()
    parser.feed(page)
    assert not parser.open
    return parser.seen


def test_a_page_loads_nothing_and_runs_only_its_own_script():
    page = made(["age"])
    seen = tags_of(page)
    assert not [a for _, attrs in seen for a in attrs if a in ("src", "style") or a.startswith("on")]
    assert all(attrs["href"].startswith("#") for _, attrs in seen if "href" in attrs)
    policy = next(
        attrs["content"] for tag, attrs in seen if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    for tag in ("script", "style"):
        inline = re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_names_and_evidence_from_outside_stay_text():
    finding = Finding(
        code="MLW101",
        title=HOSTILE,
        severity="tip",
        status="found",
        column=HOSTILE,
        evidence=HOSTILE,
        remedy=HOSTILE,
    )
    page = made([HOSTILE, "age"], [finding], facts={HOSTILE: HOSTILE}, how={"MLW101": HOSTILE})
    seen = tags_of(page)
    assert "img" not in [tag for tag, _ in seen]
    assert [tag for tag, _ in seen].count("script") == 1


def test_the_verdict_counts_issues_and_tips():
    assert "1 issue and 1 tip" in made(["age"], [found(), found(severity="tip", column="")])
    assert "No issue, 1 tip" in made(["age"], [found(severity="tip")])
    assert "Nothing found" in made(["age"], [found(status="passed")])


def test_findings_link_to_columns_and_columns_to_findings():
    page = made(["age", "net income"], [found("net income", remedy="leave it out", rows=(3, 1200))])
    ids = {attrs["id"] for _, attrs in tags_of(page) if "id" in attrs}
    links = {attrs["href"][1:] for _, attrs in tags_of(page) if "href" in attrs}
    assert links and links <= ids
    assert "leave it out" in page and "3, 1,200" in page


def test_what_was_waived_or_could_not_be_told_is_on_the_page():
    page = made(["age"], [found(status="waived"), found(status="not_enough_data", column="")])
    assert "waived: known and borne (1)" in page and "not enough data to tell (1)" in page


def test_many_columns_with_one_finding_are_folded():
    names = [f"c{k}" for k in range(40)]
    page = made(names, [found(n) for n in names])
    assert "and 28 more" in page and page.count('<article class="finding') == 1


def test_two_hundred_columns_make_a_page_under_two_megabytes():
    names = [f"a column with quite a long name, number {k}" for k in range(200)]
    assert len(made(names, [found(n, remedy="leave it out") for n in names]).encode()) < 2_000_000
