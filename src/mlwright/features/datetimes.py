"""Datetime parts as nodes: from seconds since 1970 UTC to hour, weekday, day, month, year, day of the year.

The civil calendar follows Howard Hinnant, "chrono-compatible low-level date algorithms" (days to civil),
in floor arithmetic on doubles, exact for the years 0 to 9999. Missing stays NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlwright.features.transform import Built, Doubles, Feature
from mlwright.graph.build import GraphBuilder

PARTS = ("hour", "weekday", "day", "month", "year", "day_of_year")


@dataclass(frozen=True)
class Moments:
    """The parts of datetime columns: all columns' hours, then all their weekdays, and so on through PARTS."""

    name: str
    sources: tuple[Feature, ...]
    """The datetimes, in seconds since 1970."""

    @property
    def width(self) -> int:
        return len(PARTS) * len(self.sources)

    @property
    def training(self) -> Doubles | None:
        return None

    def needs(self, columns: Sequence[int]) -> list[Feature]:
        return [self.sources[i] for i in sorted({c % len(self.sources) for c in columns})]

    def nodes(self, g: GraphBuilder, built: Built, columns: Sequence[int]) -> str:
        moments = sorted({c % len(self.sources) for c in columns})
        place = {m: i for i, m in enumerate(moments)}
        asked = sorted({c // len(self.sources) for c in columns})
        parts = part_nodes(g, built.take(self.needs(columns)), [PARTS[p] for p in asked])
        width = len(asked) * len(moments)
        starts = {p: i * len(moments) for i, p in enumerate(asked)}
        wanted = [starts[c // len(self.sources)] + place[c % len(self.sources)] for c in columns]
        return g.columns(g.concat(parts), wanted, width)


def part_nodes(g: GraphBuilder, seconds: str, parts: Sequence[str] = PARTS) -> list[str]:
    """One tensor [N, D] for each of `parts`, from seconds [N, D]; hours carry their fraction."""
    made: dict[str, str] = {}
    days = _floor_div(g, seconds, 86400)
    if "hour" in parts:
        made["hour"] = g.node("Div", _minus(g, seconds, days, 86400), g.constant(3600.0))
    if "weekday" in parts:
        shifted = g.node("Add", days, g.constant(3.0))  # 1970-01-01 was a Thursday; Monday is 0
        made["weekday"] = _minus(g, shifted, _floor_div(g, shifted, 7), 7)
    if {"day", "month", "year", "day_of_year"} & set(parts):
        made |= _civil(g, days, parts)
    return [made[p] for p in parts]


def _civil(g: GraphBuilder, days: str, parts: Sequence[str]) -> dict[str, str]:
    """Day, month, year and day of the year, each where asked for, of days since 1970."""

    def c(value: float) -> str:
        return g.constant(float(value))

    made: dict[str, str] = {}
    z = g.node("Add", days, c(719468))
    era = _floor_div(g, z, 146097)
    doe = _minus(g, z, era, 146097)
    leap = g.node("Sub", g.node("Add", doe, _floor_div(g, doe, 36524)), _floor_div(g, doe, 1460))
    yoe = _floor_div(g, g.node("Sub", leap, _floor_div(g, doe, 146096)), 365)
    days_before = g.node(
        "Sub", g.node("Add", g.node("Mul", yoe, c(365)), _floor_div(g, yoe, 4)), _floor_div(g, yoe, 100)
    )
    doy = g.node("Sub", doe, days_before)  # 1 March is 0, so that leap days come last
    if "day_of_year" in parts:
        # 1 March is the 60th day of every year: 29 February shares its number.
        turned = g.node("Cast", g.node("GreaterOrEqual", doy, c(306)), to=11)
        made["day_of_year"] = _minus(g, g.node("Add", doy, c(60)), turned, 365)
    if not {"day", "month", "year"} & set(parts):
        return made
    mp = _floor_div(g, g.node("Add", g.node("Mul", doy, c(5)), c(2)), 153)
    if "day" in parts:
        start = _floor_div(g, g.node("Add", g.node("Mul", mp, c(153)), c(2)), 5)
        made["day"] = g.node("Add", g.node("Sub", doy, start), c(1))
    # January and February close the shifted year.
    late = g.node("Cast", g.node("GreaterOrEqual", mp, c(10)), to=11)
    if "month" in parts:
        made["month"] = _minus(g, g.node("Add", mp, c(3)), late, 12)
    if "year" in parts:
        made["year"] = g.node("Add", g.node("Add", yoe, g.node("Mul", era, c(400))), late)
    return made


def _floor_div(g: GraphBuilder, a: str, b: float) -> str:
    return g.node("Floor", g.node("Div", a, g.constant(float(b))))


def _minus(g: GraphBuilder, a: str, b: str, times: float) -> str:
    return g.node("Sub", a, g.node("Mul", b, g.constant(float(times))))
