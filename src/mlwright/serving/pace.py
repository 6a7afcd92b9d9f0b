"""How long a peer may take: for a head, a body, its next request, and for taking its answers.

Asked several times a second by each connection; it keeps two moments and knows nothing but the settings.
"""

from __future__ import annotations

from mlwright.serving.settings import ServeSettings

STALL_BYTES = 10 * 1024
"""An answer must leave at least this fast in each stall period."""


class Pace:
    """The clock of one connection; times are seconds of a monotonic clock.

    >>> pace = Pace(ServeSettings(head_s=5.0, body_bytes_per_s=1024), now=0.0)
    >>> pace.body_is_late(now=4.0, received=0), pace.body_is_late(now=7.0, received=2000)
    (False, True)
    """

    def __init__(self, settings: ServeSettings, now: float) -> None:
        self._settings = settings
        self._since = now
        self._stalled: tuple[float, int] | None = None

    def restart(self, now: float) -> None:
        """Something was finished: the next thing has all its time."""
        self._since = now

    def age(self, now: float) -> float:
        """Seconds in the present phase."""
        return now - self._since

    def head_is_late(self, now: float) -> bool:
        """Whether a head that has begun should have ended."""
        return self.age(now) > self._settings.head_s

    def body_is_late(self, now: float, received: int) -> bool:
        """Whether a body is slower than allowed, after a first while."""
        counted_s = self.age(now) - self._settings.head_s
        return counted_s > 0.0 and received < counted_s * self._settings.body_bytes_per_s

    def write_is_stalled(self, now: float, waiting: int) -> bool:
        """Whether the peer takes nothing of an answer; `waiting` bytes of it are left."""
        if not waiting:
            self._stalled = None
            return False
        since, size = self._stalled or (now, waiting)
        if now - since >= self._settings.write_stall_s:
            if waiting > size - STALL_BYTES:
                return True
            since, size = now, waiting
        self._stalled = since, size
        return False
