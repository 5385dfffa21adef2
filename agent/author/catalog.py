"""Blueprint folders -> Blueprints; a malformed one is refused by file and field."""

from collections.abc import Iterator, Mapping
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

from jinja2 import TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import Field, JsonValue, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agent.author.templates import identifier
from agent.domain import Probe, Target, Value, Verb
from agent.errors import UserError

BLUEPRINTS = Path(__file__).parent.parent / "blueprints"
TEMPLATE_SUFFIX = ".j2"
TRUSTED_NAMES = frozenset({"terraform.tf", ".terraform.lock.hcl", "README.md", "probes.yaml"})

Text = Annotated[str, Field(min_length=1)]


class ProbeTemplate(Probe):
    """A probe; `when` is a Jinja expression over the parameters, empty for always."""

    when: str = ""


class Rule(Value):
    """What the JSON Schema cannot say: `field` is refused, in the words of `rule`, when `refuse_when` is true."""

    field: Text
    refuse_when: Text
    rule: Text
    suggestion: str = ""


class Example(Value):
    """Parameters that a blueprint goes the whole way with, and an issue that asks for them."""

    title: Text
    environment: Text
    parameters: dict[str, JsonValue]
    issue: Text


class Blueprint(Value):
    """A golden path. `name` is the folder's; `templates` maps a file of the unit to its Jinja text.

    `resource` is the main type; `resources` are all types that the templates write, with their verbs; `rules`,
    `summary`, `rollback` and `risk_when` may name the parameters and `environment`. `globally_unique` names the
    parameter whose value must be unique in the whole repository. `risk_when` raises the risk by one step.
    """

    name: Text
    title: Text
    description: Text
    when_to_use: Text
    target: Target
    resource: Text
    summary: Text
    rollback: Text
    risk_when: str = ""
    globally_unique: str = ""
    stateful_types: tuple[str, ...]
    resources: dict[str, tuple[Verb, ...]]
    parameters: dict[str, Any]
    rules: tuple[Rule, ...] = ()
    probes: tuple[ProbeTemplate, ...] = ()
    templates: dict[str, str]
    examples: dict[str, Example]

    @property
    def properties(self) -> Mapping[str, Mapping[str, Any]]:
        """Parameter -> its JSON Schema."""
        return self.parameters["properties"]  # type: ignore[no-any-return]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Blueprint":
        problems = list(_problems(self))
        if problems:
            raise ValueError("; ".join(problems))
        return self


@cache
def load_blueprints(root: Path = BLUEPRINTS) -> Mapping[str, Blueprint]:
    """Every folder of `root` by its name, read once a process: it takes tenths of a second.

    Raises UserError naming file, field and reason.
    """
    return {folder.name: load_blueprint(folder) for folder in sorted(root.iterdir()) if folder.is_dir()}


def load_blueprint(folder: Path) -> Blueprint:
    """One blueprint. Raises UserError naming file, field and reason."""
    source = folder / "blueprint.yaml"
    data = _mapping(source)
    for given in ("name", "templates", "examples"):
        if given in data:
            raise UserError(f"{_short(source)}: {given}: is read from the folder; remove it")
    templates = {
        path.relative_to(folder / "templates").as_posix().removesuffix(TEMPLATE_SUFFIX): _template(path)
        for path in sorted((folder / "templates").glob(f"*{TEMPLATE_SUFFIX}"))
    }
    examples = {path.stem: _example(path) for path in sorted((folder / "examples").glob("*.yaml"))}
    try:
        return Blueprint(name=folder.name, templates=templates, examples=examples, **data)
    except ValidationError as error:
        raise UserError(_explain(source, error)) from error


def _problems(blueprint: Blueprint) -> Iterator[str]:
    schema = blueprint.parameters
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        yield f"parameters: {error.json_path}: {error.message}"
        return
    properties = schema.get("properties")
    if not isinstance(properties, dict) or "name" not in properties:
        yield "parameters: properties.name is needed: it names the unit"
        return
    if schema.get("additionalProperties") is not False:
        yield "parameters: additionalProperties must be false: an unknown parameter is a question, not a wish granted"
    required = schema.get("required", [])
    for name, rule in properties.items():
        for key in ("type", "title", "description"):
            if key not in rule:
                yield f"parameters: properties.{name}.{key} is missing"
        if (name in required) == ("default" in rule):
            yield f"parameters: properties.{name} needs either a default or a place in required"
        elif "default" in rule and not Draft202012Validator(rule).is_valid(rule["default"]):
            yield f"parameters: properties.{name}.default {rule['default']!r} breaks its own schema"
        if ("pattern" in rule or "items" in rule) and "x-rule" not in rule:
            yield f"parameters: properties.{name}.x-rule is missing: people cannot read a pattern"
    for name in [*required, *(rule.field for rule in blueprint.rules), blueprint.globally_unique or "name"]:
        if name not in properties:
            yield f"{name!r} is named but not one of parameters.properties"
    if not {"main.tf", "outputs.tf"} <= set(blueprint.templates):
        yield "templates: main.tf.j2 and outputs.tf.j2 are needed"
    for name in blueprint.templates:
        if name in TRUSTED_NAMES or not name.endswith(".tf"):
            yield f"templates: {name}.j2 is not for a blueprint to write"
    for name in (blueprint.resource, *blueprint.stateful_types):
        if name not in blueprint.resources:
            yield f"{name} is not one of resources"
    if not blueprint.examples:
        yield "examples: at least one is needed"
    for label, text in _texts(blueprint):
        try:
            _JINJA.parse(text)
        except TemplateSyntaxError as error:
            yield f"{label}:{error.lineno}: {error.message}"


def _texts(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    yield "summary", blueprint.summary
    yield "rollback", blueprint.rollback
    for name, text in blueprint.templates.items():
        yield f"templates/{name}{TEMPLATE_SUFFIX}", text
    expressions = [("risk_when", blueprint.risk_when)]
    expressions += [(f"rules.{rule.field}.refuse_when", rule.refuse_when) for rule in blueprint.rules]
    expressions += [(f"probes.{probe.name}.when", probe.when) for probe in blueprint.probes]
    for label, expression in expressions:
        if expression:
            yield label, "{% if " + expression + " %}{% endif %}"


_JINJA = ImmutableSandboxedEnvironment()
_JINJA.filters["ident"] = identifier


def _template(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{_short(path)}: not UTF-8") from error


def _example(path: Path) -> Example:
    try:
        return Example.model_validate(_mapping(path))
    except ValidationError as error:
        raise UserError(_explain(path, error)) from error


def _mapping(path: Path) -> dict[str, Any]:
    try:
        data = YAML(typ="safe", pure=True).load(StringIO(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise UserError(f"{_short(path)}: not there; every blueprint folder needs it") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{_short(path)}: not UTF-8") from error
    except YAMLError as error:
        raise UserError(f"{_short(path)}: not YAML: {error}") from error
    if not isinstance(data, dict):
        raise UserError(f"{_short(path)}: must be a mapping, got {type(data).__name__}")
    return {str(key): value for key, value in data.items()}


def _short(path: Path) -> str:
    return "/".join(path.parts[-3:] if path.parent.name == "examples" else path.parts[-2:])


def _explain(path: Path, error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        field = ".".join(str(part) for part in problem["loc"])
        lines.append(f"{_short(path)}: {field + ': ' if field else ''}{problem['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)
