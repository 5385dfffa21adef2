"""REST: environments with their branch policies and variables, and what workflows may do in a repository.

An environment's rules are kept and told, never enforced.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent.sandbox.forge import kept
from agent.sandbox.forge.errors import ApiError, invalid, not_found
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.kept import Kept
from agent.sandbox.forge.shapes.people import node_id, user
from agent.sandbox.forge.shapes.repository import api_url, html_url
from agent.sandbox.forge.store import Row

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

ENVIRONMENT, POLICY, VARIABLE = "environment", "deployment branch policy", "environment variable"
ACTIONS, WORKFLOW = "actions permissions", "workflow permissions"
READ, ADMIN_READ, ADMIN_WRITE = ("actions:read",), ("administration:read",), ("administration:write",)
INSIDE_READ, INSIDE_WRITE = ("environments:read",), ("environments:write",)


def ensure(forge: "Forge", repo: Row, name: str) -> None:
    """Make the environment when it is not there, as GitHub does for one that a workflow or a secret names."""
    if kept.one(forge, repo, ENVIRONMENT, name) is None:
        kept.put(forge, repo, ENVIRONMENT, name, {})


def find(call: Call, name: str) -> Kept:
    """Raises ApiError 404."""
    found = kept.one(call.forge, call.repo, ENVIRONMENT, name)
    if found is None:
        raise not_found()
    return found


def listed(call: Call) -> Answer:
    return page(
        call, kept.of(call.forge, call.repo, ENVIRONMENT), lambda found: _environment(call, found), wrap="environments"
    )


def get(call: Call, name: str) -> Answer:
    return Answer(_environment(call, find(call, name)))


def put(call: Call, name: str) -> Answer:
    policy = call.body.get("deployment_branch_policy")
    if policy is not None and bool(policy.get("protected_branches")) == bool(policy.get("custom_branch_policies")):
        raise ApiError(422, "Deployment branch policy: protected_branches and custom_branch_policies must differ")
    for reviewer in call.body.get("reviewers") or []:
        if (
            reviewer.get("type") != "User"
            or call.forge.db.one("SELECT 1 FROM users WHERE id = ?", reviewer["id"]) is None
        ):
            raise invalid("Environment", "reviewers", "invalid")
    return Answer(_environment(call, kept.put(call.forge, call.repo, ENVIRONMENT, name, dict(call.body))))


def delete(call: Call, name: str) -> Answer:
    kept.drop(call.forge, call.repo, ENVIRONMENT, find(call, name).name)
    return Answer(None, 204)


def _environment(call: Call, found: Kept) -> dict[str, Any]:
    url = api_url(call.forge, call.repo, f"/environments/{found.name}")
    return {
        "id": found.id,
        "node_id": node_id("Environment", found.id),
        "name": found.name,
        "url": url,
        "html_url": html_url(call.forge, call.repo, f"/deployments/activity_log?environments_filter={found.name}"),
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "protection_rules": _rules(call, found),
        "deployment_branch_policy": found.value.get("deployment_branch_policy"),
    }


def _rules(call: Call, found: Kept) -> list[dict[str, Any]]:
    value, rules = found.value, list[dict[str, Any]]()
    if value.get("wait_timer"):
        rules.append({"type": "wait_timer", "wait_timer": value["wait_timer"]})
    if value.get("reviewers"):
        people = [{"type": "User", "reviewer": user(call.forge, one["id"])} for one in value["reviewers"]]
        prevent = bool(value.get("prevent_self_review"))
        rules.append({"type": "required_reviewers", "prevent_self_review": prevent, "reviewers": people})
    if value.get("deployment_branch_policy"):
        rules.append({"type": "branch_policy"})
    return [
        {"id": found.id * 10 + position, "node_id": node_id("GateRule", found.id * 10 + position), **rule}
        for position, rule in enumerate(rules)
    ]


def policies(call: Call, name: str) -> Answer:
    find(call, name)
    found = [one for one in kept.of(call.forge, call.repo, POLICY) if one.value["environment"] == name]
    return page(call, found, _policy, wrap="branch_policies")


def create_policy(call: Call, name: str) -> Answer:
    custom = (find(call, name).value.get("deployment_branch_policy") or {}).get("custom_branch_policies")
    pattern = call.body.get("name")
    if not custom:
        raise not_found()
    if not isinstance(pattern, str) or not pattern:
        raise invalid("DeploymentBranchPolicy", "name", "missing_field")
    value = {"environment": name, "name": pattern, "type": call.body.get("type", "branch")}
    return Answer(_policy(kept.put(call.forge, call.repo, POLICY, f"{name}\n{pattern}", value)))


def _policy(found: Kept) -> dict[str, Any]:
    identity = {"id": found.id, "node_id": node_id("DeploymentBranchPolicy", found.id)}
    return {**identity, "name": found.value["name"], "type": found.value["type"]}


def variables(call: Call, name: str) -> Answer:
    find(call, name)
    found = [one for one in kept.of(call.forge, call.repo, VARIABLE) if one.value["environment"] == name]
    return page(
        call,
        found,
        lambda one: {
            "name": one.value["name"],
            "value": one.value["value"],
            "created_at": one.created_at,
            "updated_at": one.updated_at,
        },
        wrap="variables",
    )


def create_variable(call: Call, name: str) -> Answer:
    find(call, name)
    key, value = call.body.get("name"), call.body.get("value")
    if not isinstance(key, str) or not key or not isinstance(value, str):
        raise invalid("Variable", "name", "invalid")
    if kept.one(call.forge, call.repo, VARIABLE, f"{name}\n{key}") is not None:
        raise ApiError(409, "Already exists - Variable already exists")
    stored = {"environment": name, "name": key.upper(), "value": value}
    kept.put(call.forge, call.repo, VARIABLE, f"{name}\n{key}", stored)
    return Answer({}, 201)


def actions_permissions(forge: "Forge", repo: Row) -> Mapping[str, Any]:
    """Whether workflows run here at all, and which actions they may use."""
    found = kept.one(forge, repo, ACTIONS, "")
    return {"enabled": True, "allowed_actions": "all", "sha_pinning_required": False, **(found.value if found else {})}


def workflow_permissions(forge: "Forge", repo: Row) -> Mapping[str, Any]:
    """What a job's token holds when its workflow says nothing, and whether it may open pull requests.

    A repository of this sandbox lets it; a new one on GitHub does not.
    """
    found = kept.one(forge, repo, WORKFLOW, "")
    usual = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": True}
    return {**usual, **(found.value if found else {})}


def get_actions(call: Call) -> Answer:
    shape = dict(actions_permissions(call.forge, call.repo))
    if shape["allowed_actions"] == "selected":
        shape["selected_actions_url"] = api_url(call.forge, call.repo, "/actions/permissions/selected-actions")
    return Answer(shape)


def put_actions(call: Call) -> Answer:
    if not isinstance(call.body.get("enabled"), bool):
        raise ApiError(422, 'Invalid request.\n\n"enabled" wasn\'t supplied.')
    if call.body.get("allowed_actions", "all") not in ("all", "local_only", "selected"):
        raise ApiError(422, "Invalid request.\n\nallowed_actions is not one of all, local_only, selected.")
    kept.put(call.forge, call.repo, ACTIONS, "", dict(call.body))
    return Answer(None, 204)


def get_workflow(call: Call) -> Answer:
    return Answer(dict(workflow_permissions(call.forge, call.repo)))


def put_workflow(call: Call) -> Answer:
    if call.body.get("default_workflow_permissions", "read") not in ("read", "write"):
        raise ApiError(422, "Invalid request.\n\ndefault_workflow_permissions is not one of read, write.")
    kept.put(call.forge, call.repo, WORKFLOW, "", {**workflow_permissions(call.forge, call.repo), **call.body})
    return Answer(None, 204)


REPO = "/repos/<owner>/<repo>"
ONE = f"{REPO}/environments/<name>"
ROUTES = (
    Route("GET", f"{REPO}/environments", listed, "read", READ),
    Route("GET", ONE, get, "read", READ),
    Route("PUT", ONE, put, "admin", ADMIN_WRITE),
    Route("DELETE", ONE, delete, "admin", ADMIN_WRITE),
    Route("GET", f"{ONE}/deployment-branch-policies", policies, "read", READ),
    Route("POST", f"{ONE}/deployment-branch-policies", create_policy, "admin", ADMIN_WRITE),
    Route("GET", f"{ONE}/variables", variables, "write", INSIDE_READ),
    Route("POST", f"{ONE}/variables", create_variable, "write", INSIDE_WRITE),
    Route("GET", f"{REPO}/actions/permissions", get_actions, "admin", ADMIN_READ),
    Route("PUT", f"{REPO}/actions/permissions", put_actions, "admin", ADMIN_WRITE),
    Route("GET", f"{REPO}/actions/permissions/workflow", get_workflow, "admin", ADMIN_READ),
    Route("PUT", f"{REPO}/actions/permissions/workflow", put_workflow, "admin", ADMIN_WRITE),
)
