"""Runs, jobs and artifacts -> GitHub's REST objects."""

import re
import zlib
from typing import Any

from agent.sandbox.forge import Forge, git
from agent.sandbox.forge.http import API
from agent.sandbox.forge.shapes.people import node_id, user
from agent.sandbox.forge.shapes.repository import full_name, html_url, minimal
from agent.sandbox.forge.store import Row
from agent.sandbox.runner.artifacts import Artifact
from agent.sandbox.runner.records import Job, Run, Step


def _second(moment: str) -> str | None:
    return re.sub(r"\.\d+Z$", "Z", moment) or None


def run_shape(forge: Forge, repo: Row, run: Run) -> dict[str, Any]:
    """The schema `workflow-run`."""
    base = f"{forge.url}{API}/repos/{run.repo}"
    url = f"{base}/actions/runs/{run.id}"
    actor = forge.db.one("SELECT id FROM users WHERE login = ?", run.actor)
    person = user(forge, actor["id"]) if actor else None
    small = minimal(forge, repo)
    return {
        "id": run.id,
        "name": run.workflow,
        "node_id": node_id("WorkflowRun", run.id),
        "check_suite_id": run.id,
        "check_suite_node_id": node_id("CheckSuite", run.id),
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "path": run.path,
        "display_title": run.name,
        "run_number": run.number,
        "run_attempt": run.attempt,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion or None,
        "workflow_id": workflow_id(run.path),
        "url": url,
        "html_url": run.html_url,
        "pull_requests": [],
        "created_at": _second(run.created_at),
        "updated_at": _second(run.updated_at or run.created_at),
        "run_started_at": _second(run.started_at or run.created_at),
        "actor": person,
        "triggering_actor": person,
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{base}/check-suites/{run.id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": None,
        "workflow_url": f"{base}/actions/workflows/{run.path.rsplit('/', 1)[-1]}",
        "head_commit": _head_commit(forge, repo, run),
        "repository": small,
        "head_repository": small,
    }


def workflow_id(path: str) -> int:
    """The number of a workflow file: the same for the same path, in every run."""
    return zlib.crc32(path.encode())


def workflow_shape(forge: Forge, repo: Row, path: str, name: str) -> dict[str, Any]:
    """The schema `workflow`."""
    base = f"{forge.url}{API}/repos/{full_name(repo)}"
    file = path.rsplit("/", 1)[-1]
    number = workflow_id(path)
    return {
        "id": number,
        "node_id": node_id("Workflow", number),
        "name": name,
        "path": path,
        "state": "active",
        "created_at": repo["created_at"],
        "updated_at": repo["pushed_at"],
        "url": f"{base}/actions/workflows/{number}",
        "html_url": f"{html_url(forge, repo)}/blob/{repo['default_branch']}/{path}",
        "badge_url": f"{html_url(forge, repo)}/actions/workflows/{file}/badge.svg",
    }


def _head_commit(forge: Forge, repo: Row, run: Run) -> dict[str, Any] | None:
    where = forge.git_dir(repo)
    if git.resolve(where, run.head_sha) is None:
        return None
    commit = git.commit(where, run.head_sha)
    people = {
        role: {"name": person.name, "email": person.email}
        for role, person in (("author", commit.author), ("committer", commit.committer))
    }
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "message": commit.message,
        "timestamp": _second(run.created_at),
        **people,
    }


def job_shape(forge: Forge, run: Run, job: Job) -> dict[str, Any]:
    """The schema `job`."""
    base = f"{forge.url}{API}/repos/{run.repo}"
    return {
        "id": job.id,
        "run_id": run.id,
        "run_url": f"{base}/actions/runs/{run.id}",
        "run_attempt": job.attempt,
        "node_id": node_id("CheckRun", job.id),
        "head_sha": run.head_sha,
        "head_branch": run.head_branch,
        "workflow_name": run.workflow,
        "url": f"{base}/actions/jobs/{job.id}",
        "html_url": f"{run.html_url}/job/{job.id}",
        "check_run_url": f"{base}/check-runs/{job.id}",
        "name": job.name,
        "status": job.status,
        "conclusion": job.conclusion or None,
        "created_at": _second(job.created_at),
        "started_at": _second(job.started_at or job.created_at),
        "completed_at": _second(job.completed_at),
        "labels": ["ubuntu-latest"],
        "runner_id": 1,
        "runner_name": "sandbox",
        "runner_group_id": None,
        "runner_group_name": None,
        "steps": [_step(step) for step in job.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "status": step.status,
        "conclusion": step.conclusion or None,
        "number": step.number,
        "started_at": _second(step.started_at),
        "completed_at": _second(step.completed_at),
    }


def artifact_shape(forge: Forge, repo: Row, run: Run, artifact: Artifact) -> dict[str, Any]:
    """The schema `artifact`."""
    url = f"{forge.url}{API}/repos/{run.repo}/actions/artifacts/{artifact.id}"
    return {
        "id": artifact.id,
        "node_id": node_id("Artifact", artifact.id),
        "name": artifact.name,
        "size_in_bytes": artifact.size,
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": False,
        "created_at": _second(artifact.created_at),
        "expires_at": artifact.expires_at,
        "updated_at": _second(artifact.created_at),
        "digest": f"sha256:{artifact.digest}",
        "workflow_run": {
            "id": run.id,
            "repository_id": repo["id"],
            "head_repository_id": repo["id"],
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
        },
    }
