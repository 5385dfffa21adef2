"""REST: a branch's protection, rulesets and the rules of a branch. They are kept and told, never enforced."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from agent.sandbox.forge import git, kept
from agent.sandbox.forge.access import may
from agent.sandbox.forge.errors import ApiError, invalid, not_found
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.kept import Kept
from agent.sandbox.forge.shapes.people import node_id
from agent.sandbox.forge.shapes.repository import api_url, full_name, html_url

PROTECTION, RULESET = "branch protection", "ruleset"
NEEDED = ("required_status_checks", "enforce_admins", "required_pull_request_reviews", "restrictions")
SWITCHES = (
    "required_linear_history",
    "allow_force_pushes",
    "allow_deletions",
    "block_creations",
    "required_conversation_resolution",
    "lock_branch",
    "allow_fork_syncing",
)
ENFORCEMENTS = ("disabled", "active", "evaluate")
READ, WRITE, METADATA = ("administration:read",), ("administration:write",), ("metadata:read",)


def _branch(call: Call, name: str) -> None:
    if not git.is_ref_name(f"refs/heads/{name}") or not git.ref(call.forge.git_dir(call.repo), f"refs/heads/{name}"):
        raise ApiError(404, "Branch not found")


def get(call: Call, name: str) -> Answer:
    _branch(call, name)
    found = kept.one(call.forge, call.repo, PROTECTION, name)
    if found is None:
        raise ApiError(404, "Branch not protected")
    return Answer(_protection(call, name, found.value))


def put(call: Call, name: str) -> Answer:
    _branch(call, name)
    missing = [field for field in NEEDED if field not in call.body]
    if missing:
        raise ApiError(422, f"Invalid request.\n\n{', '.join(missing)} weren't supplied.")
    kept.put(call.forge, call.repo, PROTECTION, name, dict(call.body))
    return get(call, name)


def delete(call: Call, name: str) -> Answer:
    _branch(call, name)
    if not kept.drop(call.forge, call.repo, PROTECTION, name):
        raise ApiError(404, "Branch not protected")
    return Answer(None, 204)


def _protection(call: Call, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was put -> GitHub's `branch-protection`."""
    url = api_url(call.forge, call.repo, f"/branches/{name}/protection")
    shape: dict[str, Any] = {
        "url": url,
        "required_signatures": {"url": f"{url}/required_signatures", "enabled": False},
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": bool(given["enforce_admins"])},
        **{switch: {"enabled": bool(given.get(switch))} for switch in SWITCHES},
    }
    if (checks := given["required_status_checks"]) is not None:
        named = list(checks.get("checks") or [{"context": context} for context in checks.get("contexts") or []])
        shape["required_status_checks"] = {
            "url": f"{url}/required_status_checks",
            "strict": bool(checks.get("strict")),
            "contexts": [one["context"] for one in named],
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": [{"context": one["context"], "app_id": one.get("app_id")} for one in named],
        }
    if (reviews := given["required_pull_request_reviews"]) is not None:
        shape["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": bool(reviews.get("dismiss_stale_reviews")),
            "require_code_owner_reviews": bool(reviews.get("require_code_owner_reviews")),
            "required_approving_review_count": int(reviews.get("required_approving_review_count", 1)),
            "require_last_push_approval": bool(reviews.get("require_last_push_approval")),
        }
    if given["restrictions"] is not None:
        links = {f"{kind}_url": f"{url}/restrictions/{kind}" for kind in ("users", "teams", "apps")}
        shape["restrictions"] = {"url": f"{url}/restrictions", **links, "users": [], "teams": [], "apps": []}
    return shape


def rulesets(call: Call) -> Answer:
    return page(call, kept.of(call.forge, call.repo, RULESET), lambda found: _ruleset(call, found))


def _find(call: Call, number: int) -> Kept:
    found = kept.by_id(call.forge, call.repo, RULESET, number)
    if found is None:
        raise not_found()
    return found


def ruleset(call: Call, number: int) -> Answer:
    return Answer(_whole(call, _find(call, number)))


def create_ruleset(call: Call) -> Answer:
    name = call.body.get("name")
    if not isinstance(name, str) or not name:
        raise invalid("Ruleset", "name", "missing_field")
    if call.body.get("enforcement") not in ENFORCEMENTS:
        raise invalid("Ruleset", "enforcement", "invalid")
    if kept.one(call.forge, call.repo, RULESET, name) is not None:
        raise ApiError(422, "Validation Failed", errors=["Name must be unique"])
    made = kept.put(call.forge, call.repo, RULESET, name, dict(call.body))
    return Answer(_whole(call, made), 201)


def edit_ruleset(call: Call, number: int) -> Answer:
    found = _find(call, number)
    value = {**found.value, **call.body, "name": found.name}
    return Answer(_whole(call, kept.put(call.forge, call.repo, RULESET, found.name, value)))


def delete_ruleset(call: Call, number: int) -> Answer:
    kept.drop(call.forge, call.repo, RULESET, _find(call, number).name)
    return Answer(None, 204)


def rules(call: Call, name: str) -> Answer:
    """Every rule of an active ruleset that is in force on the branch; the branch need not exist."""
    found = [
        {
            **rule,
            "ruleset_source_type": "Repository",
            "ruleset_source": full_name(call.repo),
            "ruleset_id": one.id,
        }
        for one in kept.of(call.forge, call.repo, RULESET)
        if one.value["enforcement"] == "active" and one.value.get("target", "branch") == "branch"
        if _covers(call, one.value, name)
        for rule in one.value.get("rules") or []
    ]
    return page(call, found, lambda rule: rule)


def _covers(call: Call, value: Mapping[str, Any], branch: str) -> bool:
    names = (value.get("conditions") or {}).get("ref_name") or {}

    def fits(pattern: str) -> bool:
        if pattern == "~DEFAULT_BRANCH":
            return bool(branch == call.repo["default_branch"])
        return pattern == "~ALL" or fnmatchcase(f"refs/heads/{branch}", pattern)

    return any(map(fits, names.get("include") or [])) and not any(map(fits, names.get("exclude") or []))


def _ruleset(call: Call, found: Kept) -> dict[str, Any]:
    """As in lists: what it asks for is told of one alone."""
    url = api_url(call.forge, call.repo, f"/rulesets/{found.id}")
    return {
        "id": found.id,
        "name": found.name,
        "target": found.value.get("target", "branch"),
        "source_type": "Repository",
        "source": full_name(call.repo),
        "enforcement": found.value["enforcement"],
        "node_id": node_id("RepositoryRuleset", found.id),
        "_links": {
            "self": {"href": url},
            "html": {"href": html_url(call.forge, call.repo, f"/rules/{found.id}")},
        },
        "created_at": found.created_at,
        "updated_at": found.updated_at,
    }


def _whole(call: Call, found: Kept) -> dict[str, Any]:
    """Who may pass it by is told to those alone who may write."""
    shape = {
        **_ruleset(call, found),
        "conditions": found.value.get("conditions") or {},
        "rules": found.value.get("rules") or [],
    }
    actor = call.actor
    if actor is not None and may(call.forge.db, call.repo, actor, role="write", needs=WRITE):
        shape |= {"bypass_actors": found.value.get("bypass_actors") or [], "current_user_can_bypass": "never"}
    return shape


BRANCH = "/repos/<owner>/<repo>/branches/<path:name>/protection"
RULESETS = "/repos/<owner>/<repo>/rulesets"
ROUTES = (
    Route("GET", BRANCH, get, "admin", READ),
    Route("PUT", BRANCH, put, "admin", WRITE),
    Route("DELETE", BRANCH, delete, "admin", WRITE),
    Route("GET", RULESETS, rulesets, "read", METADATA),
    Route("POST", RULESETS, create_ruleset, "admin", WRITE),
    Route("GET", f"{RULESETS}/<int:number>", ruleset, "read", METADATA),
    Route("PUT", f"{RULESETS}/<int:number>", edit_ruleset, "admin", WRITE),
    Route("DELETE", f"{RULESETS}/<int:number>", delete_ruleset, "admin", WRITE),
    Route("GET", "/repos/<owner>/<repo>/rules/branches/<path:name>", rules, "read", METADATA),
)
