"""A record that a check run keeps is the same when it is read back, and does nothing on the page."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.render.records import inert_json
from tests.render.test_poison import ATTACKS, CLOSING, GITHUB, leaves


@pytest.mark.parametrize("attack", [*ATTACKS, 'a["![x](https://evil.example)"].b', "\\[x](//y)\\"])
def test_nothing_in_it_acts(attack: str) -> None:
    made = inert_json(json.dumps({"address": attack, attack: [attack, 1, None]}))
    assert json.loads(made) == {"address": attack, attack: [attack, 1, None]}
    for token in leaves(GITHUB.parse(made)):
        assert token.type not in ("image", "link_open", "html_inline", "html_block", "code_inline"), made
        assert "@o" not in token.content
        assert not CLOSING.search(token.content)


LEAF = st.text() | st.text(alphabet='\\"[]!@:/(') | st.integers() | st.none()


def test_addresses_do_not_grow() -> None:
    text = json.dumps([f'module.a["{key}"].aws_s3_bucket.b[{key}]' for key in range(50)])
    assert inert_json(text) == text


@given(st.recursive(LEAF, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_the_value_stays(value: object) -> None:
    for ascii_only in (True, False):
        assert json.loads(inert_json(json.dumps(value, ensure_ascii=ascii_only))) == value
