"""An IAM policy's JSON -> reasons why it gives everything away. Pure and total."""

import json
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

# Some role, and an action that no service has: what holds for them holds for all.
ROLE = "arn:aws:iam::123456789012:role/some-role"
NO_ACTION = "no-service:noaction"
# Two parts without a wildcard: `repo:organisation/…`, `system:serviceaccount:…`.
SUBJECT = re.compile(r"[^*?:]+:[^*?:/]+(?:[:/]|$)|[^*?:]+$")
OIDC = re.compile(r"oidc|accounts\.google\.com", re.IGNORECASE)


def problems(text: str, *, trust: bool) -> Iterator[str]:
    """Why a policy's JSON gives too much; `trust` is a role's own policy, which says who may assume it."""
    if not text.strip():
        return
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        yield "is not JSON"
        return
    statements = _dict(policy).get("Statement")
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
            continue
        actions = {str(action).lower() for action in _strings(statement.get("Action"))}
        everywhere = _match(_strings(statement.get("Resource")), ROLE) or "NotResource" in statement
        if _match(actions, NO_ACTION) and (everywhere or "Resource" not in statement):
            yield "allows every action"
        handing = _match(actions, "iam:passrole") or _match(actions, "iam:attachrolepolicy")
        if handing and everywhere and not statement.get("Condition"):
            yield "allows handing on or changing any role"
        if "NotAction" in statement and everywhere:
            yield "allows everything but a list"
        if trust:
            yield from _trust(statement)


def _trust(statement: dict[str, Any]) -> Iterator[str]:
    principal = statement.get("Principal")
    named = [name for value in _dict(principal).values() for name in _strings(value)] or _strings(principal)
    condition = json.dumps(statement.get("Condition") or {})
    if "*" in named and condition == "{}":
        yield "lets anybody assume the role"
    if "NotPrincipal" in statement:
        yield "lets anybody but a list assume the role"
    federated = _strings(_dict(principal).get("Federated"))
    if any(OIDC.search(name) for name in federated) and not _names_subject(statement.get("Condition")):
        yield "trusts an identity provider without a condition on the subject"


def _names_subject(condition: Any) -> bool:
    """Whether a trust's condition says which subjects: plainly, or with wildcards behind whose they are."""
    for operator, tests in _dict(condition).items():
        if operator.lower().removeprefix("foranyvalue:") not in {"stringequals", "stringlike"}:
            continue
        for key, values in _dict(tests).items():
            given = _strings(values)
            if key.lower().endswith(":sub") and given and all(SUBJECT.match(value) for value in given):
                return True
    return False


def _match(patterns: Iterable[str], name: str) -> bool:
    """Whether one of IAM's patterns (`*`, `?`) holds for the name."""
    return any(fnmatchcase(name, pattern.replace("[", "[[]")) for pattern in patterns)


def _strings(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)] if value is not None else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
