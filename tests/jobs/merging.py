"""A pull request that stands sealed without a plan having been made, and the jobs after its merge as CI calls them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flask
import git
from github.PullRequest import PullRequest

from agent.documents import Documents, write
from agent.domain import Locks, Merge, Outcome, Planned, Report, Run, Seal, UnitOutcome
from agent.github import write as github
from agent.jobs import apply, lock, report, resolve
from agent.jobs.parts.vote import PLAN_CHECK
from agent.jobs.parts.workspace import fingerprints, policy_of
from agent.repo import fetch, open_repo
from agent.sandbox.forge import Event
from agent.tools import Tools
from tests.jobs.conftest import REPOSITORY, Desk

UNIT = "infra/terraform/dev/reports"
DIGEST, FRESH = "d" * 64, "e" * 64
RECORD = (Planned(address="aws_s3_bucket.this", type="aws_s3_bucket", verbs=("create",), mark="0" * 12),)
THIS_RUN = Run(id="1", url="http://localhost/acme/infra/actions/runs/1")
RESOLVE = {"contents": "read", "issues": "read", "pull-requests": "read", "checks": "read"}


def open_pull(
    desk: Desk, *, branch: str = "agent/1", files: Mapping[str, str | None] | None = None, by: str = "casey"
) -> PullRequest:
    """A pull request of `branch`, which is made on main as it is now and holds `files` (None: deleted)."""
    person = desk.person(by)
    person.create_git_ref(f"refs/heads/{branch}", desk.forge.resolve(REPOSITORY, "main"))
    for path, content in (files or {f"{UNIT}/main.tf": "# new\n"}).items():
        if content is None:
            person.delete_file(path, "gone", person.get_contents(path, ref=branch).sha, branch=branch)  # type: ignore[union-attr]
        else:
            person.create_file(path, "new", content, branch=branch)
    return person.create_pull(base="main", head=branch, title=f"Change of {branch}", body="")


def sealed_pull(desk: Desk, *, units: tuple[str, ...] = (UNIT,), **more: Any) -> PullRequest:
    """An issue, its pull request, and the seal of its head."""
    branch = more.pop("branch", "agent/1")
    if branch == "agent/1":
        desk.person("casey").create_issue("A bucket", "please")
    pull = open_pull(desk, branch=branch, **{key: more.pop(key) for key in ("files", "by") if key in more})
    put_seal(desk, pull, units=units, **more)
    return pull


def put_seal(desk: Desk, pull: PullRequest, *, units: tuple[str, ...] = (UNIT,), **more: Any) -> Seal:
    repo = open_repo(checkout(desk))
    fetch(repo, desk.remote(), pull.head.sha)
    trees, files = fingerprints(repo, pull.head.sha, units)
    made = Seal.model_validate(
        {
            "request_sha256": "0" * 64, "request_number": 1, "requester": "casey", "risk": "low", "scope": None,
            "head_sha": pull.head.sha, "base_sha": pull.base.sha, "trees": trees, "lock_files": files,
            "policy": policy_of(repo, pull.base.sha), "tools": ("terraform 1.11.4",),
            "plans": dict.fromkeys(units, DIGEST), "records": dict.fromkeys(units, RECORD), **more,
        }
    )  # fmt: skip
    post(desk, pull.head.sha, made)
    return made


def post(desk: Desk, commit: str, sealed: Seal) -> None:
    github.check_run(
        desk.connection(), name=PLAN_CHECK, commit=commit, conclusion="success", title="t", summary="s",
        record=sealed.model_dump_json(),
    )  # fmt: skip


def merged(desk: Desk, pull: PullRequest, *, by: str = "morgan") -> Event:
    """Merge, and the push that comes of it."""
    desk.person(by).get_pull(pull.number).merge()
    return desk.last("push")


def dispatched(number: int, *, ref: str = "refs/heads/main", by: str = "github-actions[bot]") -> Event:
    kind = "Bot" if by.endswith("[bot]") else "User"
    payload = {
        "inputs": {"pull_request": str(number)}, "ref": ref, "workflow": ".github/workflows/apply.yml",
        "repository": {"full_name": REPOSITORY, "default_branch": "main"},
        "sender": {"login": by, "id": 1, "type": kind},
    }  # fmt: skip
    return Event("workflow_dispatch", "", REPOSITORY, ref, "0" * 40, by, True, payload)


def checkout(desk: Desk) -> Path:
    """One clone for all jobs of a test: they fetch what they need."""
    root = desk.folder / "checkout"
    if not root.exists():
        git.Repo.clone_from(desk.remote().url, root, depth=2, branch="main")
    return root


def resolved(desk: Desk, event: Event, **more: Any) -> Merge:
    made = resolve.run(
        event.name, event.payload, root=checkout(desk), settings=more.get("settings", desk.settings),
        guardrails=desk.guardrails, clock=more.get("clock", lambda: datetime.now(UTC)),
        connection=desk.connection(**RESOLVE), remote=desk.remote(),
    )  # fmt: skip
    assert isinstance(made, Merge)
    return made


def asked(desk: Desk, count: int, **more: Any) -> None:
    """Have the guardrails ask for so many approvals, whatever the risk."""
    found = desk.guardrails.model_dump(mode="json")
    found["approvals"] = {"low": {"count": count, **more}} if count else {}
    desk.guardrails = type(desk.guardrails).model_validate(found)


def locked(
    desk: Desk, documents: Documents, *, run: Run = THIS_RUN, pause: Callable[[float], None] | None = None, **more: Any
) -> tuple[Locks, list[str]]:
    said: list[str] = []
    made = lock.run(
        documents, settings=more.get("settings", desk.settings), clock=more.get("clock", lambda: datetime.now(UTC)),
        connection=desk.connection(contents="write", actions="read"), pause=pause or (lambda _: None),
        say=said.append, this_run=run,
    )  # fmt: skip
    write(documents.folder / "locks.json", made)
    return made, said


def applied(
    desk: Desk, documents: Documents, unit: str = UNIT, *, run: Run = THIS_RUN, now: datetime | None = None
) -> UnitOutcome:
    """What the apply job says of `unit`. There is no terraform, so one that nothing stops has failed."""
    made = apply.run(
        documents, unit, root=checkout(desk), settings=desk.settings, guardrails=desk.guardrails,
        tools=Tools(environment={"PATH": "/nowhere"}), connection=desk.connection(contents="read"),
        remote=desk.remote(), clock=lambda: now or datetime.now(UTC), default_branch="main", this_run=run,
    )  # fmt: skip
    assert (made.commit, made.run, made.attempt) == (documents.need(Merge).commit, run.id, run.attempt)
    return made.units[0]


def reported(desk: Desk, documents: Documents, event: Event, *, run: Run = THIS_RUN, **results: str) -> Report:
    return report.run(
        documents, event_name=event.name, payload=event.payload, connection=desk.connection(), context=desk.context,
        results=results, this_run=run,
    )  # fmt: skip


def outcome(merge: Merge, **unit: Any) -> Outcome:
    """Every unit of `merge` ended alike."""
    units = [{"unit": name, **unit} for name in merge.units]
    return Outcome.model_validate({"commit": merge.commit, "run": "1", "attempt": 1, "units": units})


def serve_runs(desk: Desk, status: Mapping[int, str]) -> None:
    """Have the forge answer for runs; a run that is not in `status` is unknown. Before its first answer only."""
    routes = flask.Blueprint("runs", __name__)

    @routes.get(f"/api/v3/repos/{REPOSITORY}/actions/runs/<int:run>")
    def show(run: int) -> Any:
        if run not in status:
            return flask.jsonify({"message": "Not Found"}), 404
        return {"id": run, "status": status[run], "url": flask.request.url}

    desk.forge.app.register_blueprint(routes)
