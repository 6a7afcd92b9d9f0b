"""A model ready to be asked, with what is made of its schema once: its dialects.

Made beside traffic and put into service by one assignment; never changed after, but for dialects that are
made when first asked for.
"""

from __future__ import annotations

import msgspec

from mlwright.serving.answers import prediction_ids
from mlwright.serving.dialects import Dialect, dialect_of
from mlwright.serving.options import PLAIN
from mlwright.serving.served import Served
from mlwright.serving.settings import ServeSettings


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

    def warm(self) -> None:
        """Answers an example row, which loads what is loaded late. Raises whatever the model raises."""
        rows = self.dialect("rows")
        for row in self.model.samples.rows[:1]:
            decoded = rows.decode(msgspec.json.encode(row), PLAIN)
            rows.answers([(decoded, PLAIN)], rows.run([decoded]), prediction_ids(decoded.good))
