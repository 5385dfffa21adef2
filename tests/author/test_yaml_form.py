"""YAML of people: what is read, what is refused and in which words."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.author.yaml_form import NotReadable, parse_mapping


def test_scalars_stay_the_text_that_was_written() -> None:
    text = 'a: yes\nb: 1.10\nc: 0123\nd: 2024-01-01\ne:\nf: ~\ng: ""\nh: [1, {i: no}]\n'
    assert parse_mapping(text) == {
        "a": "yes", "b": "1.10", "c": "0123", "d": "2024-01-01", "e": None, "f": None, "g": "", "h": ["1", {"i": "no"}],
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "  \n", "# nothing\n"])
def test_nothing_is_an_empty_mapping(text: str) -> None:
    assert parse_mapping(text) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n- b", "not a list"),
        ("my-bucket", "not a single value"),
        ("a: 1\na: 2", "'a' twice"),
        ("a: &x 1\nb: *x", "anchors"),
        ("a: !!python/object:os.system x", "tags"),
        ("a: !x y", "tags"),
        ("a: 1\n---\nb: 2", "one YAML document"),
        ("a: [1", "cannot be read in line"),
        ("a: b: c", "cannot be read in line 1"),
        ("? [a]\n: b", "key"),
        ("a: " + "[" * 50 + "]" * 50, "levels deep"),
        ("a: [" + "1," * 600 + "1]", "keys and values"),
        ("a: " + "x" * 30_000, "20000 characters"),
        ("a: \x00", "characters"),
    ],
)
def test_what_is_refused_says_why(text: str, words: str) -> None:
    with pytest.raises(NotReadable, match=words):
        parse_mapping(text)


@given(st.text(st.one_of(st.sampled_from(list(":-[]{}&*!|>'\"%@`?#,\n a")), st.characters()), max_size=200))
def test_any_text_is_a_mapping_or_refused(text: str) -> None:
    with suppress(NotReadable):
        assert isinstance(parse_mapping(text), dict)
