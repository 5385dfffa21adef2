"""A run and its event -> the `github` context and GitHub's default variables. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.sandbox.runner.records import Run
from agent.sandbox.runner.values import Value


@dataclass(frozen=True)
class Cause:
    """What set a run off, as much as its jobs may see. `sha` is the one of GITHUB_SHA, not of a pull request's head."""

    event: str
    ref: str
    sha: str
    actor: str
    url: str
    payload: Mapping[str, Any]
    inputs: Mapping[str, Value]


def github(run: Run, cause: Cause) -> dict[str, Value]:
    """The `github` context that is the same for all jobs of `run`."""
    pull = cause.payload.get("pull_request") if cause.event.startswith("pull_request") else None
    base, head = ((pull or {}).get(side, {}).get("ref", "") for side in ("base", "head"))
    kind, name = "branch", cause.ref.removeprefix("refs/heads/")
    if cause.ref.startswith("refs/tags/"):
        kind, name = "tag", cause.ref.removeprefix("refs/tags/")
    elif cause.ref.startswith("refs/pull/"):
        name = cause.ref.removeprefix("refs/pull/")
    repository = cause.payload.get("repository", {})
    return {
        "event": dict(cause.payload),
        "event_name": cause.event,
        "repository": run.repo,
        "repository_owner": run.repo.split("/")[0],
        "repository_id": str(repository.get("id", "")),
        "repositoryUrl": f"{cause.url}/{run.repo}.git",
        "ref": cause.ref,
        "ref_name": name,
        "ref_type": kind,
        "ref_protected": False,
        "base_ref": base,
        "head_ref": head,
        "sha": cause.sha,
        "actor": cause.actor,
        "triggering_actor": cause.actor,
        "workflow": run.workflow,
        "workflow_ref": f"{run.repo}/{run.path}@{cause.ref}",
        "workflow_sha": cause.sha,
        "run_id": str(run.id),
        "run_number": str(run.number),
        "run_attempt": str(run.attempt),
        "server_url": cause.url,
        "api_url": f"{cause.url}/api/v3",
        "graphql_url": f"{cause.url}/api/graphql",
        "retention_days": "90",
    }


_VARIABLES = (
    "actor api_url base_ref event_name graphql_url head_ref ref ref_name ref_type repository repository_id "
    "repository_owner retention_days run_attempt run_id run_number server_url sha triggering_actor workflow "
    "workflow_ref workflow_sha"
)


def default_variables(context: Mapping[str, Value]) -> dict[str, str]:
    """The GITHUB_* variables that repeat the `github` context, and the fixed ones."""
    named = {f"GITHUB_{name.upper()}": str(context[name]) for name in _VARIABLES.split()}
    fixed = {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_REF_PROTECTED": "false",
        "RUNNER_OS": "Linux",
        "RUNNER_ARCH": "X64",
        "RUNNER_NAME": "sandbox",
        "RUNNER_ENVIRONMENT": "self-hosted",
    }
    return {**named, **fixed}
