"""What the house allows and knows: guardrails, waivers, golden paths, notes, the gate's rules, prices."""

import json
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from agent import gate, permit
from agent.checks.cost_plan import Unpriced
from agent.checks.cost_table import EVERYWHERE, table
from agent.checks.waivers import load_waivers
from agent.errors import UserError
from agent.models.tools.place import Place, shown
from agent.models.tools.ranking import Ranking, words
from agent.models.tools.tool import Arguments, Tool
from agent.notes import FOLDER

_FRONT = re.compile(r"---\n(?P<front>.*?\n)---\n", re.DOTALL)
_TITLE = re.compile(r"^(?:title:\s*\"?(?P<quoted>[^\"\n]+)\"?|#\s+(?P<heading>.+))$", re.MULTILINE)
_INSTANCE = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+")


class GuardrailsOf(Arguments):
    environment: str = ""
    """Environment to show alone. Empty: all."""
    type: str = ""
    """Resource type to ask about, such as aws_iam_role: whether it may be written."""


class WaiversAt(Arguments):
    path: str = ""
    """Only waivers that reach this path."""


class Nothing(Arguments):
    pass


class ShowBlueprint(Arguments):
    name: str
    """Name of the golden path, as list-blueprints gives it."""
    templates: bool = False
    """Whether to show its code as well: how the house writes such a unit."""


class Notes(Arguments):
    text: str = ""
    """What the notes should be about, in words. Empty: all, by name."""
    path: str = ""
    """Path of one note, to read it."""


class GateRules(Arguments):
    rule: str = ""
    """Id of a rule, to see why it is there, where it fires and what is fine. Empty: all, a line each."""
    text: str = ""
    """Only rules whose id or reason holds this text."""


class Prices(Arguments):
    name: str
    """Resource type (aws_nat_gateway), instance type (t3.micro), or a part of a price's name (nat_gateway, ebs.gp3)."""
    environment: str = ""
    """Environment whose region counts. Empty: the first one."""


def guardrails(place: Place, given: GuardrailsOf) -> str:
    """What is allowed: environments, regions, limits, quotas, providers, modules, images, resource types."""
    rules = place.guardrails
    if given.type:
        why = permit.allowed_type(rules, given.type)
        return f"{given.type}: {why}" if why else f"{given.type} may be written"
    names = [name for name in rules.environments if given.environment in ("", name)]
    if not names:
        known = ", ".join(rules.environments)
        raise UserError(f"{shown(given.environment)}: no such environment; there are {known}")
    rows: list[str] = []
    for name in names:
        rows += [f"environment {name}:", *(f"  {row}" for row in _environment(place, name))]
    types = rules.resource_types
    rows += [
        f"providers: {', '.join(rules.providers)}",
        f"modules: folders of this repository{''.join(f', {one}' for one in rules.module_sources)}",
        f"image registries: {', '.join(rules.image_registries) or 'those of the gate'}; images by digest",
        f"resource types: {', '.join(types.allow)}{f', except {_listed(types.deny)}' if types.deny else ''}",
    ]
    rows += [f"written by golden paths only: {', '.join(types.golden_path)}"] if types.golden_path else []
    rows += [f"hold data, so that they are not destroyed or replaced: {', '.join(rules.stateful_types)}"]
    rows += [f"at most {rules.limits.max_files} files in a change, {rules.limits.max_file_bytes} bytes in a file"]
    return "\n".join(rows)


def _environment(place: Place, name: str) -> Iterator[str]:
    rules, here = place.guardrails.environments[name], place.settings.environments.get(name)
    if here is None:
        yield "not in .github/infra-agent.yml, so nothing can be written there"
        return
    yield f"region {here.region}{f' (may be {_listed(rules.regions)})' if rules.regions else ''}"
    if here.tags:
        yield f"tags by default: {', '.join(f'{key}={value}' for key, value in sorted(here.tags.items()))}"
    most = permit.limits_of(place.guardrails, name)
    yield f"one change may create {most.max_creates} and destroy {most.max_destroys} resources"
    if most.max_monthly_usd is not None:
        yield f"known monthly cost of its units at most {most.max_monthly_usd:g} USD"
    if most.max_monthly_increase_usd is not None:
        yield f"one change may add at most {most.max_monthly_increase_usd:g} USD a month"
    for pattern, quota in rules.quotas.items():
        yield f"at most {quota} of {pattern}"
    if rules.golden_paths_only:
        yield "golden paths only"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def waivers(place: Place, given: WaiversAt) -> str:
    """Findings that people have accepted: rule, where, until when, why."""
    found = [one for one in load_waivers(place.root).waivers if not given.path or fnmatchcase(given.path, one.path)]
    rows = [
        f"{one.rule} at {one.path} until {one.expires}{' (over)' if one.expires < place.today else ''}: {one.reason}"
        for one in found
    ]
    return "\n".join(rows) or "nothing is waived there"


def list_blueprints(place: Place, given: Nothing) -> str:
    """A line a golden path: name, title, when to use it."""
    rows = [f"{one.name} ({one.target}): {one.title}. {one.when_to_use}" for one in place.blueprints.values()]
    return "\n".join(rows) or "there are no golden paths"


def show_blueprint(place: Place, given: ShowBlueprint) -> str:
    """What a golden path writes, and its parameters by their schema."""
    one = place.blueprints.get(given.name)
    if one is None:
        raise UserError(f"{shown(given.name)}: no such golden path; there are {', '.join(place.blueprints) or 'none'}")
    rows = [f"{one.name} ({one.target}): {one.title}", one.description, f"when: {one.when_to_use}", ""]
    rows += ["writes:", *(f"  {kind}: {', '.join(verbs)}" for kind, verbs in one.resources.items()), "", "parameters:"]
    required = one.parameters.get("required") or ()
    for name, schema in (one.parameters.get("properties") or {}).items():
        needed = "required" if name in required else f"default {json.dumps(schema.get('default'))}"
        limits = {key: value for key, value in schema.items() if key not in ("title", "description", "default", "type")}
        limited = f" {json.dumps(limits, sort_keys=True)}" if limits else ""
        rows.append(f"  {name}: {schema.get('type')}, {needed}{limited}: {schema.get('description', '')}")
    if given.templates:
        for name, text in one.templates.items():
            rows += ["", f"--- {name}", text.rstrip("\n")]
    return "\n".join(rows)


def notes(place: Place, given: Notes) -> str:
    """Notes that people merged: a list, those that are about something, or one of them."""
    paths = [path for path in place.paths if path.startswith(f"{FOLDER}/") and path.endswith(".md")]
    if given.path:
        if given.path not in paths:
            raise UserError(f"{shown(given.path)}: no such note; ask without a path for a list")
        return place.told(given.path)
    texts = {path: place.told(path) for path in paths}
    if given.text:
        paths = Ranking({path: words(f"{path} {text}") for path, text in texts.items()}).best(given.text, most=10)
    return "\n".join(f"{path}: {_title(texts[path])}" for path in paths) or "there is no note about it"


def _title(text: str) -> str:
    front = _FRONT.match(text)
    match = _TITLE.search(front["front"] if front else text)
    said = (match["quoted"] or match["heading"]) if match else text.lstrip().split("\n")[0]
    return " ".join(said.split())[:120]


def gate_rules(place: Place, given: GateRules) -> str:
    """What may never be written, decided on the code itself."""
    if given.rule:
        rule = gate.RULES.get(given.rule)
        if rule is None:
            raise UserError(f"{shown(given.rule)}: no rule of the gate; ask without one for a list")
        return rule.help
    rows = [f"{rule.id}: {rule.reason}" for rule in sorted(gate.RULES.values(), key=lambda one: one.id)]
    return "\n".join(row for row in rows if given.text.lower() in row.lower()) or "no rule fits"


def prices(place: Place, given: Prices) -> str:
    """List prices of the bundled table, with source and date; what is not in it has no price here."""
    environment = given.environment or next(iter(place.settings.environments), "")
    here = place.settings.environments.get(environment)
    if here is None:
        known = ", ".join(place.settings.environments)
        raise UserError(f"{shown(environment)}: no such environment; there are {known}")
    listed = table()
    rows: list[str] = []
    sought = given.name.lower()
    if "_" in sought and sought.partition("_")[0] in place.settings.terraform.providers:
        kind = listed.kind(sought)
        said = {"free": "has no charge of its own", "usage-based": "bills by use alone", "priced": "may have a price"}
        rows.append(f"{sought} {said[kind]}")
        sought = sought.partition("_")[2]
    for (name, region), price in sorted(listed.prices.items()):
        if sought in name and region in (here.region, EVERYWHERE):
            rows.append(f"{name}: {price.usd:g} USD in {region} ({price.source}, {price.date})")
    if _INSTANCE.fullmatch(sought):
        try:
            price = listed.machine(sought, here.region)
            rows.append(f"{sought}: {price.usd:g} USD an hour in {here.region} ({price.source}, {price.date})")
        except Unpriced as error:
            rows.append(str(error))
    return "\n".join(rows) or f"{shown(given.name)}: no price in {here.region}"


TOOLS = (
    Tool(
        "guardrails", "Shows what the house allows to be written, where and how much.", GuardrailsOf, guardrails, 2_000
    ),
    Tool("waivers", "Shows which findings people have accepted, where and until when.", WaiversAt, waivers, 2_000),
    Tool(
        "list-blueprints",
        "Lists the golden paths: what they write and when to use them.",
        Nothing,
        list_blueprints,
        3_000,
    ),
    Tool(
        "show-blueprint",
        "Shows one golden path with its parameters, and its code.",
        ShowBlueprint,
        show_blueprint,
        6_000,
    ),
    Tool("notes", "Shows notes that people merged about this infrastructure.", Notes, notes, 3_000),
    Tool(
        "gate-rules",
        "Lists what may never be written, and explains one rule with examples.",
        GateRules,
        gate_rules,
        5_000,
    ),
    Tool(
        "prices", "Shows list prices of a resource or instance type in an environment's region.", Prices, prices, 2_000
    ),
)
