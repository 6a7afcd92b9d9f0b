"""The check for values that a column of its name cannot hold (MLW109).

Called by `check` through the table of checks. A rule is believed only where most values keep it: a column in
which many values break it measures something else, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlwright.base.schema import Column
from mlwright.checks.disguised import sentinels
from mlwright.checks.meaning import Phrases, means, phrases_of, words
from mlwright.checks.outcome import Check, CouldNotLook, Seen, first_rows, need_rows, percent
from mlwright.checks.table import Table
from mlwright.statistics.intervals import Floats, wilson

LEAST_ROWS = 20
DAY_S = 86_400.0
YEAR_S = 365.25 * DAY_S
LONGEST_LIFE = 130

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Rule:
    """What a quantity cannot be below or above, and the names that it goes by."""

    what: str
    names: Phrases
    low: float = -np.inf
    high: float = np.inf
    most: float = 0.2
    """The share of rows that may break the rule for it still to be believed: the 95 % interval lies below."""
    alone: bool = False
    """Whether the name must be the column's whole name but for words that change nothing."""
    open: bool = False
    """Whether the low end itself is impossible as well."""


RULES: Final = (
    Rule("an age", phrases_of("age, ages, alter, edad, idade, eta, leeftijd, wiek, alder"), 0, LONGEST_LIFE),
    Rule("a latitude", phrases_of("latitude, lat, breitengrad, latitud, latitudine"), -90, 90, 0.5),
    Rule("a longitude", phrases_of("longitude, lon, lng, langengrad, longitud, longitudine"), -180, 360, 0.5),
    Rule(
        "a probability",
        phrases_of("probability, prob, proba, wahrscheinlichkeit, probabilite, propensity"),
        0,
        1,
    ),
    Rule(
        "a percentage",
        phrases_of("percent, percentage, pct, prozent, pourcentage, porcentaje, percentuale, humidity"),
        0,
        100,
    ),
    Rule("a month", phrases_of("month, monat, mois, mes, mese, maand"), 0, 12, 0.05, alone=True),
    Rule(
        "a day of the month", phrases_of("day, tag, jour, dia, giorno, day of month"), 0, 31, 0.05, alone=True
    ),
    Rule("an hour", phrases_of("hour, hr, stunde, heure, hora"), 0, 24, 0.05, alone=True),
    Rule("a minute", phrases_of("minute"), 0, 60, 0.05, alone=True),
    Rule("a year", phrases_of("year, yr, jahr, annee, ano, anno, jaar"), 1000, 2150, 0.2),
    Rule(
        "a price",
        phrases_of("price, preis, prix, precio, preco, prezzo, prijs, unitprice"),
        0,
        open=True,
    ),
    Rule(
        "an amount to pay",
        phrases_of(
            "cost, costs, kosten, cout, fare, fee, salary, wage, wages, gehalt, lohn, salaire, salario, "
            "rent, miete, loyer, charge, charges, premium"
        ),
        0,
    ),
    Rule(
        "a count",
        phrases_of(
            "count, counts, cnt, quantity, qty, anzahl, menge, cantidad, quantite, quantita, number of, "
            "num of, no of, nr of, children, visits, clicks, views, rooms, bedrooms, bathrooms, households, "
            "population, pregnancies"
        ),
        0,
    ),
    Rule(
        "a duration",
        phrases_of(
            "duration, dauer, duree, duracion, durata, elapsed, tenure, age in days, lifetime, air time"
        ),
        0,
    ),
    Rule(
        "a distance or size",
        phrases_of(
            "distance, entfernung, distancia, distanza, length, lange, longueur, width, breite, largeur, "
            "height, hohe, hauteur, weight, gewicht, poids, peso, area, flache, sqft, size, volume, mass, "
            "perimeter, mileage, speed, vitesse, windspeed, glucose, insulin, bmi, blood pressure"
        ),
        0,
    ),
)
"""The first rule whose names fit a column is its rule."""

_SIGNED: Final = phrases_of(
    "diff, difference, delta, change, changes, net, balance, return, returns, adjustment, adjusted, log, ln, "
    "zscore, z score, scaled, norm, normalized, normalised, standardized, std, residual, error, offset, "
    "lag, gap, trend, growth, variation, deviation, vertical, signed, relative, anomaly, index, score, rate, "
    "effect, pca, embedding, factor, disc, discount, loss, gain, id, code"
)
"""Words that make any number possible."""
_BESIDES: Final = frozenset(("of", "the", "start", "birth", "event", "order", "sale", "x", "y", "a", "b"))
_LIVES: Final = phrases_of(
    "birth, dob, birthday, birthdate, born, geburt, geburtstag, geburtsdatum, naissance, nacimiento, "
    "nascimento, nascita, geboorte, geboortedatum"
)
_PAIRS: Final = tuple(
    (phrases_of(first), phrases_of(then))
    for first, then in (
        (
            "start, started, begin, beginning, from, beginn, von, debut, inicio, inizio, open, opened, since",
            "end, ended, finish, finished, to, until, ende, bis, fin, final, fine, close, closed, stop",
        ),
        ("pickup", "dropoff"),
        ("admission, admitted, checkin, check in", "discharge, discharged, checkout, check out"),
        ("hire, hired, joined", "termination, terminated, left, exit"),
        ("birth, born, dob", "death, died, dod"),
        ("order, ordered", "ship, shipped, delivery, delivered"),
        ("created, creation", "updated, modified, closed, deleted"),
        ("issue, issued", "expiry, expiration, expires, expired"),
        ("departure", "arrival"),
        ("min, minimum, lowest", "max, maximum, highest"),
    )
)
_NUMBERS_TOO: Final = _PAIRS[-1]
"""The pair that numbers are held to as well; of clock times, a later one may be less."""


def impossible(table: Table) -> Iterator[Seen]:
    """MLW109."""
    need_rows(len(table), LEAST_ROWS)
    columns = [c for c in table.dataset.schema.columns if _looked_at(c)]
    numbers = [c for c in columns if c.kind == "numeric" and rule_of(c.name)]
    lives = [c for c in columns if c.kind == "datetime" and means(words(c.name), _LIVES)]
    pairs = list(_pairs(columns))
    if not numbers and not lives and not pairs:
        raise CouldNotLook("not_applicable", "no column's name says what it cannot be")
    for column in numbers:
        yield from _outside(table, column)
    for column in lives:
        yield from _births(table, column)
    for first, then in pairs:
        yield from _reversed(table, first, then)


def _looked_at(column: Column) -> bool:
    return column.role not in ("ignored", "id", "weight") and column.kind in ("numeric", "datetime")


def rule_of(name: str) -> Rule | None:
    """The rule that numbers under this name are held to.

    >>> rule_of("Age").what, rule_of("unit_price").what, rule_of("price_change"), rule_of("dep_delay")
    ('an age', 'a price', None, None)
    """
    called = words(name)
    if means(called, _SIGNED):
        return None
    bare = tuple(w for w in called if w not in _BESIDES)
    for rule in RULES:
        if (bare in rule.names) if rule.alone else means(called, rule.names):
            return rule
    return None


def _outside(table: Table, column: Column) -> Iterator[Seen]:
    rule, numbers = rule_of(column.name), table.numbers(column)
    known = ~np.isnan(numbers)
    if rule is None or known.sum() < LEAST_ROWS:
        return
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    if low >= rule.low + rule.open and high <= rule.high:
        return
    markers = sentinels(numbers[known], column.name)
    known &= ~np.isin(numbers, markers)  # told as MLW106
    below = known & (numbers < rule.low)
    if rule.open and _zero_is_odd(numbers[known]):
        below |= known & (numbers <= rule.low)
    above = known & (numbers > rule.high)
    outside = below | above
    share = wilson(int(outside.sum()), int(known.sum()))
    if not outside.any() or share.high > rule.most:
        return
    yield Seen(
        f"{_told(rule, below, above, numbers)} in {int(outside.sum()):,} of {int(known.sum()):,} rows, "
        f"{percent(share)}",
        "Mend these values or make them missing; waive this where the column means something else.",
        column.name,
        first_rows(outside),
    )


def _zero_is_odd(known: Floats) -> bool:
    """Whether a zero stands beside numbers that are amounts, not shares between 0 and 1."""
    return bool((known > 1).mean() > 0.2)


def _told(rule: Rule, below: Mask, above: Mask, numbers: Floats) -> str:
    zero = bool(rule.open and (numbers[below] == rule.low).any())
    parts = []
    if below.any():
        parts.append(f"{'at or ' if zero else ''}below {rule.low:g}")
    if above.any():
        parts.append(f"above {rule.high:g}")
    return f"{rule.what} {' or '.join(parts)}"


def _births(table: Table, column: Column) -> Iterator[Seen]:
    seconds = table.numbers(column)
    known = ~np.isnan(seconds)
    if known.sum() < LEAST_ROWS:
        return
    future = known & (seconds > table.now_s)
    early = known & (seconds < table.now_s - LONGEST_LIFE * YEAR_S)
    # A date that programs write for none is told as MLW106 where it piles up; here it is one more early date.
    for rows, what in (
        (future, "a birth after today"),
        (early, f"a birth more than {LONGEST_LIFE} years ago"),
    ):
        share = wilson(int(rows.sum()), int(known.sum()))
        if rows.any() and share.high <= 0.2:
            yield Seen(
                f"{what} in {int(rows.sum()):,} of {int(known.sum()):,} rows, {percent(share)}",
                "Look at how the year was read (two digits?), and mend these dates or make them missing.",
                column.name,
                first_rows(rows),
            )


def _pairs(columns: list[Column]) -> Iterator[tuple[Column, Column]]:
    """Columns of one kind whose names differ by a word for the start and one for the end."""
    by_rest: dict[tuple[int, str, tuple[str, ...]], Column] = {}
    for k, (starts, _) in enumerate(_PAIRS):
        for column in columns:
            for rest in _without(words(column.name), starts):
                by_rest.setdefault((k, column.kind, rest), column)
    done = set()
    for k, pair in enumerate(_PAIRS):
        for column in columns:
            if column.kind == "numeric" and pair is not _NUMBERS_TOO:
                continue
            for rest in _without(words(column.name), pair[1]):
                first = by_rest.get((k, column.kind, rest))
                if first and first is not column and (first.name, column.name) not in done:
                    done.add((first.name, column.name))
                    yield first, column


def _without(called: tuple[str, ...], phrases: Phrases) -> Iterator[tuple[str, ...]]:
    """The words that remain when one phrase is taken out of a name."""
    for n in (1, 2):
        for i in range(len(called) - n + 1):
            if called[i : i + n] in phrases:
                yield called[:i] + called[i + n :]


def _reversed(table: Table, first: Column, then: Column) -> Iterator[Seen]:
    start, end = table.numbers(first), table.numbers(then)
    known = ~(np.isnan(start) | np.isnan(end))
    wrong: Mask = known & (end < start)
    count: int = int(known.sum())
    share = wilson(int(wrong.sum()), count)
    if count >= LEAST_ROWS and wrong.any() and share.high <= 0.2:
        yield Seen(
            f"it lies before {first.name!r} in {int(wrong.sum()):,} of {count:,} rows, {percent(share)}",
            "Find out which of the two is wrong in these rows, or whether they were exchanged.",
            then.name,
            first_rows(np.asarray(wrong, dtype=bool)),
        )


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW109",
        "values that cannot be",
        "tip",
        impossible,
        "Holds numbers to what their column's name says, in several languages: ages of 0 to 130, latitudes "
        "and longitudes, probabilities, percentages, months, days, hours, years of four digits, prices above "
        "zero, and no negative counts, durations, distances or sizes; births after today or more than 130 "
        "years ago; ends before their start. Found where any row breaks the rule and the 95 % interval of "
        "their share lies under 20 % (50 % for coordinates, 5 % for parts of a date): beyond that the name "
        "means something else.",
        "Fellegi & Holt (1976), A systematic approach to automatic edit and imputation, JASA 71; interval: "
        "Wilson (1927)",
    ),
)
