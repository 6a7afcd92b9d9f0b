"""The sections on how good a model is: scores, right and wrong labels, what decisions bring.

Called by `card`, in its order. Every figure that is drawn stands beside the drawing.
"""

from __future__ import annotations

from typing import Final

from mlwright.base import figures
from mlwright.base.evaluation import Evaluation, Score
from mlwright.base.finding import counted
from mlwright.base.measures import METRICS, OUTCOMES, best_of
from mlwright.base.selection import Rival
from mlwright.pages.card_charts import Dot, Row, Scale, across, dot_list, ends, heat, strip, table
from mlwright.pages.page import text
from mlwright.pages.shown import ModelPage, section

MOST_HEAT: Final = 10
"""Classes whose counts are shown as a table at once; those of more are folded under the worst mistakes."""
MOST_MISTAKES: Final = 8
LEAST: Final = -1.0
"""How far below guessing, as a share of the way from guessing to perfect, a score is drawn."""
_LABELS: Final = {"costs": "what labels cost", "alerts": "a number of alerts", "threshold": "a threshold"}


def scores(shown: ModelPage) -> str:
    """Each score with its interval on the way from guessing to perfect, beside the baseline."""
    evaluation = shown.evaluation
    if not evaluation.scores:
        return ""
    plain = {s.metric: s for s in evaluation.baseline}
    skills = {s.metric: skill for s in evaluation.scores if (skill := skill_of(s, plain.get(s.metric)))}
    scale = across(max(LEAST, min(0.0, *(d.low for d in skills.values()), 0.0)), 1.0)
    rows = [
        _row(s, plain.get(s.metric), skills.get(s.metric), scale, k == 0)
        for k, s in enumerate(evaluation.scores)
    ]
    if evaluation.default is not None:
        rows.insert(1, _rival(evaluation.default, plain, scale))
    names = [(0.0, "guessing"), (1.0, "perfect")]
    names = [(scale.low, "worse"), *names] if scale.low < -0.6 else names
    heads = (
        f'<tr><th scope="col">measure</th><th scope="col" class="plot">{ends(scale, names)}</th>'
        '<th scope="col" class="n">model</th><th scope="col" class="n">95 % interval</th>'
        '<th scope="col" class="n">plain baseline</th></tr>'
    )
    drawn = "Each line runs from the plain baseline (hollow dot) to a model without error; whiskers are 95 % "
    notes = [f"{drawn}intervals.", f"Measured {evaluation.how}.", *_remarks(evaluation)]
    if evaluation.calibration:
        notes.append(f"Calibration: {evaluation.calibration}.")
    told = "".join(f'<p class="small">{text(note)}</p>' for note in notes)
    return section(
        "How good it is",
        f'<table class="scores"><thead>{heads}</thead><tbody>{"".join(rows)}</tbody></table>'
        f"{_beside(evaluation)}{told}",
    )


def skill_of(score: Score, plain: Score | None) -> Dot | None:
    """Where a score lies on the way from the baseline (0) to a model without error (1).

    >>> auc = Score(metric="roc_auc", value=0.9, low=0.8, high=1.0, rows=9, greater_is_better=True)
    >>> guess = Score(metric="roc_auc", value=0.5, low=0.5, high=0.5, rows=9, greater_is_better=True)
    >>> skill_of(auc, guess)
    Dot(value=0.8, low=0.6, high=1.0)
    """
    best = best_of(score.metric)
    if best is None or plain is None or not abs(best - plain.value) > 1e-12:  # nor where it is not a number
        return None
    ends = [round((v - plain.value) / (best - plain.value), 12) for v in (score.value, score.low, score.high)]
    if not all(abs(v) < 1e9 for v in ends):
        return None
    return Dot(ends[0], min(ends[1:]), max(ends[1:]))


def confusion(shown: ModelPage) -> str:
    """Counts by true and predicted class; of many classes the most frequent mistakes, the counts folded."""
    names, counts = shown.target.classes, shown.evaluation.confusion
    if not names or len(counts) != len(names):
        return ""
    right, total = sum(row[i] for i, row in enumerate(counts)), sum(map(sum, counts))
    said = f"<p>{right:,} of {counted(total, 'label')} were right.</p>"
    if len(names) <= MOST_HEAT:
        return section("Right and wrong", said + _called(shown) + heat(names, counts))
    wrong = sorted(
        ((n, i, k) for i, row in enumerate(counts) for k, n in enumerate(row) if n and i != k), reverse=True
    )
    rows = [(f"{n:,} of {sum(counts[i]):,}", names[i], names[k]) for n, i, k in wrong[:MOST_MISTAKES]]
    worst = table(("rows", "were", "and were called"), rows, "the most frequent mistakes", words=(0, 1, 2))
    recalls = sorted(((row[i] / sum(row), names[i]) for i, row in enumerate(counts) if sum(row)))
    low = ", ".join(f"{name} ({100 * share:.0f} %)" for share, name in recalls[:3])
    return section(
        "Right and wrong",
        f"{said}<p>Least often recognised: {text(low)}. The most frequent mistakes:</p>{worst}"
        f"<details><summary>all counts</summary>{heat(names, counts)}</details>",
    )


def decision(shown: ModelPage) -> str:
    """How labels follow from probabilities, and what that brings beside other ways."""
    evaluation = shown.evaluation
    if evaluation.decision is None:
        return ""
    said = evaluation.decision.said or "the likeliest class"
    told = f"<p>The label: {text(said)}.</p>"
    names = list(dict.fromkeys(s.metric for o in evaluation.outcomes for s in o.scores))
    costs = _chart_of_costs(evaluation)
    left = [
        n for n in names if n != "expected_cost_per_1000_rows" and not (costs and n == "cost_per_1000_rows")
    ]
    rows = []
    for outcome in evaluation.outcomes:
        of = {s.metric: s for s in outcome.scores}
        if "expected_cost_per_1000_rows" in of:
            foretold = figures.plain(of["expected_cost_per_1000_rows"].value)
            costs += f'<p class="small">The probabilities foretell a cost of {foretold} per 1,000 rows.</p>'
        rows.append((outcome.way, *(_with_interval(of.get(name), "\n") for name in left)))
    heads = ("labels", *(OUTCOMES.get(name, name.replace("_", " ")) for name in left))
    return section("How it decides", told + costs + (table(heads, rows, "ways to decide") if left else ""))


def _row(score: Score, plain: Score | None, skill: Dot | None, scale: Scale, first: bool) -> str:
    value, interval = figures.score(score)
    beside = figures.like(plain.value, score) if plain else ""
    drawn = ""
    if skill is not None:
        said = f"{score.metric}: {100 * skill.value:.0f} % of the way from guessing to perfect"
        drawn = strip(scale, _within(skill), said, marks=(0.0, 1.0), plain=0.0)
    meaning = text(METRICS.get(score.metric, ""))
    return (
        f'<tr class="{"first" if first else "next"}"><th scope="row">{text(score.metric)}'
        f'<span class="small soft">{meaning}</span></th><td class="plot">{drawn}</td>'
        f'<td class="n">{value}</td><td class="n from">{interval}</td><td class="n guess">{beside}</td></tr>'
    )


def _rival(rival: Rival, plain: dict[str, Score], scale: Scale) -> str:
    """The strong default, under the score that was optimised."""
    score = rival.score
    value, interval = figures.score(score)
    skill = skill_of(score, plain.get(score.metric))
    said = f"{score.metric} of {rival.name} alone"
    drawn = strip(scale, _within(skill), said, marks=(0.0, 1.0)) if skill is not None else ""
    return (
        f'<tr class="rival"><th scope="row">{text(rival.name)} alone'
        f'<span class="small soft">{text(score.metric)} of one booster as it comes</span></th>'
        f'<td class="plot">{drawn}</td>'
        f'<td class="n">{value}</td><td class="n from">{interval}</td><td></td></tr>'
    )


def _beside(evaluation: Evaluation) -> str:
    """The strong default, and what choosing among candidates flatters, in a line each."""
    lines = [f"{evaluation.default.said}."] if evaluation.default is not None else []
    chosen = evaluation.selection
    lines += [" ".join(s for s in (chosen.said, chosen.whole_said) if s)] if chosen is not None else []
    return "".join(f"<p>{text(line)}</p>" for line in lines)


def _within(skill: Dot) -> Dot:
    return Dot(*(max(LEAST, min(1.0, v)) for v in (skill.value, skill.low, skill.high)))


def _remarks(evaluation: Evaluation) -> list[str]:
    rule = evaluation.decision.rule if evaluation.decision else "likeliest"
    if rule not in _LABELS:
        return []
    return [f"Labels follow {_LABELS[rule]}, so that accuracy is not what they aim at."]


def _called(shown: ModelPage) -> str:
    """Of two classes: what a positive answer is worth, in counts."""
    target, counts = shown.target, shown.evaluation.confusion
    if len(target.classes) != 2 or target.positive not in target.classes:
        return ""
    p = target.classes.index(target.positive)
    called, hits, there = sum(row[p] for row in counts), counts[p][p], sum(counts[p])
    return (
        f"<p>Of {called:,} rows that it called '{text(target.positive)}', {hits:,} were; "
        f"of {there:,} that were, it found {hits:,}.</p>"
    )


def _chart_of_costs(evaluation: Evaluation) -> str:
    """The cost of each way to decide, on one scale."""
    of = [(o.way, s) for o in evaluation.outcomes for s in o.scores if s.metric == "cost_per_1000_rows"]
    if len(of) < 2:
        return ""
    rows = [Row(way, Dot(s.value, s.low, s.high), _with_interval(s)) for way, s in of]
    return dot_list(rows, ("labels", "cost per 1,000 rows"), marks=(0.0,))


def _with_interval(score: Score | None, between: str = " ") -> str:
    if score is None:
        return ""
    value, interval = figures.score(score)
    return f"{value}{between}({interval})" if interval not in ("", "none") else value
