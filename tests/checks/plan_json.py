"""Plans as `terraform show -json` writes them: real ones of the blueprints, and small ones made by hand."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PLANS = Path(__file__).parent / "plans"
REGION = "us-east-1"


def real(name: str) -> dict[str, Any]:
    """A plan that Terraform 1.11.4 made of a blueprint on a local AWS, reduced to what has to do with cost."""
    data: dict[str, Any] = json.loads((PLANS / f"{name}.json").read_text(encoding="utf-8"))
    return data


def change(
    address: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    unknown: Mapping[str, Any] | None = None,
    sensitive: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One entry of `resource_changes`."""
    parts = address.split(".")
    module = ".".join(parts[:-2])
    actions = ["create"] if before is None else ["delete"] if after is None else ["update"]
    if before == after and not unknown:
        actions = ["no-op"]
    return {
        "address": address,
        **({"module_address": module} if module else {}),
        "mode": "managed",
        "type": parts[-2],
        "name": parts[-1].partition("[")[0],
        "change": {
            "actions": actions,
            "before": before,
            "after": after,
            "after_unknown": dict(unknown or {}),
            "before_sensitive": dict(sensitive or {}),
            "after_sensitive": dict(sensitive or {}),
        },
    }


def plan(changes: Iterable[dict[str, Any]], **configuration: Any) -> dict[str, Any]:
    return {"resource_changes": list(changes), "configuration": configuration}
