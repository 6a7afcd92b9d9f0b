"""Limits are written as people write them, and what is no amount is refused by the name of its argument."""

import pytest

from mlwright.base.amounts import bytes_of, seconds_of
from mlwright.base.errors import Misuse


@pytest.mark.parametrize(
    ("span", "seconds"),
    [("90", 90), ("1.5 h", 5400), ("2ms", 0.002), ("50 µs", 5e-5), (5e-5, 5e-5), ("5M", None), ("0s", None)],
)
def test_spans_of_time(span, seconds):
    if seconds is None:
        with pytest.raises(Misuse, match=r"max_latency=.* is no span of time"):
            seconds_of(span, "max_latency")
    else:
        assert seconds_of(span) == pytest.approx(seconds)


def test_whatever_is_limited_is_told_with_examples():
    with pytest.raises(Misuse) as raised:
        seconds_of("soon", "--cell-timeout")
    assert raised.value.remedy == 'say seconds, or "90s", "5m"'


@pytest.mark.parametrize("size", ["", "-3MB", "3 parsecs", "MB", None, "nan"])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(Misuse, match=r"max_size=.* is no size"):
        bytes_of(size)


def test_sizes_count_in_tens_and_in_twos():
    assert bytes_of("3 mb") == 3_000_000 and bytes_of("3MiB") == 3 * 2**20 and bytes_of("1e3") == 1000
