"""Names of months and weekdays in several languages, brought into the English that strptime knows.

Used by `base.decoding` for dates with a name in them, whatever language the machine is set to. German,
French, Spanish, Italian, Portuguese, Dutch, Danish, Norwegian, Swedish, Polish and Czech.
"""

from __future__ import annotations

import re
from typing import Final

_MONTHS: Final = {
    "Jan": "januar jänner january janvier janv enero ene gennaio gen janeiro januari stycznia styczeń "
    "sty ledna leden",
    "Feb": "februar feber february février fevrier févr fevr febrero febbraio fevereiro fev februari lutego "
    "luty lut února únor",
    "Mar": "märz maerz mär mrz march mars marzo março marco maart mrt marts marca marzec března březen",
    "Apr": "april avril avr abril abr aprile kwietnia kwiecień kwi dubna duben",
    "May": "mai may mayo maggio mag maio mei maj maja května květen",
    "Jun": "juni june juin junio giugno giu junho czerwca czerwiec cze června červen",
    "Jul": "juli july juillet juil julio luglio lug julho lipca lipiec lip července červenec",
    "Aug": "august août aout agosto ago augustus augusti sierpnia sierpień sie srpna srpen",
    "Sep": "september sept septembre septiembre settembre set setembro wrzesnia września wrzesień wrz září",
    "Oct": "oktober october okt octobre octubre ottobre ott outubro out października październik paź "
    "října říjen",
    "Nov": "november novembre noviembre novembro listopada listopad lis listopadu",
    "Dec": "dezember december dez décembre decembre déc diciembre dicembre dic dezembro des desember grudnia "
    "grudzień gru prosince prosinec",
}
_DAYS: Final = {
    "Mon": "montag lundi lunes lunedì segunda maandag mandag måndag",
    "Tue": "dienstag mardi martes martedì terça dinsdag tirsdag tisdag",
    "Wed": "mittwoch mercredi miércoles mercoledì quarta woensdag onsdag",
    "Thu": "donnerstag jeudi jueves giovedì quinta donderdag torsdag",
    "Fri": "freitag vendredi viernes venerdì sexta vrijdag fredag",
    "Sat": "samstag sonnabend samedi sábado sabato zaterdag lørdag lördag",
    "Sun": "sonntag dimanche domingo domenica zondag søndag söndag",
}
_ENGLISH: Final = {
    name: english for table in (_MONTHS, _DAYS) for english, names in table.items() for name in names.split()
} | {english.lower(): english for table in (_MONTHS, _DAYS) for english in table}
_WORD: Final = re.compile(r"[^\W\d_]+\.?")
_BETWEEN: Final = re.compile(r"(?<=[\d\w]) de[l]? (?=[\d\w])")


def in_english(text: str) -> str:
    """`text` with names of months as `Jan` to `Dec`, of weekdays as `Mon` to `Sun`, other words as they are.

    >>> in_english("3. März 2024"), in_english("3 de marzo de 2024"), in_english("12 déc. 2023")
    ('3. Mar 2024', '3 Mar 2024', '12 Dec 2023')
    """
    plain = _BETWEEN.sub(" ", text)
    return _WORD.sub(lambda word: _ENGLISH.get(word[0].rstrip(".").lower(), word[0]), plain)
