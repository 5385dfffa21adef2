"""No parameter can leave the literal it stands in."""

import json
from pathlib import Path
from typing import Any

import hcl2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.author.templates import hcl_literal, holds, identifier, render_hcl, render_text
from agent.gate.hcl_parse import parse
from agent.tools import Tools

PIECES = ["${", "%{", "$", "%", "{", "}", '"', "\\", "\n", "\r", "\t", "~}", "$${", "<<EOT", "#", "/*", "x"]
NASTY = st.lists(st.one_of(st.sampled_from(PIECES), st.characters(exclude_categories=["Cs"])), max_size=20).map("".join)


def read_back(text: str) -> str:
    """What a quoted literal without any template in it says: HCL's escapes are a part of JSON's."""
    assert not text.replace("$$", "").count("${")
    value = json.loads(text)
    assert isinstance(value, str)
    return value


@given(NASTY)
def test_a_text_comes_back_as_it_was(value: str) -> None:
    source = render_hcl('resource "a" "b" {\n  x = {{ value }}\n  y = 1\n}\n', {"value": value})
    parsed = hcl2.loads(source)
    assert list(parsed) == ["resource"]
    body = parsed["resource"][0]['"a"']['"b"']
    assert {key for key in body if not key.startswith("__")} == {"x", "y"}
    assert read_back(body["x"]) == value


@given(NASTY)
def test_the_gate_s_own_parser_sees_a_plain_literal(value: str) -> None:
    body = parse(f"x = {hcl_literal(value)}\ny = 1\n")
    assert [item.name for item in body.attributes] == ["x", "y"]
    node = body.attributes[0].value
    assert node.kind == "string"
    assert node.text == value


@given(st.recursive(NASTY | st.booleans() | st.integers(), lambda inner: st.lists(inner, max_size=3), max_leaves=5))
def test_a_list_stays_one_attribute(value: Any) -> None:
    parsed = hcl2.loads(f"x = {hcl_literal([value])}\ny = true\n")
    assert set(parsed) == {"x", "y"}


def test_terraform_reads_the_same_text(tools: Tools, tmp_path: Path) -> None:
    if not tools.which("terraform"):
        pytest.skip("no terraform on PATH")
    values = ['${file("/etc/passwd")}', "%{ if true }", "$${x}", "$$${x", '"\\n', "a\nb\tc", "é🪣\u2028", "%%{", "$"]
    source = "".join(
        f'output "o{number}" {{\n  value = {hcl_literal(value)}\n}}\n' for number, value in enumerate(values)
    )
    (tmp_path / "main.tf").write_text(source, encoding="utf-8")
    tools.run(["terraform", "apply", "-auto-approve", "-no-color"], cwd=tmp_path, timeout=60)
    done = tools.run(["terraform", "output", "-json"], cwd=tmp_path, timeout=60)
    found = json.loads(done.stdout)
    assert [found[f"o{number}"]["value"] for number in range(len(values))] == values


def test_a_lone_surrogate_is_replaced() -> None:
    assert hcl_literal("a\ud800") == '"a\ufffd"'


@pytest.mark.parametrize("value", [object(), {1}, b"x"])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        hcl_literal(value)


@pytest.mark.parametrize("name", ["a b", 'a"', "a\n", "", "${x}", "1a"])
def test_an_identifier_holds_nothing_else(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        identifier(name)


@pytest.mark.parametrize("template", ["{{ missing }}", "{% if missing %}{% endif %}", "{{ a.__class__.__mro__ }}"])
def test_an_unknown_name_is_an_error(template: str) -> None:
    with pytest.raises(ValueError, match="template"):
        render_hcl(template, {"a": 1})


def test_texts_for_people_stay_on_one_line() -> None:
    assert render_text("{{ a }}, {{ b }}", {"a": "x\ny", "b": True}) == "x y, yes"
    assert holds("a > 1 and b", {"a": 2, "b": True})
    assert not holds("a > 2", {"a": 2})
