"""Units behind numbers: which of them a column uses, and whole columns brought into one.

Used by inference and decoding through `numbers`. A unit is known by the table below; whatever else stands
behind a number keeps the column text. `base.decoding.number_of` has the last word.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

import polars as pl

from mlwright.base.numerals import unit_scales
from mlwright.base.schema import NumberFormat

_DIMENSIONS: Final[tuple[tuple[tuple[float, tuple[str, ...]], ...], ...]] = (
    (
        (1.0, ("kg", "kgs", "Kg", "KG", "kilo", "kilos")),
        (1e-3, ("g", "gr", "gram", "grams", "gramme", "grammes", "Gramm")),
        (1e-6, ("mg",)),
        (1e3, ("t", "tonne", "tonnes", "Tonnen")),
        (0.45359237, ("lb", "lbs", "LB", "LBS", "pound", "pounds")),
        (0.028349523125, ("oz", "OZ", "ounce", "ounces")),
    ),
    (
        (1.0, ("m", "metre", "metres", "meter", "meters", "Meter")),
        (1e-2, ("cm", "CM")),
        (1e-3, ("mm", "MM")),
        (1e3, ("km", "KM", "kilometres", "kilometers")),
        (0.0254, ("in", "inch", "inches")),
        (0.3048, ("ft", "feet", "foot")),
        (0.9144, ("yd", "yard", "yards")),
        (1609.344, ("mi", "mile", "miles")),
    ),
    (
        (1.0, ("s", "sec", "secs", "second", "seconds", "Sek", "Sekunden")),
        (1e-3, ("ms", "msec", "milliseconds")),
        (1e-6, ("us", "µs", "μs")),
        (60.0, ("min", "mins", "minute", "minutes", "Minuten")),
        (3600.0, ("h", "hr", "hrs", "hour", "hours", "Std", "Stunden")),
        (86400.0, ("d", "day", "days", "Tag", "Tage", "jours")),
        (604800.0, ("wk", "week", "weeks", "Wochen")),
    ),
    ((1.0, ("month", "months", "mo", "mos", "Monate")), (12.0, ("year", "years", "yr", "yrs", "Jahre"))),
    (
        (1.0, ("l", "L", "litre", "litres", "liter", "liters", "Liter")),
        (1e-3, ("ml", "mL", "ML")),
        (1e-2, ("cl",)),
        (0.1, ("dl",)),
        (3.785411784, ("gal", "gallon", "gallons")),
    ),
    ((1.0, ("m2", "m²", "sqm", "qm")), (1e4, ("ha",)), (1e6, ("km2", "km²"))),
    ((1.0, ("sqft", "sq ft", "sq. ft.", "ft2", "ft²")), (43560.0, ("acre", "acres"))),
    ((1.0, ("m3", "m³", "cbm")),),
    ((1.0, ("W",)), (1e3, ("kW",)), (1e6, ("MW",))),
    ((1.0, ("Wh",)), (1e3, ("kWh", "KWH", "kwh")), (1e6, ("MWh",))),
    ((1.0, ("hp", "HP", "bhp", "PS")),),
    ((1.0, ("cc", "ccm")),),
    ((1.0, ("kB", "KB", "kb")), (1e3, ("MB", "mb")), (1e6, ("GB", "gb")), (1e9, ("TB", "tb"))),
    ((1.0, ("KiB",)), (1024.0, ("MiB",)), (1048576.0, ("GiB",))),
    ((1.0, ("Hz",)), (1e3, ("kHz",)), (1e6, ("MHz",)), (1e9, ("GHz",))),
    ((1.0, ("km/h", "kmh", "kph")), (1.609344, ("mph",)), (3.6, ("m/s",))),
    ((1.0, ("hPa", "mbar")), (1e-2, ("Pa",)), (10.0, ("kPa",)), (1e3, ("bar",))),
    ((1.0, ("mmHg", "mm Hg")),),
    ((1.0, ("°C", "℃")),),
    ((1.0, ("°F", "℉")),),
    ((1.0, ("kcal",)), (1e-3, ("cal",))),
    ((1.0, ("mpg",)),),
    ((1.0, ("kmpl",)),),
    ((1.0, ("rpm", "RPM")),),
    ((1.0, ("bpm",)),),
    ((1.0, ("ppm",)),),
    ((1.0, ("mg/dl", "mg/dL")),),
    ((1.0, ("mmol/l", "mmol/L")),),
    ((1.0, ("pcs", "pc", "pieces", "Stk", "Stück")),),
    ((1.0, ("px", "pixels")),),
)
"""Spellings of units that measure one thing, with what one of each is in the first; no spelling twice."""
_SCALE_OF: Final = {
    spelling: (number, scale)
    for number, dimension in enumerate(_DIMENSIONS)
    for scale, spellings in dimension
    for spelling in spellings
}
_BESIDE_DIGITS: Final = frozenset("gmhl")
"""One letter close to digits is rather a code (`12A`), but for these."""
_FEWEST: Final = 3
_LONGEST: Final = 40
_BLANK: Final = "[ \u00a0\u202f]"
_SPELLINGS: Final = "|".join(re.escape(s) for s in sorted(_SCALE_OF, key=len, reverse=True))
_FORM: Final = rf"^[+-]?[0-9.,' \u00a0\u202f]*[0-9.]({_BLANK}?)({_SPELLINGS})$"


def units_of(texts: pl.Series) -> NumberFormat | None:
    """The units of nearly all of the cleaned distinct `texts`, without separators; or None.

    The most frequent is the column's; the others are those that were seen and measure the same thing.

    >>> units_of(pl.Series(["1 kg", "2 kg", "500 g"])).units
    (('kg', 1.0), ('g', 0.001))
    >>> units_of(pl.Series(["1 kg", "2 m", "3 s"])) is None
    True
    """
    short = texts.filter(texts.str.len_bytes() <= _LONGEST)
    parts = pl.DataFrame({"blank": short.str.extract(_FORM, 1), "unit": short.str.extract(_FORM, 2)})
    seen: Counter[str] = Counter()
    for blank, unit in parts.drop_nulls().iter_rows():
        if blank or len(unit) > 1 or unit in _BESIDE_DIGITS:
            seen[unit] += 1
    if seen.total() < _FEWEST or seen.total() * 10 < len(texts) * 9:
        return None
    first = min(seen, key=lambda u: (-seen[u], u))
    dimension, base = _SCALE_OF[first]
    alike = sorted((u for u in seen if _SCALE_OF[u][0] == dimension), key=lambda u: (-seen[u], u))
    if sum(seen[u] for u in alike) * 10 < seen.total() * 9:
        return None
    return NumberFormat(units=tuple((u, _ratio(_SCALE_OF[u][1], base)) for u in alike))


def without_units(texts: pl.Series, number: NumberFormat) -> tuple[pl.Series, pl.Series]:
    """Cleaned `texts` without the units of `number`, and which unit each had, by its place in `number.units`.

    The text is null where a unit is due and absent; the place is null where there was none.

    >>> bare, unit = without_units(pl.Series(["1 kg", "2"]), NumberFormat(units=(("kg", 1.0),)))
    >>> bare.to_list(), unit.to_list()
    (['1', '2'], [0, None])
    """
    spellings = [s for s, _ in number.units]
    either = "|".join(re.escape(s) for s in sorted(spellings, key=len, reverse=True))
    form = rf"^(.*?){_BLANK}?({either})$"
    unit = texts.str.extract(form, 2).replace_strict(
        spellings, list(range(len(spellings))), default=None, return_dtype=pl.Int64
    )
    bare = pl.select(pl.coalesce(texts.str.extract(form, 1), texts)).to_series()
    if len({scale for _, scale in number.units}) > 1:
        bare = bare.set(unit.is_null(), None)
    return bare, unit


def scaled(plain: pl.Series, unit: pl.Series, number: NumberFormat) -> tuple[pl.Series, pl.Series]:
    """Plain numbers as texts in the column's unit, where a shift of the point does it; factors for the rest.

    A text with an exponent of its own becomes null: the decoder of single values knows it.
    """
    texts, factors = plain, pl.repeat(1.0, len(plain), eager=True)
    for place, (_, power, factor) in enumerate(unit_scales(number.units)):
        here = (unit == place).fill_null(False)
        if power is None:
            factors = factors.set(here, factor)
        elif power:
            shifted = plain.set(plain.str.contains("[eE]").fill_null(False), None) + f"e{power}"
            texts = pl.select(pl.when(here).then(shifted).otherwise(texts)).to_series()
    return texts, factors


def _ratio(scale: float, base: float) -> float:
    """`scale / base`, exactly a power of ten where it is one."""
    ratio = scale / base
    near = float(f"{ratio:.0e}")
    return near if abs(ratio - near) <= 1e-12 * near else ratio
