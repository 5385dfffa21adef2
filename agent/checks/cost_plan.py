"""`terraform show -json` of a plan -> its resources before and after, with region and launch template. Pure."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.domain import KEY, without_keys
from agent.errors import ToolError
from agent.targets.terraform_marks import any_true, part_of


class Unpriced(Exception):
    """Why a resource, or what it depends on, has no price here. Never leaves the cost check."""


@dataclass(frozen=True)
class Values:
    """A resource's (or block's) attributes, with the plan's marks of what is unknown and what is sensitive.

    What is marked is not read: asking for it raises Unpriced, because a price would tell a sensitive value.
    """

    values: Mapping[str, Any]
    unknown: Any = None
    sensitive: Any = None

    def known(self, name: str) -> Any:
        """The attribute as it is, None when it is not set. Raises Unpriced."""
        if any_true(part_of(self.unknown, name)):
            raise Unpriced(f"`{name}` is known only after the apply")
        if any_true(part_of(self.sensitive, name)):
            raise Unpriced(f"`{name}` is sensitive")
        return self.values.get(name)

    def is_known(self, name: str) -> bool:
        """Whether the attribute is set, and no part of it is unknown."""
        return self.has(name) and not any_true(part_of(self.unknown, name))

    def has(self, name: str) -> bool:
        """Whether the attribute is set, though parts of it may be unknown."""
        return part_of(self.unknown, name) is not True and self.values.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """A string. Raises Unpriced when it is something else."""
        value = self.known(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise Unpriced(f"`{name}` is not a text")
        return value or default

    def number(self, name: str, default: float | None = None) -> float:
        """A number of 0 or more. Raises Unpriced when there is none and no default."""
        value = self.known(name)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Unpriced(f"`{name}` is not set" if value is None else f"`{name}` is not a number")
        if not math.isfinite(value) or value < 0:
            raise Unpriced(f"`{name}` is out of range")
        return float(value)

    def flag(self, name: str) -> bool:
        """A boolean, also as the text "true"; False when it is not set."""
        value = self.known(name)
        if value not in (None, True, False, "true", "false", ""):
            raise Unpriced(f"`{name}` is neither true nor false")
        return value in (True, "true")

    def blocks(self, name: str) -> tuple["Values", ...]:
        """Nested blocks, in order. Raises Unpriced when it is not known how many there are."""
        mark = part_of(self.unknown, name)
        if mark is True:
            raise Unpriced(f"`{name}` is known only after the apply")
        value = self.values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise Unpriced(f"`{name}` is not a list of blocks")
        hidden = part_of(self.sensitive, name)
        return tuple(
            Values(values=item, unknown=part_of(mark, index), sensitive=part_of(hidden, index))
            for index, item in enumerate(value)
        )


@dataclass(frozen=True)
class Resource:
    """A managed resource of a plan. `before` or `after` is None where there is none; `region` "" is not known."""

    address: str
    type: str
    module: str
    region: str
    before: Values | None
    after: Values | None
    expressions: Mapping[str, Any]


def resources_of(plan: Mapping[str, Any], *, region: str) -> tuple[Resource, ...]:
    """The managed resources, unchanged ones included. `region` is for providers that name none.

    Raises ToolError when the plan has not the shape that `terraform show -json` gives.
    """
    try:
        return tuple(_resources(plan, region))
    except (AttributeError, KeyError, TypeError) as error:
        raise ToolError(f"the plan JSON has not the shape that is known here: {error!r}") from error


def launch_template(resource: Resource, every: tuple[Resource, ...], *, side: str) -> Values:
    """The launch template of an autoscaling group in the same plan, on the same side (`before` or `after`).

    It is found by the id where that is known, else by the reference in the configuration. Raises Unpriced.
    """
    group: Values | None = getattr(resource, side)
    blocks = group.blocks("launch_template") if group else ()
    if len(blocks) != 1:
        raise Unpriced("it has no launch template of its own")
    templates = [item for item in every if item.type == "aws_launch_template"]
    for key in ("id", "name"):
        if blocks[0].is_known(key):
            wanted = blocks[0].known(key)
            # An id is computed: where the template is being changed, its later side may not tell it.
            found = [item for item in templates if wanted in (_told(item.before, key), _told(item.after, key))]
            return _only(found, side, version=_version(blocks[0]))
    written = resource.expressions.get("launch_template")
    names = {
        without_keys(reference)
        for block in (written if isinstance(written, list) else ())
        for key in ("id", "name")
        for reference in block.get(key, {}).get("references", ())
        if re.fullmatch(r"aws_launch_template\.[\w-]+(\[.*\])?", reference)
    }
    prefix = f"{resource.module}." if resource.module else ""
    places = {f"{prefix}{name}" for name in names}
    found = [item for item in templates if item.module == resource.module and without_keys(item.address) in places]
    if len(found) > 1:  # each group takes the template with its own key
        key = _last_index(resource.address)
        found = [item for item in found if key and _last_index(item.address) == key]
    return _only(found, side, version=_version(blocks[0]))


def _only(found: list[Resource], side: str, *, version: str) -> Values:
    template: Values | None = getattr(found[0], side) if len(found) == 1 else None
    if template is None:
        raise Unpriced("its launch template is not in this plan")
    # A plan holds the latest version alone. A new template has only one.
    latest = str(_told(template, "latest_version") or ("1" if found[0].before is None else ""))
    if version.isdigit() and version != latest:
        raise Unpriced("it runs another version of its launch template")
    return template


def _version(block: Values) -> str:
    return str(block.known("version")) if block.is_known("version") else ""


def _told(values: Values | None, key: str) -> Any:
    return values.values.get(key) if values is not None and values.is_known(key) else None


def _resources(plan: Mapping[str, Any], region: str) -> Iterator[Resource]:
    written = dict(_configured(plan.get("configuration", {}).get("root_module", {}), ""))
    providers = plan.get("configuration", {}).get("provider_config", {})
    for item in plan.get("resource_changes", []):
        if item["mode"] != "managed":
            continue
        change = item["change"]
        forgotten = "forget" in change["actions"]
        config = written.get(without_keys(item["address"]), {})
        before = _values(change.get("before"), None, change.get("before_sensitive"))
        after = _values(change.get("after"), change.get("after_unknown"), change.get("after_sensitive"))
        yield Resource(
            address=f"{item['address']} (deposed {item['deposed']})" if item.get("deposed") else str(item["address"]),
            type=str(item["type"]),
            module=str(item.get("module_address", "")),
            region=_region(config, providers, plan, region),
            before=before,
            # What only the state forgets goes on costing.
            after=before if forgotten and after is None else after,
            expressions=config.get("expressions", {}),
        )


def _configured(module: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for resource in module.get("resources", []):
        yield f"{prefix}{resource['address']}", resource
    for name, call in module.get("module_calls", {}).items():
        yield from _configured(call.get("module", {}), f"{prefix}module.{name}.")


def _region(config: Mapping[str, Any], providers: Mapping[str, Any], plan: Mapping[str, Any], default: str) -> str:
    own = config.get("expressions", {}).get("region")  # of one resource, since version 6 of the provider
    key = str(config.get("provider_config_key", "aws"))
    provider = providers.get(key) or providers.get(key.rpartition(":")[2]) or {}
    expression = own if own is not None else provider.get("expressions", {}).get("region")
    if expression is None:
        return default if key.rpartition(":")[2] == "aws" else ""
    if "constant_value" in expression:
        return str(expression["constant_value"])
    names = [name for name in expression.get("references", ()) if name.startswith("var.")]
    value = plan.get("variables", {}).get(names[0][4:], {}).get("value") if len(names) == 1 else None
    return value if isinstance(value, str) else ""


def _values(values: Any, unknown: Any, sensitive: Any) -> Values | None:
    if values is None:
        return None
    return Values(values=dict(values.items()), unknown=unknown, sensitive=sensitive)


def _last_index(address: str) -> str:
    found = re.search(rf"{KEY.pattern}$", address)
    return found[0] if found else ""
