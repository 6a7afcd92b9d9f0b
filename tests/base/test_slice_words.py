"""Groups that could not be compared are not said to be alike."""

from __future__ import annotations

from mlwright.base.slice_words import left_said, marked_said
from mlwright.base.slices import Subgroups


def test_where_nothing_was_compared_it_says_so():
    none = Subgroups(columns=("sex",), groups=())
    assert "no difference could be tested" in marked_said(none)
    assert left_said(none).startswith("No group was compared")
    some = Subgroups(columns=("sex",), groups=(), compared=4)
    assert "4 differences that were tested" in marked_said(some)
    assert "No group was compared" not in left_said(some)
