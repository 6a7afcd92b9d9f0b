"""Dates and times written as text: which form a column uses, and ISO 8601 for a whole column at once.

Used by inference and decoding. The forms are strptime forms; `base.decoding.moment_of` has the last word.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from mlwright.base.decoding import moment_of, read_by

_EXACT = 2**53
"""Microseconds that a double holds exactly: until the year 2255."""
_FEWEST_IN_ORDER = 5
"""Fewer dates may well be in order by chance."""
_ISO_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_ISO_SECOND = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}$"
_DAYS_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%y", "%d-%m-%y", "%d.%m.%y")
_DAYS_OTHER = (
    "%m/%d/%Y",
    "%m-%d-%Y",
    "%m/%d/%y",
    "%m-%d-%y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%d/%b/%Y",
    "%d. %B %Y",
    "%d. %b %Y",
    "%A, %d. %B %Y",
    "%A, %d %B %Y",
    "%a %d %b %Y",
)
_MONTHS_ALONE = ("%b-%Y", "%b %Y", "%B %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f", "T%H:%M:%S", " %H:%M:%S %z")
_WHOLE_FORMS = ("%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S %z", "%d/%b/%Y:%H:%M:%S %z")
_COMPACT = ("%Y%m%d", "%Y%m%d%H%M%S")
_NAMED_DATE = re.compile(r"date|day|datum|fecha|_at$|_on$|^dt|_dt$|dttm|time", re.IGNORECASE)
_LOOKS_DATED = re.compile(r"\d.*[-/. :,]|[-/. :,].*\d", re.ASCII)


@dataclass(frozen=True)
class DateForm:
    """How a column writes its dates."""

    formats: tuple[str, ...]
    """strptime forms; none where all is ISO 8601."""
    other: str | None = None
    """The form that would have read every value as well, with day and month exchanged."""
    by_order: bool = False
    """Of two forms this one puts the rows in order of time."""


def seconds_of_iso(texts: pl.Series) -> pl.Series:
    """Seconds since 1970 of cleaned texts in the common ISO forms, Float64; null for any other text.

    >>> seconds_of_iso(pl.Series(["1970-01-02", "1970-01-01T00:01:00", "1970-02-30", "x"])).to_list()
    [86400.0, 60.0, None, None]
    """
    day = texts.set(~texts.str.contains(_ISO_DAY), None).str.to_date("%Y-%m-%d", strict=False)
    moment = texts.set(~texts.str.contains(_ISO_SECOND), None).str.replace("T", " ", literal=True)
    second = moment.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    days = day.cast(pl.Int32).cast(pl.Float64) * 86400.0
    seconds = seconds_of_moments(second)
    # Polars knows a year 0 and a leap second, Python neither: leave them to the decoder.
    odd = texts.str.starts_with("0000") | texts.str.ends_with(":60")
    both = pl.DataFrame({"d": days, "s": seconds, "odd": odd})
    return both.select(pl.when(~pl.col("odd")).then(pl.coalesce("d", "s"))).to_series()


def seconds_of_moments(moments: pl.Series) -> pl.Series:
    """Seconds since 1970 UTC of a Datetime or Duration series, Float64; naive times are taken as UTC.

    >>> import datetime as dt
    >>> seconds_of_moments(pl.Series([dt.datetime(1970, 1, 1, 0, 0, 1, 500_000)])).to_list()
    [1.5]
    """
    zone = getattr(moments.dtype, "time_zone", None)
    unit = pl.Duration("us") if isinstance(moments.dtype, pl.Duration) else pl.Datetime("us", zone)
    micro = moments.cast(unit).cast(pl.Int64)
    # Polars multiplies by 1e-6 where it should divide, which errs in the last digit; numpy divides.
    whole = micro.fill_null(0).to_numpy()
    if len(whole) and np.abs(whole).max() >= _EXACT:
        seconds = pl.Series(moments.name, [w / 1_000_000 for w in whole.tolist()], dtype=pl.Float64)
    else:
        seconds = pl.Series(moments.name, whole / 1e6)
    return seconds.set(micro.is_null(), None)


def date_form(texts: list[str], name: str, extra: tuple[str, ...] = ()) -> DateForm | None:
    """The form in which every one of `texts` is a date, or None.

    `texts` are distinct, cleaned, in the order of the rows where it is known; `extra` forms are tried first.

    >>> date_form(["13/01/2020", "02/01/2020"], "when").formats
    ('%d/%m/%Y',)
    >>> date_form(["01/02/2020", "03/02/2020"], "when").other
    '%d/%m/%Y'
    """
    if not texts:
        return None
    for form in extra:
        if _all_read(texts, (form,)):
            return DateForm((form,))
    if _plausible(texts, ()) and _all_read(texts, ()):
        return DateForm(())
    first = texts[0]
    forms = [f for f in _forms(name) if _reads(first, f)]
    fitting = [f for f in forms if all(_reads(t, f) for t in texts) and _plausible(texts, (f,))]
    if not fitting:
        return None
    exchanged = [(f, g) for f in fitting for g in fitting if f != g and _exchanged(f) == g]
    if not exchanged:
        return DateForm((fitting[0],))
    day_first, month_first = sorted(exchanged[0], key=lambda f: not f.startswith("%d"))
    in_order = [len(texts) >= _FEWEST_IN_ORDER and _in_order(texts, f) for f in (day_first, month_first)]
    if in_order[0] != in_order[1]:
        chosen = day_first if in_order[0] else month_first
        return DateForm((chosen,), other=_exchanged(chosen), by_order=True)
    # Slashes with nothing to go by are most often American, dashes most often not.
    chosen = month_first if "/" in month_first else day_first
    return DateForm((chosen,), other=_exchanged(chosen))


def looks_dated(texts: list[str]) -> bool:
    """Whether most texts hold digits and a separator: worth trying the forms at all.

    >>> looks_dated(["12 May 2020", "3/4/2021"]), looks_dated(["red", "blue"])
    (True, False)
    """
    dated = sum(1 for t in texts if 6 <= len(t) <= 40 and _LOOKS_DATED.search(t))
    return dated * 2 > len(texts)


def named_like_a_date(name: str) -> bool:
    """Whether the column's name speaks of a date or time."""
    return _NAMED_DATE.search(name) is not None


def _forms(name: str) -> list[str]:
    forms = [day + time for day in (*_DAYS_FIRST, *_DAYS_OTHER) for time in _TIMES]
    return [*(_COMPACT if named_like_a_date(name) else ()), *forms, *_WHOLE_FORMS, *_MONTHS_ALONE]


def _reads(text: str, form: str) -> bool:
    return read_by(text, form) is not None


def _all_read(texts: list[str], formats: tuple[str, ...]) -> bool:
    return all(moment_of(t, formats) is not None for t in texts)


def _plausible(texts: list[str], formats: tuple[str, ...]) -> bool:
    """Years from 1000 to 2200: what strptime reads outside is most often no date."""
    seconds = [moment_of(t, formats) for t in texts]
    return all(s is not None and -30_610_224_000 <= s < 7_258_118_400 for s in seconds)


def _exchanged(form: str) -> str:
    """The form with a leading day and month exchanged; another form stays as it is."""
    return re.sub(r"^%([dm])([/.-])%([dm])", r"%\3\2%\1", form)


def _in_order(texts: list[str], form: str) -> bool:
    moments = [moment_of(t, (form,)) or 0.0 for t in texts]
    pairs = list(itertools.pairwise(moments))
    return all(a <= b for a, b in pairs) or all(a >= b for a, b in pairs)
