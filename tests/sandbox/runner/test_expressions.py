"""The expression language against GitHub's documented results."""

import pytest

from agent.sandbox.runner.expressions import ExpressionError, Scope, check, evaluate, parse
from agent.sandbox.runner.template import Site, WorkflowError, make_template
from agent.sandbox.runner.values import Exact, Value

SCOPE = Scope(
    {
        "github": {"Ref": "refs/heads/main", "event": {"labels": [{"name": "a"}, {"name": "B"}, {}], "n": 2.0}},
        "env": Exact({"A": "1"}),
        "needs": {"x": {"outputs": {"units": '["u","v"]'}, "result": "success"}},
    }
)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("'it''s'", "it's"),
        ("1 == '1'", True),
        ("null == 0", True),
        ("true == 'true'", False),
        ("'' == false", True),
        ("'ABC' == 'abc'", True),
        ("'b' > 'A'", True),
        ("0x10 >= 16", True),
        ("-1.5e1 < 0", True),
        ("'x' < 1", False),
        ("!false && 'yes' || 'no'", "yes"),
        ("false || 0 || ''", ""),
        ("1 < 2 == true", True),
        ("github.ref", "refs/heads/main"),
        ("github['REF']", "refs/heads/main"),
        ("github.nothing.at.all", None),
        ("env.a", None),
        ("github.event.labels.*.name", ["a", "B"]),
        ("github.event.labels[1].name", "B"),
        ("github.event.labels[9]", None),
        ("contains(github.event.labels.*.name, 'b')", True),
        ("contains('Hello', 'ELL')", True),
        ("startsWith('Hello', 'he') && endsWith('Hello', 'LO')", True),
        ("format('{0} {{x}} {1}', 'a', 2)", "a {x} 2"),
        ("join(github.event.labels.*.name, '/')", "a/B"),
        ("fromJSON(needs.x.outputs.units)[1]", "v"),
        ("toJSON(fromJSON('{\"a\":[1,true,null]}'))", '{\n  "a": [\n    1,\n    true,\n    null\n  ]\n}'),
        ("(needs.x).result", "success"),
    ],
)
def test_value(source: str, value: Value) -> None:
    assert evaluate(parse(source), SCOPE) == value


@pytest.mark.parametrize("source", ["", "1 +", "a b", '"x"', "'open", "f(1,)", "a..b", "1 && ", "a[", "a = b", "01x"])
def test_what_cannot_be_read(source: str) -> None:
    with pytest.raises(ExpressionError, match="cannot be read"):
        parse(source)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("secret.x", "unknown context 'secret'"),
        ("nope(1)", "unknown function 'nope'"),
        ("contains('a')", "does not take 1 arguments"),
        ("github[nope.x]", "unknown context 'nope'"),
        ("success()", "unknown function 'success'"),
    ],
)
def test_what_is_not_known_is_an_error(source: str, reason: str) -> None:
    with pytest.raises(ExpressionError, match=reason):
        check(parse(source), contexts=frozenset({"github"}), functions=frozenset())


@pytest.mark.parametrize("source", ["fromJSON('')", "format('{1}', 'a')", "format('{', 1)"])
def test_what_cannot_be_computed(source: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(parse(source), SCOPE)


def test_templates_keep_types_alone_and_become_text_together() -> None:
    site = Site(frozenset({"github"}))
    alone = make_template("${{ github.event.n }}", place="w.yml:1", site=site)
    mixed = make_template("n=${{ github.event.n }} ${{ '}}' }}${{ github.none }}.", place="w.yml:1", site=site)
    assert alone.value(SCOPE) == 2.0
    assert mixed.value(SCOPE) == "n=2 }}."


def test_a_template_names_the_line_of_its_own_expression() -> None:
    with pytest.raises(WorkflowError, match=r"^w\.yml:9: unknown context"):
        make_template("a\nb ${{ oops.x }}", place="w.yml:7", site=Site(frozenset()), multiline=True)
    with pytest.raises(WorkflowError, match="never closed"):
        make_template("a ${{ github.ref", place="w.yml:7", site=Site(frozenset({"github"})))
