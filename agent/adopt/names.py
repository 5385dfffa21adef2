"""The names that workflow files use -> whether the variables and secrets of the repository have them. Only reads."""

import re
from collections.abc import Iterator, Mapping

from agent.doctor import Line
from agent.github.connect import Connection
from agent.github.setup import Answer, look_all
from agent.models.providers import VARIABLES

_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")
# Names that may be unset: another AWS, a provider mirror, models, and all of an App of one's own, if there is none.
_OPTIONAL = frozenset({"AWS_ENDPOINT_URL", "INFRA_AGENT_PROVIDER_MIRROR", *VARIABLES})
_APP_ID = "INFRA_AGENT_APP_ID"
_APP = frozenset({_APP_ID, "INFRA_AGENT_APP_SLUG", "INFRA_AGENT_APP_KEY"})


def names(connection: Connection, files: Mapping[str, str]) -> Iterator[Line]:
    """A line for each name in `files` (path -> text). Of secrets GitHub tells the name, never the value."""
    text = "".join(files.values())
    variables = _all_of(connection, "variables", values=True)
    alone = not isinstance(variables, Answer) and not variables.get(_APP_ID)
    optional = _OPTIONAL | (_APP if alone else {""})
    for name in sorted(set(re.findall(r"\bvars\.([A-Z][A-Z0-9_]*)", text)) - optional):
        what = f"variable {name}"
        if isinstance(variables, Answer):
            yield unreadable(what, variables)
        elif not variables.get(name):
            yield Line(what, False, f"not set; gh variable set {name} --repo {connection.name}")
        elif name.endswith("_ROLE") and not _ARN.fullmatch(variables[name]):
            yield Line(what, False, "is no address of a role, such as arn:aws:iam::123456789012:role/infra-agent-plan")
        else:
            yield Line(what, True, "set")
    if not isinstance(variables, Answer):
        roles = [variables.get(f"INFRA_AGENT_{role}_ROLE") for role in ("PLAN", "APPLY")]
        if roles[0] and roles[0] == roles[1]:
            yield Line("two roles", False, "plan and apply share one role, so every plan may write; make a second one")
    needed = sorted(set(re.findall(r"\bsecrets\.([A-Z][A-Z0-9_]*)", text)) - {"GITHUB_TOKEN"} - optional)
    secrets = _all_of(connection, "secrets") if needed else {}
    for name in needed:
        if isinstance(secrets, Answer):
            yield unreadable(f"secret {name}", secrets)
        else:
            yield Line(f"secret {name}", name in secrets, "set" if name in secrets else "not set; docs/operations.md")


def _all_of(connection: Connection, kind: str, *, values: bool = False) -> dict[str, str] | Answer:
    """Name -> value (empty for secrets) of the repository, its organisation and the environments; or the refusal."""
    environments = look_all(connection, "environments", inside="environments")
    if not environments.known:
        return environments
    places = [f"actions/{kind}", *(f"environments/{one['name']}/{kind}" for one in environments.data)]
    found: dict[str, str] = {}
    for place in places:
        answer = look_all(connection, place, inside=kind)
        if not answer.known:
            return answer
        found |= {one["name"]: str(one.get("value", "")) if values else "" for one in answer.data}
    shared = look_all(connection, f"actions/organization-{kind}", inside=kind)
    if shared.known:
        found = {one["name"]: str(one.get("value", "")) if values else "" for one in shared.data} | found
    return found


def unreadable(what: str, answer: Answer) -> Line:
    """The line of what the token may not see: never a yes."""
    why = f"this token may not read it (GitHub answered {answer.status}: {answer.message})"
    return Line(what, None, f"{why}; use one of an administrator")
