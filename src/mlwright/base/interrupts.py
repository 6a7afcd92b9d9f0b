"""Ctrl-C while something runs that is worth finishing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def noted_once(first: Callable[[], None], *, heeded: bool = True) -> Iterator[list[int]]:
    """A first Ctrl-C calls `first` and is written down in the list given; a second one is passed on as usual.

    Without `heeded`, and in other threads than the main one, which alone may say so, nothing changes.

    >>> import signal
    >>> before = signal.signal(signal.SIGINT, signal.default_int_handler)
    >>> with noted_once(lambda: print("ending soon")) as presses:
    ...     signal.raise_signal(signal.SIGINT)
    ending soon
    >>> _ = signal.signal(signal.SIGINT, before)
    >>> presses == [signal.SIGINT]
    True
    """
    presses: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if not heeded or not callable(before) or threading.current_thread() is not threading.main_thread():
        yield presses
        return

    def noted(number: int, frame: FrameType | None) -> None:
        if presses:
            before(number, frame)
        presses.append(number)
        first()

    signal.signal(signal.SIGINT, noted)
    try:
        yield presses
    finally:
        signal.signal(signal.SIGINT, before)
