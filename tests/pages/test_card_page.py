"""The page about a model: what it shows is what the evaluation says, whatever names the table has."""

import re

import msgspec
import pytest
from evidence import all_evidence
from hypothesis import given
from hypothesis import strategies as st
from markup import Markup

from mlwright.base.conformal import Conformal, SetSize
from mlwright.base.decision import Decision
from mlwright.base.evaluation import Entry, Evaluation, Outcome, Score
from mlwright.base.finding import Finding, Findings
from mlwright.base.profile import ColumnProfile, Profile
from mlwright.base.purpose import Purpose
from mlwright.base.schema import Column, Schema, Target
from mlwright.pages import ModelPage, model_page
from mlwright.pages.card import SECTIONS
from mlwright.pages.card_scores import skill_of

HOSTILE = "</style></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


def score(metric, value, low, high, more=True, rows=900):
    return Score(metric=metric, value=value, low=low, high=high, rows=rows, greater_is_better=more)


def found(status="found", severity="tip", **more):
    said = {"code": "MLW401", "title": "it leaks", "column": "age", "evidence": "0.99", "remedy": "drop it"}
    return Finding(severity=severity, status=status, **{**said, **more})


def shown(name="late", classes=("no", "yes"), text="plain", findings=(), **changes):
    """A page of two or more classes with everything on it."""
    k = len(classes)
    target = Target(
        name=name,
        task="binary" if k == 2 else "multiclass",
        classes=classes,
        positive=classes[1] if k == 2 else None,
    )
    columns = (
        Column(name="age", kind="numeric", minimum=18.0, maximum=90.0),
        Column(name=text + "town", kind="categorical", categories=(text + "Bergen", "Oslo")),
        Column(name="at", kind="datetime", role="time", minimum=0.0, maximum=864000.0),
        Column(name=name, kind="categorical", role="target"),
        Column(name=text + "left", kind="numeric", unused=True),
    )
    profiles = tuple(ColumnProfile(name=c.name, rows=1200, missing=0) for c in columns[:3])
    profiles += (ColumnProfile(name=name, rows=1200, missing=0, counts=((text + "no", 800), ("yes", 400))),)
    auc = score("roc_auc", 0.8489, 0.8391, 0.8583)
    coverage = tuple(score("coverage", 0.9, 0.88, 0.92, rows=300 + i) for i in range(k))
    evaluation = Evaluation(
        task=target.task,
        metric="roc_auc",
        scores=(auc, score("log_loss", 0.412, 0.4, 0.424, more=False), score("accuracy", 0.61, 0.6, 0.62)),
        baseline=(
            score("roc_auc", 0.5, 0.5, 0.5),
            score("log_loss", 0.579, 0.57, 0.59, more=False),
            score("accuracy", 0.735, 0.72, 0.74),
        ),
        rows=900,
        how=text + " on a holdout",
        split="time",
        why_split=text + " later rows judge",
        leaderboard=(
            Entry(
                name=text + "linear", family="linear", score=auc, fit_seconds=1.0, weight=1.0, reason="kept"
            ),
            Entry(name="odd", family="odd", score=None, fit_seconds=0.1, reason="failed: " + text),
        ),
        calibration=text,
        confusion=tuple(tuple(100 * i + j for j in range(k)) for i in range(k)),
        decision=Decision(rule="costs", said=text + " the class of the least cost"),
        outcomes=(
            Outcome(
                way="as decided",
                scores=(score("cost_per_1000_rows", 29820, 28321, 31319), score("recall", 0.9, 0.8, 0.95)),
            ),
            Outcome(
                way="always " + classes[0], scores=(score("cost_per_1000_rows", 132685, 127528, 137842),)
            ),
        ),
        sets=Conformal(
            references=(),
            how="",
            measured=(SetSize(error=0.1, mean=1.32, single=0.68, empty=0.0, coverage=coverage),),
        ),
    )
    changes = {**all_evidence("" if text == "plain" else text), **changes}
    page = ModelPage(
        schema=Schema(columns=columns, target=target),
        target=target,
        evaluation=msgspec.structs.replace(evaluation, **changes),
        findings=Findings.of(findings),
        profile=Profile(rows=1200, columns=profiles),
        purpose=Purpose(intended_use=text + " rank calls", not_for=text + " credit", owner=text + " team"),
        brief={"file" + text: "31 kB" + text},
        data={"table" + text: "loans.csv" + text},
        made={"machine" + text: "a machine" + text},
        settings={"seed" + text: "0" + text},
        again={"On the command line" + text: "mlwright fit" + text},
        notes=("a note" + text,),
    )
    return page


def test_the_page_is_well_formed_loads_nothing_and_can_be_read_aloud():
    page = Markup(model_page(shown(findings=[found(), found(status="waived", severity="issue")])))
    page.assert_harmless()
    page.assert_accessible()


def test_names_and_texts_from_outside_stay_text():
    hostile = [found(**dict.fromkeys(("code", "title", "column", "evidence", "remedy"), HOSTILE))]
    page = Markup(model_page(shown(HOSTILE, (HOSTILE + "0", HOSTILE + "1"), HOSTILE, hostile)))
    page.assert_harmless()
    assert page.text.count("<script>alert(1)</script>") > 20


@given(st.text(max_size=40), st.text(max_size=40), st.integers(2, 12))
def test_any_names_make_a_page(name, text, classes):
    labels = tuple(f"{text}{k}" for k in range(classes))
    Markup(model_page(shown(name, labels, text, [found(evidence=text)]))).assert_harmless()


def test_every_section_stands_under_its_heading_and_an_empty_one_is_absent():
    full = Markup(model_page(shown(findings=[found()])))
    assert len(full.all("h2")) == len(SECTIONS)
    nothing = dict.fromkeys((*all_evidence(), "decision", "sets")) | {"effects": ()}
    bare = shown(scores=(), confusion=(), outcomes=(), leaderboard=(), **nothing)
    page = Markup(model_page(bare))
    assert len(page.all("h2")) == len(SECTIONS) - 11
    assert "How good it is was not measured" in page.text


def test_the_verdict_is_the_first_thing_after_the_name():
    page = Markup(model_page(shown())).text
    said = "Ranks a row whose late is 'yes' above one whose late is 'no' 85 times of 100 (84 to 86); guess"
    assert said in page and page.index(said) < page.index("What it is for")
    assert "1,000 rows cost 29,820 (28,321 to 31,319); without a model at best 132,685 (always no)" in page


def test_a_model_no_better_than_guessing_says_so_first_and_in_red():
    html = model_page(shown(scores=(score("roc_auc", 0.52, 0.48, 0.56),)))
    assert 'class="verdict issue"><p class="lead">Not clearly better than guessing' in html
    assert 'class="verdict"><p class="lead">Ranks' in model_page(shown())


def test_a_waived_issue_is_in_the_verdict_and_in_its_section():
    html = model_page(shown(findings=[found(status="waived", severity="issue")]))
    page = Markup(html).text
    assert 'class="verdict tip"' in html and "although an issue was found" in page
    assert "issue MLW401, waived: known and borne" in page and "Trained although MLW401 was found" in page


def test_scores_stand_with_interval_and_baseline_as_the_evaluation_has_them():
    page = shown()
    rows = re.findall(r"<tr class=\"(?:first|next)\">(.*?)</tr>", model_page(page), re.DOTALL)
    told = [re.findall(r'<td class="n[^"]*">([^<]*)</td>', row) for row in rows]
    assert told == [
        ["0.849", "0.839 to 0.858", "0.500"],
        ["0.412", "0.400 to 0.424", "0.579"],
        ["0.610", "0.600 to 0.620", "0.735"],
    ]


def test_the_dots_lie_where_the_scores_are_between_guessing_and_perfect():
    page = shown(default=None)
    drawn = [a for a in Markup(model_page(page)).all("circle") if a["class"] == "dot"][:3]
    plain = float(next(a for a in Markup(model_page(page)).all("circle") if a["class"] == "plain")["cx"])
    perfect = 194.0
    for circle, s, b in zip(drawn, page.evaluation.scores, page.evaluation.baseline, strict=True):
        best = 1.0 if s.greater_is_better else 0.0
        share = (s.value - b.value) / (best - b.value)
        assert float(circle["cx"]) == pytest.approx(plain + share * (perfect - plain), abs=0.2)


def test_a_baseline_without_error_leaves_no_way_to_draw():
    assert skill_of(score("accuracy", 1.0, 1.0, 1.0), score("accuracy", 1.0, 1.0, 1.0)) is None
    assert skill_of(score("accuracy", 0.9, 0.8, 1.0), score("accuracy", float("nan"), 0, 0)) is None
    assert skill_of(score("unheard_of", 0.9, 0.8, 1.0), score("unheard_of", 0.5, 0.5, 0.5)) is None
    assert skill_of(score("accuracy", 0.9, 0.8, 1.0), None) is None


def test_few_classes_show_all_counts_and_many_the_worst_mistakes_first():
    few = Markup(model_page(shown())).text
    assert "101 of 202 labels were right." in few and "Of 102 rows that it called 'yes', 101 were" in few
    many = model_page(shown(classes=tuple("abcdefghijkl")))
    worst = re.findall(r"<tr><td>([\d,]+ of [\d,]+)</td><td>(.)</td><td>(.)</td></tr>", many)
    assert worst[0] == ("1,110 of 13,266", "l", "k") and len(worst) == 8
    assert many.index("all counts") > many.index("1,110 of 13,266")


def test_what_was_not_stated_is_marked_as_such():
    page = shown()
    bare = ModelPage(page.schema, page.target, page.evaluation, page.findings, page.profile)
    told = Markup(model_page(bare)).text
    assert told.count("not stated") == 3 and "No intended use was stated" in told
    assert "not stated" not in Markup(model_page(page)).text


def test_data_are_told_with_their_time_span_and_the_reason_of_the_split():
    told = Markup(model_page(shown())).text
    assert "1,200" in told and "1970-01-01 to 1970-01-11" in told and "time: plain later rows judge" in told


def test_a_page_of_two_hundred_columns_and_thirty_classes_stays_small():
    page = shown(classes=tuple(f"class number {k}" for k in range(30)))
    columns = tuple(Column(name=f"a rather long name of a column {k}", kind="numeric") for k in range(5000))
    wide = msgspec.structs.replace(page.schema, columns=(*columns, *page.schema.columns))
    html = model_page(ModelPage(wide, page.target, page.evaluation, page.findings, page.profile))
    assert len(html.encode()) < 200_000 and "and 4,803 more" in html
