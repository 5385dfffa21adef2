"""Plans and bundles -> the same JSON in another spelling: order, blanks, escapes, modules, lists for single values."""

import json
import re
from random import Random
from typing import Any

from agent.gate.rules import Example

INDEXES = ("", "[0]", '["a"]', '["a.b"]', '["]"]')
CALM: dict[str, Any] = {
    "address": "aws_calm.x",
    "mode": "managed",
    "type": "aws_calm",
    "provider_name": "registry.terraform.io/hashicorp/aws",
    "change": {"actions": ["no-op"], "before": {}, "after": {}, "after_unknown": {}},
}


def respell_plan(example: Example, rng: Random) -> Example:
    """The same plan with its resource inside modules, among others, and its policies spelled differently."""
    plan = json.loads(example["plan.json"] or "")
    configuration = plan.get("configuration")
    root = configuration.get("root_module") if isinstance(configuration, dict) else None
    changes = plan.get("resource_changes")
    if isinstance(root, dict) and isinstance(changes, list) and all(isinstance(one, dict) for one in changes):
        for change in changes:
            _respell_change(change, rng)
        names = [f"m{number}" for number in range(rng.choice([0, 1, 2, 3]))]
        for name in names:
            root = {"module_calls": {"calm": {"module": {}}, name: {"source": "./m", "module": root}}}
        prefix = "".join(f"module.{name}{rng.choice(INDEXES)}." for name in reversed(names))
        index = rng.choice(INDEXES)
        for change in changes:
            previous = change.get("previous_address")
            change["address"] = f"{prefix}{change['address']}{index}"
            if previous:
                change["previous_address"] = f"{prefix}{previous}"
        plan["configuration"]["root_module"] = root
        plan["resource_changes"] = rng.choice([changes, [CALM, *changes], [*changes, CALM]])
    return {"plan.json": json.dumps(_shuffled(plan, rng), indent=rng.choice([None, 1]))}


def _respell_change(change: dict[str, Any], rng: Random) -> None:
    after = change.get("change", {}).get("after") or {}
    for name, value in after.items():
        if isinstance(value, str) and value.startswith("{"):
            policy = json.loads(value)
            for statement in policy["Statement"]:
                for part in ("Action", "Resource"):
                    if isinstance(statement.get(part), str) and rng.random() < 0.5:
                        statement[part] = [statement[part]]
                if "*" not in statement.get("Action", "*"):
                    statement["Action"] = json.loads(_cased(json.dumps(statement["Action"]), rng))
            if rng.random() < 0.4:
                (policy["Statement"],) = policy["Statement"]
            elif rng.random() < 0.5:
                calm = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
                policy["Statement"].insert(0, calm)
            after[name] = json.dumps(_shuffled(policy, rng), indent=rng.choice([None, 2]))


def _cased(text: str, rng: Random) -> str:
    return rng.choice([text, text.lower(), text.upper()])


def _shuffled(value: Any, rng: Random) -> Any:
    if isinstance(value, dict):
        pairs = list(value.items())
        rng.shuffle(pairs)
        return {name: _shuffled(part, rng) for name, part in pairs}
    return [_shuffled(part, rng) for part in value] if isinstance(value, list) else value


def respell_bundle(example: Example, rng: Random) -> Example:
    """The same bundle text with blanks between its signs, and letters of its texts as escapes."""
    text = example["bundle.json"] or ""
    pieces = re.split(r'("(?:[^"\\]|\\.)*")', text)
    share = rng.choice([0.0, 0.1, 1.0])
    out = []
    for number, piece in enumerate(pieces):
        if number % 2:
            escaped = "".join(
                f"\\u{ord(char):04x}" if char.isalnum() and rng.random() < share else char for char in piece[1:-1]
            )
            out.append(f'"{escaped}"' if "\\" not in piece else piece)
        else:
            out.append(re.sub(r"(?<=[\[{,:}\]])", lambda _: rng.choice(["", " ", "\n", "\t"]), piece))
    return {"bundle.json": rng.choice(["", " ", "\n"]) + "".join(out) + rng.choice(["", "\n"])}
