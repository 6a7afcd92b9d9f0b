"""What people state of a model's use: kept as it was said, bounded, and never trusted when a file is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwright.base.errors import Misuse
from mlwright.base.purpose import MOST, UNSTATED, Purpose, stated


def test_what_was_said_is_kept_but_for_the_blanks_around_it():
    said = stated(intended_use="  rank calls\r\nonce a month \n", not_for="credit", owner="team α")
    assert said == Purpose(intended_use="rank calls\nonce a month", not_for="credit", owner="team α")


def test_blank_texts_and_none_say_nothing():
    assert stated(intended_use=" \n ", not_for=None, owner="") == UNSTATED


@pytest.mark.parametrize("name", MOST)
def test_each_text_has_a_bound_that_the_message_names(name):
    assert getattr(stated(**{name: "x" * MOST[name]}), name) == "x" * MOST[name]
    with pytest.raises(Misuse, match=rf"{name}= has .* characters, and a model file takes {MOST[name]:,}"):
        stated(**{name: "x" * (MOST[name] + 1)})


@pytest.mark.parametrize(
    "text", ["bell \x07", "red \x1b[31m", "turned \u202e round", "line \u2028 end", "\ud800"]
)
def test_control_characters_are_refused(text):
    with pytest.raises(Misuse, match="holds control characters"):
        stated(owner=text)


def test_joiners_that_spelling_needs_are_no_control_characters():
    assert stated(owner="می\u200cخواهم").owner == "می\u200cخواهم"


@pytest.mark.parametrize("value", [7, True, ["a"], {"a": 1}, b"text"])
def test_what_is_no_text_is_refused_with_its_type(value):
    with pytest.raises(Misuse, match=type(value).__name__):
        stated(intended_use=value)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), lambda inner: st.lists(inner)
)


@given(st.dictionaries(st.sampled_from([*MOST, "seed"]), json_values))
def test_a_purpose_is_read_from_any_recipe(recipe):
    said = Purpose.of(recipe)
    for name, most in MOST.items():
        text = getattr(said, name)
        assert text == recipe.get(name) or text == ""
        assert len(text) <= most


def test_a_text_that_no_call_could_have_stated_counts_as_not_said():
    assert Purpose.of({"owner": "x" * 201, "not_for": "credit"}) == Purpose(not_for="credit")
