"""The shipped workflows in the sandbox: a risky request is confirmed, applied, explained, and taken back."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.sandbox import world
from agent.sandbox.visit import Visit, form
from tests.e2e.test_world import buckets, comment, last, settled

PROJECT = Path(__file__).parent.parent.parent
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
UNIT = "infra/terraform/prod/till-receipts"


@pytest.fixture(scope="module")
def guest(provider_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    started = world.start(
        tmp_path_factory.mktemp("world"), project=PROJECT, environ=os.environ, mirror=str(provider_mirror)
    )
    try:
        yield Visit(started)
    finally:
        started.stop()


def said(guest: Visit, number: int) -> list[str]:
    found = guest.maintainer.get_issue(number).get_comments()
    return [one.body for one in found if one.user.login == "github-actions[bot]"]


def test_a_risky_request_is_confirmed_applied_and_taken_back(guest: Visit) -> None:
    body = form(what="A bucket", environment="prod", blueprint="s3-bucket", parameters="name: till-receipts")
    issue = guest.file_issue("A bucket for receipts", body).number
    run = settled(guest, workflow="agent", after=0)
    assert {job.key: job.conclusion for job in run.jobs}["examine"] == "skipped"
    assert guest.labels(issue) == {"agent:needs-info"}
    assert "Waits for a confirmation" in guest.status_comment(issue)
    run = comment(guest, issue, "/agent confirm")
    assert {job.key: job.conclusion for job in run.jobs}["receive"] == "success"
    assert guest.labels(issue) == {"agent:ready"}, said(guest, issue)
    pull = guest.pull_request(issue)
    assert pull is not None

    run = comment(guest, issue, "/agent explain aws_s3_bucket.this")
    assert {job.key: job.conclusion for job in run.jobs if job.conclusion == "success"} == {
        "intake": "success",
        "steer": "success",
    }
    assert "create" in said(guest, issue)[-1]
    comment(guest, pull.number, "/agent status")
    assert any("Where it stands" in one for one in said(guest, pull.number))

    before = last(guest)
    guest.merge(guest.pull(pull.number))
    assert settled(guest, workflow="apply", after=before).conclusion == "success"
    assert "till-receipts" in buckets(guest)

    comment(guest, issue, "/agent rollback")
    back = next(one for one in guest.maintainer.get_pulls(state="open") if one.head.ref == f"agent/{issue}-rollback")
    text = "\n".join(said(guest, back.number))
    assert "/agent approve-destroy" in text
    assert guest.labels(issue) == {"agent:failed"}
    for line in text.splitlines():
        if line.strip().startswith("/agent approve-destroy"):
            before = last(guest)
            guest.maintainer.get_issue(back.number).create_comment(line.strip())
            settled(guest, workflow="agent", after=before)
    verdict = "\n".join(said(guest, back.number))
    assert "Ready to merge" in verdict, verdict
    # What destroys data needs two people; who asked for it is none of them, and whoever merges is one.
    assert "needs the approval of 2 people" in verdict
    guest.world.tokens["alex"] = guest.world.forge.create_user("alex")  # type: ignore[index]
    guest.world.forge.set_permission(world.REPOSITORY, "alex", "write")
    before = last(guest)
    guest._as("alex").get_issue(back.number).create_comment(f"/agent approve {guest.pull(back.number).head.sha}")
    settled(guest, workflow="agent", after=before)
    assert "The approval counts" in said(guest, back.number)[-1]
    before = last(guest)
    guest.merge(guest.pull(back.number))
    run = settled(guest, workflow="apply", after=before)
    assert run.conclusion == "success", [(job.key, job.conclusion) for job in run.jobs]
    assert "till-receipts" not in buckets(guest)
