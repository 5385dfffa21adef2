"""An IAM policy's JSON -> reasons why it gives everything away. Pure and total."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

# Some role, and an action that no service has: what holds for them holds for all.
ROLE = "arn:aws:iam::123456789012:role/some-role"
NO_ACTION = "no-service:noaction"
# Two parts without a wildcard: `repo:organisation/…`, `system:serviceaccount:…`.
SUBJECT = re.compile(r"[^*?:]+:[^*?:/]+(?:[:/]|$)|[^*?:]+$")
# Who speaks for anybody with an account there: an application's id (`aud`, `app_id`) says whose users are meant.
PUBLIC = frozenset({
    "cognito-identity.amazonaws.com", "www.amazon.com", "graph.facebook.com", "accounts.google.com",
})  # fmt: skip
APPLICATION = re.compile(rf"(?:{'|'.join(map(re.escape, sorted(PUBLIC)))}):(?:aud|app_id|oaud)")
SAML = re.compile(r":saml-provider/|saml_provider", re.IGNORECASE)
WEB_IDENTITY = "sts:assumerolewithwebidentity"
ASSUMING = ("sts:assumerole", "sts:assumerolewithsaml", WEB_IDENTITY)
OPERATOR = re.compile(r"(?:string|arn)(?:equals|like)")
# What says whose principals are meant, and one that nobody could mean for each kind of value.
WHO = re.compile(
    r"aws:(?:principal(?:orgid|orgpaths|arn|account|tag/.+)|source(?:account|arn|orgid|orgpaths|vpce?)|userid|username)"
    r"|sts:externalid|saml:.+"
)
NOBODY = (ROLE, "o-nobodys", "000000000000", "nobody")
# In a policy that stands in code: around what is not known before the plan. No text may hold this character.
UNKNOWN = "\ue000"


def problems(text: str, *, trust: bool) -> Iterator[str]:
    """Why a policy's JSON gives too much; `trust` is a role's own policy, which says who may assume it."""
    if not text.strip():
        return
    try:
        policy = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        yield "is not JSON, or says a key twice"
        return
    if UNKNOWN in json.dumps(policy, ensure_ascii=False):
        yield "holds characters that nobody can read"
    for statement in statements(policy):
        if statement.get("Effect") != "Allow":
            continue
        actions = _actions(statement)
        everywhere = _match(_strings(statement.get("Resource")), ROLE) or "NotResource" in statement
        if _match(actions, NO_ACTION) and (everywhere or "Resource" not in statement):
            yield "allows every action"
        handing = _match(actions, "iam:passrole") or _match(actions, "iam:attachrolepolicy")
        if handing and everywhere and not statement.get("Condition"):
            yield "allows handing on or changing any role"
        if "NotAction" in statement and everywhere:
            yield "allows everything but a list"
        if trust:
            yield from trusts(statement)


def statements(policy: Any) -> list[dict[str, Any]]:
    """The statements of a policy, which may be one or a list."""
    found = _dict(policy).get("Statement")
    return [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]


def is_trust(statement: dict[str, Any]) -> bool:
    """Whether the statement lets somebody assume a role, as far as can be told."""
    actions = _actions(statement)
    assuming = any(_match(actions, action) for action in ASSUMING) or any(UNKNOWN in action for action in actions)
    return bool({"Principal", "NotPrincipal"} & statement.keys()) and statement.get("Effect") != "Deny" and assuming


def trusts(statement: dict[str, Any]) -> Iterator[str]:
    """Why a statement of a trust policy lets in more than somebody in particular. Texts with UNKNOWN in them could be
    anything; they are let through but for a wildcard before it.
    """
    principal, condition = statement.get("Principal"), statement.get("Condition")
    named = [name for value in _dict(principal).values() for name in _strings(value)] or _strings(principal)
    if "NotPrincipal" in statement:
        yield "lets anybody but a list assume the role"
    if isinstance(condition, str) and UNKNOWN in condition:
        return
    if "*" in named and not _says(condition, lambda key, value: WHO.fullmatch(key) is not None and _narrows(value)):
        yield "lets anybody assume the role"
    federated = _strings(_dict(principal).get("Federated"))
    if any(_speaks_for_many(name, statement) for name in federated) and not _says(condition, _is_subject):
        yield "trusts an identity provider without a condition on the subject"


def _speaks_for_many(provider: str, statement: dict[str, Any]) -> bool:
    """Whether those whom a federated provider knows are not one's own people: all but providers of SAML."""
    if "oidc" in provider.lower() or provider.lower() in PUBLIC:
        return True
    actions = _actions(statement)
    return not SAML.search(provider) and (_match(actions, WEB_IDENTITY) or any(UNKNOWN in one for one in actions))


def _says(condition: Any, narrows: Callable[[str, str], bool]) -> bool:
    """Whether one of a condition's tests must hold, and each of its values is one that `narrows` (key, value)."""
    for operator, tests in _dict(condition).items():
        if not OPERATOR.fullmatch(operator.lower().removeprefix("foranyvalue:")) and UNKNOWN not in operator:
            continue
        for key, values in _dict(tests).items():
            given = _strings(values)
            if given and all(narrows(key.lower(), value) for value in given):
                return True
    return False


def _is_subject(key: str, value: str) -> bool:
    """Whether a test says which subjects: plainly, or with wildcards behind whose they are."""
    about = key.endswith((":sub", UNKNOWN)) or APPLICATION.fullmatch(key) is not None
    return about and (_may_be_plain(value) or SUBJECT.match(value) is not None)


def _narrows(value: str) -> bool:
    known, unknown, _ = value.partition(UNKNOWN)
    return _may_be_plain(value) or not any(_match([f"{known}*" if unknown else known], name) for name in NOBODY)


def _may_be_plain(value: str) -> bool:
    known, found, _ = value.partition(UNKNOWN)
    return bool(found) and not {"*", "?"} & set(known)


def _actions(statement: dict[str, Any]) -> set[str]:
    return {str(action).lower() for action in _strings(statement.get("Action"))}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def _match(patterns: Iterable[str], name: str) -> bool:
    """Whether one of IAM's patterns (`*`, `?`) holds for the name."""
    return any(fnmatchcase(name, pattern.replace("[", "[[]")) for pattern in patterns)


def _strings(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)] if value is not None else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
