"""Pauses between tries: bounded, by lot, never shorter than what was asked for."""

from __future__ import annotations

import datetime as dt
import random
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwright.base.errors import EndpointUnreachable
from mlwright.client.asking import Reply
from mlwright.client.retries import Retries, Tries, retry_after_s

BUSY = Reply(503, {}, b"")


def busy(after: object) -> Reply:
    return Reply(503, {"retry-after": str(after)}, b"")


def test_pauses_may_double_up_to_the_longest_and_end_with_the_tries():
    longest = [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    seen = [
        [t.after(BUSY) for _ in range(7)]
        for t in (Tries(Retries(attempts=7, most_s=1.0), random.Random(i)) for i in range(200))
    ]
    for at, most in enumerate(longest):
        drawn = [pauses[at] for pauses in seen]
        assert all(d is not None and 0.0 <= d <= most for d in drawn)
        assert max(d for d in drawn if d is not None) > 0.9 * most and len(set(drawn)) > 100
    assert all(pauses[6] is None for pauses in seen)


@given(asked=st.integers(0, 20), seed=st.integers(0, 1000), most=st.floats(0.0, 15.0))
def test_a_pause_is_never_shorter_than_was_asked_for_nor_longer_than_the_longest(asked, seed, most):
    pause = Tries(Retries(most_s=most), random.Random(seed)).after(busy(asked))
    assert (pause is None) == (asked > most)
    assert pause is None or asked <= pause <= most


@pytest.mark.parametrize("status", [200, 400, 401, 404, 413, 422, 500])
def test_an_answer_that_asking_again_would_not_change_is_the_last(status):
    assert Tries(Retries(), random.Random(0)).after(Reply(status, {"retry-after": "1"}, b"")) is None


def test_a_certificate_that_is_not_trusted_is_not_asked_again():
    tries = Tries(Retries(attempts=9), random.Random(0))
    assert tries.after_break(EndpointUnreachable("refused")) >= 0.0
    with pytest.raises(EndpointUnreachable):
        tries.after_break(EndpointUnreachable("no", code="not_trusted"))


def test_a_date_says_how_long_from_now():
    now = dt.datetime.now(dt.UTC)
    soon = retry_after_s(busy(format_datetime(now + dt.timedelta(hours=1), usegmt=True)))
    assert 3500 < soon <= 3600
    assert retry_after_s(busy(format_datetime(now - dt.timedelta(hours=1), usegmt=True))) == 0.0


@pytest.mark.parametrize("said", ["", "soon", "-1", "1.5", "٣", "9" * 400, "Wed, 99 Foo 2015", "0"])
def test_what_cannot_be_read_means_nothing_or_much_but_never_fails(said):
    assert retry_after_s(busy(said)) >= 0.0


def test_a_thousand_tries_overflow_nothing():
    tries = Tries(Retries(attempts=5000), random.Random(0))
    assert all(0.0 <= (tries.after(BUSY) or 0.0) <= 10.0 for _ in range(4000))
