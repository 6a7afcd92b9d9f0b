"""What the names of columns and single words mean, in the languages that tables are written in.

Used by the checks that go by what a column is called. Words alone; it knows no table and no check.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from mlwright.data.named import words_of

Phrases = frozenset[tuple[str, ...]]
"""Words that stand side by side in a name."""


def words(name: str) -> tuple[str, ...]:
    """The words of a column's name, lower-cased and without accents.

    >>> words("Âge du patient"), words("bloodPressure")
    (('age', 'du', 'patient'), ('blood', 'pressure'))
    """
    flat = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
    return tuple(words_of("".join(c for c in flat if not unicodedata.combining(c))))


def means(called: tuple[str, ...], phrases: Phrases) -> bool:
    """Whether one of the phrases stands in the words of a name.

    >>> means(words("mean_blood_pressure"), phrases_of("blood pressure, pulse"))
    True
    """
    return any(called[i : i + n] in phrases for n in (1, 2, 3) for i in range(len(called) - n + 1))


def phrases_of(text: str) -> Phrases:
    """Phrases from a text in which commas part them."""
    return frozenset(tuple(p.split()) for p in text.split(",") if p.strip())


def texts_of(text: str) -> frozenset[str]:
    """Texts from a text in which commas part them."""
    return frozenset(t.strip() for t in text.split(","))


NEVER_ZERO: Final = phrases_of(
    "glucose, bmi, insulin, skin thickness, skinthickness, cholesterol, chol, trestbps, blood pressure, "
    "bloodpressure, height, heart rate, heartrate, pulse, body mass, body mass index, diastolic, systolic, "
    "ap hi, ap lo, blutdruck, puls, groesse, grosse, korpergrosse, taille, tension arterielle, altura, "
    "presion arterial, altezza"
)
"""What no living being has none of."""
MAY_BE_NONE: Final = phrases_of(
    "area, sf, sqft, garage, basement, bsmt, pool, porch, deck, amount, amt, count, cnt, number, num, "
    "qty, quantity, sales, revenue, income, gain, loss, balance, debt, credit, limit, payment, payments, "
    "charges, fee, fare, price, tax, bonus, discount, visits, days, hours, minutes, months, time, "
    "duration, distance, dist, rain, precipitation, snow, wind, windspeed, speed, delay, tenure, "
    "children, dose, usage, consumption, flache, anzahl, menge, betrag, nombre, montant, cantidad, "
    "importe"
)
"""Of what a case may have none, while those that have some have much."""
SELDOM_ZERO: Final = phrases_of(
    "age, alter, edad, idade, eta, leeftijd, wiek, weight, gewicht, poids, peso, year, yr, jahr, annee, ano, "
    "anno, salary, gehalt, salaire, salario, income, einkommen, rent, miete, loyer, sqft, square feet, "
    "living area, wohnflache, surface, horsepower, engine size, mileage"
)
"""What is zero only beside values that come near zero."""

MISSING_WORDS: Final = texts_of(
    "?, ??, ???, -, --, ---, n/a, #n/a, n.a, n.a., null, nan, nil, none, missing, no data, no value, "
    "no answer, no response, not available, not known, not specified, not stated, "
    "not reported, not recorded, not provided, not given, not entered, unknown, unk, unkn, unknwn, "
    "unspecified, undefined, undetermined, unavailable, tbd, tba, to be determined, xxx, xxxx, #ref!, "
    "#value!, #div/0!, unbekannt, nicht bekannt, keine angabe, keine angaben, ohne angabe, k.a, k. a, "
    "k.a., k/a, keine, nicht verfügbar, unbek, "
    "inconnu, inconnue, non renseigné, non renseignée, non renseigne, non disponible, indisponible, "
    "non communiqué, sans réponse, aucun, aucune, "
    "desconocido, desconocida, no disponible, sin datos, sin dato, no consta, sin especificar, "
    "no especificado, ninguno, "
    "desconhecido, desconhecida, não informado, nao informado, não disponível, sem informação, "
    "sconosciuto, sconosciuta, non disponibile, non specificato, non noto, nessuno, "
    "onbekend, niet bekend, niet beschikbaar, okänd, okänt, ukjent, ukendt, tuntematon, "
    "nieznany, nieznana, brak, brak danych, neznámý, neznámé, neuvedeno, ismeretlen, necunoscut, "
    "bilinmiyor, bilinmeyen, неизвестно, неизвестный, нет данных, не указано, невідомо, "
    "άγνωστο, 不明, 未知, 不详, 未填写, 無回答, 未定, 알 수 없음, 미상, غير معروف, لا يوجد"
)
"""Texts, lower-cased, that say that a value is not known."""
