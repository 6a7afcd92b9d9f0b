"""Names of months in several languages: each is one month, and dates with them are found and read."""

import polars as pl
import pytest

from mlwright.base.months import _DAYS, _ENGLISH, _MONTHS, in_english
from mlwright.data.infer import infer_table


def test_no_name_stands_for_two_months():
    names = [name for table in (_MONTHS, _DAYS) for names in table.values() for name in set(names.split())]
    twice = {n for n in names if names.count(n) > 1}
    assert not twice and len(_ENGLISH) >= len(names)


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["3. März 2024", "15. Dezember 2023", "1. Mai 2022"], "%d. %B %Y"),
        (["3 mars 2024", "15 décembre 2023", "1 août 2022"], "%d %B %Y"),
        (["3 de marzo de 2024", "15 de diciembre de 2023", "1 de enero de 2022"], "%d %B %Y"),
        (["3 mrt 2024", "15 dec 2023", "1 mei 2022"], "%d %b %Y"),
        (["Dec-2015", "Jan-2016", "Feb-2016"], "%b-%Y"),
    ],
)
def test_dates_in_local_forms_are_dates(texts, form):
    found = infer_table(pl.DataFrame({"x": texts * 10}))
    column = found.schema.columns[0]
    assert column.kind == "datetime" and found.frame["x"].null_count() == 0
    assert column.formats[0].replace("%B", "%b") == form.replace("%B", "%b")


def test_words_that_are_no_months_stay():
    assert in_english("deliver to Juniper May Street") == "deliver to Juniper May Street"
    assert in_english("21 Brumaire") == "21 Brumaire"


def test_names_of_people_and_things_are_no_dates():
    found = infer_table(pl.DataFrame({"x": ["Set 3", "Mars 4", "Lis 12", "Dom 2"] * 10}))
    assert found.schema.columns[0].kind == "categorical"
