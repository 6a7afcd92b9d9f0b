"""The page's sections of evidence draw and tell the figures of the evaluation, and say what is missing."""

import re
from itertools import pairwise

import msgspec
import pytest
from evidence import (
    abstaining,
    all_evidence,
    between,
    fitting,
    holding,
    of_groups,
    of_slices,
    reliance,
    relying,
)
from markup import Markup

from mlwright.base.evaluation import Evaluation
from mlwright.base.finding import Finding, Findings
from mlwright.base.importance import Change, Curve, Importance
from mlwright.base.profile import Profile
from mlwright.base.reliability import Bin, Reliability
from mlwright.base.schema import Schema, Target
from mlwright.base.score import Score
from mlwright.base.slices import Condition, Figure, Slices, Subgroup, Subgroups
from mlwright.pages import (
    ModelPage,
    card_fit,
    card_groups,
    card_reliance,
    card_scores,
    card_unsure,
    model_page,
)

HOSTILE = "</style><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


def shown(classes=("no", "yes"), findings=(), **evidence):
    auc = Score(metric="roc_auc", value=0.8489, low=0.84, high=0.86, rows=900, greater_is_better=True)
    guess = msgspec.structs.replace(auc, value=0.5, low=0.5, high=0.5)
    task = "binary" if len(classes) == 2 else "multiclass" if classes else "regression"
    target = Target(name="late", task=task, classes=classes, positive="yes" if len(classes) == 2 else None)
    return ModelPage(
        schema=Schema(columns=(), target=target),
        target=target,
        evaluation=Evaluation(
            task=task, metric="roc_auc", scores=(auc,), baseline=(guess,), rows=900, how="on a holdout",
            split="random", **evidence,
        ),
        findings=Findings.of(findings),
        profile=Profile(rows=900, columns=()),
    )  # fmt: skip


def told(markup):
    return Markup(markup).text


def cells(markup):
    """The texts of every row of every table, markup and signs of charts aside."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", markup, re.DOTALL)
    return [
        [" ".join(re.sub(r"<[^>]+>", " ", c).split()) for c in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", r)]
        for r in rows
    ]


def dots(markup, kind="dot", which="cx"):
    return [float(a[which]) for a in Markup(markup).all("circle") if a["class"] == kind]


# Choosing --------------------------------------------------------------------------------------------------


def test_the_strong_default_stands_under_the_score_with_its_own_figures():
    page = shown(**all_evidence())
    rows = cells(card_scores.scores(page))
    assert rows[2] == ["lightgbm alone roc_auc of one booster as it comes", "", "0.841", "0.830 to 0.852", ""]
    model, default = dots(card_scores.scores(page))[:2]
    start, end = dots(card_scores.scores(page), "plain")[0], 194.0
    assert (default - start) / (end - start) == pytest.approx(
        (0.8411 - 0.5) / 0.5, abs=0.002
    ) and default < model


def test_the_default_and_what_choosing_flatters_take_a_line_each():
    text = told(card_scores.scores(shown(**all_evidence())))
    assert "reaches roc_auc 0.8411; the model is better by 0.0078 (0.0021 to 0.013)." in text
    assert "roc_auc 0.8611 on the rows that chose it, 0.8411 corrected for the choice." in text
    assert "shows roc_auc 0.8702, which is not to be relied on" in text
    assert "corrected" not in told(card_scores.scores(shown()))


# The fit ---------------------------------------------------------------------------------------------------


def test_what_was_found_of_the_fit_comes_first_with_its_remedy():
    text = told(card_fit.fit(shown(fit_report=fitting())))
    places = [text.index(w) for w in ("Instability found", "Shift not found", "Label noise cannot tell")]
    assert places == sorted(places) and places[0] < text.index("bring more rows") < places[1]


def test_long_evidence_is_folded_at_a_clause_and_none_of_it_is_lost():
    markup = card_fit.fit(shown(fit_report=fitting()))
    first = re.search(r'<div class="small"><p>(.*?)</p><details><summary>more', markup)[1]
    clause = len(" clause 0 of what was seen in the folds of the table; ")
    assert card_fit.MOST_SAID - clause < len(first) <= card_fit.MOST_SAID and first.endswith("table")
    assert all(f"clause {k} of" in markup for k in range(9))


def test_the_learning_curve_is_dashed_where_nobody_measured():
    report = fitting()
    markup = card_fit.fit(shown(fit_report=report))
    measured = re.search(r'class="line" d="M([^"]+)"', markup)[1].split("L")
    guessed = re.search(r'class="line guessed" d="M([^"]+)"', markup)[1].split("L")
    assert len(measured) == 3 and len(guessed) == 3 and guessed[0] == measured[-1]
    # Each doubling is as wide as the one before, and less error lies lower on the screen.
    places = [tuple(map(float, p.split())) for p in (*measured, *guessed[1:])]
    steps = [b[0] - a[0] for a, b in pairwise(places)]
    assert steps == pytest.approx([steps[0]] * 4, abs=0.2)
    assert [y for _, y in places] == sorted(y for _, y in places)
    assert cells(markup)[-5:] == [
        ["100", "0.2", "0.18 to 0.22"],
        ["200", "0.16", "0.14 to 0.18"],
        ["400", "0.15", "0.13 to 0.17"],
        ["800 (foretold)", "0.14", "0.13 to 0.146"],
        ["1,600 (foretold)", "0.135", "0.12 to 0.145"],
    ]


def test_rows_that_do_not_double_are_not_said_to():
    curve = msgspec.structs.replace(fitting().curve, rows=(100, 200, 700))
    report = msgspec.structs.replace(fitting(), curve=curve)
    assert "logarithmic" in card_fit.fit(shown(fit_report=report))
    assert "doubling" in card_fit.fit(shown(fit_report=fitting()))


# Groups and slices -----------------------------------------------------------------------------------------


def test_groups_stand_with_their_intervals_and_what_differs_is_marked_in_words_too():
    markup = card_groups.groups(shown(subgroups=of_groups()))
    rows = cells(markup)
    assert ["sex = women", "", "0.852 (0.84 to 0.86)"] in rows
    assert ["sex = women", "", "≠ 0.515 (0.47 to 0.56)"] in rows
    assert ["sex = men", "", "0.615 (0.58 to 0.65)"] in rows
    assert ["race = few", "", "not enough data"] in rows
    assert markup.count('<tr class="stressed">') == 1
    text = told(markup)
    assert "Groups of sex differ by more than chance" in text and "the 6 differences that were tested" in text
    assert "share of positives found 0.515 where sex = women, 0.615 elsewhere (difference -0.14 to" in text
    assert "2 further groups not shown" in text and "Not looked at: notes" in text
    assert "What to do" not in text and "Decide whether that may be" in text


def test_all_groups_pairs_too_stand_in_a_table():
    rows = cells(card_groups.groups(shown(subgroups=of_groups())))
    assert rows[-4] == ["sex = women", "400", "100", "0.852 (0.84 to 0.86)", "≠ 0.515 (0.47 to 0.56)"]
    assert rows[-1] == ["race = some and sex = men", "77", "", "0.777", ""]
    assert rows[-2] == ["race = few", "12", "", "not enough data", "not enough data"]


def test_the_dashed_line_of_groups_is_the_score_of_all_rows():
    markup = card_groups.groups(shown(subgroups=of_groups()))
    mark = float(re.search(r'class="mark" d="M([\d.]+) 0', markup)[1])
    women, men = dots(markup)[:2]
    # 0.8489 lies between 0.843 and 0.852, at two thirds of the way.
    assert (mark - men) / (women - men) == pytest.approx((0.8489 - 0.843) / (0.852 - 0.843), abs=0.02)
    assert "Dashed: all rows, 0.849" in told(markup)


def test_groups_of_which_none_could_be_compared_are_not_said_to_be_alike():
    few = Subgroups(columns=("race",), groups=of_groups().groups[2:3], compared=0)
    text = told(card_groups.groups(shown(subgroups=few)))
    assert "Whether groups differ cannot be told: none could be compared." in text
    assert "No group differs" not in text and "differ by more than chance" not in text


def test_groups_that_are_alike_are_said_to_be():
    alike = Subgroups(columns=("sex",), groups=of_groups().groups[1:2], compared=2)
    assert "No group differs from all other rows" in told(card_groups.groups(shown(subgroups=alike)))


def test_slices_stand_by_what_is_the_matter_with_one_remedy_each():
    text = told(card_groups.weak(shown(slices=of_slices())))
    assert "Less sure there than elsewhere age at least 61 (20.0% of rows)" in text
    assert "log_loss 0.71 beside 0.35 elsewhere (difference 0.2 to 0.5)" in text
    assert "Predictions too low there town = Oslo" in text
    assert "0.31 predicted and 0.44 observed on average (difference 0.05 to 0.2)" in text
    assert text.index("too low") < text.index("Less sure"), "what is wrong stands before what is unsure"
    assert text.count("hand them to people") == text.count("do not rely on them there") == 1


def test_where_no_slice_was_found_it_says_what_would_have_been():
    none = Slices(status="passed", loss="log_loss", rows=900, columns=5, detectable=2.0)
    text = told(card_groups.weak(shown(slices=none)))
    assert "Nothing found in 900 rows and 5 columns; a tenth of the rows with a loss 2 times" in text


def test_what_is_found_of_groups_stands_in_one_place_and_in_the_verdict():
    findings = [*of_groups().findings, *of_slices().findings]
    page = shown(findings=findings, subgroups=of_groups(), slices=of_slices())
    text = told(model_page(page))
    checks = text[text.index("What the checks found") : text.index("Limits") + 10_000]
    assert "MLW80" not in checks and "of groups and slices stands above" in checks
    assert "It is not as good for all rows" in text
    without = shown(findings=[Finding(code="MLW101", title="one", severity="tip", status="found")])
    assert "It is not as good" not in told(model_page(without))


# Reliance --------------------------------------------------------------------------------------------------


def test_columns_stand_by_importance_and_those_of_a_group_under_it():
    markup = card_reliance.reliance(shown(**relying()))
    assert cells(markup)[:5] == [
        ["column", "", "roc_auc falls by"],
        ["age", "", "0.210 (0.200 to 0.220)"],
        ["pay, tax (together)", "", "0.110 (0.100 to 0.120)"],
        ["tax alone", "", "0.030 (0.020 to 0.040)"],
        ["pay alone", "", "0.020 (0.010 to 0.030)"],
    ]
    lengths = [float(a["width"]) for a in Markup(markup).all("rect")]
    assert lengths == pytest.approx([lengths[0] * v / 0.21 for v in (0.21, 0.11, 0.03, 0.02)], abs=0.2)
    text = told(markup)
    assert "4 others were not measured" in text and "does not use: shoe and 2 more" in text
    assert "not what would happen if a column were changed in the world" in text
    assert '<p class="small soft"></p>' not in markup


def test_effects_are_drawn_with_their_bands_and_told():
    markup = card_reliance.reliance(shown(**relying()))
    text = told(markup)
    assert "higher: yes more likely, from 0.11 to 0.42" in text and "7 rows lack it" in text
    assert "yes most likely at missing (0.33), least at Oslo (0.13)" in text
    line = [
        tuple(map(float, p.split())) for p in re.search(r'class="line" d="M([^"]+)', markup)[1].split("L")
    ]
    band = re.search(r'class="band" d="M([^"]+)z', markup)[1].split("L")
    assert len(line) == 4 and len(band) == 8 and line[0][1] > line[2][1] > line[3][1]
    assert ["age", "18", "0.11", "0.1 to 0.12"] in cells(markup)
    assert ["", "9 others", "0.25", "0.2 to 0.3"] in cells(markup)


def test_of_several_classes_the_one_that_moves_most_is_drawn():
    some = relying()
    calm = msgspec.structs.replace(some["effects"][0], of="no", answer=(0.5, 0.5, 0.5, 0.51))
    drawn = card_reliance.reliance(shown(**some | {"effects": (calm, some["effects"][0])}))
    assert drawn.count('class="line"') == 1 and "chance of yes" in drawn and "chance of no" not in drawn


def test_a_far_end_of_a_curve_is_not_drawn_and_that_is_said():
    far = msgspec.structs.replace(relying()["effects"][0], at=(18.0, 40.0, 60.0, 90_000.0))
    markup = card_reliance.reliance(shown(**relying() | {"effects": (far,)}))
    assert "up to 90,000, not drawn" in told(markup)
    assert len(re.search(r'class="line" d="M([^"]+)', markup)[1].split("L")) == 3


def test_importance_that_was_not_measured_says_why():
    bare = Importance(
        metric="rmse", greater_is_better=False, metric_value=None, loss="squared_error", loss_value=0.0,
        rows=9, repeats=0, how="", skipped="too few rows",
    )  # fmt: skip
    text = told(card_reliance.reliance(shown(importance=bare)))
    assert "Not measured: too few rows." in text and "whiskers" not in text


def bare(one):
    """Without an interval of the metric."""
    return msgspec.structs.replace(one, metric=Change(value=one.metric.value))


def test_whiskers_are_spoken_of_only_where_they_are():
    importance = relying()["importance"]
    text = told(card_reliance.reliance(shown(importance=importance)))
    assert "roc_auc falls by; whiskers are 95 % intervals." in text and "no interval" not in text
    none = msgspec.structs.replace(
        importance, columns=tuple(map(bare, importance.columns)), groups=tuple(map(bare, importance.groups))
    )
    markup = card_reliance.reliance(shown(importance=none))
    assert "whisker" not in markup
    assert "The bars say what roc_auc falls by. The figures have no interval: the metric" in told(markup)
    some = msgspec.structs.replace(importance, groups=tuple(map(bare, importance.groups)))
    text = told(card_reliance.reliance(shown(importance=some)))
    assert "whiskers are 95 % intervals. 1 of the 2 figures has no interval" in text


def test_where_the_metric_is_not_measured_the_bars_are_the_losses_and_say_so():
    importance = relying()["importance"]
    of_loss = tuple(msgspec.structs.replace(r, metric=None) for r in importance.columns)
    markup = card_reliance.reliance(
        shown(importance=msgspec.structs.replace(importance, columns=of_loss, groups=()))
    )
    assert cells(markup)[0][2] == "log loss grows by"


def test_rows_that_the_model_had_seen_are_warned_of():
    seen = msgspec.structs.replace(relying()["importance"], unseen=False)
    assert "It had seen these rows:" in told(card_reliance.reliance(shown(importance=seen)))


# Probabilities, intervals ----------------------------------------------------------------------------------


def test_reliability_is_drawn_and_told_with_what_is_off_marked():
    markup = card_unsure.probabilities(shown(reliability=holding()))
    assert cells(markup)[1:] == [
        ["300", "5.0%", "4.0%", "2.0% to 7.0%"],
        ["300", "40.0%", "41.0%", "35.0% to 47.0%"],
        ["300", "90.0%", "70.0% ≠", "64.0% to 75.0%"],
    ]
    text = told(markup)
    assert "2 of 3 parts came as foretold" in text and "Calibration slope 0.8 (0.7 to 0.9)" in text
    assert "Probabilities are too extreme" in text
    xs = dots(markup)
    assert (xs[1] - xs[0]) / (xs[2] - xs[0]) == pytest.approx((0.4 - 0.05) / (0.9 - 0.05), abs=0.01)


def test_small_probabilities_are_drawn_large():
    rare = Reliability(
        subject="positive class", bins=(Bin(rows=9, predicted=0.01, observed=0.02, low=0.0, high=0.04),)
    )
    assert "5%" in told(card_unsure.probabilities(shown(reliability=rare)))


def test_numbers_foretold_stand_beside_those_that_came():
    bins = tuple(
        Bin(rows=300, predicted=p, observed=o, low=o - 900, high=o + 900)
        for p, o in ((62_000.0, 84_000.0), (384_000.0, 409_000.0))
    )
    markup = card_unsure.probabilities(shown((), reliability=Reliability(subject="number", bins=bins)))
    assert "Whether numbers hold on the whole" in markup
    assert cells(markup)[1] == ["300", "62,000", "84,000 ≠", "83,100 to 84,900"]
    assert "e+" not in told(markup)
    # The figures at the axis have room before it.
    lefts = [float(x) for x in re.findall(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="end">409,900', markup)]
    assert min(lefts) >= 6.0 * len("409,900")


def test_abstaining_stands_with_its_steps():
    markup = card_unsure.unsure(shown(abstaining=abstaining()))
    text = told(markup)
    assert "Asked to abstain" in text and "5% of its answers may be wrong: it answers 40% of the rows" in text
    assert cells(markup)[1:] == [
        ["0.9", "40.0% (400)", "2.00%", "3.60%"],
        ["0.6", "80.0% (800)", "6.00%", "7.60%"],
        ["0.5", "100.0% (1,000)", "14.00%", "16.00%"],
    ]
    line = re.search(r'class="line" d="M([^"]+)', markup)[1].split("L")
    assert len(line) == 3 and float(line[0].split()[1]) > float(line[2].split()[1])


def test_rates_that_cannot_be_kept_to_are_said_to_be():
    few = msgspec.structs.replace(abstaining(), steps=())
    markup = card_unsure.unsure(shown(abstaining=few))
    assert (
        "1%, 5% and 10% cannot be kept to by 1,000 rows; neither can any" in markup and "<svg" not in markup
    )
    some = told(card_unsure.unsure(shown(abstaining=abstaining())))
    assert "1% cannot be kept to by 1,000 rows; the least that can is 3.6%: it answers 40%" in some


def test_intervals_stand_by_third_and_beside_those_alike_for_all():
    markup = card_unsure.intervals(shown((), intervals=between()))
    rows = cells(markup)
    assert rows[1] == ["all rows", "", "90.0% of 900 (87.0% to 93.0%)"]
    assert rows[4] == ["highest third", "", "83.0% of 300 (80.0% to 85.0%)"]
    assert rows[6] == [
        "5%", "1,700", "1,600", "2,300", "95.0% of 900 (92.0% to 98.0%)", "96%, 95%, 88%", "100%, 93%, 80%"
    ]  # fmt: skip
    text = told(markup)
    assert "Allowed to miss the truth in 10% of rows, its intervals are 1,400 wide in the median" in text
    assert "Every row's are as wide: too few rows." in text and "Dashed: 90%, as asked for" in text


def test_intervals_that_nothing_measured_say_so():
    bare = msgspec.structs.replace(between(), measured=())
    assert "Too few rows were unseen to measure" in told(card_unsure.intervals(shown((), intervals=bare)))


# Of all ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [card_fit.fit, card_groups.groups, card_groups.weak, card_reliance.reliance, card_unsure.probabilities,
     card_unsure.unsure, card_unsure.intervals],
)  # fmt: skip
def test_a_file_without_the_evidence_has_no_such_section(make):
    assert make(shown()) == ""


def test_hostile_names_stay_text_in_every_section():
    for make in (
        card_scores.scores, card_fit.fit, card_groups.groups, card_groups.weak, card_reliance.reliance,
        card_unsure.intervals,
    ):  # fmt: skip
        markup = make(shown(**all_evidence(HOSTILE)))
        names = {tag for tag, _ in Markup(markup).tags}
        assert not names & {"script", "img", "style"} and "<script>" in Markup(markup).text, make


def large():
    """As much of each as an evaluation may hold, under long names."""
    name = "a rather long name of a column "
    figures = tuple(Figure(metric=f"metric {m}", value=0.5123, low=0.4, high=0.6, rows=99) for m in range(8))
    single = [(Condition(column=f"{name}{c}", value=f"value {v}"),) for c in range(6) for v in range(8)]
    pairs = [(*a, *b) for a, b in zip(single[:12], single[20:], strict=False)]
    groups = tuple(Subgroup(conditions=c, rows=99, events=9, figures=figures) for c in (*single, *pairs))
    columns = tuple(reliance(0.1, f"{name}{k}") for k in range(30))
    together = tuple(reliance(0.3, *(f"{name}{15 * g + k}" for k in range(15))) for g in range(2))
    twenty = tuple(k / 7 for k in range(20))
    curves = tuple(
        Curve(
            column=f"{name}{k}",
            kind="numeric",
            of="yes",
            average=0.3,
            at=twenty,
            answer=twenty,
            low=twenty,
            high=twenty,
            rows=(9,) * 19,
        )
        for k in range(12)
    )
    levels = tuple(
        Curve(
            column=f"{name}{k}",
            kind="categorical",
            of="yes",
            average=0.3,
            answer=twenty[:12],
            levels=tuple(f"category {n}" for n in range(12)),
            low=twenty[:12],
            high=twenty[:12],
        )
        for k in range(12)
    )
    importance = msgspec.structs.replace(relying()["importance"], columns=columns, groups=together)
    all_groups = Subgroups(columns=("sex",), groups=groups, compared=400)
    return {"subgroups": all_groups, "importance": importance}, (curves, levels)


@pytest.mark.parametrize("which", [0, 1])
def test_a_page_of_all_evidence_that_there_may_be_stays_bounded(which):
    most, effects = large()
    page = shown(**all_evidence() | most | {"effects": effects[which]})
    html = model_page(page)
    assert len(html.encode()) < 200_000
    Markup(html).assert_harmless()
    Markup(html).assert_accessible()


def test_an_ordinary_page_stays_small():
    assert len(model_page(shown(**all_evidence())).encode()) < 60_000
