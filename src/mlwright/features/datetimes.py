"""Datetime parts as nodes: from seconds since 1970 UTC to hour, weekday, day, month, and year.

The civil calendar follows Howard Hinnant, "chrono-compatible low-level date algorithms" (days to civil),
in floor arithmetic on doubles, exact for the years 0 to 9999. Missing stays NaN.
"""

from __future__ import annotations

from mlwright.graph.build import GraphBuilder

PARTS = ("hour", "weekday", "day", "month", "year")


def part_nodes(g: GraphBuilder, seconds: str) -> list[str]:
    """One tensor [N, D] for each of PARTS, from seconds [N, D]; hours carry their fraction."""

    def c(value: float) -> str:
        return g.constant(float(value))

    def floor_div(a: str, b: float) -> str:
        return g.node("Floor", g.node("Div", a, c(b)))

    def minus(a: str, b: str, times: float) -> str:
        return g.node("Sub", a, g.node("Mul", b, c(times)))

    days = floor_div(seconds, 86400)
    hour = g.node("Div", minus(seconds, days, 86400), c(3600))
    shifted = g.node("Add", days, c(3))  # 1970-01-01 was a Thursday; Monday is 0
    weekday = minus(shifted, floor_div(shifted, 7), 7)
    z = g.node("Add", days, c(719468))
    era = floor_div(z, 146097)
    doe = minus(z, era, 146097)
    leap = g.node("Sub", g.node("Add", doe, floor_div(doe, 36524)), floor_div(doe, 1460))
    yoe = floor_div(g.node("Sub", leap, floor_div(doe, 146096)), 365)
    days_before = g.node(
        "Sub", g.node("Add", g.node("Mul", yoe, c(365)), floor_div(yoe, 4)), floor_div(yoe, 100)
    )
    doy = g.node("Sub", doe, days_before)
    mp = floor_div(g.node("Add", g.node("Mul", doy, c(5)), c(2)), 153)
    start = floor_div(g.node("Add", g.node("Mul", mp, c(153)), c(2)), 5)
    day = g.node("Add", g.node("Sub", doy, start), c(1))
    late = g.node(
        "Cast", g.node("GreaterOrEqual", mp, c(10)), to=11
    )  # January and February close the shifted year
    month = minus(g.node("Add", mp, c(3)), late, 12)
    year = g.node("Add", g.node("Add", yoe, g.node("Mul", era, c(400))), late)
    return [hour, weekday, day, month, year]
