"""Resource types of the providers: what one takes, and which there are."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from agent import permit
from agent.errors import UserError
from agent.models.tools import provider_schema
from agent.models.tools.place import Place, shown
from agent.models.tools.provider_schema import Schema
from agent.models.tools.tool import Arguments, Tool

Kind = Literal["resource", "data", "ephemeral"]


class ResourceSchema(Arguments):
    type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,99}$")]
    """Type of the resource or data source, such as aws_sqs_queue."""
    kind: Kind = "resource"
    """resource, data (a data source) or ephemeral."""
    block: str = ""
    """Nested block to show alone, such as rule.statement; empty shows the whole type."""
    depth: Annotated[int, Field(ge=1, le=8)] = 3
    """How deep nested blocks are shown."""


class SearchResources(Arguments):
    text: Annotated[str, Field(min_length=2, max_length=200)]
    """What is wanted, in a few words, such as: load balancer listener."""
    kind: Kind | None = None
    """Only resources, only data sources (data), or only ephemeral ones."""
    most: Annotated[int, Field(ge=1, le=50)] = 15
    """How many types to name at most."""


def resource_schema(place: Place, given: ResourceSchema) -> str:
    """Required and optional arguments, nested blocks, read-only attributes, each with its type."""
    found = provider_schema.find(place, given.kind, given.type)
    if found is None:
        near = ", ".join(dict.fromkeys(provider_schema.near(place, given.type)))
        raise UserError(f"{given.type}: the providers have no such {given.kind}{f'; there are {near}' if near else ''}")
    body, where = _inside(found, given.block)
    said = [f"{given.kind} {given.type}{where}, of {found.provider}"]
    if given.kind == "resource" and (why := permit.allowed_type(place.guardrails, given.type)):
        said.append(f"not to be written here: {why}")
    if body.get("deprecated"):
        said.append("deprecated")
    return "\n".join([*said, *_block(body, indent="", depth=given.depth)])


def search_resources(place: Place, given: SearchResources) -> str:
    """A line a type: kind, name, required arguments."""
    rows = []
    for name in provider_schema.ranking(place).best(given.text, most=given.most * 4):
        kind, _, type_ = name.partition(" ")
        if given.kind not in (None, kind):
            continue
        found = provider_schema.find(place, kind, type_)
        required = [key for key, one in _attributes(found.body).items() if one.get("required")] if found else []
        rows.append(f"{name}  needs {', '.join(required) or 'no argument'}")
    return "\n".join(rows[: given.most]) or f"{shown(given.text)}: no type fits; say it in other words"


def _attributes(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body.get("attributes") or {}


def _inside(found: Schema, path: str) -> tuple[Mapping[str, Any], str]:
    """The nested block at `path`, and how it is said."""
    body, walked = found.body, ""
    for step in path.split(".") if path else ():
        nested = (body.get("block_types") or {}).get(step, {}).get("block")
        nested = nested or _attributes(body).get(step, {}).get("nested_type")
        if nested is None:
            there = ", ".join([*(body.get("block_types") or {})][:30]) or "none"
            raise UserError(f"{found.name}{walked}: has no block {shown(step)}; there are {there}")
        body, walked = nested, f"{walked}.{step}"
    return body, walked


def _block(body: Mapping[str, Any], *, indent: str, depth: int) -> Iterator[str]:
    attributes = _attributes(body)
    plain = {name: one for name, one in attributes.items() if "nested_type" not in one}
    for title, names in (
        ("required", [name for name, one in plain.items() if one.get("required")]),
        ("optional", [name for name, one in plain.items() if one.get("optional")]),
        ("read-only", [name for name, one in plain.items() if one.get("computed") and not one.get("optional")]),
    ):
        yield from (
            [f"{indent}{title}:", *(f"{indent}  {_attribute(name, plain[name])}" for name in names)] if names else []
        )
    nested = {name: (one, one["block"]) for name, one in (body.get("block_types") or {}).items()}
    nested |= {name: (one, one["nested_type"]) for name, one in attributes.items() if "nested_type" in one}
    for name, (one, inner) in nested.items():
        written = "attribute" if "nested_type" in one else "block"
        yield f"{indent}{written} {name} ({_how_often(one, inner)}):"
        if depth > 1:
            yield from _block(inner, indent=f"{indent}  ", depth=depth - 1)
        else:
            count = len(_attributes(inner)) + len(inner.get("block_types") or {})
            yield f"{indent}  {count} names; ask with block={name} behind those above it"


def _how_often(one: Mapping[str, Any], inner: Mapping[str, Any]) -> str:
    said = [str(one.get("nesting_mode") or inner.get("nesting_mode"))]
    said += [f"at least {one['min_items']}"] if one.get("min_items") else []
    said += [f"at most {one['max_items']}"] if one.get("max_items") else []
    said += ["required"] if one.get("required") else []
    said += ["read-only"] if one.get("computed") and not one.get("optional") else []
    said += ["deprecated"] if one.get("deprecated") or inner.get("deprecated") else []
    return ", ".join(said)


def _attribute(name: str, one: Mapping[str, Any]) -> str:
    said = [f"{name}: {_type(one.get('type'))}"]
    said += ["computed when absent"] if one.get("optional") and one.get("computed") else []
    said += ["sensitive"] if one.get("sensitive") else []
    said += ["write-only"] if one.get("write_only") else []
    said += ["deprecated"] if one.get("deprecated") else []
    described = " ".join(str(one.get("description") or "").split())[:160]
    return ", ".join(said) + (f": {described}" if described else "")


def _type(said: Any) -> str:
    if isinstance(said, str):
        return {"dynamic": "any"}.get(said, said)
    if not isinstance(said, list):
        return "any"
    if said[0] == "object":
        return "object({" + ", ".join(f"{name} = {_type(one)}" for name, one in said[1].items()) + "})"
    if said[0] == "tuple":
        return "tuple([" + ", ".join(map(_type, said[1])) + "])"
    return f"{said[0]}({_type(said[1])})"


TOOLS = (
    Tool(
        "resource-schema",
        "Shows what a Terraform resource type or data source takes, from the provider's own schema: required and "
        "optional arguments, nested blocks, types, what is deprecated.",
        ResourceSchema,
        resource_schema,
        6_000,
    ),
    Tool(
        "search-resources",
        "Finds Terraform resource types and data sources of the providers by words.",
        SearchResources,
        search_resources,
        2_000,
    ),
)
