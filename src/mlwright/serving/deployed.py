"""A model ready to be asked, with what is made of its schema once: its dialects.

Made beside traffic and put into service by one assignment; never changed after, but for dialects that are
made when first asked for.
"""

from __future__ import annotations

from itertools import product

import msgspec

from mlwright.serving.answers import prediction_ids
from mlwright.serving.dialects import Dialect, dialect_of
from mlwright.serving.options import PLAIN, Options
from mlwright.serving.served import Served, ends_of
from mlwright.serving.settings import ServeSettings

WIDE = 0.9
"""An error rate that any rows can vouch for, to warm intervals with."""


class Deployed:
    """One model and its dialects."""

    def __init__(self, model: Served, settings: ServeSettings, called: str = "model") -> None:
        self.model, self._called = model, called
        self.version = model.digest[:12]
        """What callers are told: the first digits of the content digest."""
        self._settings = settings
        # pyarrow takes a second to load, which no request should wait for.
        first = ("rows", "arrow") if settings.arrow else ("rows",)
        self._dialects = {name: dialect_of(name, model, settings, called) for name in first}

    def dialect(self, name: str) -> Dialect:
        """The dialect called `name`."""
        made = self._dialects.get(name)
        if made is None:
            made = self._dialects[name] = dialect_of(name, self.model, self._settings, self._called)
        return made

    @property
    def used(self) -> frozenset[str]:
        """The dialects that were asked for so far."""
        return frozenset(self._dialects)

    def warm(self, used: frozenset[str] = frozenset()) -> None:
        """Answers an example row, which loads what is loaded late; its interval too, where callers of the
        model before asked for such (`used`). Raises whatever the model raises."""
        asked = ["rows"] + (["intervals"] if "intervals" in used and ends_of(self.model) else [])
        for name, row in product(asked, self.model.samples.rows[:1]):
            dialect = self.dialect(name)
            options = Options(interval=WIDE) if name == "intervals" else PLAIN
            decoded = dialect.decode(msgspec.json.encode(row), options)
            dialect.answers([(decoded, options)], dialect.run([decoded]), prediction_ids(decoded.good))
