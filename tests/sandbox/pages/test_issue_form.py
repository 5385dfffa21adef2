"""Issue forms: read, checked, and written as GitHub writes them."""

import pytest

from agent.errors import UserError
from agent.sandbox.pages.issue_form import defaults, form_path, parse_form, problems, write_body

FORM = """
name: Infrastructure request
description: Ask
title: "[infra] "
labels: [infra-request]
body:
  - type: markdown
    attributes:
      value: "## Hello"
  - type: input
    id: what
    attributes: {label: What, placeholder: a bucket}
    validations: {required: true}
  - type: dropdown
    id: environment
    attributes: {label: Environment, options: [dev, prod], default: 0}
    validations: {required: true}
  - type: dropdown
    id: regions
    attributes: {label: Regions, multiple: true, options: [a, b, c]}
  - type: textarea
    id: parameters
    attributes: {label: Parameters, render: yaml, value: "name: x"}
  - type: textarea
    attributes: {label: Why}
  - type: checkboxes
    id: terms
    attributes:
      label: Terms
      options:
        - {label: I have read it, required: true}
        - label: Tell me more
"""


def test_the_body_is_githubs() -> None:
    form = parse_form(FORM, "f.yml")
    answers = {
        "what": ["A bucket"], "environment": ["prod"], "regions": ["a", "c"],
        "parameters": ["name: logs\r\nversioned: true\r\n"], "terms": ["I have read it"],
    }  # fmt: skip
    assert problems(form, answers) == {}
    assert write_body(form, answers) == (
        "### What\n\nA bucket\n\n### Environment\n\nprod\n\n### Regions\n\na, c\n\n"
        "### Parameters\n\n```yaml\nname: logs\nversioned: true\n```\n\n### Why\n\n_No response_\n\n"
        "### Terms\n\n- [x] I have read it\n- [ ] Tell me more"
    )


def test_an_empty_rendered_answer_is_an_empty_fence() -> None:
    form = parse_form(FORM, "f.yml")
    assert "### Parameters\n\n```yaml\n\n```\n\n### Why" in write_body(form, {"parameters": [""]})


def test_the_empty_form_shows_defaults_and_what_the_address_says() -> None:
    form = parse_form(FORM, "f.yml")
    answers = defaults(form, {"what": "from the link"})
    assert answers["what"] == ["from the link"]
    assert answers["environment"] == ["dev"]
    assert answers["parameters"] == ["name: x"]
    assert answers["terms"] == []


def test_each_wrong_answer_is_named() -> None:
    wrong = problems(parse_form(FORM, "f.yml"), {"what": [" "], "environment": ["moon"]})
    assert wrong == {
        "what": "What must be filled in.",
        "environment": "Environment has no choice 'moon'.",
        "terms": "Terms: 'I have read it' must be ticked.",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: x\ndescription: y\nbody: [{type: slider}]", "f.yml: body.0"),
        ("name: x\nbody: []", "f.yml: description"),
        ("- a", "f.yml: "),
        ("a: [", "f.yml: not YAML"),
        ("name: x\ndescription: y\nbody: [{type: input, atributes: {label: a}}]", "atributes"),
        (
            "name: x\ndescription: y\nbody: [{type: input, attributes: {label: a}}, "
            "{type: input, attributes: {label: a}}]",
            "labels must be unique",
        ),
    ],
)
def test_a_broken_form_is_refused_at_its_field(text: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_form(text, "f.yml")
    assert says in str(caught.value)


@pytest.mark.parametrize("name", ["../x.yml", "config.yml", "a/b.yml", ".x.yml", "x.md", ""])
def test_a_template_is_a_forms_file_name(name: str) -> None:
    with pytest.raises(UserError):
        form_path(name)
