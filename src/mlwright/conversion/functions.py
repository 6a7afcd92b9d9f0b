"""Functions of numbers that no operator is, to the last digits, by nodes that are."""

from __future__ import annotations

from collections.abc import Sequence

from mlwright.graph.build import GraphBuilder


def log1p(g: GraphBuilder, x: str) -> str:
    """log(1 + x) to the last digits for small x too: log(u) * x / (u - 1) for the u that 1 + x rounds to
    (Goldberg, ACM Computing Surveys 1991)."""
    one = g.constant(1.0)
    u = g.node("Add", x, one)
    away = g.node("Sub", u, one)
    tiny = g.node("Equal", away, g.constant(0.0))
    ratio = g.node("Div", x, g.node("Where", tiny, one, away))
    endless = g.node("Equal", u, x)  # so large that 1 is nothing beside it
    ratio = g.node("Where", endless, one, ratio)
    return g.node("Where", tiny, x, g.node("Mul", g.node("Log", u), ratio))


def expm1(g: GraphBuilder, x: str) -> str:
    """exp(x) - 1 to the last digits for small x too: (u - 1) * x / log(u) for the u that exp(x) rounds to
    (Kahan)."""
    one = g.constant(1.0)
    u = g.node("Exp", x)
    away = g.node("Sub", u, one)
    tiny = g.node("Equal", away, g.constant(0.0))
    none = g.node("Equal", away, g.constant(-1.0))
    log = g.node("Log", u)
    usual = g.node("Or", g.node("Or", tiny, none), g.node("Greater", x, g.constant(30.0)))
    safe = g.node("Div", g.node("Mul", away, x), g.node("Where", usual, one, log))
    plain = g.node("Where", tiny, x, away)
    return g.node("Where", usual, plain, safe)


def normal_quantile(g: GraphBuilder, p: str) -> str:
    """The point that a standard normal number lies below with probability `p`, for 1e-10 < p < 1 - 1e-10:
    Wichura's AS241 (Applied Statistics 1988) without its farthest tails."""
    q = g.node("Sub", p, g.constant(0.5))
    square = g.node("Sub", g.constant(0.180625), g.node("Mul", q, q))
    middle = g.node("Mul", q, g.node("Div", _polynomial(g, square, _MIDDLE), _polynomial(g, square, _UNDER)))
    less = g.node("LessOrEqual", q, g.constant(0.0))
    tail = g.node("Where", less, p, g.node("Sub", g.constant(1.0), p))
    r = g.node("Sub", g.node("Sqrt", g.node("Neg", g.node("Log", tail))), g.constant(1.6))
    far = g.node("Div", _polynomial(g, r, _TAIL), _polynomial(g, r, _TAIL_UNDER))
    far = g.node("Where", less, g.node("Neg", far), far)
    near = g.node("LessOrEqual", g.node("Abs", q), g.constant(0.425))
    return g.node("Where", near, middle, far)


def _polynomial(g: GraphBuilder, x: str, coefficients: Sequence[float]) -> str:
    """The highest power first."""
    out = g.constant(coefficients[0])
    for coefficient in coefficients[1:]:
        out = g.node("Add", g.node("Mul", out, x), g.constant(coefficient))
    return out


_MIDDLE = (
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
    1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
)  # fmt: skip
_UNDER = (
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
)  # fmt: skip
_TAIL = (
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
    3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0,
)  # fmt: skip
_TAIL_UNDER = (
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
    1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
    2.05319162663775882187e0, 1.0,
)  # fmt: skip
