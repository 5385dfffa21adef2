"""Request and blueprints -> Intent and ChangeSet, without any model. Pure: the same request gives the same bytes."""

import json
import re
from collections.abc import Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from agent import permit
from agent.author.catalog import Blueprint
from agent.author.choose import choose
from agent.author.mentions import read_mentions
from agent.author.parameters import read_parameters
from agent.author.request_form import Asked, normal, read
from agent.author.templates import holds, one_line, render_hcl, render_text
from agent.domain import Action, ChangeSet, File, Intent, Question, Request, Risk, Scope, Verb
from agent.guardrails import Guardrails
from agent.settings import Settings

ROOT = "infra/terraform"
RISKS: tuple[Risk, ...] = ("low", "medium", "high", "critical")
_BLOCK = re.compile(r'^(resource|data) "([a-z0-9_]+)" "[A-Za-z0-9_-]+" \{\n(.*?)^\}$', re.MULTILINE | re.DOTALL)
_FOR_EACH = re.compile(r"^  (?:for_each = toset\((\[.*\])\)|(for_each|count)\b.*)$", re.MULTILINE)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~&-])")


def write(
    request: Request,
    *,
    settings: Settings,
    guardrails: Guardrails,
    blueprints: Mapping[str, Blueprint],
    existing: Mapping[str, str],
) -> tuple[Intent, ChangeSet]:
    """Write the unit that was asked for, or ask. `existing` is the text of each file below infra/terraform on the
    default branch, by path.

    The change is `needs-info` when the intent has questions, and `nothing` when the default branch holds it already.
    Whatever the request's text, this does not raise.
    """
    environments = [name for name in guardrails.environments if name in settings.environments]
    known = {name for blueprint in blueprints.values() for name in blueprint.properties}
    asked = read(request, known=known, environments=environments, blueprints=blueprints)
    questions = list(asked.questions)
    readings = list(asked.readings)
    assumptions: list[str] = []
    name, question = choose(asked.blueprint, asked.prose, blueprints)
    questions += [question] if question else []
    environment, question = _environment(asked, environments, assumptions)
    questions += [question] if question else []
    if not name:
        return _stop(questions, environment=environment)

    blueprint = blueprints[name]
    given = dict(asked.parameters)
    if given.get("name") is None and "name" in asked.guesses:
        given["name"] = asked.guesses["name"]
        readings.append(f"name {asked.guesses['name']}")
    settled = {*asked.emptied, *(key for key, value in given.items() if value is not None)}
    names = {value for key in ("name",) if isinstance(value := given.get(key), str)}
    said = read_mentions(blueprint, asked.told, settled=settled, names=names)
    given = {key: value for key, value in given.items() if normal(key) not in said.values} | dict(said.values)
    readings += [f"{item}: {value}, from {said.words[item]!r}" for item, value in said.values.items()]
    questions += said.questions
    read_in = read_parameters(blueprint, given, environment=environment)
    questions += read_in.questions
    if questions:
        return _stop(questions, environment=environment, blueprint=name)
    if not asked.blueprint:
        readings.append(f"blueprint {name}: the best fit for the text")
    assumptions += [
        f"{item}: {_literal(read_in.values[item])} (default)"
        for item in read_in.defaults
        if read_in.values[item] not in ("", [])
    ]

    values = {**read_in.values, "environment": environment}
    unit = f"{ROOT}/{environment}/{values['name']}"
    files = _files(request, blueprint, values, unit)
    standing = {path for path in existing if path.startswith(f"{unit}/")}
    stands = all(existing.get(file.path) == file.content for file in files)
    if not stands:
        questions += (
            [_taken(unit, str(values["name"]))] if standing else _elsewhere(blueprint, values, settings, existing)
        )
    if questions:
        return _stop(questions, environment=environment, blueprint=name)

    scope = _scope(blueprint, files, environment=environment, unit=unit)
    summary = render_text(blueprint.summary, values).strip()
    intent = Intent(
        summary=summary,
        actions=(
            Action(
                verb="create",
                resource=f"{blueprint.resource} {values['name']}",
                parameters=dict(read_in.values),
                reason=one_line(request.title)[:200],
            ),
        ),
        target=blueprint.target,
        environment=environment,
        risk=_risk(blueprint, values, scope, guardrails),
        blueprint=name,
        readings=tuple(readings),
        assumptions=tuple(assumptions),
    )
    change = ChangeSet(
        status="nothing" if stands else "written",
        author=f"blueprint:{name}",
        summary=f"Nothing to do: {unit} stands as it was asked for." if stands else summary,
        files=() if stands else files,
        units=(unit,),
        scope=scope,
        rollback=render_text(blueprint.rollback, values).strip(),
    )
    return intent, change


def _stop(questions: list[Question], *, environment: str = "", blueprint: str = "") -> tuple[Intent, ChangeSet]:
    asked = {question.field: question for question in reversed(questions)}
    once = tuple(question for question in questions if asked[question.field] is question)
    count = "one answer is" if len(once) == 1 else f"{len(once)} answers are"
    summary = f"Not clear yet: {count} needed before anything is written."
    intent = Intent(summary=summary, environment=environment, blueprint=blueprint, questions=once)
    return intent, ChangeSet(status="needs-info", author=f"blueprint:{blueprint}" if blueprint else "blueprint")


def _environment(asked: Asked, allowed: list[str], assumptions: list[str]) -> tuple[str, Question | None]:
    listed = ", ".join(allowed)
    if asked.environment in allowed:
        return asked.environment, None
    if asked.environment:
        rule = f"one of {listed}; there is no environment {one_line(asked.environment)[:40]!r} here"
    elif len(allowed) == 1:
        assumptions.append(f"environment {allowed[0]}: the only one")
        return allowed[0], None
    else:
        rule = f"is missing: one of {listed}"
    return "", Question(field="environment", rule=rule, suggestion=allowed[0] if allowed else "")


def _taken(unit: str, name: str) -> Question:
    rule = (
        f"must be new: {unit} is there already, and this golden path does not change what stands; "
        "to change it, edit its files in a pull request"
    )
    return Question(field="name", rule=rule, suggestion=f"{name[:60]}-2")


def _elsewhere(
    blueprint: Blueprint, values: Mapping[str, Any], settings: Settings, existing: Mapping[str, str]
) -> list[Question]:
    if not blueprint.globally_unique:
        return []
    field = blueprint.globally_unique
    value = str(values[field])
    line = re.compile(rf'^\s*[a-z_]+\s*=\s*"{re.escape(value)}"\s*$', re.MULTILINE)
    where = [
        path.rpartition("/")[0]
        for path, text in sorted(existing.items())
        if path.endswith(".tf")
        and any(hit[2] == blueprint.resource and line.search(hit[3]) for hit in _BLOCK.finditer(text))
    ]
    where += [f"the state of {name}" for name, item in settings.environments.items() if item.state.bucket == value]
    if not where:
        return []
    rule = f"must be new everywhere, whatever the environment: {value} is used by {where[0]}"
    return [Question(field=field, rule=rule, suggestion=f"{value[:48]}-{values['environment']}"[:63].rstrip("-"))]


def _files(request: Request, blueprint: Blueprint, values: Mapping[str, Any], unit: str) -> tuple[File, ...]:
    texts = {name: render_hcl(template, values) for name, template in blueprint.templates.items()}
    texts["README.md"] = _readme(request, blueprint, values)
    texts["probes.yaml"] = _probes(blueprint, values)
    return tuple(File(path=f"{unit}/{name}", content=text) for name, text in sorted(texts.items()))


def _readme(request: Request, blueprint: Blueprint, values: Mapping[str, Any]) -> str:
    rows = "\n".join(
        f"| {name} | {_cell(_literal(values[name]))} | {_escape(rule['description'])} |"
        for name, rule in blueprint.properties.items()
    )
    return (
        f"# {_escape(blueprint.title)} {_escape(str(values['name']))}\n\n"
        f"{_escape(blueprint.description)}\n\n"
        f"Environment {values['environment']}, written from the golden path `{blueprint.name}` "
        f"for issue #{request.number}.\n\n"
        f"| Parameter | Value | Meaning |\n|---|---|---|\n{rows}\n\n"
        f"## Rollback\n\n{_escape(render_text(blueprint.rollback, values).strip())}\n"
    )


def _probes(blueprint: Blueprint, values: Mapping[str, Any]) -> str:
    probes = [
        probe.model_dump(exclude={"when"}, exclude_defaults=True)
        for probe in blueprint.probes
        if not probe.when or holds(probe.when, values)
    ]
    yaml = YAML()
    yaml.explicit_start = True
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump({"probes": probes}, out)
    return out.getvalue()


def _scope(blueprint: Blueprint, files: tuple[File, ...], *, environment: str, unit: str) -> Scope:
    types: dict[str, tuple[Verb, ...]] = {}
    creates = 0
    for file in files:
        for kind, resource, body in _BLOCK.findall(file.content or "") if file.path.endswith(".tf") else []:
            types[resource] = blueprint.resources[resource]
            creates += _instances(resource, body) if kind == "resource" else 0
    return Scope(
        environment=environment, units=(unit,), types=dict(sorted(types.items())), max_creates=creates, max_destroys=0
    )


def _instances(resource: str, body: str) -> int:
    repeated = _FOR_EACH.search(body)
    if repeated is None:
        return 1
    if repeated[1] is None:
        raise ValueError(f"{resource}: only `for_each = toset([...])` can be counted before the plan")
    return len(set(json.loads(repeated[1])))


def _risk(blueprint: Blueprint, values: Mapping[str, Any], scope: Scope, guardrails: Guardrails) -> Risk:
    stateful = {*blueprint.stateful_types, *guardrails.stateful_types}
    steps = [
        permit.is_production(guardrails, scope.environment),
        not stateful.isdisjoint(scope.types),
        bool(blueprint.risk_when) and holds(blueprint.risk_when, values),
    ]
    return RISKS[sum(steps)]


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value or '""'


def _cell(text: str) -> str:
    return f"`{text}`" if not set(text) & set("`|\\") else _escape(text)


def _escape(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text) if set(text) & set("`*_[]|<>\\~&#") else text
