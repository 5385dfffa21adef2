"""A form of `.github/ISSUE_TEMPLATE/` and a person's answers -> fields to show, the issue as GitHub writes it. Pure.

The schema and the written form: GitHub Docs, "Syntax for GitHub's form schema". An answer to a `render` textarea that
was left empty is an empty fence (GitHub did write `_No response_` there before 2025; readers meet both).
"""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agent.errors import UserError

NO_RESPONSE = "_No response_"

Text = Annotated[str, Field(coerce_numbers_to_str=True)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Validations(Part):
    required: bool = False


class MarkdownAttributes(Part):
    value: Text


class TextAttributes(Part):
    label: Text
    description: Text = ""
    placeholder: Text = ""
    value: Text = ""
    render: Text = ""


class DropdownAttributes(Part):
    label: Text
    description: Text = ""
    multiple: bool = False
    options: tuple[Text, ...]
    default: int | None = None


class CheckboxOption(Part):
    label: Text
    required: bool = False


class CheckboxesAttributes(Part):
    label: Text
    description: Text = ""
    options: tuple[CheckboxOption, ...]


class Note(Part):
    type: Literal["markdown"]
    attributes: MarkdownAttributes


class Input(Part):
    type: Literal["input"]
    id: Text = ""
    attributes: TextAttributes
    validations: Validations = Validations()


class Textarea(Part):
    type: Literal["textarea"]
    id: Text = ""
    attributes: TextAttributes
    validations: Validations = Validations()


class Dropdown(Part):
    type: Literal["dropdown"]
    id: Text = ""
    attributes: DropdownAttributes
    validations: Validations = Validations()


class Checkboxes(Part):
    type: Literal["checkboxes"]
    id: Text = ""
    attributes: CheckboxesAttributes
    validations: Validations = Validations()


Element = Annotated[Note | Input | Textarea | Dropdown | Checkboxes, Field(discriminator="type")]
Question = Input | Textarea | Dropdown | Checkboxes


class Form(Part):
    """One issue form. Projects and types of an organisation are read and have no effect in the sandbox."""

    name: Text
    description: Text
    body: tuple[Element, ...]
    title: Text = ""
    labels: tuple[Text, ...] = ()
    assignees: tuple[Text, ...] = ()
    projects: tuple[Text, ...] = ()
    type: Text = ""

    def questions(self) -> list[tuple[str, Question]]:
        """The elements that are answered, each with its field's name: its id, else its place in the form."""
        return [
            (element.id or f"field-{place}", element)
            for place, element in enumerate(self.body)
            if not isinstance(element, Note)
        ]


def parse_form(text: str, path: str) -> Form:
    """Text of an issue form -> Form. Raises UserError naming `path`, the field and the reason."""
    try:
        data = YAML(typ="safe").load(StringIO(text))
    except YAMLError as error:
        raise UserError(f"{path}: not YAML: {error}") from error
    if isinstance(data, dict):
        for key in ("labels", "assignees", "projects"):
            if isinstance(data.get(key), str):
                data[key] = [part.strip() for part in data[key].split(",") if part.strip()]
    try:
        form = TypeAdapter(Form).validate_python(data)
    except ValidationError as error:
        problems = (f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors())
        raise UserError("\n".join(f"{path}: {problem}" for problem in problems)) from error
    labels = [element.attributes.label for _, element in form.questions()]
    if doubled := sorted({label for label in labels if labels.count(label) > 1}):
        raise UserError(f"{path}: body: labels must be unique, twice there: {', '.join(doubled)}")
    return form


def defaults(form: Form, prefilled: Mapping[str, str]) -> dict[str, list[str]]:
    """The answers that the empty form shows; `prefilled` are the address's query parameters, by field id."""
    answers: dict[str, list[str]] = {}
    for name, element in form.questions():
        if name in prefilled:
            answers[name] = [prefilled[name]]
        elif isinstance(element, Input | Textarea):
            answers[name] = [element.attributes.value]
        elif isinstance(element, Dropdown) and element.attributes.default is not None:
            answers[name] = [element.attributes.options[element.attributes.default]]
        else:
            answers[name] = []
    return answers


def problems(form: Form, answers: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What is wrong with the answers, by field name; empty when the issue may be written."""
    found = {}
    for name, element in form.questions():
        given = [answer for answer in answers.get(name, ()) if answer.strip()]
        if element.validations.required and not given:
            found[name] = f"{element.attributes.label} must be filled in."
        elif isinstance(element, Dropdown) and (strange := set(given) - set(element.attributes.options)):
            found[name] = f"{element.attributes.label} has no choice {sorted(strange)[0]!r}."
        elif isinstance(element, Checkboxes):
            missing = [option.label for option in element.attributes.options if option.required]
            missing = [label for label in missing if label not in given]
            if missing:
                found[name] = f"{element.attributes.label}: {missing[0]!r} must be ticked."
    return found


def write_body(form: Form, answers: Mapping[str, Sequence[str]]) -> str:
    """The issue's body as GitHub writes it: `### Label`, an empty line, the value, for every question in its order."""
    parts = []
    for name, element in form.questions():
        given = [answer.replace("\r\n", "\n") for answer in answers.get(name, ())]
        parts.append(f"### {element.attributes.label}\n\n{_value(element, given)}")
    return "\n\n".join(parts)


def _value(element: Question, given: Sequence[str]) -> str:
    if isinstance(element, Checkboxes):
        return "\n".join(
            f"- [{'x' if option.label in given else ' '}] {option.label}" for option in element.attributes.options
        )
    text = ", ".join(answer for answer in given if answer.strip()) if isinstance(element, Dropdown) else "".join(given)
    if isinstance(element, Textarea) and element.attributes.render:
        return f"```{element.attributes.render}\n{text.rstrip()}\n```"
    return text.strip() or NO_RESPONSE


def form_path(template: Any) -> str:
    """The path of the form that an address's `template` names. Raises UserError for anything but a file's name."""
    name = str(template)
    if not name.endswith((".yml", ".yaml")) or "/" in name or name.startswith(".") or name == "config.yml":
        raise UserError(f"template: {name!r} is not the name of an issue form; choose one from the list")
    return f".github/ISSUE_TEMPLATE/{name}"
