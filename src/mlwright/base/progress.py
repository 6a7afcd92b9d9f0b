"""Progress of long work, told to whoever listens: a class of no-op hooks; override what you need."""

from __future__ import annotations


class Progress:
    """Listens to long work. Calls come from the working thread, in order, some a second; they must return
    at once.

    `fraction` is 0 to 1 of the whole call; `seconds_left` an estimate, or None where nobody can know.
    """

    def stage(self, name: str) -> None:
        """A new stage of the work begins."""

    def step(self, message: str, fraction: float, seconds_left: float | None) -> None:
        """Something happened within the stage."""

    def note(self, message: str) -> None:
        """Something the reader should know, which stays on the screen."""

    def done(self) -> None:
        """The work ended, well or not."""
