"""Checks for columns that moved between two tables: MLW601, MLW603 to MLW605.

Called by `compare` through its table of checks. A column is named only where both hold: among all tests
together one discovery in twenty is false (Benjamini and Hochberg), and its whole interval lies over a floor.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlwright.base.finding import Severity
from mlwright.checks.moves import FLOORS, GRAVE, About, Move
from mlwright.checks.outcome import Check, CouldNotLook, Seen
from mlwright.checks.pair import Pair
from mlwright.statistics.power import harmonic, rows_beside, rows_needed

WORTH_FINDING: Final[dict[About, float]] = {"order": 0.2, "mix": 0.2, "missing": 0.1, "new": 0.1}
"""Shifts of this size must be found four times in five before "passed" may be said."""
UNIT_VARIANCE: Final[dict[About, float]] = {"order": 1 / 3, "mix": 0.25, "missing": 0.09, "new": 0.09}
"""Of rows in which one in ten is missing or new; of the others, the most there can be."""
LEAST_CLUSTERS = 10


def columns_shifted(pair: Pair) -> Iterator[Seen]:
    """MLW601."""
    target = pair.target.name if pair.target is not None else None
    tested = [m for m in pair.moves if m.about in ("order", "gap", "mix") and m.column != target]
    if not tested:
        raise CouldNotLook("not_applicable", "no column but text, ids and times stands in both with values")
    best: dict[str, Move] = {}
    for move in _found(pair, ("order", "gap", "mix")):
        if move.column != target and move.times > getattr(best.get(move.column), "times", 0.0):
            best[move.column] = move
    dates = {c.name for c in pair.features if c.kind == "datetime"}
    for move in sorted(best.values(), key=lambda m: -m.times):
        if move.column in dates:
            remedy = "Later rows have later dates: name the column as the time, or leave it out."
            yield Seen(f"{move.said}{pair.how}", remedy, move.column, severity="tip")
            continue
        yield Seen(
            f"{move.said}{pair.how}",
            "Find out what changed, in the world or on the way the data came. Scores on one of the tables do "
            "not hold for the other; where the new values last, train on them.",
            move.column,
            severity=_severity(move),
        )
    if not best:
        _need_power(pair, "order", len(pair.moves))


def target_shifted(pair: Pair) -> Iterator[Seen]:
    """MLW603."""
    if pair.target is None:
        raise CouldNotLook("not_applicable", "no target stands in both tables")
    name = pair.target.name
    if not any(m.column == name for m in pair.moves):
        raise CouldNotLook("not_applicable", f"{name!r} has no value in one of the tables")
    found = sorted(
        (m for m in _found(pair, ("order", "gap", "mix")) if m.column == name), key=lambda m: -m.times
    )
    for move in found[:1]:
        yield Seen(
            f"{move.said}{pair.how}",
            "Probabilities and thresholds learned from one table do not hold for the other: calibrate anew, "
            "or train on rows as they come now.",
            name,
            severity=_severity(move),
        )
    if not found:
        _need_power(pair, "mix", len(pair.moves))


def new_categories(pair: Pair) -> Iterator[Seen]:
    """MLW604."""
    if not any(c.kind == "categorical" for c in pair.features):
        raise CouldNotLook("not_applicable", "no column of categories stands in both tables")
    found = [m for m in pair.surprising if m.about == "new" and m.effect.low > FLOORS["new"]]
    for move in sorted(found, key=lambda m: -m.effect.low):
        yield Seen(
            move.said,
            "A model treats them as unknown. Look whether they are old ones spelt anew; if not, train on "
            "rows that have them.",
            move.column,
            severity=_severity(move),
        )
    if not found:
        _need_power(pair, "new", len(pair.moves))


def missing_shifted(pair: Pair) -> Iterator[Seen]:
    """MLW605."""
    found = _found(pair, ("missing",))
    for move in sorted(found, key=lambda m: -m.times):
        lost = move.effect.value > 0
        yield Seen(
            f"{move.said}{pair.how}",
            "Find out who fills it in and what became of that: a source that was lost looks like this."
            if lost
            else "Find out how it is filled in now: by new sources, or by a rule, whose values are no "
            "observations. What a model learned from its absence no longer holds.",
            move.column,
            severity=_severity(move) if lost else "tip",
        )
    if not found:
        _need_power(pair, "missing", len(pair.moves))  # where no value is missing in either, too


def _found(pair: Pair, about: tuple[About, ...]) -> list[Move]:
    return [m for m in pair.surprising if m.about in about and m.times > 1]


def _severity(move: Move) -> Severity:
    return "issue" if move.nearest > GRAVE else "tip"


def _need_power(pair: Pair, about: About, tests: int) -> None:
    """Raises `CouldNotLook` where chance would hide a shift that must not be missed."""
    n, m = pair.sizes
    worth = WORTH_FINDING[about]
    needed = rows_needed(effect=worth, floor=FLOORS[about], unit_variance=UNIT_VARIANCE[about], tests=tests)
    if pair.clusters is not None:
        units = [len(set(c.tolist())) for c in pair.clusters]
        if min(units) < LEAST_CLUSTERS:
            raise CouldNotLook(
                "not_enough_data",
                f"{min(units)} groups or stretches of time in one table; {LEAST_CLUSTERS} are needed",
            )
    if harmonic(n, m) >= needed:
        return
    rows = rows_beside(needed, n)
    wanted = f"{rows:,} fresh rows" if rows is not None else f"{2 * needed:,.0f} rows in each table"
    raise CouldNotLook(
        "not_enough_data",
        f"{n:,} reference and {m:,} fresh rows; {wanted} are needed to find a shift of {100 * worth:.0f} "
        f"points four times in five",
    )


CHECKS: Final[tuple[Check[Pair], ...]] = (
    Check(
        "MLW601",
        "the values of a column have shifted",
        "tip",
        columns_shifted,
        "Numbers (and lengths of texts): Cliff's delta with Brunner and Munzel's interval, and the greatest "
        "gap of the two distributions with its band; categories: how far their mix differs (total "
        "variation), chosen on one half of the rows and measured on the other. Found where the test is a "
        "discovery among all of the two tables (Benjamini and Hochberg, 5 %) and the whole 95 % interval "
        "lies over 5 points; an issue over 50, but of dates. Rows of one group, or of one stretch of time "
        "where there is a time, count together. Held to a model's profile, intervals are widened by what a "
        "hundred quantiles leave open.",
        "Brunner & Munzel (2000), Biometrical Journal 42; Massart (1990), Annals of Probability 18; Rao & "
        "Scott (1984), Annals of Statistics 12; Benjamini & Hochberg (1995), JRSS B 57",
    ),
    Check(
        "MLW603",
        "the target has shifted",
        "tip",
        target_shifted,
        "The same for the target, where both tables have it: classes as categories, numbers as numbers.",
        "as MLW601",
    ),
    Check(
        "MLW604",
        "fresh rows hold categories that the reference does not have",
        "tip",
        new_categories,
        "Counts rows whose category does not stand in the reference, against as many as there would be if "
        "all rows were dealt anew to the two tables. Found as MLW601, over 1 point beyond chance.",
        "permutation: Phipson & Smyth (2010), SAGMB 9",
    ),
    Check(
        "MLW605",
        "more or fewer values are missing",
        "tip",
        missing_shifted,
        "The difference of the shares of missing values: score test, exact where few are missing, and "
        "Newcombe's interval. Found as MLW601, over 2 points; where fewer are missing it is a tip.",
        "Newcombe (1998), Statistics in Medicine 17",
    ),
)
