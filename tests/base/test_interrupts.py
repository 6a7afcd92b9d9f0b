"""Ctrl-C while something runs that is worth finishing."""

import os
import signal
import threading

import pytest

from mlwright.base.interrupts import noted_once


@pytest.fixture(autouse=True)
def _heard():
    """Ctrl-C as at a terminal: what a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_first_press_is_noted_and_a_second_one_passed_on():
    before = signal.getsignal(signal.SIGINT)
    told = []
    with pytest.raises(KeyboardInterrupt), noted_once(lambda: told.append("once")) as presses:
        os.kill(os.getpid(), signal.SIGINT)
        assert presses == [signal.SIGINT] and told == ["once"]
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_what_is_not_heeded_is_passed_on_at_once():
    with pytest.raises(KeyboardInterrupt), noted_once(pytest.fail, heeded=False):
        os.kill(os.getpid(), signal.SIGINT)


def test_in_other_threads_nothing_changes():
    handlers = []

    def look():
        with noted_once(pytest.fail):
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]
