"""The shipped workflows in the sandbox, driven by people over HTTP: answers, commands, pushes, merges."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import git
import pytest

from agent.sandbox import world
from agent.sandbox.runner import Run
from agent.sandbox.visit import Visit, form

PROJECT = Path(__file__).parent.parent.parent
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def guest(provider_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    folder = tmp_path_factory.mktemp("world")
    started = world.start(folder, project=PROJECT, environ=os.environ, mirror=str(provider_mirror))
    try:
        yield Visit(started)
    finally:
        started.stop()


def runs(guest: Visit) -> list[Run]:
    return guest.world.runner.runs(world.REPOSITORY)


def settled(guest: Visit, *, workflow: str, after: int) -> Run:
    """The first run of `workflow` with an id above `after`, once it has ended."""
    deadline = time.monotonic() + 480
    while time.monotonic() < deadline:
        found = [run for run in runs(guest) if run.workflow == workflow and run.id > after]
        if found and min(found, key=lambda run: run.id).status == "completed":
            return min(found, key=lambda run: run.id)
        time.sleep(0.1)
    pytest.fail(f"no run of {workflow} ended: {[(run.id, run.workflow, run.status) for run in runs(guest)]}")


def last(guest: Visit) -> int:
    return max((run.id for run in runs(guest)), default=0)


def comment(guest: Visit, number: int, text: str) -> Run:
    before = last(guest)
    guest.requester.get_issue(number).create_comment(text)
    return settled(guest, workflow="agent", after=before)


def push(guest: Visit, folder: Path, branch: str, path: str, text: str) -> str:
    """A person's commit on `branch`; its SHA."""
    token = guest.world.tokens[world.REQUESTER]
    url = f"{guest.world.url}.git".replace("://", f"://x-access-token:{token}@")
    clone = git.Repo.clone_from(url, folder, branch=branch)
    with clone.config_writer() as config:
        config.set_value("user", "name", "casey").set_value("user", "email", "casey@example.com")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)
    clone.index.add([path])
    made = clone.index.commit("by hand").hexsha
    clone.remotes.origin.push(branch).raise_if_error()
    return made


def buckets(guest: Visit) -> set[str]:
    cloud = guest.world.cloud
    client = boto3.client(
        "s3", endpoint_url=cloud.url, region_name=cloud.region, aws_access_key_id="x", aws_secret_access_key="x"
    )
    return {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}


def test_a_request_is_asked_answered_planned_again_changed_by_hand_and_applied(guest: Visit, tmp_path: Path) -> None:
    body = form(what="A bucket for logs", environment="dev", blueprint="s3-bucket", parameters="Name: My_Bucket!")
    issue = guest.file_issue("A bucket for logs", body).number
    settled(guest, workflow="agent", after=0)
    assert guest.labels(issue) == {"agent:needs-info"}
    assert "/agent revise name: my-bucket" in guest.status_comment(issue)
    assert guest.pull_request(issue) is None

    run = comment(guest, issue, "/agent revise name: my-bucket")
    assert run.conclusion == "success"
    pull = guest.pull_request(issue)
    assert pull is not None
    assert guest.labels(issue) == {"agent:ready"}
    written = pull.head.sha

    comment(guest, pull.number, "/agent plan")
    assert guest.pull(pull.number).head.sha == written
    plans = guest.maintainer.get_commit(written).get_check_runs(check_name="agent/plan", filter="all")
    assert [run.conclusion for run in plans] == ["success", "success"]

    before = last(guest)
    readme = "infra/terraform/dev/my-bucket/README.md"
    by_hand = push(guest, tmp_path / "clone", f"agent/{issue}", readme, "# My bucket\n\nChanged by hand.\n")
    settled(guest, workflow="change", after=before)
    checks = {run.name: run.conclusion for run in guest.maintainer.get_commit(by_hand).get_check_runs()}
    assert checks == {
        "agent/gate": "success", "agent/checks": "success", "agent/plan": "success", "agent/review": "neutral",
    }  # fmt: skip

    before = last(guest)
    guest.merge(guest.pull(pull.number))
    run = settled(guest, workflow="apply", after=before)
    assert run.conclusion == "success"
    assert "my-bucket" in buckets(guest)
    assert (guest.issue_state(issue), guest.labels(issue)) == ("closed", {"agent:applied"})
    ours = [one for one in guest.maintainer.get_issue(issue).get_comments() if one.user.login == "github-actions[bot]"]
    assert len(ours) == 1


def test_P09_a_direct_push_is_not_applied(guest: Visit, tmp_path: Path) -> None:
    before = last(guest)
    code = 'resource "aws_s3_bucket" "this" {\n  bucket = "by-the-back-door"\n}\n'
    push(guest, tmp_path / "clone", "main", "infra/terraform/dev/by-the-back-door/main.tf", code)
    run = settled(guest, workflow="apply", after=before)
    assert {job.key: job.conclusion for job in run.jobs}["resolve"] == "success"
    assert {job.key: job.conclusion for job in run.jobs}["apply"] == "skipped"
    assert "by-the-back-door" not in buckets(guest)


def test_a_pull_request_that_the_gate_refuses_is_not_planned(guest: Visit, tmp_path: Path) -> None:
    guest.requester.create_git_ref("refs/heads/evil", guest.maintainer.get_branch("main").commit.sha)
    code = 'data "external" "x" {\n  program = ["sh", "-c", "env > /tmp/T01"]\n}\n'
    push(guest, tmp_path / "clone", "evil", "infra/terraform/dev/evil/main.tf", code)
    before = last(guest)
    pull = guest.requester.create_pull(base="main", head="evil", title="evil", body="")
    run = settled(guest, workflow="change", after=before)
    checks = {one.name: one.conclusion for one in guest.maintainer.get_commit(pull.head.sha).get_check_runs()}
    assert checks == {
        "agent/gate": "failure", "agent/checks": "failure", "agent/plan": "failure", "agent/review": "neutral",
    }  # fmt: skip
    assert run.status == "completed"
    before = last(guest)
    guest.merge(guest.pull(pull.number))
    run = settled(guest, workflow="apply", after=before)
    assert {job.key: job.conclusion for job in run.jobs}["apply"] == "skipped"
    said = [one.body for one in guest.maintainer.get_issue(pull.number).get_comments()]
    assert any("was never ready" in body for body in said)


def applied_section(guest: Visit, number: int) -> str:
    comments = guest.maintainer.get_issue(number).get_comments()
    return next(one.body for one in comments if one.body.startswith("<!-- infra-agent:applied -->"))


def test_what_drifted_is_shown_and_applied_only_when_somebody_approves_it(guest: Visit) -> None:
    pull = next(pull for pull in guest.maintainer.get_pulls(state="closed") if pull.head.ref.startswith("agent/"))
    cloud = guest.world.cloud
    client = boto3.client(
        "s3", endpoint_url=cloud.url, region_name=cloud.region, aws_access_key_id="x", aws_secret_access_key="x"
    )
    client.put_bucket_versioning(Bucket="my-bucket", VersioningConfiguration={"Status": "Suspended"})

    before = last(guest)
    comment(guest, pull.number, "/agent retry")
    run = settled(guest, workflow="apply", after=before)
    assert {job.key: job.conclusion for job in run.jobs}["apply"] == "success"
    said = applied_section(guest, pull.number)
    assert "Nothing was applied" in said
    assert "aws_s3_bucket_versioning.this" in said
    assert f"/agent approve {pull.merge_commit_sha}" in said
    assert client.get_bucket_versioning(Bucket="my-bucket")["Status"] == "Suspended"

    time.sleep(1.1)  # GitHub's times are whole seconds, and only what was said after the plan was shown counts
    before = last(guest)
    guest.maintainer.get_issue(pull.number).create_comment(f"/agent approve {pull.merge_commit_sha}")
    run = settled(guest, workflow="apply", after=before)
    assert run.conclusion == "success"
    assert "Applied and healthy" in applied_section(guest, pull.number)
    assert client.get_bucket_versioning(Bucket="my-bucket")["Status"] == "Enabled"
    assert not list(guest.maintainer.get_git_matching_refs("infra-agent/"))
